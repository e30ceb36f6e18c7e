//! Segments: immutable files of the rows of a span of time.

mod source;

#[expect(unused_imports, reason = "the ring is about to write segments")]
pub(crate) use source::{EachColumn, GroupKey, Pass, Source, SourceGroup, Wanted};
