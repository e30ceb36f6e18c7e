//! Files that were damaged: every kind, every region of it.
//!
//! What damage may cost is told by taking the file away: at most what is lost without it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir};
use watchpost_tsdb::{Db, Error};

use crate::disk::{Fault, FaultyDisk};
use crate::script::{self, Samples, assert_holds, assert_within, config, visible};
use crate::support::{copy_directory, is_long};

/// A store's directory with files of all kinds, as a kill left it, and what could be read.
struct Store {
    directory: TempDir,
    samples: Samples,
    /// These, and what was deleted: it may come back from the log where the segment is lost that it was
    /// taken out of.
    ever: Samples,
}

impl Store {
    fn new() -> Self {
        let directory = tempdir().unwrap();
        let live = tempdir().unwrap();
        let db = crate::support::open_unsynced(config(live.path()));
        let mut ever = Samples::new();
        for step in 0..script::STEPS {
            if step == script::DELETION {
                ever = visible(&db);
            }
            script::step(&db, step);
        }
        copy_directory(live.path(), directory.path());
        let samples = visible(&db);
        ever.extend(samples.clone());
        Self {
            directory,
            samples,
            ever,
        }
    }

    /// The files, by their path in the directory.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        list(self.directory.path(), &mut files);
        let top = self.directory.path();
        files
            .iter()
            .map(|file| file.strip_prefix(top).unwrap().to_owned())
            .collect()
    }

    fn copy(&self) -> TempDir {
        let copy = tempdir().unwrap();
        copy_directory(self.directory.path(), copy.path());
        copy
    }

    /// What can be read whatever becomes of a file. What is found to be damaged only when it is read,
    /// in a segment or in a block of a head file, may be in the log as well, where nobody looks for it
    /// any more.
    fn least(&self, file: &Path) -> Samples {
        if !file.starts_with("head") && !file.starts_with("segments") {
            return self.without(file);
        }
        let alone = tempdir().unwrap();
        let parent = file.parent().unwrap();
        fs::create_dir(alone.path().join(parent)).unwrap();
        let top = self.directory.path();
        fs::copy(top.join(file), alone.path().join(file)).unwrap();
        let held = visible(&open(alone.path()).unwrap());
        let samples = self.samples.iter();
        let others = samples.filter(|(cell, _)| !held.contains_key(*cell));
        others.map(|(cell, bits)| (cell.clone(), *bits)).collect()
    }

    /// What can be read without a file.
    fn without(&self, file: &Path) -> Samples {
        let copy = self.copy();
        fs::remove_file(copy.path().join(file)).unwrap();
        let db = open(copy.path()).unwrap();
        visible(&db)
    }
}

fn list(path: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
}

fn open(path: &Path) -> Result<Db, Error> {
    Db::open_on(
        config(path),
        std::sync::Arc::new(FaultyDisk::new(Fault::Fails, u64::MAX)),
    )
}

/// Whether a file with these bytes is anywhere in a directory.
fn is_kept(path: &Path, bytes: &[u8]) -> bool {
    let mut files = Vec::new();
    list(path, &mut files);
    files.iter().any(|file| fs::read(file).unwrap() == bytes)
}

/// Starts on a directory with a damaged file. Nothing where the file says that it is not ours to
/// read: the directory's format, and the version of a file.
fn start(path: &Path, file: &Path, what: &str) -> Option<Db> {
    match open(path) {
        Ok(db) => Some(db),
        Err(Error::Format { .. }) if file == Path::new("format") => None,
        Err(Error::Format { .. }) if what.contains("with byte") && what.contains("log") => None,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

/// Opens a store of which one file has other bytes, and gives what it has lost.
fn check(store: &Store, file: &Path, bytes: &[u8], least: &Samples, what: &str) -> usize {
    let copy = store.copy();
    fs::write(copy.path().join(file), bytes).unwrap();
    let Some(db) = start(copy.path(), file, what) else {
        return 0;
    };
    let found = visible(&db);
    assert_within(&found, &[&store.ever], what);
    assert_holds(&found, least, what);
    let here = store
        .samples
        .keys()
        .filter(|cell| found.contains_key(*cell));
    let lost = store.samples.len() - here.count();
    let stats = db.stats();
    let told = stats.damaged_records + stats.quarantined_files;
    assert!(
        lost == 0 || told > 0,
        "{what}: {lost} samples are lost, and nothing is told"
    );
    assert!(
        told == 0 || is_kept(copy.path(), bytes),
        "{what}: the damaged file is not kept"
    );
    lost
}

/// Places of a file: its first and last bytes, and some between, more of them in a long run.
fn places(length: usize, some: usize) -> Vec<usize> {
    let some = if is_long() { some * 20 } else { some };
    let between = (0..length).step_by((length / some).max(1));
    let ends = (0..length.min(20)).chain(length.saturating_sub(20)..length);
    let mut places: Vec<_> = between.chain(ends).collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn a_flipped_byte_costs_at_most_what_its_file_held_and_is_told() {
    let store = Store::new();
    for file in store.files() {
        let least = store.least(&file);
        let good = fs::read(store.directory.path().join(&file)).unwrap();
        let (mut all, mut lost) = (0, 0);
        for place in places(good.len(), 20) {
            let mut bytes = good.clone();
            bytes[place] ^= 0x41;
            let what = format!(
                "{} with byte {place} of {} flipped",
                file.display(),
                good.len()
            );
            lost += check(&store, &file, &bytes, &least, &what);
            all += store.samples.len() - least.len();
        }
        // A byte costs a part of the file; its header alone may cost all of it. A small segment is one
        // part.
        let one_part = file.starts_with("segments") && good.len() < 4_096;
        assert!(
            all == 0 || lost < all || one_part,
            "{}: {lost} of {all} samples are lost by flipped bytes",
            file.display()
        );
    }
}

#[test]
fn a_torn_file_costs_at_most_what_it_held() {
    let store = Store::new();
    for file in store.files() {
        let least = store.least(&file);
        let good = fs::read(store.directory.path().join(&file)).unwrap();
        for length in places(good.len(), 12) {
            let what = format!("{} cut to {length} of {} bytes", file.display(), good.len());
            check_torn(&store, &file, &good[..length], &least, &what);
        }
    }
}

/// As `check`, but a cut at the end of a record cannot be told.
fn check_torn(store: &Store, file: &Path, bytes: &[u8], least: &Samples, what: &str) {
    let copy = store.copy();
    fs::write(copy.path().join(file), bytes).unwrap();
    let Some(db) = start(copy.path(), file, what) else {
        return;
    };
    let found = visible(&db);
    assert_within(&found, &[&store.ever], what);
    assert_holds(&found, least, what);
}

#[test]
fn a_file_of_garbage_or_of_zeros_or_of_nothing_stops_no_start() {
    let store = Store::new();
    for file in store.files() {
        let least = store.least(&file);
        let length = fs::read(store.directory.path().join(&file)).unwrap().len();
        let garbage: Vec<u8> = (0..=255)
            .cycle()
            .map(|byte: u8| byte.wrapping_mul(167))
            .take(length)
            .collect();
        for bytes in [garbage, vec![0; length], vec![0; 3], Vec::new()] {
            let what = format!("{} of {} other bytes", file.display(), bytes.len());
            check_torn(&store, &file, &bytes, &least, &what);
        }
    }
}
