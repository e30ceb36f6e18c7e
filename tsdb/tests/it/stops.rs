//! A scripted run that is stopped at every call that writes: by a kill, by a kill in the middle of
//! the call, by a power cut; and one in which every call fails once.

use std::path::Path;
use std::sync::Arc;

use tempfile::tempdir;
use watchpost_tsdb::Db;

use crate::disk::{Fault, FaultyDisk};
use crate::script::{self, STEPS, Samples, assert_holds, assert_within, both, config, visible};
use crate::support::{is_long, open_unsynced};

/// What could be read after each step of a run on a good disk; the first is that of the open store.
struct Reference {
    steps: Vec<Samples>,
    calls: u64,
}

/// Runs until the disk is dead. `each` is called after the start and after each step that was over
/// before.
fn run(path: &Path, disk: &FaultyDisk, mut each: impl FnMut(&Db)) -> Option<Db> {
    let db = Db::open_on(config(path), Arc::new(disk.clone())).ok()?;
    if !disk.is_dead() {
        each(&db);
    }
    for step in 0..STEPS {
        if disk.is_dead() {
            break;
        }
        script::step(&db, step);
        if !disk.is_dead() {
            each(&db);
        }
    }
    Some(db)
}

impl Reference {
    fn new() -> Self {
        let directory = tempdir().unwrap();
        let disk = FaultyDisk::new(Fault::Fails, u64::MAX);
        let mut steps = Vec::new();
        run(directory.path(), &disk, |db| {
            steps.push(visible(db));
        });
        let calls = disk.calls();
        Self { steps, calls }
    }

    fn last(&self) -> &Samples {
        self.steps.last().unwrap()
    }

    /// The entry of the last of so many steps, and of the one in which the stop came.
    fn around(&self, over: usize) -> (usize, usize) {
        (over.saturating_sub(1), over.min(self.steps.len() - 1))
    }

    /// What has to be there, and what may be, when the step `over` was over and `next` was not.
    fn check(&self, found: &Samples, (over, next): (usize, usize), what: &str) {
        let (over, next) = (&self.steps[over], &self.steps[next]);
        assert_holds(found, &both(over, next), what);
        assert_within(found, &[over, next], what);
    }
}

/// The calls at which to stop: all of them in a long run.
fn places(calls: u64, some: u64) -> impl Iterator<Item = u64> {
    let stride = if is_long() { 1 } else { (calls / some).max(1) };
    (1..=calls + 3).step_by(usize::try_from(stride).unwrap())
}

#[test]
fn a_kill_at_any_call_loses_nothing_that_was_visible() {
    let reference = Reference::new();
    for fault in [Fault::Killed, Fault::Torn] {
        for call in places(reference.calls, 60) {
            let what = format!("{fault:?} at call {call}");
            let directory = tempdir().unwrap();
            let disk = FaultyDisk::new(fault, call);
            let mut over = 0;
            drop(run(directory.path(), &disk, |_| over += 1));
            let db = open_unsynced(config(directory.path()));
            let stats = db.stats();
            // The file in the middle of whose header or record it was.
            let damaged = stats.damaged_records + stats.quarantined_files;
            assert!(damaged <= 1, "{what}: {stats:?}");
            reference.check(&visible(&db), reference.around(over), &what);
            goes_on(db, directory.path(), &what);
        }
    }
}

/// The store takes what comes after a stop, and has it after one more.
fn goes_on(db: Db, path: &Path, what: &str) {
    for step in STEPS..STEPS + 45 {
        script::step(&db, step);
    }
    let expected = visible(&db);
    assert!(!expected.is_empty());
    drop(db);
    let db = open_unsynced(config(path));
    assert_eq!(visible(&db), expected, "{what}, and a restart");
}

#[test]
fn a_power_cut_at_any_call_loses_nothing_that_was_there_at_the_last_sync() {
    let reference = Reference::new();
    for call in places(reference.calls, 60) {
        let directory = tempdir().unwrap();
        let disk = FaultyDisk::new(Fault::Killed, call);
        let mut over = 0;
        drop(run(directory.path(), &disk, |_| over += 1));
        let (over, next) = reference.around(over);
        // The step `n` is the entry `n + 1`; those that end in 8 sync, before they append.
        let synced = (0..over).rev().find(|entry| entry % 10 == 8).unwrap_or(0);
        let steps = &reference.steps[synced..=next];
        let least = steps
            .iter()
            .skip(1)
            .fold(steps[0].clone(), |least, samples| both(&least, samples));
        let most: Vec<_> = steps.iter().collect();
        for names in [false, true] {
            let what = format!("power cut at call {call}, last names kept: {names}");
            let left = tempdir().unwrap();
            disk.after_power_cut(directory.path(), left.path(), names);
            let db = open_unsynced(config(left.path()));
            let found = visible(&db);
            assert_holds(&found, &least, &what);
            assert_within(&found, &most, &what);
        }
    }
}

#[test]
fn a_call_that_fails_costs_nothing_in_memory_and_what_was_logged_stays() {
    let reference = Reference::new();
    for call in places(reference.calls, 60) {
        let what = format!("failing call {call}");
        let directory = tempdir().unwrap();
        let disk = FaultyDisk::new(Fault::Fails, call);
        let mut entry = 0;
        let db = run(directory.path(), &disk, |db| {
            entry += 1;
            if entry % 20 == 0 {
                reference.check(&visible(db), (entry - 1, entry - 1), &what);
            }
        });
        // Without its directories the store cannot be opened at all.
        let Some(db) = db else { continue };
        reference.check(&visible(&db), (entry - 1, entry - 1), &what);
        // The first may be the call that fails.
        db.sync().or_else(|_| db.sync()).unwrap();
        let stats = db.stats();
        assert!(stats.durable, "{what}");
        drop(db);
        let db = open_unsynced(config(directory.path()));
        assert_eq!(db.stats().damaged_records, 0, "{what}");
        let found = visible(&db);
        assert_within(&found, &[reference.last()], &what);
        let missing = reference.last().len() - found.len();
        let not_logged = usize::try_from(stats.rows_not_logged).unwrap();
        assert!(
            missing <= not_logged * 5,
            "{what}: {missing} samples are lost, {not_logged} rows were not logged"
        );
    }
}
