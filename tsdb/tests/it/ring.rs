//! Segments: sealing, merging, dropping, deleting, snapshots, and reading beside all of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::tempdir;
use watchpost_model::{Duration, Labels, Matcher};
use watchpost_tsdb::{Config, Db, Error, TimeRange, verify};

use crate::support::{Dump, append, config, dump, group, line, open_unsynced, select};

const WINDOW: i64 = 60_000;
/// The start of a day's worth of windows.
const START: i64 = 12 * WINDOW * 10_000;

fn windows(path: &Path) -> Config {
    Config {
        window: Duration::from_secs(60),
        retention: Duration::from_secs(86_400),
        out_of_order_window: Duration::from_secs(3_600),
        ..config(path)
    }
}

/// Appends rows of two groups every second, and gives each time to `each`.
fn fill(db: &Db, seconds: std::ops::Range<i32>, mut each: impl FnMut(&Db, i64)) {
    let (a, b) = (line(db, "a"), line(db, "b"));
    let (one, two) = (group(db, "h1"), group(db, "h2"));
    for second in seconds {
        let time = START + i64::from(second) * 1_000;
        let value = f64::from(second);
        append(db, &one, time, &[(a, value), (b, value.sqrt())]).unwrap();
        append(db, &two, time + 7, &[(a, 2.0 * value)]).unwrap();
        each(db, time);
    }
}

fn segment_files(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.join("segments")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn disk_bytes(path: &Path) -> u64 {
    let bytes = |entry: std::fs::DirEntry| {
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            return disk_bytes(&entry.path());
        }
        let name = entry.file_name();
        let counts = name != "lock" && name != "format";
        if counts { about.len() } else { 0 }
    };
    let entries = std::fs::read_dir(path).unwrap();
    entries.map(|entry| bytes(entry.unwrap())).sum()
}

#[test]
fn windows_are_sealed_and_merged_and_read_as_before_also_after_a_restart() {
    let (sealed, plain) = (tempdir().unwrap(), Db::in_memory(Config::default()));
    let db = open_unsynced(windows(sealed.path()));
    fill(&plain, 0..1_500, |_, _| {});
    fill(&db, 0..1_500, |db, time| {
        if time % 20_000 == 0 {
            db.sync().unwrap();
            db.maintain(time).unwrap();
        }
    });
    let stats = db.stats();
    assert!(
        stats.ring.seals >= 22 && stats.ring.merges >= 6,
        "{stats:?}"
    );
    assert!(stats.segments < 8, "{:?}", segment_files(sealed.path()));
    assert_eq!(stats.ring.failures, 0);
    assert_eq!(stats.disk_bytes, disk_bytes(sealed.path()));
    let expected = dump(&plain);
    assert_eq!(dump(&db), expected);
    for (from, to) in [(0, 59), (30, 90), (700, 1_499), (59, 60), (1_430, 1_440)] {
        let range = TimeRange::new(START + from * 1_000, START + to * 1_000);
        assert_eq!(select(&db, range, &[]), select(&plain, range, &[]));
        let b = [Matcher::equal("__name__", "b")];
        assert_eq!(select(&db, range, &b), select(&plain, range, &b));
        assert_eq!(
            db.series(range, &[]).unwrap(),
            plain.series(range, &[]).unwrap()
        );
    }
    let shared = db.select(TimeRange::ALL, &[]).unwrap().series;
    assert!(std::sync::Arc::ptr_eq(&shared[0].times, &shared[2].times));
    drop(db);
    let db = open_unsynced(windows(sealed.path()));
    assert_eq!(dump(&db), expected);
    assert_eq!(db.stats().damaged_records, 0);
    let report = verify(sealed.path()).unwrap();
    assert!(
        report.faults.is_empty() && report.segments == stats.segments,
        "{report:?}"
    );
}

#[test]
fn a_reader_sees_every_row_once_while_windows_are_sealed_and_merged() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut reads = 0_u32;
                    while reads < 3 || !stop.load(Ordering::Relaxed) {
                        for (series, samples) in dump(&db) {
                            let step = samples.windows(2).all(|two| two[1].0 - two[0].0 == 1_000);
                            assert!(step, "{series}: a row is missing or doubled");
                            assert_eq!(samples[0].0 / 1_000, START / 1_000, "{series}");
                        }
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        fill(&db, 0..2_000, |db, time| {
            if time % 15_000 == 0 {
                db.maintain(time).unwrap();
            }
        });
        stop.store(true, Ordering::Relaxed);
        let reads: u32 = readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum();
        assert!(reads >= 6, "{reads}");
    });
    db.maintain(START + 2_100_000).unwrap();
    assert!(db.stats().ring.seals > 20);
}

