//! The rows of a group that a query reads, from one or more sources that do not overlap.

use std::cell::OnceCell;
use std::sync::Arc;

use watchpost_model::Labels;

use crate::head::Snapshot;
use crate::{LineId, segment};

/// Rows of series that share their times.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The group's labels.
    pub(crate) labels: Labels,
    /// Places in the plan's lines, ascending.
    pub(crate) lines: Arc<[u32]>,
    /// In order of time.
    pub(crate) parts: Vec<Part>,
    pub(crate) rows: usize,
    times: OnceCell<Arc<[i64]>>,
    sequences: OnceCell<Arc<[u64]>>,
}

/// The rows of one source.
#[derive(Debug)]
pub(crate) struct Part {
    /// Where its rows start in the stack.
    pub(crate) start: usize,
    pub(crate) times: Arc<[i64]>,
    pub(crate) of: Rows,
    pub(crate) columns: Columns,
}

/// Columns of a source: their lines there, ascending, and the places of these among the plan's.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) lines: Arc<[LineId]>,
    pub(crate) places: Arc<[u32]>,
}

impl Columns {
    /// The others than these, which ascend.
    pub(crate) fn without(&self, gone: &[LineId]) -> Self {
        let all = self.lines.iter().zip(&*self.places);
        let kept = all.filter(|(line, _)| gone.binary_search(line).is_err());
        let (lines, places): (Vec<_>, Vec<_>) = kept.unzip();
        Self {
            lines: lines.into(),
            places: places.into(),
        }
    }

    /// The place of a line among the plan's.
    pub(crate) fn place(&self, line: LineId) -> Option<u32> {
        let column = self.lines.binary_search(&line).ok()?;
        self.places.get(column).copied()
    }
}

/// Where rows are.
#[derive(Debug)]
pub(crate) enum Rows {
    /// In the plan's segment at a place.
    Sealed(usize, segment::Rows),
    /// In the head.
    Head(Box<Snapshot>),
    /// Read and let go, but for the order of acceptance.
    Read(Arc<[u64]>),
}

impl Stack {
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            lines: Arc::default(),
            parts: Vec::new(),
            rows: 0,
            times: OnceCell::new(),
            sequences: OnceCell::new(),
        }
    }

    /// How many values it has.
    pub(crate) fn cells(&self) -> usize {
        self.rows * self.lines.len()
    }

    /// Whether rows that begin at a time come after all that there are.
    pub(crate) fn takes(&self, first_ms: i64) -> bool {
        let last = self.parts.last().and_then(|part| part.times.last());
        last.is_none_or(|last| *last < first_ms)
    }

    /// Adds rows on top.
    pub(crate) fn push(&mut self, mut part: Part) {
        part.start = self.rows;
        self.rows += part.times.len();
        let places = &part.columns.places;
        if self.parts.is_empty() && places.is_sorted() {
            self.lines = Arc::clone(places);
        } else if self.lines != *places {
            let mut all: Vec<u32> = self.lines.iter().chain(&**places).copied().collect();
            all.sort_unstable();
            all.dedup();
            self.lines = all.into();
        }
        self.parts.push(part);
    }

    /// The times of all rows; one allocation however often it is asked for.
    pub(crate) fn times(&self) -> Arc<[i64]> {
        let times = self.times.get_or_init(|| match self.parts.as_slice() {
            [only] => Arc::clone(&only.times),
            parts => parts
                .iter()
                .flat_map(|part| &*part.times)
                .copied()
                .collect(),
        });
        Arc::clone(times)
    }

    /// The order of acceptance of all rows.
    pub(crate) fn sequences(&self) -> Arc<[u64]> {
        if let Some(known) = self.sequences.get() {
            return Arc::clone(known);
        }
        let mut all = Vec::with_capacity(self.rows);
        for part in &self.parts {
            match &part.of {
                Rows::Sealed(_, rows) => all.extend_from_slice(&rows.sequences),
                Rows::Head(snapshot) => all.extend_from_slice(&snapshot.sequences()),
                Rows::Read(sequences) => all.extend_from_slice(sequences),
            }
        }
        Arc::clone(self.sequences.get_or_init(|| all.into()))
    }

    /// Lets go of what was copied from the head to read its values.
    pub(crate) fn let_go(&mut self) {
        for part in &mut self.parts {
            part.of = Rows::Read(match &part.of {
                Rows::Sealed(_, rows) => Arc::clone(&rows.sequences),
                Rows::Head(snapshot) => snapshot.sequences(),
                Rows::Read(sequences) => Arc::clone(sequences),
            });
        }
    }
}
