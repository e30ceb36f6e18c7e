//! The log: what brings back the rows that are in no block yet after a stop or a crash.
//!
//! One record a row, written before the row can be read, so that a killed process loses nothing
//! that was visible; forced to the disk on a timer. Each file stands on its own: lines, groups and
//! schemas are defined in it before their first use, and the first row of a group in a file is a
//! full one. Files are never changed after they are finished, and one goes as soon as all of its
//! rows are in head files that are on the disk, in segments, or past the retention.
//!
//! The framing, the definitions and what reads them serve the head files as well.

pub(crate) mod bytes;
pub(crate) mod change;
mod define;
mod definitions;
pub(crate) mod frame;
mod group;
mod marked;
pub(crate) mod note;
pub(crate) mod record;
mod replay;
mod row;
mod sync;
mod writer;

pub(crate) use define::Defined;
pub(crate) use definitions::{Definitions, list, open_file};
pub(crate) use group::{LogRecords, LogRow, Logged};
pub(crate) use record::Cells;
pub(crate) use replay::{Replayed, replay};
pub(crate) use row::RowFault;
pub(crate) use sync::SyncThread;
pub(crate) use writer::{Log, Written};
