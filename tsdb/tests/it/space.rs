//! Real disks that are full or read-only: small file systems of the test's own, in a namespace of
//! its own. Where the system allows no such namespace the tests say so and pass.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::tempdir;
use watchpost_tsdb::{Config, Db, Error};

use crate::script::{self, STEPS, assert_holds, assert_within, visible};
use crate::support::copy_directory;

/// Where the child's file system is; without it the child's part has nothing to do.
const CHILD_DIRECTORY: &str = "WATCHPOST_TEST_SMALL_DISK";

/// Runs a test of this program in a namespace where `mount` was run on `directory`.
fn within(mount: &str, directory: &Path, test: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a namespace needs a process of its own"
    )]
    let unshare = |script: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script]);
        command.arg(std::env::current_exe().unwrap()).arg(test);
        command.env("DIRECTORY", directory).output()
    };
    if !unshare(mount).is_ok_and(|output| output.status.success()) {
        println!("skipped: this system allows no file system of a test's own");
        return;
    }
    let run = format!(
        "{mount}; export {CHILD_DIRECTORY}=\"$DIRECTORY\"; exec \"$0\" --exact \"$1\" --nocapture"
    );
    let output = unshare(&run).unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

fn child_directory() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIRECTORY).map(PathBuf::from)
}

fn config(path: &Path) -> Config {
    Config {
        log_file_size: 30_000,
        ..script::config(path)
    }
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [65_536, 4_096, 512, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[test]
fn the_part_of_the_child_on_a_full_disk() {
    let Some(top) = child_directory() else { return };
    let (ballast, path) = (top.join("ballast"), top.join("data"));
    let db = Db::open(config(&path)).unwrap();
    let reference = Db::in_memory(config(&path));
    let both = |db: &Db, steps: std::ops::Range<i64>| {
        for step in steps {
            script::step(db, step);
            script::step(&reference, step);
        }
        assert_eq!(visible(db), visible(&reference));
    };
    both(&db, 0..60);
    assert!(db.stats().durable);
    fill(&ballast);
    both(&db, 60..150);
    let full = db.stats();
    assert!(!full.durable && full.rows_not_logged > 0, "{full:?}");
    // A start needs no room.
    let logged = visible(&db);
    drop(db);
    let db = Db::open(config(&path)).unwrap();
    let not_logged = usize::try_from(full.rows_not_logged).unwrap();
    let found = visible(&db);
    assert_within(&found, &[&logged], "after a start on a full disk");
    assert!(logged.len() - found.len() <= not_logged * 5);
    drop(db);
    // Room comes back while the store runs.
    let db = Db::open(config(&path)).unwrap();
    (150..170).for_each(|step| script::step(&db, step));
    fs::remove_file(&ballast).unwrap();
    db.sync().unwrap();
    db.maintain(script::now(170)).unwrap();
    assert!(db.stats().durable);
    (170..STEPS).for_each(|step| script::step(&db, step));
    let before = db.stats();
    let expected = visible(&db);
    assert_holds(&expected, &found, "when room came back");
    drop(db);
    let db = Db::open(config(&path)).unwrap();
    let not_logged = usize::try_from(before.rows_not_logged).unwrap();
    let found = visible(&db);
    assert_within(&found, &[&expected], "after room came back");
    assert!(expected.len() - found.len() <= not_logged * 5);
    assert_eq!(db.stats().damaged_records, 0);
}

#[test]
fn a_full_disk_stops_nothing_and_writing_resumes_when_there_is_room() {
    let directory = tempdir().unwrap();
    within(
        "mount -t tmpfs -o size=300k tmpfs \"$DIRECTORY\"",
        directory.path(),
        "space::the_part_of_the_child_on_a_full_disk",
    );
}

#[test]
fn the_part_of_the_child_on_a_read_only_disk() {
    let Some(path) = child_directory() else {
        return;
    };
    let error = Db::open(config(&path)).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
}

#[test]
fn a_read_only_directory_is_refused_with_its_path_and_left_as_it_is() {
    let directory = tempdir().unwrap();
    let db = Db::open(config(directory.path())).unwrap();
    (0..40).for_each(|step| script::step(&db, step));
    let expected = visible(&db);
    drop(db);
    let copy = tempdir().unwrap();
    copy_directory(directory.path(), copy.path());
    within(
        "mount --bind \"$DIRECTORY\" \"$DIRECTORY\"; mount -o remount,ro,bind \"$DIRECTORY\"",
        copy.path(),
        "space::the_part_of_the_child_on_a_read_only_disk",
    );
    let db = Db::open(config(copy.path())).unwrap();
    assert_eq!(visible(&db), expected);
}
