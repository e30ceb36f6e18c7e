//! A real process, really killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use tempfile::tempdir;
use watchpost_tsdb::Db;

use crate::support::{append, config, dump, group, line};

/// Where the child's store is; without it the child's part has nothing to do.
const CHILD_DIRECTORY: &str = "WATCHPOST_TEST_KILLED_STORE";

/// Runs in the child: tells each row once it can be read.
#[test]
fn the_part_of_the_child_that_is_killed() {
    let Some(path) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let db = Db::open(config(Path::new(&path))).unwrap();
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    let mut out = std::io::stdout().lock();
    for row in 1..=1_000_000_i32 {
        append(&db, &group, row.into(), &[(a, f64::from(row)), (b, 1.0)]).unwrap();
        writeln!(out, "row {row}").unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_visible() {
    let directory = tempdir().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "a kill needs a process of its own"
    )]
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::the_part_of_the_child_that_is_killed",
            "--nocapture",
        ])
        .env(CHILD_DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let row = |line: String| line.strip_prefix("row ")?.parse::<usize>().ok();
    let first = lines
        .by_ref()
        .map_while(Result::ok)
        .filter_map(row)
        .nth(999);
    assert_eq!(first, Some(1_000));
    child.kill().unwrap();
    let last = lines.map_while(Result::ok).filter_map(row).last();
    child.wait().unwrap();
    let told = last.or(first).unwrap();
    let db = Db::open(config(directory.path())).unwrap();
    let found = dump(&db);
    assert!(found[0].1.len() >= told, "{} of {told}", found[0].1.len());
    let whole = (1..)
        .zip(&found[0].1)
        .all(|(row, (time, bits))| i64::from(row) == *time && f64::from(row).to_bits() == *bits);
    assert!(whole);
}
