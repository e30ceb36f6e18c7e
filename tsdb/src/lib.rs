//! The store: rows into a ring-buffer TSDB.

mod error;
mod group;
mod select;

pub use error::{Error, Refusal};
pub use group::{Appended, Group, Layout, LineId, Row};
pub use select::{Column, Selection, Series, TimeRange};

use std::path::PathBuf;
use std::sync::Arc;

use watchpost_model::{Duration, Labels, Matcher, Metadata};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the files are. [`Db::in_memory`] does not use it.
    pub path: PathBuf,
    /// Samples older than this are dropped (default 15 d).
    pub retention: Duration,
    /// How often the log is forced to the disk (default 1 s).
    pub sync_interval: Duration,
    /// The most series the store takes, 0 for no limit.
    pub max_series: usize,
    /// How far ahead of now a sample may be (default 10 min).
    pub max_future: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("data"),
            retention: Duration::from_secs(15 * 86_400),
            sync_interval: Duration::from_secs(1),
            max_series: 0,
            max_future: Duration::from_secs(600),
        }
    }
}

/// A store. A clone is another handle to the same store.
#[derive(Clone, Debug)]
pub struct Db {
    inner: Arc<()>,
}

impl Db {
    /// Opens the store in `config.path`, replays its log, and locks the directory.
    pub fn open(config: Config) -> Result<Self, Error> {
        let _ = config;
        todo!()
    }

    /// A store without files.
    pub fn in_memory(config: Config) -> Self {
        let _ = config;
        todo!()
    }

    /// The group with these labels (those of a target or a rule group), made where it is new.
    pub fn group(&self, labels: &Labels) -> Result<Group, Error> {
        let _ = (&self.inner, labels);
        todo!()
    }

    /// The id of a line: a label set without the group's labels. A line's label shadows the
    /// group's of the same name, and [`LineId`]s are the same for all groups of the store.
    /// `removed` names labels of the group that the line takes away.
    pub fn line(&self, labels: &Labels, removed: &[&str]) -> Result<LineId, Error> {
        let _ = (labels, removed);
        todo!()
    }

    /// A list of lines, in the order of a page; equal lists are stored once.
    pub fn layout(&self, lines: &[LineId]) -> Layout {
        let _ = lines;
        todo!()
    }

    /// Appends one sample of a series that shares its times with no other (a page with a time per
    /// line, a remote sender).
    pub fn append_single(
        &self,
        labels: &Labels,
        time_ms: i64,
        value: f64,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let _ = (labels, time_ms, value, now_ms);
        todo!()
    }

    /// The series that pass all matchers and have a row in the range (both ends inclusive), sorted
    /// by labels, each label set once.
    pub fn select(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Selection, Error> {
        let _ = (range, matchers);
        todo!()
    }

    /// The label sets of the series that pass all matchers and have a sample in the range, sorted.
    pub fn series(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Vec<Labels>, Error> {
        let _ = (range, matchers);
        todo!()
    }

    /// The label names of such series, sorted.
    pub fn label_names(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Vec<String>, Error> {
        let _ = (range, matchers);
        todo!()
    }

    /// The values of one label of such series, sorted.
    pub fn label_values(
        &self,
        name: &str,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Vec<String>, Error> {
        let _ = (name, range, matchers);
        todo!()
    }

    /// Remembers what a target says of a metric.
    pub fn set_metadata(&self, group: &Group, metric: &str, metadata: &Metadata) {
        let _ = (group, metric, metadata);
        todo!()
    }

    /// What targets say of metrics: (group labels, metric, metadata), of one metric or of all.
    pub fn metadata(&self, metric: Option<&str>) -> Vec<(Labels, String, Metadata)> {
        let _ = metric;
        todo!()
    }

    /// Drops what is older than the retention. Called by the server from time to time.
    pub fn maintain(&self, now_ms: i64) -> Result<(), Error> {
        let _ = now_ms;
        todo!()
    }

    /// Forces the log to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        todo!()
    }

    /// Figures of the store.
    pub fn stats(&self) -> Stats {
        todo!()
    }
}

/// Figures of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Series that have a row in memory.
    pub series: u64,
    /// Groups.
    pub groups: u64,
    /// Distinct lines.
    pub lines: u64,
    /// Samples appended since the start.
    pub samples_appended: u64,
    /// Samples refused since the start, by reason.
    pub refused: Vec<(Refusal, u64)>,
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Time of the oldest row, ms.
    pub min_time_ms: Option<i64>,
    /// Time of the newest row, ms.
    pub max_time_ms: Option<i64>,
    /// Whether rows reach the log.
    pub durable: bool,
    /// Records replayed at the start.
    pub replayed_records: u64,
    /// Files set aside because they could not be read.
    pub quarantined_files: u64,
}
