//! What the tests share.

use std::io;
use std::path::Path;
use std::sync::Arc;

use watchpost_model::{Labels, Matcher, is_absent, is_stale};
use watchpost_tsdb::{
    Appended, Config, Db, Disk, DiskFile, Error, Group, LineId, Series, SystemDisk, TimeRange,
};

use crate::histograms::{append_page, known};

/// The samples of each series, by its labels; values as bits.
pub(crate) type Dump = Vec<(String, Vec<(i64, u64)>)>;

/// A configuration without a thread that syncs.
pub(crate) fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        sync_interval: watchpost_model::Duration::ZERO,
        ..Config::default()
    }
}

pub(crate) fn group(db: &Db, instance: &str) -> Group {
    db.group(&Labels::from_pairs([("instance", instance)]))
        .unwrap()
}

pub(crate) fn line(db: &Db, name: &str) -> LineId {
    db.line(&Labels::from_pairs([("__name__", name)]), &[])
        .unwrap()
}

/// Appends a page of (line, value).
pub(crate) fn append(
    db: &Db,
    group: &Group,
    time_ms: i64,
    page: &[(LineId, f64)],
) -> Result<Appended, Error> {
    append_at(db, group, time_ms, page, time_ms)
}

/// Appends a page of (line, value) while it is `now_ms`.
pub(crate) fn append_at(
    db: &Db,
    group: &Group,
    time_ms: i64,
    page: &[(LineId, f64)],
    now_ms: i64,
) -> Result<Appended, Error> {
    append_page(db, group, time_ms, page, now_ms)
}

/// Whether the tests that can be long are to be: `scripts/test --all` sets it.
pub(crate) fn is_long() -> bool {
    std::env::var_os("WATCHPOST_LONG_TESTS").is_some()
}

/// Copies a directory with all that is in it, as a kill would leave it.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The samples of a series, checked for what a selection in a range promises.
pub(crate) fn samples(series: &Series, range: TimeRange) -> Vec<(i64, u64)> {
    let values = &series.values;
    assert_eq!(values.len(), series.times.len());
    assert!(series.times.is_sorted_by(|a, b| a < b));
    let rows = || 0..values.len();
    let is_histogram = |row: usize| series.histogram(row).is_some();
    assert_eq!(series.histograms.is_some(), rows().any(is_histogram));
    let plain =
        |row: usize| !is_absent(values[row]) && !is_stale(values[row]) && !is_histogram(row);
    assert_eq!(series.dense, rows().all(plain));
    let samples = rows().filter(|row| !is_absent(values[*row]));
    let samples: Vec<_> = samples
        .map(|row| (series.times[row], known(series, row)))
        .collect();
    assert!(!samples.is_empty());
    let mut times = samples.iter().map(|(time, _)| time);
    assert!(times.all(|time| (range.from_ms..=range.to_ms).contains(time)));
    samples
}

/// All samples in a range of the series that pass, checked for what a selection promises.
pub(crate) fn select(db: &Db, range: TimeRange, matchers: &[Matcher]) -> Dump {
    let selection = db.select(range, matchers).unwrap();
    let series = selection
        .series
        .iter()
        .map(|series| (series.labels.to_string(), samples(series, range)));
    let labels: Vec<_> = selection
        .series
        .iter()
        .map(|series| &series.labels)
        .collect();
    assert!(labels.is_sorted_by(|a, b| a < b));
    series.collect()
}

/// The same, read piece by piece; nothing where that cannot be.
pub(crate) fn scan(db: &Db, range: TimeRange, matchers: &[Matcher]) -> Option<Dump> {
    let scan = db.scan(range, matchers).unwrap()?;
    let mut reader = scan.reader();
    let mut dump = Vec::new();
    for chunk in 0..scan.chunks() {
        let plain = reader.read(chunk, |piece| {
            let samples = piece.times.iter().zip(piece.values);
            let samples = samples.filter(|(_, value)| !is_absent(**value));
            let samples: Vec<_> = samples
                .map(|(time, value)| (*time, value.to_bits()))
                .collect();
            let group = scan.group(piece.group).unwrap();
            let labels = group.overlaid(scan.line(piece.line).unwrap(), |_| true);
            if !samples.is_empty() {
                dump.push((labels, samples));
            }
            Ok::<(), Error>(())
        });
        if !plain.unwrap() {
            return None;
        }
    }
    dump.sort_by(|(a, _), (b, _)| a.cmp(b));
    let dump = dump.into_iter();
    Some(
        dump.map(|(labels, samples)| (labels.to_string(), samples))
            .collect(),
    )
}

/// All samples of the store.
pub(crate) fn dump(db: &Db) -> Dump {
    select(db, TimeRange::ALL, &[])
}

/// The log files, oldest first.
pub(crate) fn log_files(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path.join("log")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    files
}

/// The system's files, never forced to the disk: for tests that open thousands of stores.
#[derive(Clone, Copy, Debug)]
struct UnsyncedDisk;

#[derive(Debug)]
struct UnsyncedFile(Box<dyn DiskFile>);

impl Disk for UnsyncedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(UnsyncedFile(SystemDisk.create(path)?)))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        SystemDisk.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.link(from, to)
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }
}

impl DiskFile for UnsyncedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a store that does not force its files to the disk.
pub(crate) fn open_unsynced(config: Config) -> Db {
    Db::open_on(config, Arc::new(UnsyncedDisk)).unwrap()
}
