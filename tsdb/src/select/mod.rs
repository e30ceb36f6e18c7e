//! What a query reads.
//!
//! The rows of a group that a query needs are a *stack*: those in segments, oldest first, and those in
//! the head on top, one after the other in time, so that all series of the group share one list of
//! times and no values are moved. What overlaps (a clock that went back, past data) is a stack of its
//! own. Stacks are read a few at a time, each series into its own values. In the end the series are
//! sorted by labels, and those with equal labels are joined by the order of acceptance.

mod chunk;
mod join;
mod labels;
mod parts;
mod plan;
mod read;
mod result;
mod scan;
mod stack;

pub use chunk::ChunkReader;
pub(crate) use join::hide;
pub(crate) use labels::{label_names, label_values, series};
pub(crate) use result::select;
pub use result::{Selection, Series};
pub use scan::{Piece, Scan};

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

    /// Whether a time lies in it.
    pub(crate) fn has(&self, time_ms: i64) -> bool {
        self.from_ms <= time_ms && time_ms <= self.to_ms
    }

    /// Whether it has a time in common with another one.
    pub(crate) fn touches(&self, other: Self) -> bool {
        self.from_ms <= other.to_ms && other.from_ms <= self.to_ms
    }
}