#[test]
fn a_backfill_is_sealed_window_by_window_and_late_rows_are_joined() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..600, |_, _| {});
    let now = START + 700_000;
    db.maintain(now).unwrap();
    assert_eq!(db.stats().ring.seals, 10);
    let one = group(&db, "h1");
    let (a, c) = (line(&db, "a"), line(&db, "c"));
    for second in (0..600).step_by(7) {
        let time = START + second * 1_000 + 500;
        one.append_samples(time, &[(a, 0.5), (c, 1.0)], now)
            .unwrap();
        // What is there stands.
        one.append_samples(START + second * 1_000, &[(a, -1.0)], now)
            .unwrap();
    }
    let expected = dump(&db);
    assert_eq!(expected[0].1.len(), 600 + 86);
    assert!(
        expected[0]
            .1
            .iter()
            .all(|(_, bits)| *bits != (-1.0_f64).to_bits())
    );
    db.maintain(now + 3 * WINDOW).unwrap();
    assert!(db.stats().ring.seals >= 20, "{:?}", db.stats());
    assert_eq!(dump(&db), expected);
    db.maintain(now + 30 * WINDOW).unwrap();
    assert_eq!(dump(&db), expected);
    drop((one, db));
    let db = open_unsynced(windows(directory.path()));
    assert_eq!(dump(&db), expected);
}

#[test]
fn segments_past_the_retention_go_as_a_whole() {
    let directory = tempdir().unwrap();
    let config = Config {
        retention: Duration::from_secs(600),
        ..windows(directory.path())
    };
    let db = open_unsynced(config);
    fill(&db, 0..3_000, |db, time| {
        if time % 30_000 == 0 {
            db.maintain(time).unwrap();
        }
    });
    let stats = db.stats();
    assert!(stats.ring.dropped_by_time > 30, "{stats:?}");
    let oldest = stats.min_time_ms.unwrap();
    assert!(
        (START + 2_300_000..=START + 2_400_000).contains(&oldest),
        "{oldest}"
    );
    assert!(segment_files(directory.path()).len() < 15);
}

#[test]
fn the_size_limit_is_never_passed_and_the_newest_stay() {
    let directory = tempdir().unwrap();
    let limit = 1 << 20;
    let config = Config {
        max_size: limit,
        log_file_size: 1 << 15,
        ..windows(directory.path())
    };
    let db = open_unsynced(config);
    let lines: Vec<_> = (0..40).map(|n| line(&db, &format!("m{n}"))).collect();
    let one = group(&db, "h1");
    let mut most = 0;
    for second in 0..6_000_i32 {
        let time = START + i64::from(second) * 1_000;
        let noise = |place: i32| f64::from((second * 31 + place) * 7_919 % 1_009).sqrt();
        let page: Vec<_> = lines.iter().copied().zip((0..).map(noise)).collect();
        append(&db, &one, time, &page).unwrap();
        if second % 5 == 0 {
            db.maintain(time).unwrap();
            most = most.max(disk_bytes(directory.path()));
        }
    }
    let stats = db.stats();
    assert!(stats.ring.dropped_by_size > 3, "{stats:?}");
    assert!(most <= limit, "{most}");
    assert!(most > limit / 3, "{most}");
    assert_eq!(dump(&db)[0].1.last().unwrap().0, START + 5_999_000);
    drop((one, db));
    let small = Config {
        max_size: 1_000,
        ..windows(directory.path())
    };
    assert!(matches!(Db::open(small), Err(Error::SizeLimit { .. })));
}

/// Whether all samples of series `a` in a span of seconds are gone and nothing else is.
fn assert_deleted(found: &Dump, before: &Dump, from: i64, to: i64) {
    for ((series, samples), (_, all)) in found.iter().zip(before) {
        let within = |time: i64| (START + from * 1_000..=START + to * 1_000).contains(&time);
        let kept = all
            .iter()
            .filter(|(time, _)| !series.starts_with("a{") || !within(*time));
        assert_eq!(*samples, kept.copied().collect::<Vec<_>>(), "{series}");
    }
    assert_eq!(found.len(), before.len());
}

