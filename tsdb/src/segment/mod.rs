//! Segments: immutable files of the rows of a span of time. The format is in
//! `docs/storage-format.md`.
//!
//! A segment has an index of its own: its lines, its groups, which group has which lines. Columns
//! stand by metric, then by line, then by group, so that one metric of all hosts is one contiguous
//! read; groups with the same columns stand in a row, so that nothing is told per series but the
//! length of its column. A long span is cut into parts, each with its own columns.
//!
//! - [`write()`] makes a segment from a [`Source`].
//! - [`Segment`] is an open one, [`SegmentIndex`] its decoded index, kept in a bounded [`Cache`].
//! - [`Reader`] reads rows and values. Everything that is read is checked: damage is an error of that
//!   part, never another value.

mod cache;
mod extents;
mod fetch;
mod file;
mod format;
mod index;
mod labels;
mod lists;
mod output;
mod passes;
mod plan;
mod reader;
mod rows;
mod runs;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

#[expect(unused_imports, reason = "its tests use some of them")]
pub(crate) use self::{
    cache::{Cache, CacheStats},
    fetch::Fetched,
    file::Segment,
    format::SegmentInfo,
    index::SegmentIndex,
    reader::{Reader, Rows},
    source::{EachColumn, GroupKey, Pass, Source, SourceGroup, Wanted},
    verify::Verified,
    writer::write,
};
