//! Groups: series that are written together and share their times.

use std::sync::Arc;

use watchpost_model::Labels;

use crate::Error;

/// The id of a line's label set, the same in all groups of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineId(pub(crate) u32);

/// A list of lines in page order. Equal lists of a store are one allocation, so a comparison of
/// pointers tells whether a page has the shape it had before.
#[derive(Clone, Debug)]
pub struct Layout(pub(crate) Arc<[LineId]>);

impl Layout {
    /// The lines.
    pub fn lines(&self) -> &[LineId] {
        &self.0
    }
}

/// One row: the values of a whole page at one time.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The time, ms since the epoch.
    pub time_ms: i64,
    /// Which line each value is of. A line that stands twice counts once: the first wins.
    pub layout: &'a Layout,
    /// One value a line.
    pub values: &'a [f64],
}

/// What came of an append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples accepted.
    pub samples: usize,
    /// Series seen for the first time.
    pub new_series: usize,
    /// Series that ended with this row (got a stale marker).
    pub ended: usize,
    /// Lines that stood twice on the page.
    pub duplicates: usize,
    /// New series refused by a limit.
    pub refused: usize,
}

/// A handle to a group. Appends of one group are serialized by the handle's lock; different groups
/// do not wait for each other.
#[derive(Clone, Debug)]
pub struct Group {
    inner: Arc<()>,
}

impl Group {
    /// The group's labels.
    pub fn labels(&self) -> &Labels {
        let _ = &self.inner;
        todo!()
    }

    /// Appends a page. Series of the group that are not in the row's layout and had a value in the
    /// row before get a stale marker at this time.
    pub fn append(&self, row: Row<'_>, now_ms: i64) -> Result<Appended, Error> {
        let _ = (row, now_ms);
        todo!()
    }

    /// Ends all series of the group at a time: each gets a stale marker.
    pub fn end(&self, time_ms: i64, now_ms: i64) -> Result<Appended, Error> {
        let _ = (time_ms, now_ms);
        todo!()
    }

    /// Fills in a missing part of a row that is already there, or adds a row that has only this
    /// part; no series ends by it.
    pub fn append_part(&self, row: Row<'_>, now_ms: i64) -> Result<Appended, Error> {
        let _ = (row, now_ms);
        todo!()
    }
}
