//! What is dropped, and when.

use tempfile::tempdir;
use watchpost_model::Duration;
use watchpost_tsdb::{Config, Db};

use crate::support::{append, config, dump, group, line, open_unsynced};

#[test]
fn rows_past_the_retention_leave_memory_and_disk() {
    let directory = tempdir().unwrap();
    let config = Config {
        retention: Duration::from_secs(1_000),
        log_file_size: 4_096,
        ..config(directory.path())
    };
    let db = open_unsynced(config.clone());
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let (one, two) = (group(&db, "h1"), group(&db, "h2"));
    append(&db, &two, 0, &[(b, 1.0)]).unwrap();
    for second in 0..10_000_i32 {
        let time = i64::from(second) * 1_000;
        append(&db, &one, time, &[(a, f64::from(second).sqrt())]).unwrap();
        if second % 100 == 0 {
            db.maintain(time).unwrap();
        }
    }
    db.maintain(9_999_000).unwrap();
    let stats = db.stats();
    let oldest = stats.min_time_ms.unwrap();
    assert!((8_800_000..=8_999_000).contains(&oldest), "{oldest}");
    assert_eq!(stats.series, 1, "the series of the second group is gone");
    assert!(stats.disk_bytes < 30_000, "{}", stats.disk_bytes);
    let of = |part: &str| std::fs::read_dir(directory.path().join(part)).unwrap();
    let files = of("log").chain(of("head"));
    let on_disk: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(stats.disk_bytes, on_disk);
    let expected = dump(&db);
    drop((one, two, db));
    let db = open_unsynced(config);
    db.maintain(9_999_000).unwrap();
    let after = dump(&db);
    let recent = |samples: &[(i64, u64)]| {
        samples
            .iter()
            .filter(|(time, _)| *time >= 8_999_000)
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!(recent(&after[0].1), recent(&expected[0].1));
    assert_eq!(recent(&after[0].1).len(), 1_001);
}

#[test]
fn memory_stays_below_its_limit_and_the_newest_rows_stay() {
    let db = Db::in_memory(Config {
        max_memory: 200_000,
        ..Config::default()
    });
    let group = group(&db, "h1");
    let lines: Vec<_> = (0..20).map(|n| line(&db, &format!("m{n}"))).collect();
    for step in 0..5_000_i32 {
        let value = f64::from(step).sqrt();
        let page: Vec<_> = lines.iter().map(|line| (*line, value)).collect();
        append(&db, &group, i64::from(step) * 1_000, &page).unwrap();
        assert!(db.stats().memory_bytes <= 200_000);
    }
    let stats = db.stats();
    assert!(stats.dropped_blocks > 0);
    assert_eq!(stats.max_time_ms, Some(4_999_000));
    assert!(stats.memory_bytes > 150_000);
    assert_eq!(stats.series, 20);
}

#[test]
fn a_slot_of_a_series_that_is_gone_serves_another_one() {
    let directory = tempdir().unwrap();
    let config = Config {
        retention: Duration::from_secs(500),
        max_series: 2,
        ..config(directory.path())
    };
    let db = open_unsynced(config.clone());
    let group = group(&db, "h1");
    let steady = line(&db, "steady");
    for second in 0..5_000_i32 {
        let time = i64::from(second) * 1_000;
        let passing = line(&db, &format!("passing_{}", second / 1_000));
        append(
            &db,
            &group,
            time,
            &[(steady, 1.0), (passing, f64::from(second))],
        )
        .unwrap();
        db.maintain(time).unwrap();
    }
    // A new one waits until the one before it is past the retention.
    assert!(db.stats().refused[0].1 > 400);
    let names = db
        .label_values("__name__", watchpost_tsdb::TimeRange::ALL, &[])
        .unwrap();
    assert_eq!(names, ["passing_4", "steady"]);
    let expected = dump(&db);
    drop((group, db));
    let db = open_unsynced(config);
    db.maintain(4_999_000).unwrap();
    let after = dump(&db);
    assert_eq!(after.len(), expected.len());
    for ((series, read), (_, written)) in after.iter().zip(&expected) {
        assert!(
            written.ends_with(&read[read.len().saturating_sub(300)..]),
            "{series}"
        );
    }
}

#[test]
fn lines_that_nobody_needs_are_forgotten_and_can_come_back() {
    let db = Db::in_memory(Config {
        retention: Duration::from_secs(500),
        max_series: 3,
        ..Config::default()
    });
    let group = group(&db, "h1");
    let steady = line(&db, "steady");
    let first = line(&db, "passing_0");
    let mut refused = 0;
    for second in 0..5_000_i32 {
        let time = i64::from(second) * 1_000;
        // Most of these are above the limit.
        let passing = line(&db, &format!("passing_{second}"));
        let appended = append(&db, &group, time, &[(steady, 1.0), (passing, 1.0)]).unwrap();
        assert_eq!(appended.forgotten, 0);
        refused += appended.refused;
        if second % 10 == 0 {
            db.maintain(time).unwrap();
        }
        assert!(db.stats().lines < 40, "{}", db.stats().lines);
    }
    assert!(refused > 4_000);
    let late = append(&db, &group, 5_000_000, &[(steady, 1.0), (first, 1.0)]).unwrap();
    assert_eq!((late.samples, late.refused, late.forgotten), (1, 1, 1));
    db.maintain(6_000_000).unwrap();
    db.maintain(6_000_000).unwrap();
    let (steady, first) = (line(&db, "steady"), line(&db, "passing_0"));
    let anew = append(&db, &group, 6_000_000, &[(steady, 1.0), (first, 1.0)]).unwrap();
    assert_eq!((anew.samples, anew.new_series), (2, 2));
    let names = db
        .label_values("__name__", watchpost_tsdb::TimeRange::ALL, &[])
        .unwrap();
    assert_eq!(names, ["passing_0", "steady"]);
}