#[test]
fn what_is_deleted_is_hidden_at_once_and_gone_when_cleaned_and_may_come_again() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..600, |_, _| {});
    db.maintain(START + 500_000).unwrap();
    let before = dump(&db);
    let range = TimeRange::new(START + 100_000, START + 550_000);
    db.delete(range, &[Matcher::equal("__name__", "a")])
        .unwrap();
    assert_deleted(&dump(&db), &before, 100, 550);
    drop(db);
    let db = open_unsynced(windows(directory.path()));
    assert_deleted(&dump(&db), &before, 100, 550);
    let size = db.stats().segment_bytes;
    db.clean_tombstones().unwrap();
    assert_deleted(&dump(&db), &before, 100, 550);
    assert!(db.stats().segment_bytes < size);
    assert_eq!(db.stats().tombstones, 1, "the head still has some of it");
    db.maintain(START + 700_000).unwrap();
    db.maintain(START + 700_000).unwrap();
    assert_eq!(db.stats().tombstones, 0, "{:?}", db.stats());
    assert!(!directory.path().join("tombstones").exists());
    assert_deleted(&dump(&db), &before, 100, 550);
    let again = Labels::from_pairs([("__name__", "a"), ("instance", "h1")]);
    let one = group(&db, "h1");
    let a = line(&db, "a");
    one.append_samples(START + 200_000, &[(a, 5.0)], START + 700_000)
        .unwrap();
    let found = select(
        &db,
        TimeRange::new(START + 200_000, START + 200_000),
        &[Matcher::equal("__name__", "a")],
    );
    assert_eq!(
        found,
        [(
            again.to_string(),
            vec![(START + 200_000, 5.0_f64.to_bits())]
        )]
    );
}

#[test]
fn a_snapshot_opens_as_a_data_directory() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..600, |_, _| {});
    db.maintain(START + 300_000).unwrap();
    db.delete(TimeRange::ALL, &[Matcher::equal("__name__", "b")])
        .unwrap();
    let expected = dump(&db);
    let copies = tempdir().unwrap();
    let whole = copies.path().join("whole");
    db.snapshot(&whole, true).unwrap();
    assert!(db.snapshot(&whole, true).is_err(), "there is one already");
    let sealed = copies.path().join("sealed");
    db.snapshot(&sealed, false).unwrap();
    assert_eq!(dump(&db), expected);
    fill(&db, 600..610, |_, _| {});
    let copy = open_unsynced(windows(&whole));
    assert_eq!(dump(&copy), expected);
    assert_eq!(verify(&whole).unwrap().faults.len(), 0);
    let copy = open_unsynced(windows(&sealed));
    let last = dump(&copy)[0].1.last().unwrap().0;
    assert!((START + 200_000..START + 300_000).contains(&last), "{last}");
}

#[test]
fn a_store_can_be_read_beside_the_process_that_has_it() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..300, |_, _| {});
    db.maintain(START + 200_000).unwrap();
    let files = segment_files(directory.path());
    let beside = Db::open_read_only(windows(directory.path())).unwrap();
    assert_eq!(dump(&beside), dump(&db));
    assert_eq!(files, segment_files(directory.path()));
    assert!(Db::open_read_only(windows(&directory.path().join("none"))).is_err());
}

#[test]
fn a_damaged_segment_is_set_aside_and_the_rest_is_there() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..300, |_, _| {});
    db.maintain(START + 250_000).unwrap();
    drop(db);
    let files = segment_files(directory.path());
    let first = directory.path().join("segments").join(&files[0]);
    let mut bytes = std::fs::read(&first).unwrap();
    let end = bytes.len() - 10;
    bytes[end] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    std::fs::write(directory.path().join("segments/1-2-3.seg.tmp"), "half").unwrap();
    let db = open_unsynced(windows(directory.path()));
    let stats = db.stats();
    assert_eq!(
        (stats.quarantined_files, stats.segments),
        (1, files.len() as u64 - 1)
    );
    assert!(stats.set_aside_bytes > 100);
    assert_eq!(stats.disk_bytes, disk_bytes(directory.path()));
    assert!(
        !segment_files(directory.path())
            .iter()
            .any(|name| name.ends_with("tmp"))
    );
    assert!(dump(&db)[0].1.len() > 200);
}

#[test]
fn a_window_in_which_a_single_column_is_deleted_as_a_whole_can_be_read() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    let single = Labels::from_pairs([("__name__", "single")]);
    db.append_single(&single, START, 1.0, START).unwrap();
    fill(&db, 0..300, |_, _| {});
    db.delete(TimeRange::ALL, &[Matcher::equal("__name__", "single")])
        .unwrap();
    let expected = dump(&db);
    db.maintain(START + 290_000).unwrap();
    assert_eq!(dump(&db), expected);
    drop(db);
    let db = open_unsynced(windows(directory.path()));
    assert_eq!(dump(&db), expected);
    assert_eq!(db.stats().damaged_records, 0);
    let report = watchpost_tsdb::verify(directory.path()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
}
