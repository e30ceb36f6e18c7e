//! The rows of a group that a query reads, from one or more sources that do not overlap.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use watchpost_model::Labels;

use crate::head::Snapshot;
use crate::{Error, LineId};

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
    /// The times of the source's rows, and its rows in the range.
    pub(crate) times: Arc<[i64]>,
    pub(crate) rows: Range<usize>,
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
    /// The place of a line among the plan's.
    pub(crate) fn place(&self, line: LineId) -> Option<u32> {
        let column = self.lines.binary_search(&line).ok()?;
        self.places.get(column).copied()
    }
}

/// Where rows are.
#[derive(Debug)]
pub(crate) enum Rows {
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
        let last = self.parts.last().and_then(|part| part.own_times().last());
        last.is_none_or(|last| *last < first_ms)
    }

    /// Adds rows on top.
    pub(crate) fn push(&mut self, mut part: Part) {
        part.start = self.rows;
        self.rows += part.rows.len();
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
            [only] if only.rows.len() == only.times.len() => Arc::clone(&only.times),
            parts => parts.iter().flat_map(Part::own_times).copied().collect(),
        });
        Arc::clone(times)
    }

    /// The order of acceptance of all rows.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "segments can fail, and are about to come"
    )]
    pub(crate) fn sequences(&self) -> Result<Arc<[u64]>, Error> {
        if let Some(known) = self.sequences.get() {
            return Ok(Arc::clone(known));
        }
        let mut all = Vec::with_capacity(self.rows);
        for part in &self.parts {
            match &part.of {
                Rows::Head(snapshot) => all.extend_from_slice(&snapshot.sequences()),
                Rows::Read(sequences) => all.extend_from_slice(sequences),
            }
        }
        Ok(Arc::clone(self.sequences.get_or_init(|| all.into())))
    }

    /// Lets go of what was copied from the head to read its values.
    pub(crate) fn let_go(&mut self) {
        for part in &mut self.parts {
            if let Rows::Head(snapshot) = &part.of {
                part.of = Rows::Read(snapshot.sequences());
            }
        }
    }
}

impl Part {
    pub(crate) fn own_times(&self) -> &[i64] {
        self.times.get(self.rows.clone()).unwrap_or_default()
    }
}
