//! A real process under load, really killed, again and again on the same store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::sync_channel;

use tempfile::tempdir;
use watchpost_model::{Duration, Labels, is_stale};
use watchpost_tsdb::{Config, Db};

use crate::histograms::numbered;
use crate::support::{self, append, dump, group, is_long, line, open_unsynced};

/// Where the child's store is; without it the child's part has nothing to do.
const CHILD_DIRECTORY: &str = "WATCHPOST_TEST_KILLED_STORE";
const START: i64 = 10_000_000_000;
/// Rows are so many ms apart.
const STEP: i64 = 100;
/// Rows that the retention keeps.
const KEPT: i64 = 1_500;

fn config(path: &Path) -> Config {
    Config {
        retention: Duration::from_millis(u64::try_from(KEPT * STEP).unwrap()),
        window: Duration::from_secs(5),
        log_file_size: 20_000,
        ..support::config(path)
    }
}

/// The values of a row, by group and name: counters, things that move and things that do not, on a
/// page that has now these lines and now those.
fn row(number: i64) -> Vec<(&'static str, &'static str, f64)> {
    let small = i32::try_from(number % 1_000_000).unwrap();
    let noise = f64::from(small.wrapping_mul(7_919) % 10_007).sqrt();
    let mut values = vec![
        ("h1", "count", f64::from(small) * 3.0),
        ("h1", "noise", noise),
        ("h1", "steady", 7.0),
        ("h2", "count", f64::from(small / 2)),
        (
            "h1",
            "shape",
            numbered(u32::try_from(number % 1_000).unwrap()),
        ),
        ("h1", "part", f64::from(small) / 100.0),
        ("", "single", -f64::from(small)),
    ];
    if number / 97 % 3 != 0 {
        values.push(("h2", "passing", noise / 3.0));
    }
    values
}

fn append_row(db: &Db, number: i64) {
    let time = START + number * STEP;
    let values = row(number);
    let of = |instance: &str, name: &str| {
        let mut values = values.iter();
        let value = values.find(|(group, have, _)| *group == instance && *have == name);
        value.map(|(_, _, value)| (line(db, name), *value))
    };
    let page = |instance: &str, names: &[&str]| {
        let page = names.iter().filter_map(|name| of(instance, name));
        page.collect::<Vec<_>>()
    };
    let one = group(db, "h1");
    append(
        db,
        &one,
        time,
        &page("h1", &["count", "shape", "noise", "steady"]),
    )
    .unwrap();
    append(
        db,
        &group(db, "h2"),
        time,
        &page("h2", &["count", "passing"]),
    )
    .unwrap();
    one.append_samples(time, &page("h1", &["part"]), time)
        .unwrap();
    let single = Labels::from_pairs([("__name__", "single")]);
    let (_, value) = of("", "single").unwrap();
    db.append_single(&single, time, value, time).unwrap();
}

/// Runs in the child: tells each row once it can be read, while another thread seals and merges.
#[test]
fn the_part_of_the_child_that_is_killed() {
    let Some(path) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "row -1").unwrap();
    let db = open_unsynced(config(Path::new(&path)));
    let newest = db.stats().max_time_ms.unwrap_or(START - STEP);
    let (send, receive) = sync_channel(1);
    let maintained = db.clone();
    std::thread::spawn(move || {
        for now in receive {
            maintained.maintain(now).unwrap();
        }
    });
    for number in (newest - START) / STEP + 1..10_000_000 {
        append_row(&db, number);
        writeln!(out, "row {number}").unwrap();
        if number % 10 == 0 {
            let busy = send.try_send(START + number * STEP).is_err();
            // Where it has not done the last yet, it need not do this one.
            if busy {
                std::thread::yield_now();
            }
        }
    }
}

fn start(directory: &Path) -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "a kill needs a process of its own"
    )]
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_part_of_the_child_that_is_killed"])
        .arg("--nocapture")
        .env(CHILD_DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the child when it has told so many rows. Gives the last row that it told.
fn kill_after(directory: &Path, rows: usize) -> Option<i64> {
    let mut child = start(directory);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: String| line.strip_prefix("row ")?.parse::<i64>().ok();
    let told = lines.by_ref().map_while(Result::ok).filter_map(number);
    let first = told.take(rows + 1).last();
    child.kill().unwrap();
    let last = lines.map_while(Result::ok).filter_map(number).last();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!error.contains("panicked"), "{error}");
    last.or(first)
}

/// Fails where something that was told is not there, or something is there that was never told and
/// is not of the row in the middle of which the kill came.
fn check(db: &Db, told: i64, torn: &BTreeSet<i64>, round: usize) {
    let mut found: BTreeMap<String, BTreeMap<i64, u64>> = BTreeMap::new();
    for (series, samples) in dump(db) {
        found.insert(series, samples.into_iter().collect());
    }
    for number in (told - KEPT + 1).max(0)..=told {
        let time = START + number * STEP;
        for (instance, name, value) in row(number) {
            let samples = found.get_mut(&series(instance, name));
            let have = samples.and_then(|samples| samples.remove(&time));
            let expected = Some(value.to_bits());
            assert!(
                have == expected || (have.is_none() && torn.contains(&number)),
                "kill {round}: {have:x?} in row {number} of {told}, {name} of {instance}"
            );
        }
    }
    for (name, samples) in found {
        for (time, bits) in samples {
            let number = (time - START) / STEP;
            let mut row = row(number).into_iter();
            let known = row.any(|(instance, have, value)| {
                series(instance, have) == name && value.to_bits() == bits
            });
            assert!(
                known || is_stale(f64::from_bits(bits)),
                "kill {round}: {name} has {bits:#x} in row {number}"
            );
            assert!(number <= told + 1, "kill {round}: row {number} of {told}");
        }
    }
}

fn series(instance: &str, name: &str) -> String {
    Labels::from_pairs([("__name__", name), ("instance", instance)]).to_string()
}

#[test]
fn a_killed_process_loses_nothing_that_was_visible() {
    let directory = tempdir().unwrap();
    let mut newest = -1;
    // The rows in the middle of which a kill came: the next child goes on after them.
    let mut torn = BTreeSet::new();
    for round in 0..if is_long() { 1_000 } else { 25 } {
        // Now and then in the middle of the start.
        let rows = if round % 10 == 9 {
            0
        } else {
            round * 7_919 % 293
        };
        newest = kill_after(directory.path(), rows)
            .max(Some(newest))
            .unwrap();
        torn.insert(newest + 1);
        let db = open_unsynced(config(directory.path()));
        check(&db, newest, &torn, round);
    }
    assert!(newest > 0);
}
