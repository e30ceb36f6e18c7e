//! How a store is opened.

use std::path::PathBuf;

use watchpost_model::Duration;

use crate::Error;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the files are. [`Db::in_memory`](crate::Db::in_memory) does not use it.
    pub path: PathBuf,
    /// Samples older than this are dropped (default 15 d).
    pub retention: Duration,
    /// How many bytes all files may take, 0 for no limit (default 0). The oldest segment goes first.
    pub max_size: u64,
    /// The piece of time that becomes one segment (default 2 h). Windows are aligned to the epoch.
    pub window: Duration,
    /// How much older than its series' newest sample a sample may be (default 0).
    pub out_of_order_window: Duration,
    /// How many bytes the head's files and the log may take before the head is sealed early, 0 for no
    /// limit but `max_size` (default 4 GiB).
    pub max_head_size: u64,
    /// How many bytes of segments are kept in memory to read them faster (default 64 MiB).
    pub cache_size: usize,
    /// How many bytes of the head's finished blocks are kept in memory once they were read
    /// (default 64 MiB).
    pub head_cache_size: usize,
    /// How often the log is forced to the disk (default 1 s).
    pub sync_interval: Duration,
    /// The most series the store takes, 0 for no limit.
    pub max_series: usize,
    /// How many exemplars are kept, the newest ones, in memory; 0 for none (default 0).
    pub max_exemplars: usize,
    /// How far ahead of now a sample may be (default 10 min).
    pub max_future: Duration,
    /// How many bytes of finished blocks the store keeps in memory (default 1 GiB); above it the
    /// oldest go: those that could not be written to a file. The open rows, at most 136 values a series, are
    /// bounded by `max_series`.
    pub max_memory: usize,
    /// How many bytes a log file grows to before the next one is started (default 64 MiB).
    pub log_file_size: u64,
}

/// The least size limit: what a head and a window take at the least.
const LEAST_SIZE: u64 = 1 << 20;

impl Config {
    /// Refuses what no store can keep to.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (1..LEAST_SIZE).contains(&self.max_size) {
            return Err(Error::SizeLimit {
                found: self.max_size,
                needed: LEAST_SIZE,
            });
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("data"),
            retention: Duration::from_secs(15 * 86_400),
            max_size: 0,
            window: Duration::from_secs(2 * 3_600),
            out_of_order_window: Duration::ZERO,
            max_head_size: 4 << 30,
            cache_size: 64 << 20,
            head_cache_size: 64 << 20,
            sync_interval: Duration::from_secs(1),
            max_series: 0,
            max_exemplars: 0,
            max_future: Duration::from_secs(600),
            max_memory: 1 << 30,
            log_file_size: 64 << 20,
        }
    }
}
