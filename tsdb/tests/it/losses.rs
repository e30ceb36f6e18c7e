//! What must neither be lost nor come back: between log, head files, segments and tombstones.

use std::path::Path;

use tempfile::tempdir;
use watchpost_model::{Duration, Labels, Matcher, Metadata, MetricType};
use watchpost_tsdb::{Config, Db, Exemplar, TimeRange};

use crate::support::{self, append, append_at, config, dump, group, line, open_unsynced};

const WINDOW: i64 = 60_000;
const START: i64 = 12 * WINDOW * 10_000;

fn windows(path: &Path) -> Config {
    Config {
        window: Duration::from_secs(60),
        retention: Duration::from_secs(86_400),
        out_of_order_window: Duration::from_secs(3_600),
        ..config(path)
    }
}

/// A row a second of `a` and `b`.
fn fill(db: &Db, seconds: std::ops::Range<i32>) {
    let (a, b) = (line(db, "a"), line(db, "b"));
    let one = group(db, "h1");
    for second in seconds {
        let time = START + i64::from(second) * 1_000;
        append(db, &one, time, &[(a, f64::from(second)), (b, 1.0)]).unwrap();
    }
}

fn maintain(db: &Db, now_ms: i64) {
    for _ in 0..3 {
        db.maintain(now_ms).unwrap();
    }
}

#[test]
fn past_samples_of_a_series_whose_later_ones_are_sealed_outlive_a_restart() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    let series = Labels::from_pairs([("__name__", "past")]);
    let now = START + 36_000_000;
    let later = [(START + 100_000, 1.0), (START + 110_000, 2.0)];
    db.append_past(&series, &later, now).unwrap();
    maintain(&db, now);
    let stats = db.stats();
    assert_eq!(
        (stats.segments, stats.groups),
        (1, 0),
        "sealed and forgotten"
    );
    db.append_past(&series, &[(START + 50_000, 3.0)], now)
        .unwrap();
    let expected = dump(&db);
    assert_eq!(expected[0].1.len(), 3);
    drop(db);
    let db = open_unsynced(windows(directory.path()));
    assert_eq!(dump(&db), expected);
    maintain(&db, now + 60_000);
    assert_eq!(dump(&db), expected);
}

#[test]
fn a_past_sample_in_a_block_with_a_new_one_outlives_a_restart_where_those_between_are_sealed() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    let series = Labels::from_pairs([("__name__", "past")]);
    let now = START + 36_000_000;
    let put = |second: i64| {
        let sample = [(START + second * 1_000, 1.0)];
        db.append_past(&series, &sample, now).unwrap();
    };
    put(100);
    maintain(&db, now);
    let stats = db.stats();
    assert_eq!((stats.segments, stats.groups), (1, 0));
    put(50);
    put(200);
    let expected = dump(&db);
    assert_eq!(expected[0].1.len(), 3);
    // It finishes all blocks, so that one has both.
    let copies = tempdir().unwrap();
    db.snapshot(&copies.path().join("copy"), true).unwrap();
    assert_eq!(db.stats().head_blocks, 1);
    drop(db);
    for _ in 0..2 {
        let db = open_unsynced(windows(directory.path()));
        assert_eq!(dump(&db), expected);
        maintain(&db, now + 60_000);
        assert_eq!(dump(&db), expected);
    }
}

#[test]
fn what_was_deleted_stays_deleted_when_the_log_is_read_again() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..100);
    let (c, two) = (line(&db, "c"), group(&db, "h2"));
    append(&db, &two, START, &[(c, 1.0)]).unwrap();
    db.delete(TimeRange::ALL, &[Matcher::equal("__name__", "c")])
        .unwrap();
    drop(two);
    for minute in 2..30 {
        fill(&db, minute * 60..minute * 60 + 2);
        maintain(&db, START + i64::from(minute) * 60_000 + 10_000);
    }
    db.clean_tombstones().unwrap();
    let expected = dump(&db);
    assert_eq!(expected.len(), 2);
    drop(db);
    let db = open_unsynced(windows(directory.path()));
    assert_eq!(dump(&db), expected);
    assert_eq!(db.stats().tombstones, 0, "and nothing is left of it");
}

#[test]
fn what_was_deleted_stays_deleted_where_nothing_else_was_there() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..100);
    db.delete(TimeRange::ALL, &[Matcher::equal("instance", "h1")])
        .unwrap();
    maintain(&db, START + 36_000_000);
    db.clean_tombstones().unwrap();
    assert_eq!(dump(&db), []);
    let nothing: [&str; 0] = [];
    let instances = db.label_values("instance", TimeRange::ALL, &[]);
    assert_eq!(instances.unwrap(), nothing);
    assert_eq!(db.label_names(TimeRange::ALL, &[]).unwrap(), nothing);
    drop(db);
    let db = open_unsynced(windows(directory.path()));
    assert_eq!(dump(&db), []);
}

#[test]
fn what_was_deleted_stays_deleted_in_a_snapshot_that_is_written_anew() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..50);
    db.delete(TimeRange::ALL, &[Matcher::equal("__name__", "b")])
        .unwrap();
    let expected = dump(&db);
    let copies = tempdir().unwrap();
    let copy = copies.path().join("copy");
    db.snapshot(&copy, true).unwrap();
    let copy = open_unsynced(windows(&copy));
    assert_eq!(dump(&copy), expected);
    maintain(&copy, START + 36_000_000);
    assert_eq!(dump(&copy), expected);
}

