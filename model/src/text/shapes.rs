//! Texts of lines and shapes of pages, each kept once for all pages that have them.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::shape::{KnownLine, Shape, Unknown};

/// The lines and shapes of pages that are read alike.
///
/// Lines that no shape has any more, and shapes that nobody holds, are forgotten from time to time:
/// there are at most about twice as many as are needed.
#[derive(Debug)]
pub struct Shapes<T, P> {
    lines: HashSet<ByText<T>, RandomState>,
    /// Lines whose samples have times of their own: the same text may stand with and without.
    timed: HashSet<ByText<T>, RandomState>,
    known: HashSet<ByLines<T, P>, RandomState>,
    sweep_lines: usize,
    sweep_known: usize,
}

impl<T, P> Default for Shapes<T, P> {
    fn default() -> Self {
        Self {
            lines: HashSet::default(),
            timed: HashSet::default(),
            known: HashSet::default(),
            sweep_lines: 0,
            sweep_known: 0,
        }
    }
}

impl<T: Copy, P> Shapes<T, P> {
    /// The line, where it is known.
    pub(super) fn find(&self, line: &Unknown<'_>) -> Option<&Arc<KnownLine<T>>> {
        let lines = if line.has_time {
            &self.timed
        } else {
            &self.lines
        };
        lines.get(line.text).map(|known| &known.0)
    }

    /// The line without a time of its own that has this text.
    pub(super) fn find_text(&self, text: &[u8]) -> Option<&Arc<KnownLine<T>>> {
        self.lines.get(text).map(|known| &known.0)
    }

    /// Remembers what a line is.
    pub fn learn(&mut self, line: &Unknown<'_>, what: T) -> Arc<KnownLine<T>> {
        if self.lines.len() + self.timed.len() >= self.sweep_lines {
            self.sweep();
        }
        let known = Arc::new(KnownLine::new(line, what));
        let lines = if line.has_time {
            &mut self.timed
        } else {
            &mut self.lines
        };
        lines.replace(ByText(Arc::clone(&known)));
        known
    }

    /// The shape of these lines with what stands after them; `keep` gives what is kept with a new
    /// one.
    pub fn shape<E>(
        &mut self,
        lines: Vec<Arc<KnownLine<T>>>,
        tail: &[u8],
        keep: impl FnOnce(&[Arc<KnownLine<T>>]) -> Result<P, E>,
    ) -> Result<Arc<Shape<T, P>>, E> {
        let wanted = (lines.as_slice(), tail);
        if let Some(known) = self.known.get(&wanted as &dyn AsLines<T>) {
            return Ok(Arc::clone(&known.0));
        }
        if self.known.len() >= self.sweep_known {
            self.known.retain(|shape| Arc::strong_count(&shape.0) > 1);
            self.sweep_known = 16 + 2 * self.known.len();
        }
        let kept = keep(&lines)?;
        let shape = Arc::new(Shape {
            lines: lines.into(),
            tail: tail.into(),
            kept,
        });
        self.known.insert(ByLines(Arc::clone(&shape)));
        Ok(shape)
    }

    /// Forgets all lines and shapes; those that somebody holds stay good.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many lines and shapes there are.
    pub fn len(&self) -> (usize, usize) {
        (self.lines.len() + self.timed.len(), self.known.len())
    }

    fn sweep(&mut self) {
        self.known.retain(|shape| Arc::strong_count(&shape.0) > 1);
        for lines in [&mut self.lines, &mut self.timed] {
            lines.retain(|line| Arc::strong_count(&line.0) > 1);
        }
        self.sweep_lines = 1_024 + 2 * (self.lines.len() + self.timed.len());
    }
}

#[derive(Debug)]
struct ByText<T>(Arc<KnownLine<T>>);

impl<T: Copy> Borrow<[u8]> for ByText<T> {
    fn borrow(&self) -> &[u8] {
        self.0.text()
    }
}

impl<T: Copy> Hash for ByText<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text().hash(state);
    }
}

impl<T: Copy> PartialEq for ByText<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.text() == other.0.text()
    }
}

impl<T: Copy> Eq for ByText<T> {}

#[derive(Debug)]
struct ByLines<T, P>(Arc<Shape<T, P>>);

/// What a shape is found by: the same lines (a line is kept once) and the same end.
trait AsLines<T> {
    fn as_lines(&self) -> (&[Arc<KnownLine<T>>], &[u8]);
}

impl<T, P> AsLines<T> for ByLines<T, P> {
    fn as_lines(&self) -> (&[Arc<KnownLine<T>>], &[u8]) {
        (&self.0.lines, &self.0.tail)
    }
}

impl<T> AsLines<T> for (&[Arc<KnownLine<T>>], &[u8]) {
    fn as_lines(&self) -> (&[Arc<KnownLine<T>>], &[u8]) {
        *self
    }
}

impl<'a, T: 'a, P: 'a> Borrow<dyn AsLines<T> + 'a> for ByLines<T, P> {
    fn borrow(&self) -> &(dyn AsLines<T> + 'a) {
        self
    }
}

impl<T> Hash for dyn AsLines<T> + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (lines, tail) = self.as_lines();
        for line in lines {
            state.write_usize(Arc::as_ptr(line).addr());
        }
        tail.hash(state);
    }
}

impl<T> PartialEq for dyn AsLines<T> + '_ {
    fn eq(&self, other: &Self) -> bool {
        let ((lines, tail), (others, other_tail)) = (self.as_lines(), other.as_lines());
        let same = |(one, other): (&Arc<_>, &Arc<_>)| Arc::ptr_eq(one, other);
        lines.len() == others.len() && lines.iter().zip(others).all(same) && tail == other_tail
    }
}

impl<T> Eq for dyn AsLines<T> + '_ {}

impl<T, P> Hash for ByLines<T, P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let this: &dyn AsLines<T> = self;
        this.hash(state);
    }
}

impl<T, P> PartialEq for ByLines<T, P> {
    fn eq(&self, other: &Self) -> bool {
        let (this, other): (&dyn AsLines<T>, &dyn AsLines<T>) = (self, other);
        this == other
    }
}

impl<T, P> Eq for ByLines<T, P> {}
