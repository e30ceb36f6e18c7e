//! A disk that fails, stops or loses its power at the call of one's choice.
//!
//! It keeps a second name of every file that is made through it, so that what a power cut leaves can
//! be laid out: of each file what was synced, and of each directory the names that it had when it was
//! synced (or, as a disk may also do, the names that it had last).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tempfile::TempDir;
use watchpost_tsdb::{Disk, DiskFile, SystemDisk};

/// What happens at the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It and all later ones do not reach the disk.
    Killed,
    /// Half of what it writes does, and nothing later.
    Torn,
    /// It fails with half of what it writes in the file; later ones work.
    Fails,
}

/// A disk on which calls are counted, from 1.
#[derive(Clone, Debug)]
pub(crate) struct FaultyDisk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    fault: Fault,
    at: u64,
    calls: AtomicU64,
    second_names: TempDir,
    known: Mutex<Known>,
}

/// What is known of the files that were made.
#[derive(Debug, Default)]
struct Known {
    made: u64,
    names: BTreeMap<PathBuf, u64>,
    synced_names: BTreeMap<PathBuf, u64>,
    synced_lengths: BTreeMap<u64, u64>,
}

/// What becomes of a call.
enum Fate {
    Works,
    Half,
    Nothing,
}

impl FaultyDisk {
    /// A disk with a fault at a call.
    pub(crate) fn new(fault: Fault, at: u64) -> Self {
        let inner = Inner {
            fault,
            at,
            calls: AtomicU64::new(0),
            second_names: tempfile::tempdir().unwrap(),
            known: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }

    /// Whether nothing reaches the disk any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.inner.fault != Fault::Fails && self.calls() >= self.inner.at
    }

    /// Lays out what a power cut now would leave of the files under `from`; with `names`, the
    /// names are those of the end.
    pub(crate) fn after_power_cut(&self, from: &Path, to: &Path, names: bool) {
        let known = self.inner.known.lock();
        let have = if names {
            &known.names
        } else {
            &known.synced_names
        };
        for (path, id) in have {
            let target = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(self.second_name(*id), &target).unwrap();
            let synced = known.synced_lengths.get(id).copied().unwrap_or(0);
            let file = std::fs::OpenOptions::new().write(true).open(&target);
            file.unwrap().set_len(synced).unwrap();
        }
    }

    fn second_name(&self, id: u64) -> PathBuf {
        self.inner.second_names.path().join(id.to_string())
    }

    fn call(&self) -> Fate {
        let number = self.inner.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.inner.fault {
            _ if number < self.inner.at => Fate::Works,
            Fault::Torn | Fault::Fails if number == self.inner.at => Fate::Half,
            Fault::Killed | Fault::Torn => Fate::Nothing,
            Fault::Fails => Fate::Works,
        }
    }

    fn whole(&self) -> io::Result<()> {
        match self.call() {
            Fate::Works => Ok(()),
            Fate::Half | Fate::Nothing => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.whole()?;
        let file = SystemDisk.create(path)?;
        let mut known = self.inner.known.lock();
        known.made += 1;
        let id = known.made;
        std::fs::hard_link(path, self.second_name(id))?;
        known.names.insert(path.to_owned(), id);
        let disk = self.clone();
        Ok(Box::new(FaultyFile { file, id, disk }))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.whole()?;
        SystemDisk.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole()?;
        SystemDisk.rename(from, to)?;
        let mut known = self.inner.known.lock();
        if let Some(id) = known.names.remove(from) {
            known.names.insert(to.to_owned(), id);
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole()?;
        SystemDisk.link(from, to)?;
        let mut known = self.inner.known.lock();
        if let Some(id) = known.names.get(from).copied() {
            known.names.insert(to.to_owned(), id);
        }
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.whole()?;
        let mut known = self.inner.known.lock();
        let known = &mut *known;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        known.synced_names.retain(|name, _| !inside(name));
        let names = known.names.iter().filter(|(name, _)| inside(name));
        let names = names.map(|(name, id)| (name.clone(), *id));
        known.synced_names.extend(names);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole()?;
        SystemDisk.remove(path)?;
        self.inner.known.lock().names.remove(path);
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    id: u64,
    disk: FaultyDisk,
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.call() {
            Fate::Works => return self.file.append(bytes),
            Fate::Half => self.file.append(&bytes[..bytes.len() / 2])?,
            Fate::Nothing => {}
        }
        Err(io::ErrorKind::StorageFull.into())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.disk.whole()?;
        self.file.cut(length)?;
        let mut known = self.disk.inner.known.lock();
        if let Some(synced) = known.synced_lengths.get_mut(&self.id) {
            *synced = length.min(*synced);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.whole()?;
        let length = std::fs::metadata(self.disk.second_name(self.id))?.len();
        let mut known = self.disk.inner.known.lock();
        known.synced_lengths.insert(self.id, length);
        Ok(())
    }
}
