//! The store: rows into a ring-buffer TSDB.
//!
//! # Groups, lines, rows
//!
//! Series that are written together (the lines of a target's page, the results of a rule group) form
//! a [`Group`] and share one time column. A series' labels are the group's, with those of its *line*
//! laid over them: a line's label shadows the group's of the same name, and a line can take labels of
//! the group away. A line is stored once for the whole store ([`Db::line`]), and so is a list of
//! lines ([`Db::layout`]): a page that has the shape of the page before is told by comparing two
//! pointers, and costs neither hashing nor label work. A page comes in as one [`Row`].
//!
//! Series that share their times with no others are *single columns* ([`Db::append_single`]).
//!
//! A sample is a float or a native histogram ([`Group::append_with`]); a series may have both, at
//! different times.
//!
//! A series' identity is its final label set. Where columns of several groups have the same one they
//! are one series to a reader.
//!
//! # Promises
//!
//! - **Bits.** What is read are the bits that were written.
//! - **Order.** Pages of a group come in order of time; late parts ([`Group::append_samples`]) fill what
//!   a recent row lacks. At each time the value that was accepted first stands: the same one again is
//!   accepted, another one refused. Every refusal is told to the caller and counted by its reason
//!   ([`Refusal`]).
//! - **Clocks.** Rows later than now (a clock was ahead and went back) do not stop what comes: it
//!   goes to a side head of the group, and to a reader both are one series.
//! - **Ends.** A series that a page no longer has, or whose group ends, gets a stale marker. A page
//!   ends only what came by pages, not what came by parts.
//! - **Crashes.** A row is written to the log before it can be read: a killed process loses nothing
//!   that was visible, a power cut what came after the last sync ([`Config::sync_interval`]).
//! - **Disks.** A disk that is full or fails takes nothing from memory: the store goes on, says that
//!   it is not durable ([`Stats::durable`]), and resumes in a new file when writing works again.
//!   Damaged files cost the damaged records; what cannot be read at all is set aside, never deleted.
//! - **Bounds.** A window that is past becomes a segment; segments go as a whole when they are past the
//!   retention, or when all files would take more than [`Config::max_size`]. Above
//!   [`Config::max_memory`] the oldest blocks that are in no file go; above [`Config::max_series`] new
//!   series are refused and known ones go on.
//! - **Readers** hold a group's lock only while they copy its open rows; finished blocks are shared.
//!   All methods can be called from many threads at once; appends to different groups do not wait for
//!   each other but for the write to the log.
//!
//! The clock is never read: times and `now` are arguments.
//!
//! # Parts
//!
//! | module | what it does |
//! |---|---|
//! | `db` | the handle, and the questions that are answered from the index |
//! | `store` | what the parts share; the order of locks; the way of a row: judge, put, log |
//! | `late` | samples that may be late, and which side of a group takes them |
//! | `head` | columns, open rows, finished blocks; pages, parts, ends; what is dropped |
//! | `block`, `column` | finished blocks and the encodings of their columns |
//! | `histogram` | native histograms: their bytes, and the lists that values stand for places of |
//! | `index` | lines, layouts, groups, postings, and matchers to series |
//! | `select` | a range and matchers to columns with shared times; overlapping sources |
//! | `segment` | the immutable files of a span of time: writing, reading, verifying |
//! | `ring` | which segments there are; sealing, merging, dropping, deleting, snapshots |
//! | `verify` | whether the files of a store can be read |
//! | `notes` | exemplars and metadata in the log |
//! | `log` | records, files, the thread that syncs, the replay; see `docs/storage-format.md` |
//! | `retention` | what is dropped for age and for want of memory |
//! | `directory` | the lock, the format, and what is not ours |
//! | `disk` | what makes, writes, renames and removes files; tests put a failing one in its place |

mod block;
mod column;
mod config;
mod db;
mod directory;
mod disk;
mod error;
mod exemplars;
mod head;
mod histogram;
mod index;
mod late;
mod log;
mod metadata;
mod notes;
mod retention;
mod ring;
#[expect(dead_code, reason = "its tests look at some of it")]
mod segment;
mod select;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod verify;

/// What benchmarks, measurements and fuzzing look into; no part of the interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::block::{BlockView, Columns, encode_block};
    pub use crate::column::{Flags, Scratch, decode, encode, kind_name, length};
    pub use crate::log::bytes::Malformed;
}

pub use config::Config;
pub use db::Db;
pub use disk::{Disk, DiskFile, SystemDisk};
pub use error::{Error, Refusal};
pub use exemplars::{Exemplar, ExemplarOutcome, ExemplarStats};
pub use head::{Appended, Group, Layout, LineId, Row};
pub use histogram::{Histograms, check as check_histogram};
pub use index::Cardinality;
pub use select::{ChunkReader, Piece, Scan, Selection, Series, TimeRange};
pub use stats::{RingStats, SegmentStatus, Stats};
pub use verify::{Report, verify};
