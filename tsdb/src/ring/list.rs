//! The segments there are, and the tombstones over them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};
use tracing::{error, warn};

use super::name::SegmentName;
use super::plan::{Part, Spans};
use super::tombstones::{self, Damage, Tombstones};
use super::watermark::Watermark;
use crate::directory::{Directory, io, list, set_aside};
use crate::index::GroupId;
use crate::segment::{Cache, Reader, Segment};
use crate::stats::{RingStats, SegmentStatus, Stats};
use crate::{Config, Disk, Error, TimeRange};

/// Groups whose rows are read together.
const GROUPS: usize = 64;

/// What there is at a moment.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// By name.
    pub(crate) segments: Vec<Arc<Sealed>>,
    pub(crate) stones: Arc<Tombstones>,
    /// The time before which the rows of groups are in a segment, where the head still has them.
    pub(crate) moved: Arc<HashMap<GroupId, i64>>,
}

/// A segment with its name.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) name: SegmentName,
    pub(crate) segment: Segment,
}

impl Sealed {
    pub(super) fn part(&self) -> Part {
        let info = self.segment.info();
        Part {
            name: self.name,
            newest_ms: info.max_time_ms,
            bytes: info.bytes,
        }
    }
}

/// The segments of a store.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(super) root: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) spans: Spans,
    pub(crate) cache: Cache,
    list: RwLock<Arc<List>>,
    /// Held by the one that changes what there is.
    pub(super) work: Mutex<Work>,
    pub(super) counts: Mutex<RingStats>,
    /// Segments that turned out to be damaged when they were read.
    pub(super) damaged: Mutex<BTreeSet<PathBuf>>,
    /// Bytes and count of the files that were set aside.
    pub(super) set_aside: Mutex<(u64, u64)>,
}

/// What the one that changes segments remembers.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The number of the next segment.
    pub(super) number: u64,
    /// Lists that were replaced and that a reader may still have.
    old: Vec<Weak<List>>,
    /// Up to when windows were sealed, and when that was.
    pub(super) sealed_until: Option<i64>,
    pub(super) sealed_at: Option<i64>,
    /// The bytes of log and head the last time.
    pub(super) head_bytes: u64,
    /// Whether it was told that the limit is too small.
    pub(super) told: bool,
    /// Files that could not be removed yet.
    pub(super) to_remove: Vec<PathBuf>,
    /// The newest log file and head file when nothing that a tombstone hides was left outside of
    /// these.
    pub(super) last_files: HashMap<StoneKey, (u64, u64)>,
}

/// What tells tombstones apart: sequence and range.
pub(super) type StoneKey = (u64, TimeRange);

impl Work {
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// The highest number that was given.
    pub(super) fn last_number(&self) -> u64 {
        self.number
    }

    /// Whether a reader has a list that was replaced.
    pub(super) fn has_old_readers(&mut self) -> bool {
        self.old.retain(|list| list.strong_count() > 0);
        !self.old.is_empty()
    }
}

