//! A store with a file of any bytes: it starts, answers, takes what comes, and answers the same
//! after another start.
//!
//! All checksums are zero here (see `unchecked`), so that what comes after them is reached.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchpost_model::histogram::{CounterReset, Counts, Span, histogram_mark};
use watchpost_model::{Duration, Histogram, Labels, stale_nan};
use watchpost_tsdb::{Config, Db, Disk, DiskFile, Error, Row, SystemDisk, TimeRange};

const START: i64 = 10_000_000_000;

pub fn log(data: &[u8]) {
    with("log/0000000001.log", data);
}

pub fn head(data: &[u8]) {
    with("head/0000000001.head", data);
}

pub fn segment(data: &[u8]) {
    let name = format!("segments/{START}-{}-0001.seg", START + 30_000);
    with(&name, data);
}

pub fn tombstones(data: &[u8]) {
    with("tombstones", data);
}

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        sync_interval: Duration::ZERO,
        window: Duration::from_secs(30),
        out_of_order_window: Duration::from_secs(60),
        log_file_size: 3_000,
        max_memory: 64 << 20,
        ..Config::default()
    }
}

fn open(path: &Path) -> Result<Db, Error> {
    Db::open_on(config(path), Arc::new(Unsynced))
}

fn with(name: &str, data: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(name);
    fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
    fs::write(&file, data).expect("a file");
    let db = match open(directory.path()) {
        Ok(db) => db,
        Err(Error::Format { .. }) => return,
        Err(error) => panic!("{error:?}"),
    };
    let found = samples(&db);
    let now = db
        .stats()
        .max_time_ms
        .unwrap_or(START)
        .clamp(START, 1 << 50)
        + 1;
    append(&db, now);
    let before = samples(&db);
    for (cell, bits) in &found {
        assert_eq!(before.get(cell), Some(bits), "after a page");
    }
    drop(db);
    let db = open(directory.path()).expect("a second start");
    let after = samples(&db);
    for (cell, bits) in &before {
        assert_eq!(after.get(cell), Some(bits), "after another start");
    }
}

fn append(db: &Db, now: i64) {
    let lines = ["a", "b", "fuzz"].map(|name| {
        let line = db.line(&Labels::from_pairs([("__name__", name)]), &[]);
        line.expect("a line")
    });
    let group = db.group(&Labels::from_pairs([("instance", "h1")]));
    let row = Row {
        time_ms: now,
        layout: &db.layout(&lines),
        values: &[1.0, 2.0, 3.0],
    };
    match group.expect("a group").append(row, now) {
        Ok(_) | Err(Error::Refused(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

type Samples = BTreeMap<(String, i64), u64>;

fn samples(db: &Db) -> Samples {
    let selection = match db.select(TimeRange::ALL, &[]) {
        Ok(selection) => selection,
        // What is found damaged when it is read is told once.
        Err(_) => db.select(TimeRange::ALL, &[]).expect("a selection"),
    };
    let mut samples = Samples::new();
    for series in &selection.series {
        assert_eq!(series.values.len(), series.times.len());
        assert!(series.times.is_sorted_by(|a, b| a < b), "times ascend");
        for (row, time) in series.times.iter().enumerate() {
            let (value, histogram) = (series.values[row], series.histogram(row));
            let known = histogram.map_or(value.to_bits(), |it| hash(&format!("{it:?}")));
            if !watchpost_model::is_absent(value) {
                samples.insert((series.labels.to_string(), *time), known);
            }
        }
    }
    samples
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

fn histogram(step: i32) -> Histogram {
    let count = step.unsigned_abs().into();
    Histogram {
        counter_reset: CounterReset::Unknown,
        schema: 3,
        zero_threshold: 1e-128,
        sum: f64::from(step) / 8.0,
        positive_spans: vec![Span {
            offset: -2,
            length: 1,
        }],
        negative_spans: Vec::new(),
        custom_values: Arc::default(),
        counts: Counts::Integer {
            count,
            zero_count: 0,
            positive: vec![step.unsigned_abs().into()],
            negative: Vec::new(),
        },
    }
}

/// The files of a real store whose names fit the target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().expect("a directory");
    let db = open(directory.path()).expect("a store");
    for step in 0..200 {
        fill(&db, step);
    }
    let mut files = Vec::new();
    list(directory.path(), &mut files);
    let fits = |path: &&PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(
            (target, extension),
            ("log", Some("log")) | ("head", Some("head")) | ("segment", Some("seg"))
        ) || path.file_name().is_some_and(|name| name == target)
    };
    let files = files.iter().filter(fits);
    files.filter_map(|path| fs::read(path).ok()).collect()
}

fn fill(db: &Db, step: i32) {
    let now = START + i64::from(step) * 1_000;
    let line = |name: &str| {
        let line = db.line(&Labels::from_pairs([("__name__", name)]), &[]);
        line.expect("a line")
    };
    let lines = [line("a"), line("b"), line("c"), line("d")];
    let one = db
        .group(&Labels::from_pairs([("instance", "h1")]))
        .expect("a group");
    let values = [
        f64::from(step * 3),
        f64::from(step * 7_919 % 1_009).sqrt(),
        7.0,
        if step % 40 == 9 {
            stale_nan()
        } else {
            f64::from(step) / 100.0
        },
    ];
    let count = if step / 30 % 2 == 0 { 4 } else { 2 };
    let row = Row {
        time_ms: now,
        layout: &db.layout(&lines[..count]),
        values: &values[..count],
    };
    one.append(row, now).expect("a page");
    let part = [(line("part"), f64::from(step))];
    one.append_samples(now, &part, now).expect("a part");
    let shape = [(line("shape"), histogram_mark(0))];
    one.append_samples_with(now, (&shape, &[histogram(step)]), now)
        .expect("a histogram");
    let single = Labels::from_pairs([("__name__", "single")]);
    db.append_single(&single, now - 3, f64::from(step).sqrt(), now)
        .expect("a sample");
    if step % 50 == 49 {
        db.maintain(now).expect("maintenance");
    }
}

fn list(path: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            list(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// The system's files, never forced to the disk.
#[derive(Clone, Copy, Debug)]
struct Unsynced;

#[derive(Debug)]
struct UnsyncedFile(Box<dyn DiskFile>);

impl Disk for Unsynced {
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
