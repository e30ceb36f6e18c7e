//! What a stop at any moment leaves.

use std::path::Path;

use tempfile::tempdir;
use watchpost_model::{Duration, Labels};
use watchpost_tsdb::{Config, Db, Error, TimeRange};

use crate::support::{Dump, append, config, dump, group, line, log_files, open_unsynced, select};

/// A run with layouts that change, parts, singles and ends; `each` is called after every step.
fn scripted(db: &Db, mut each: impl FnMut(&Db)) {
    let (a, b, c) = (line(db, "a"), line(db, "b"), line(db, "c"));
    let (one, two) = (group(db, "h1"), group(db, "h2"));
    let single = Labels::from_pairs([("__name__", "single"), ("instance", "h1")]);
    for step in 0..12_i32 {
        let (time, value) = (i64::from(step) * 1_000, f64::from(step));
        append(db, &one, time, &[(a, value), (b, 0.1 * value)]).unwrap();
        each(db);
        let page: &[_] = if step % 3 == 0 {
            &[(c, 1.0), (a, value)]
        } else {
            &[(a, 5.0)]
        };
        append(db, &two, time, page).unwrap();
        each(db);
        one.append_samples(time, &[(c, value)], time).unwrap();
        each(db);
        db.append_single(&single, time + 7, value, time).unwrap();
        each(db);
    }
    one.end(12_000, 12_000).unwrap();
    each(db);
}

/// A store whose log has these bytes as its only file.
fn open_with(log: &[u8]) -> (tempfile::TempDir, Db) {
    let directory = tempdir().unwrap();
    std::fs::create_dir(directory.path().join("log")).unwrap();
    std::fs::write(directory.path().join("log/0000000001.log"), log).unwrap();
    let db = open_unsynced(config(directory.path()));
    (directory, db)
}

#[test]
fn a_log_cut_at_any_byte_gives_all_that_was_whole_before() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    let log = log_files(directory.path()).pop().unwrap();
    let mut steps: Vec<(u64, Dump)> = vec![(0, Vec::new())];
    scripted(&db, |db| {
        // A row is in the file before it can be read.
        steps.push((std::fs::metadata(&log).unwrap().len(), dump(db)));
    });
    drop(db);
    let bytes = std::fs::read(&log).unwrap();
    for cut in 0..=bytes.len() {
        let (_directory, db) = open_with(&bytes[..cut]);
        let whole = steps.iter().rev().find(|(length, _)| *length <= cut as u64);
        assert_eq!(dump(&db), whole.unwrap().1, "cut at {cut}");
    }
}

#[test]
fn a_flipped_byte_costs_no_sample_of_other_groups_and_none_before_it() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    let log = log_files(directory.path()).pop().unwrap();
    let mut steps: Vec<(u64, Dump)> = vec![(0, Vec::new())];
    scripted(&db, |db| {
        steps.push((std::fs::metadata(&log).unwrap().len(), dump(db)));
    });
    let all = dump(&db);
    drop(db);
    let good = std::fs::read(&log).unwrap();
    for place in 16..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x41;
        let (_directory, db) = open_with(&bytes);
        assert!(db.stats().damaged_records > 0, "byte {place}");
        let found = dump(&db);
        let before = steps
            .iter()
            .rev()
            .find(|(length, _)| *length <= place as u64);
        for (series, samples) in &before.unwrap().1 {
            let (_, read) = found.iter().find(|(have, _)| have == series).unwrap();
            assert!(read.starts_with(samples), "byte {place}: {series}");
        }
        // What is read was written.
        for (series, samples) in &found {
            let (_, written) = all.iter().find(|(have, _)| have == series).unwrap();
            assert!(
                samples.iter().all(|sample| written.contains(sample)),
                "byte {place}"
            );
        }
    }
}

#[test]
fn damage_to_a_definition_gives_no_series_the_values_of_another_and_hides_none() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(Config {
        retention: Duration::from_secs(10_000),
        ..config(directory.path())
    });
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let one = group(&db, "h1");
    // `b` ends and its rows leave the memory, their file stays; its column serves `d`.
    for second in 0..10_300_i32 {
        let (time, value) = (i64::from(second) * 1_000, f64::from(second));
        let page = [(a, value), (b, 10_000.0 + value)];
        append(&db, &one, time, &page[..if second < 150 { 2 } else { 1 }]).unwrap();
    }
    db.maintain(10_300_000).unwrap();
    assert_eq!(db.stats().series, 1);
    let log = log_files(directory.path()).pop().unwrap();
    let start = usize::try_from(std::fs::metadata(&log).unwrap().len()).unwrap();
    let (c, d) = (line(&db, "c"), line(&db, "d"));
    for second in 10_300..10_310_i32 {
        let (time, value) = (i64::from(second) * 1_000, f64::from(second));
        let page = [(a, value), (d, 20_000.0 + value), (c, 30_000.0 + value)];
        append(&db, &one, time, &page).unwrap();
    }
    drop((one, db));
    let good = std::fs::read(&log).unwrap();
    let expected = |series: &str| match series.as_bytes()[0] {
        b'a' => 0.0,
        b'b' => 10_000.0,
        b'c' => 30_000.0,
        _ => 20_000.0,
    };
    for place in start..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x41;
        std::fs::write(&log, bytes).unwrap();
        let db = open_unsynced(config(directory.path()));
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| line(&db, name));
        for (series, samples) in dump(&db) {
            for (time, bits) in samples {
                let value = f64::from_bits(bits);
                let stale = watchpost_model::is_stale(value);
                let written = expected(&series) + f64::from(i32::try_from(time / 1_000).unwrap());
                assert!(
                    stale || value.to_bits() == written.to_bits(),
                    "byte {place}: {series} {time} {value}"
                );
            }
        }
        let page = [(a, 1.0), (b, 2.0), (c, 3.0), (d, 4.0)];
        append(&db, &group(&db, "h1"), 10_310_000, &page).unwrap();
        let range = TimeRange::new(10_310_000, 10_310_000);
        let found = select(&db, range, &[]).len();
        assert_eq!(found, 4, "byte {place}: every series can be read");
        // What this store wrote is not for the next one.
        drop(db);
        let own = log_files(directory.path()).pop().unwrap();
        assert_ne!(own, log);
        std::fs::remove_file(own).unwrap();
    }
}