impl Ring {
    /// Opens the segments of a directory. With a disk, what cannot be read is set aside; without
    /// one, left out.
    pub(crate) fn open(
        directory: &Directory,
        config: &Config,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, Error> {
        let mut segments = Vec::new();
        let mut number = 0;
        for path in list(&directory.segments())? {
            let Some(name) = SegmentName::parse(&path) else {
                continue;
            };
            number = number.max(name.number);
            if let Some(segment) = usable(&path, directory, &*disk, Segment::open(&path))? {
                segments.push(Arc::new(Sealed { name, segment }));
            }
        }
        segments.sort_by_key(|sealed| sealed.name);
        let stones = read_tombstones(directory, &*disk)?;
        let numbers = stones.0.iter().map(|stone| stone.segment);
        let number = numbers.max().unwrap_or(0).max(number);
        let retention = config.retention.as_millis();
        Ok(Self {
            root: directory.path.clone(),
            directory: directory.segments(),
            disk,
            spans: Spans::new(config.window.as_millis(), retention),
            cache: Cache::new(config.cache_size),
            list: RwLock::new(Arc::new(List {
                segments,
                stones: Arc::new(stones),
                moved: Arc::default(),
            })),
            work: Mutex::new(Work {
                number,
                ..Work::default()
            }),
            counts: Mutex::default(),
            damaged: Mutex::default(),
            set_aside: Mutex::default(),
        })
    }

    /// Counts the files that are set aside.
    pub(crate) fn count_set_aside(&self, directory: &Directory) -> Result<(), Error> {
        let (bytes, names) = directory.set_aside()?;
        for name in &names {
            warn!(file = %name.display(), "there is a file that was set aside because it could not be read");
        }
        *self.set_aside.lock() = (bytes, names.len() as u64);
        Ok(())
    }

    /// What there is now.
    pub(crate) fn list(&self) -> Arc<List> {
        Arc::clone(&self.list.read())
    }

    /// Puts another list in the place of the one there is. Held is the lock of the one that may.
    pub(super) fn publish(&self, list: List, work: &mut Work) {
        let old = std::mem::replace(&mut *self.list.write(), Arc::new(list));
        work.old.push(Arc::downgrade(&old));
    }

    /// The highest place in the order of acceptance that a segment has, the first one after it.
    pub(crate) fn next_sequence(&self) -> u64 {
        let list = self.list();
        let segments = list.segments.iter();
        let highest = segments.map(|sealed| sealed.segment.info().max_sequence);
        let stones = list.stones.0.iter().map(|stone| stone.sequence);
        let after = highest.map(|highest| highest.saturating_add(1));
        after.chain(stones).max().unwrap_or(0)
    }

    /// Up to when the rows of groups are in segments, as far as the head may still have them: by the
    /// segments of the last windows, and by those written last.
    pub(crate) fn newest_watermarks(&self) -> Result<Vec<Watermark>, Error> {
        let list = self.list();
        let newest = list.segments.iter().map(|sealed| sealed.name.to_ms).max();
        let last = list.segments.iter().map(|sealed| sealed.name.number).max();
        let mut found = Vec::new();
        for sealed in &list.segments {
            let name = sealed.name;
            let is_new =
                Some(name.to_ms) == newest || last.is_some_and(|last| name.number + 2 > last);
            if is_new {
                match self.watermarks(sealed, &mut found) {
                    Err(damage @ Error::Damaged { .. }) => self.note_damage(&damage),
                    other => other?,
                }
            }
        }
        Ok(found)
    }

    /// Adds the watermarks of a segment. Of what is damaged there is none: the head's files are read
    /// for it.
    fn watermarks(&self, sealed: &Sealed, found: &mut Vec<Watermark>) -> Result<(), Error> {
        let index = sealed.segment.index(&self.cache)?;
        let mut reader = Reader::new(&sealed.segment, Arc::clone(&index));
        let groups: Vec<_> = index.newest().map(|(group, _)| group).collect();
        for groups in groups.chunks(GROUPS) {
            let rows = reader.rows(groups, TimeRange::ALL)?;
            found.extend(rows.iter().map(|rows| {
                let of_group = rows.times.iter().copied();
                Watermark {
                    key: index.group_key(GroupId(rows.group)),
                    rows: Watermark::highest(of_group.zip(rows.sequences.iter().copied())),
                }
            }));
        }
        Ok(())
    }

    /// Rows with a lower place in the order of acceptance may be deleted.
    pub(crate) fn newest_deletion(&self) -> u64 {
        let stones = &self.list().stones;
        stones
            .0
            .iter()
            .map(|stone| stone.sequence)
            .max()
            .unwrap_or(0)
    }

    /// Adds the ring's figures.
    pub(crate) fn fill(&self, stats: &mut Stats) {
        let list = self.list();
        let infos = || list.segments.iter().map(|sealed| sealed.segment.info());
        stats.segments = list.segments.len() as u64;
        stats.segment_bytes = list.bytes();
        stats.segment_samples = infos().map(|info| info.samples).sum();
        stats.tombstones = list.stones.0.len() as u64;
        stats.tombstone_bytes = self.tombstone_bytes();
        (stats.set_aside_bytes, stats.quarantined_files) = *self.set_aside.lock();
        stats.damaged_records += self.damaged.lock().len() as u64;
        stats.ring = self.counts.lock().clone();
        let oldest = infos().map(|info| info.min_time_ms).min();
        let newest = infos().map(|info| info.max_time_ms).max();
        stats.min_time_ms = stats.min_time_ms.into_iter().chain(oldest).min();
        stats.max_time_ms = stats.max_time_ms.max(newest);
    }

    /// The segments, by window.
    pub(crate) fn segments(&self) -> Vec<SegmentStatus> {
        let list = self.list();
        let status = |sealed: &Arc<Sealed>| {
            let info = sealed.segment.info();
            let path = sealed.segment.path().file_stem();
            SegmentStatus {
                name: path.map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
                from_ms: sealed.name.from_ms,
                to_ms: sealed.name.to_ms,
                min_time_ms: info.min_time_ms,
                max_time_ms: info.max_time_ms,
                samples: info.samples,
                series: info.series,
                bytes: info.bytes,
            }
        };
        list.segments.iter().map(status).collect()
    }

    /// The bytes of the tombstones.
    pub(super) fn tombstone_bytes(&self) -> u64 {
        let about = std::fs::metadata(tombstones::path(&self.root));
        about.map_or(0, |about| about.len())
    }

    /// Notes that something in a segment cannot be read.
    pub(crate) fn note_damage(&self, damage: &Error) {
        if let Error::Damaged { path, .. } = damage
            && self.damaged.lock().insert(path.clone())
        {
            error!(error = %damage, "a file is damaged: what is good of it is read, and written anew");
        }
    }

    /// Sets a segment aside that turned out to be damaged.
    pub(super) fn set_aside(&self, path: &Path) -> Result<(), Error> {
        let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
        set_aside(path, &*self.disk)?;
        self.damaged.lock().remove(path);
        let mut aside = self.set_aside.lock();
        *aside = (aside.0 + bytes, aside.1 + 1);
        Ok(())
    }
}

impl List {
    pub(super) fn parts(&self) -> Vec<Part> {
        self.segments.iter().map(|sealed| sealed.part()).collect()
    }

