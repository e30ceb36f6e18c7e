//! The store: rows into a ring-buffer TSDB.

mod block;
mod column;
mod config;
mod db;
mod directory;
mod error;
mod group;
mod index;
mod log;
mod merge;
mod metadata;
mod retention;
mod select;
mod stats;
mod store;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use db::Db;
pub use error::{Error, Refusal};
pub use group::{Appended, Group, Layout, LineId, Row};
pub use log::disk::{Disk, DiskFile, SystemDisk};
pub use select::{Column, Selection, Series, TimeRange};
pub use stats::Stats;