#[test]
fn what_comes_after_a_deletion_is_there_also_in_rows_that_came_before_it() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..60);
    let (c, one) = (line(&db, "c"), group(&db, "h1"));
    db.delete(TimeRange::ALL, &[]).unwrap();
    assert_eq!(dump(&db), []);
    let now = START + 60_000;
    let b = line(&db, "b");
    let put = |second: i64, sample| {
        let appended = one.append_samples(START + second * 1_000, &[sample], now);
        assert_eq!(appended.unwrap().samples, 1);
    };
    put(59, (c, 5.0));
    put(10, (b, 1.0));
    put(59, (b, 2.0));
    let found = dump(&db);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].1.len(), found[1].1.len()), (2, 1));
}

#[test]
fn a_block_that_rots_in_a_head_file_costs_its_rows_and_holds_nothing_up() {
    let directory = tempdir().unwrap();
    let db = open_unsynced(windows(directory.path()));
    fill(&db, 0..100);
    let head = directory.path().join("head/0000000001.head");
    let mut bytes = std::fs::read(&head).unwrap();
    let place = bytes.len() - 5;
    bytes[place] ^= 1;
    std::fs::write(&head, bytes).unwrap();
    let left = dump(&db)[0].1.len();
    assert!((60..100).contains(&left), "{left}");
    maintain(&db, START + 36_000_000);
    let stats = db.stats();
    assert_eq!((stats.ring.failures, stats.segments > 0), (0, true));
    assert!(stats.damaged_records > 0, "{stats:?}");
    assert_eq!(dump(&db)[0].1.len(), left);
    assert!(head.with_extension("head.bad").exists(), "bytes are kept");
}

fn kept(path: &Path) -> Config {
    Config {
        max_exemplars: 3,
        window: Duration::from_secs(30),
        log_file_size: 2_000,
        ..config(path)
    }
}

fn requests() -> Labels {
    Labels::from_pairs([("__name__", "requests_total"), ("job", "j")])
}

fn exemplify(db: &Db, trace: i64) {
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", trace.to_string())]),
        value: -0.0,
        time_ms: START + trace,
    };
    db.append_exemplar(&requests(), exemplar, true);
}

fn said(help: &str) -> Metadata {
    Metadata {
        metric_type: MetricType::Counter,
        help: help.to_owned(),
        unit: "seconds".to_owned(),
    }
}

/// The store has the exemplars of these traces, and all metadata.
fn check_notes(db: &Db, traces: &[&str]) {
    let found = db.exemplars(TimeRange::ALL, &[vec![Matcher::equal("job", "j")]]);
    let [(of, found)] = found.as_slice() else {
        panic!("expected one series, found {found:?}");
    };
    assert_eq!(*of, requests());
    let labels = found.iter().map(|found| found.labels.get("trace_id"));
    assert_eq!(labels.collect::<Vec<_>>(), traces);
    assert!(found.iter().all(|found| found.value.is_sign_negative()));
    let metadata = db.metadata(None).into_iter();
    let metadata = metadata.map(|(group, metric, said)| {
        let kind = said.metric_type.as_str();
        format!("{group} {metric} {kind} {} {}", said.help, said.unit)
    });
    let mut metadata: Vec<_> = metadata.collect();
    metadata.sort();
    let wanted = [
        r#"{instance="h1"} a counter Of a page. seconds"#,
        r#"{instance="h1"} b counter Of b. seconds"#,
        r#"{instance="h2"} a counter Of a page. seconds"#,
    ];
    assert_eq!(metadata, wanted);
}

#[test]
fn exemplars_and_metadata_are_there_after_kills_seals_and_removed_log_files() {
    let directory = tempdir().unwrap();
    let db = Db::open(kept(directory.path())).unwrap();
    let (one, two) = (group(&db, "h1"), group(&db, "h2"));
    let page: std::sync::Arc<[_]> = [("a".to_owned(), said("Of a page."))].into();
    db.set_page_metadata(&one, &page);
    db.set_page_metadata(&two, &page);
    db.set_metadata(&one, "b", &said("Of b."));
    (1..5).for_each(|trace| exemplify(&db, trace));
    db.maintain(START).unwrap();
    // Another one after all of them were written, and a kill.
    exemplify(&db, 5);
    let copy = tempdir().unwrap();
    support::copy_directory(directory.path(), copy.path());
    check_notes(&Db::open(kept(copy.path())).unwrap(), &["3", "4", "5"]);
    // So long that the first log files go.
    let a = line(&db, "a");
    let first = support::log_files(directory.path()).remove(0);
    for second in 0..200_i32 {
        let time = START + i64::from(second) * 1_000;
        for group in [&one, &two] {
            append_at(&db, group, time, &[(a, f64::from(second))], time).unwrap();
        }
        if second % 10 == 0 {
            db.maintain(time).unwrap();
        }
    }
    assert!(!first.exists());
    check_notes(&db, &["3", "4", "5"]);
    drop((one, two, db));
    for _ in 0..3 {
        let db = Db::open(kept(directory.path())).unwrap();
        check_notes(&db, &["3", "4", "5"]);
        assert_eq!(db.exemplar_stats().taken, 0);
        db.maintain(START + 200_000).unwrap();
    }
}
