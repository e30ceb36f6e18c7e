//! The log: what brings the store back after a stop or a crash.
//!
//! One record a row, written before the row can be read, so that a killed process loses nothing
//! that was visible; forced to the disk on a timer. Each file stands on its own: lines, groups and
//! columns are defined in it before their first use, and the first row of a group in a file is a
//! full one. Files are never changed after they are finished, and go as a whole when all of their
//! rows are past the retention.

pub(crate) mod bytes;
mod delta;
mod frame;
mod group;
mod record;
mod replay;
mod row;
mod sync;
mod writer;

pub(crate) use group::{LogRecords, Logged};
pub(crate) use replay::{Replayed, replay};
pub(crate) use sync::SyncThread;
pub(crate) use writer::{Log, Written};
