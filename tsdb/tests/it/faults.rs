//! Disks that fail.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tempfile::tempdir;
use watchpost_tsdb::{Config, Db, Disk, DiskFile, SystemDisk};

use crate::support::{append, config, dump, group, line, open_unsynced};

/// A disk with so many bytes left, whose syncs can fail.
#[derive(Debug, Clone)]
struct FaultyDisk {
    room: Arc<AtomicI64>,
    sync_fails: Arc<AtomicBool>,
}

impl FaultyDisk {
    fn new() -> Self {
        Self {
            room: Arc::new(AtomicI64::new(i64::MAX)),
            sync_fails: Arc::default(),
        }
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = SystemDisk.create(path)?;
        let disk = self.clone();
        Ok(Box::new(FaultyFile { file, disk }))
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

impl DiskFile for FaultyFile {
    /// Like a full disk it takes what fits and then fails.
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let length = i64::try_from(bytes.len()).unwrap();
        let room = self.disk.room.fetch_sub(length, Ordering::Relaxed);
        if room >= length {
            return self.file.append(bytes);
        }
        let fits = usize::try_from(room.max(0)).unwrap();
        self.disk.room.store(0, Ordering::Relaxed);
        self.file.append(&bytes[..fits])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.sync_fails.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
}

#[test]
fn a_full_disk_costs_nothing_in_memory_and_the_log_resumes_with_full_rows() {
    for room in 0..150 {
        let directory = tempdir().unwrap();
        let disk = FaultyDisk::new();
        let db = Db::open_on(config(directory.path()), Arc::new(disk.clone())).unwrap();
        let (a, b) = (line(&db, "a"), line(&db, "b"));
        let group = group(&db, "h1");
        let put = |time: i32| {
            let value = f64::from(time);
            append(&db, &group, time.into(), &[(a, value), (b, 1.0)]).unwrap();
        };
        put(1);
        disk.room.store(room, Ordering::Relaxed);
        (2..=20).for_each(put);
        let full = db.stats();
        assert!(!full.durable && full.rows_not_logged > 0 && full.log_failures == 1);
        assert_eq!(dump(&db)[0].1.len(), 20);
        db.sync().unwrap();
        assert!(!db.stats().durable, "there is no room for a header");
        disk.room.store(i64::MAX, Ordering::Relaxed);
        db.sync().unwrap();
        (21..=30).for_each(put);
        let after = db.stats();
        assert!(after.durable && after.rows_not_logged == full.rows_not_logged);
        assert_eq!(dump(&db)[0].1.len(), 30);
        let kept = 30 - usize::try_from(full.rows_not_logged).unwrap();
        drop((group, db));
        let db = open_unsynced(config(directory.path()));
        assert_eq!(
            db.stats().damaged_records,
            0,
            "the log was cut to a whole record"
        );
        let found = dump(&db);
        assert_eq!((found[0].1.len(), found[1].1.len()), (kept, kept));
    }
}

#[test]
fn after_a_failed_sync_the_log_goes_on_in_another_file() {
    let directory = tempdir().unwrap();
    let disk = FaultyDisk::new();
    let db = Db::open_on(config(directory.path()), Arc::new(disk.clone())).unwrap();
    let a = line(&db, "a");
    let group = group(&db, "h1");
    append(&db, &group, 1, &[(a, 1.0)]).unwrap();
    disk.sync_fails.store(true, Ordering::Relaxed);
    let error = db.sync().unwrap_err();
    assert!(
        error.to_string().starts_with("cannot sync the log in"),
        "{error}"
    );
    disk.sync_fails.store(false, Ordering::Relaxed);
    append(&db, &group, 2, &[(a, 2.0)]).unwrap();
    db.sync().unwrap();
    let stats = db.stats();
    assert!(stats.durable && stats.log_failures == 1 && stats.rows_not_logged == 0);
    let files = crate::support::log_files(directory.path());
    assert_eq!(files.len(), 2);
    let expected = dump(&db);
    drop((group, db));
    std::fs::remove_file(&files[0]).unwrap();
    let db = open_unsynced(config(directory.path()));
    assert_eq!(
        dump(&db)[0].1,
        expected[0].1[1..],
        "the second file stands on its own"
    );
}

#[test]
fn want_of_memory_on_a_full_disk_costs_nothing_that_is_in_head_files() {
    let directory = tempdir().unwrap();
    let disk = FaultyDisk::new();
    let config = Config {
        max_memory: 4_000,
        ..config(directory.path())
    };
    let db = Db::open_on(config, Arc::new(disk.clone())).unwrap();
    let (a, group) = (line(&db, "a"), group(&db, "h1"));
    let put = |time: i32| {
        append(&db, &group, time.into(), &[(a, f64::from(time).sqrt())]).unwrap();
    };
    (1..=200).for_each(put);
    disk.room.store(0, Ordering::Relaxed);
    (201..=3_000).for_each(put);
    let stats = db.stats();
    assert!(stats.dropped_blocks > 0 && stats.memory_bytes <= 4_000);
    let times = |db: &Db| -> Vec<i64> { dump(db)[0].1.iter().map(|(time, _)| *time).collect() };
    assert!((1..150).all(|time| times(&db).contains(&time)));
    disk.room.store(i64::MAX, Ordering::Relaxed);
    db.sync().unwrap();
    (3_001..=3_100).for_each(put);
    assert_eq!(db.stats().memory_bytes, 0, "all of it is in files again");
    db.maintain(3_100).unwrap();
    let expected = times(&db);
    drop(group);
    drop(db);
    let db = open_unsynced(crate::support::config(directory.path()));
    assert_eq!(
        times(&db),
        expected,
        "rows that the log missed are in head files"
    );
}

#[test]
fn log_files_that_nothing_needs_go_also_while_the_log_cannot_be_written() {
    let directory = tempdir().unwrap();
    let disk = FaultyDisk::new();
    let window = watchpost_model::Duration::from_secs(60);
    let config = Config {
        window,
        ..config(directory.path())
    };
    let db = Db::open_on(config, Arc::new(disk.clone())).unwrap();
    let (a, group) = (line(&db, "a"), group(&db, "h1"));
    (1..=50).for_each(|time| {
        append(&db, &group, time, &[(a, 1.0)]).unwrap();
    });
    disk.room.store(0, Ordering::Relaxed);
    append(&db, &group, 51, &[(a, 1.0)]).unwrap();
    assert!(!db.stats().durable && db.stats().log_bytes > 0);
    disk.room.store(100_000, Ordering::Relaxed);
    // The segment is written; the log is only tried again when it is synced.
    for _ in 0..3 {
        db.maintain(200_000).unwrap();
    }
    assert_eq!((db.stats().durable, db.stats().log_bytes), (false, 0));
    assert_eq!(dump(&db)[0].1.len(), 51);
}
