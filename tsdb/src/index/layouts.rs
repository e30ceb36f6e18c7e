//! Layouts, each stored once.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::LineId;
use crate::head::{Layout, LayoutLines};

/// The layouts in use.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    known: HashSet<Known>,
    /// How many there may be before those that nobody holds are looked for.
    prune_at: usize,
}

#[derive(Debug)]
struct Known(Arc<LayoutLines>);

impl Layouts {
    /// The layout of these lines.
    pub(crate) fn intern(&mut self, lines: &[LineId]) -> Layout {
        if let Some(known) = self.known.get(lines) {
            return Layout(Arc::clone(&known.0));
        }
        if self.known.len() >= self.prune_at {
            self.known.retain(|known| Arc::strong_count(&known.0) > 1);
            self.prune_at = 64 + 2 * self.known.len();
        }
        let layout = Arc::new(LayoutLines {
            lines: lines.into(),
            repeated: repeated(lines),
        });
        self.known.insert(Known(Arc::clone(&layout)));
        Layout(layout)
    }

    /// The lines of the layouts that somebody holds; the others are forgotten.
    pub(crate) fn lines_in_use(&mut self) -> HashSet<LineId> {
        self.known.retain(|known| Arc::strong_count(&known.0) > 1);
        let lines = self.known.iter().flat_map(|known| &*known.0.lines);
        lines.copied().collect()
    }
}

/// The places of lines that stood on the page before.
fn repeated(lines: &[LineId]) -> Box<[usize]> {
    let mut seen = HashMap::with_capacity(lines.len());
    let places = lines.iter().enumerate();
    places
        .filter(|(place, line)| seen.insert(**line, *place).is_some())
        .map(|(place, _)| place)
        .collect()
}

impl Borrow<[LineId]> for Known {
    fn borrow(&self) -> &[LineId] {
        &self.0.lines
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.lines.hash(state);
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0.lines == other.0.lines
    }
}

impl Eq for Known {}
