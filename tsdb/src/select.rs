//! What a query reads.

use std::sync::Arc;

use watchpost_model::Labels;

/// A span of time, both ends inclusive, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first millisecond.
    pub from_ms: i64,
    /// The last millisecond.
    pub to_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        from_ms: i64::MIN,
        to_ms: i64::MAX,
    };

    /// From one millisecond to another, both included.
    pub const fn new(from_ms: i64, to_ms: i64) -> Self {
        Self { from_ms, to_ms }
    }
}

/// The values of a series, one for each of its times.
#[derive(Clone, Debug)]
pub enum Column {
    /// Floats. A stale marker (`is_stale`) ends the series; a row without a value of this series
    /// holds the absent mark (`is_absent`), which is no sample.
    Float(Arc<[f64]>),
    /// Native histograms in the store's own encoding; `None` is a row without one.
    Histogram(Arc<[Option<Arc<[u8]>>]>),
}

/// A series of a selection.
#[derive(Clone, Debug)]
pub struct Series {
    /// The final label set.
    pub labels: Labels,
    /// The times, ascending, ms; one allocation for all series of the same group. `Arc::ptr_eq`
    /// tells that two series share them.
    pub times: Arc<[i64]>,
    /// The values.
    pub column: Column,
    /// Whether `column` holds neither stale markers nor absent marks.
    pub dense: bool,
}

/// The result of a select.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The series, sorted by labels, each label set once.
    pub series: Vec<Series>,
}