#[test]
fn a_store_goes_on_after_each_restart() {
    let directory = tempdir().unwrap();
    let mut expected = Vec::new();
    for run in 0..5_i32 {
        let db = open_unsynced(config(directory.path()));
        assert_eq!(dump(&db), expected);
        let (a, b, up) = (line(&db, "a"), line(&db, "b"), line(&db, "up"));
        let group = group(&db, "h1");
        for step in 0..200_i32 {
            let time = i64::from(run * 200 + step);
            let page = [(a, f64::from(step)), (b, f64::from(run))];
            append(&db, &group, time, &page[..if run == 2 { 1 } else { 2 }]).unwrap();
            group.append_samples(time, &[(up, 1.0)], time).unwrap();
        }
        expected = dump(&db);
        let stale = watchpost_model::stale_nan().to_bits();
        let up_ended = expected.iter().any(|(series, samples)| {
            series.starts_with("up") && samples.iter().any(|(_, bits)| *bits == stale)
        });
        assert!(!up_ended, "a page after a restart ends no part");
    }
    let ended = |samples: &[(i64, u64)]| {
        let stale = watchpost_model::stale_nan().to_bits();
        samples
            .iter()
            .filter(|(_, bits)| *bits == stale)
            .map(|(time, _)| *time)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ended(&expected[1].1),
        [400],
        "a series ends at the first page without it"
    );
}

#[test]
fn a_file_without_a_header_is_set_aside_and_the_rest_is_read() {
    let directory = tempdir().unwrap();
    for time in 1..=2 {
        let db = open_unsynced(config(directory.path()));
        append(&db, &group(&db, "h1"), time, &[(line(&db, "a"), 1.0)]).unwrap();
    }
    let first = &log_files(directory.path())[0];
    std::fs::write(first, b"garbage that is no log").unwrap();
    let db = open_unsynced(config(directory.path()));
    assert_eq!(dump(&db)[0].1.len(), 1);
    assert_eq!(db.stats().quarantined_files, 1);
    let aside = std::fs::read(first.with_extension("log.bad")).unwrap();
    assert_eq!(aside, b"garbage that is no log");
}

#[test]
fn a_directory_in_use_is_refused_with_its_holder() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    let error = Db::open(config(directory.path())).unwrap_err();
    let Error::InUse { holder, .. } = &error else {
        panic!("expected `InUse`, found {error:?}")
    };
    assert_eq!(*holder, format!(" (pid {})", std::process::id()));
    drop(db);
    open_unsynced(config(directory.path()));
}

#[test]
fn a_directory_that_is_not_ours_is_left_untouched() {
    let names = |path: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    for block in ["01BKGV7JC0RY8A6MACW02A2PJD", "wal", "chunks_head"] {
        let directory = tempdir().unwrap();
        std::fs::create_dir(directory.path().join(block)).unwrap();
        let error = Db::open(config(directory.path())).unwrap_err();
        assert!(error.to_string().contains("Prometheus"), "{error}");
        assert_eq!(names(directory.path()), [block]);
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    append(&db, &group(&db, "h1"), 1, &[(line(&db, "a"), 1.0)]).unwrap();
    drop(db);
    let log = &log_files(directory.path())[0];
    let good = std::fs::read(log).unwrap();
    let mut newer = good.clone();
    newer[8] = 9;
    let crc = crc32c::crc32c(&newer[..12]).to_le_bytes();
    newer[12..16].copy_from_slice(&crc);
    std::fs::write(log, newer).unwrap();
    let error = Db::open(config(directory.path())).unwrap_err();
    assert!(error.to_string().contains("log format 9"), "{error}");
    std::fs::write(log, good).unwrap();
    open_unsynced(config(directory.path()));
    std::fs::write(directory.path().join("format"), "watchpost tsdb 3\n").unwrap();
    let error = Db::open(config(directory.path())).unwrap_err();
    assert!(error.to_string().contains("format 3"), "{error}");
}
