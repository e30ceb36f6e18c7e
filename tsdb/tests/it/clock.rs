//! A clock that goes wrong.

use tempfile::tempdir;
use watchpost_model::{Duration, Labels, stale_nan};
use watchpost_tsdb::{Config, Db, Row, TimeRange};

use crate::support::{append, config, dump, group, line, log_files, open_unsynced, select};

const DAY: i64 = 86_400_000;

#[test]
fn scraping_goes_on_when_the_clock_was_a_day_ahead_and_the_rows_come_back_after_a_restart() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let target = group(&db, "h1");
    let single = Labels::from_pairs([("__name__", "single")]);
    let start = 100 * DAY;
    // Right, a day ahead, right again; then another step back, and at last past all of it.
    let mut times: Vec<i64> = (0..20).map(|n| start + n * 5_000).collect();
    times.extend((20..300).map(|n| start + DAY + n * 5_000));
    times.extend((20..200).map(|n| start + n * 5_000));
    times.extend((150..300).map(|n| start + n * 5_000 + 1));
    times.extend((300..310).map(|n| start + DAY + n * 5_000));
    for (value, time) in (0_i32..).zip(&times) {
        let value = f64::from(value);
        append(&db, &target, *time, &[(a, value), (b, 1.0)]).unwrap();
        db.append_single(&single, *time, value, *time).unwrap();
    }
    let found = dump(&db);
    let mut written: Vec<(i64, u64)> = (0_i32..)
        .zip(&times)
        .map(|(value, time)| (*time, f64::from(value).to_bits()))
        .collect();
    written.sort_unstable();
    assert_eq!(found[0].1, written);
    assert_eq!(found[2].1, written, "the single column");
    assert_eq!(found.len(), 3, "to a reader they are one series");
    let stats = db.stats();
    assert!(
        stats.side_rows > 2 * 300 && stats.refused.is_empty(),
        "{stats:?}"
    );
    drop((target, db));
    let db = open_unsynced(config(directory.path()));
    assert_eq!(db.stats().damaged_records, 0);
    assert_eq!(dump(&db), found);
    // The clock goes back once more, and the series still are what they were.
    let (a, target) = (line(&db, "a"), group(&db, "h1"));
    let time = start + 299 * 5_000 + 2;
    append(&db, &target, time, &[(a, 7.0)]).unwrap();
    let range = TimeRange::new(time, time);
    let b_ended = select(&db, range, &[]);
    assert_eq!(b_ended.len(), 2);
    assert_eq!(
        b_ended[1].1,
        [(time, stale_nan().to_bits())],
        "`b` has ended"
    );
    let ended = target.end(time + 1, time + 1).unwrap();
    assert_eq!(ended.ended, 1);
}

#[test]
fn side_heads_go_with_the_retention() {
    let db = Db::in_memory(Config {
        retention: Duration::from_secs(10_000),
        ..Config::default()
    });
    let a = line(&db, "a");
    let target = group(&db, "h1");
    append(&db, &target, 5_000_000, &[(a, 1.0)]).unwrap();
    append(&db, &target, 1_000_000, &[(a, 2.0)]).unwrap();
    assert_eq!((db.stats().groups, db.stats().series), (2, 2));
    db.maintain(12_000_000).unwrap();
    assert_eq!((db.stats().groups, db.stats().series), (1, 1));
    assert_eq!(dump(&db)[0].1, [(5_000_000, 1.0_f64.to_bits())]);
}

#[test]
fn a_clock_that_goes_back_again_and_again_is_refused_at_last() {
    let db = Db::in_memory(Config::default());
    let a = line(&db, "a");
    let target = group(&db, "h1");
    let results: Vec<bool> = (0..12)
        .map(|n| append(&db, &target, 100 * DAY - n * 1_000, &[(a, 1.0)]).is_ok())
        .collect();
    let mut expected = vec![true; 9];
    expected.extend([false; 3]);
    assert_eq!(results, expected);
    assert_eq!(dump(&db)[0].1.len(), 9);
}

#[test]
fn one_sample_of_long_ago_does_not_start_a_log_file() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(config(directory.path()));
    let a = line(&db, "a");
    let target = group(&db, "h1");
    for round in 0..50_i32 {
        let now = 100 * DAY + i64::from(round) * 5_000;
        append(&db, &target, now, &[(a, 1.0)]).unwrap();
        let old = Labels::from_pairs([("__name__", "old"), ("n", &round.to_string())]);
        db.append_single(&old, now - 10 * DAY, 1.0, now).unwrap();
    }
    assert_eq!(log_files(directory.path()).len(), 1);
    let row = Row {
        time_ms: 101 * DAY,
        layout: &db.layout(&[a]),
        values: &[2.0],
    };
    target.append(row, 101 * DAY).unwrap();
}
