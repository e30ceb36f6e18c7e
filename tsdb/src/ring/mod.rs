//! The ring: segments, and what becomes of them.
//!
//! The head's rows of a window that is past become a segment; segments of a span of time are merged;
//! the oldest go when they are past the retention, or when the files would take more bytes than they
//! may. All of it is done by [`Db::maintain`](crate::Db::maintain), by one thread at a time, which
//! readers and appends do not wait for.
//!
//! What there is stands in a [`List`] that never changes: a reader takes the list and is not touched by
//! what comes after. Rows that were sealed leave the head when no reader is left that has a list
//! without their segment; until then a list says which rows of the head it has in a segment.

mod delete;
mod list;
mod maintain;
mod merge;
mod name;
mod plan;
mod room;
mod seal;
mod snapshot;
mod tombstones;
mod watermark;

pub(crate) use list::{List, Ring, Sealed, tombstone_fault};
pub(crate) use name::SegmentName;
pub(crate) use tombstones::{Hidden, Tombstones};
pub(crate) use watermark::Watermark;