    /// The bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        let segments = self.segments.iter();
        segments.map(|sealed| sealed.segment.info().bytes).sum()
    }

    /// The same without some segments, and with others.
    pub(super) fn changed(&self, gone: &[u64], new: Vec<Arc<Sealed>>) -> Self {
        let kept = self.segments.iter();
        let kept = kept.filter(|sealed| !gone.contains(&sealed.name.number));
        let mut segments: Vec<_> = kept.cloned().chain(new).collect();
        segments.sort_by_key(|sealed| sealed.name);
        Self {
            segments,
            stones: Arc::clone(&self.stones),
            moved: Arc::clone(&self.moved),
        }
    }
}

/// A segment that can be read; one that cannot is set aside. One of a newer format is refused.
fn usable(
    path: &Path,
    directory: &Directory,
    disk: &dyn Disk,
    opened: Result<Segment, Error>,
) -> Result<Option<Segment>, Error> {
    match opened {
        Ok(segment) => Ok(Some(segment)),
        Err(damage @ Error::Damaged { .. }) => {
            error!(error = %damage, file = %path.display(), "a segment cannot be read: its samples are not there");
            if directory.is_ours() {
                set_aside(path, disk)?;
            }
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn read_tombstones(directory: &Directory, disk: &dyn Disk) -> Result<Tombstones, Error> {
    let path = tombstones::path(&directory.path);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Tombstones::default());
        }
        Err(error) => return Err(io("read", &path, error)),
    };
    match Tombstones::decode(&bytes) {
        Ok(stones) => Ok(stones),
        Err(Damage::Newer(version)) => Err(Error::Format {
            path,
            reason: format!(
                "has tombstone format {version}, and this program reads an older one: use the newer program that wrote it"
            ),
        }),
        Err(Damage::Bytes) => {
            error!(file = %path.display(), "the tombstones cannot be read: what was deleted and not yet cleaned can be read again");
            if directory.is_ours() {
                set_aside(&path, disk)?;
            }
            Ok(Tombstones::default())
        }
    }
}

/// Why the tombstones of a directory cannot be read, where they cannot.
pub(crate) fn tombstone_fault(directory: &Path) -> Option<Error> {
    let path = tombstones::path(directory);
    let damaged = |path| Error::Damaged {
        path,
        part: "tombstones",
    };
    match std::fs::read(&path) {
        Ok(bytes) => Tombstones::decode(&bytes).err().map(|_| damaged(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => Some(io("read", &path, source)),
    }
}
