//! Head files: where the head's finished blocks are, so that they need no memory.
//!
//! ```text
//! file    = header | record*          framing and definitions as in log files, magic "WPHEAD\r\n"
//! block   = group | schema | first: zigzag | last - first: number | rows | sequence
//!           | newest page: 0, or 1 and zigzag | words, page u64* | words, parts u64* | block
//! ```
//!
//! `sequence` is the highest of the rows. The words are the states of the group's series, a bit a
//! column, when the block was written. Blocks of a group stand in the order of their times.
//!
//! Definitions stand twice in a row, so that damage to one does not cost the blocks that need it.
//!
//! A block that cannot be written stays in memory. A file whose blocks are all sealed or dropped is
//! removed; the blocks themselves tell, by holding it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use tracing::{info, warn};

use super::GroupState;
use super::block::{Extent, HeadBlock};
use super::cache::BlockCache;
use super::open::NO_FILE;
use super::states::States;
use crate::directory::set_aside;
use crate::disk::{Disk, DiskFile};
use crate::index::Lines;
use crate::log::Defined;
use crate::log::bytes::{put_number, zigzag};
use crate::log::frame::{FILE_HEADER, HEAD_MAGIC, file_header, whole_record};
use crate::log::record::{Kind, put};
use crate::{Config, Error};

/// A head file, for reading.
#[derive(Debug)]
pub(crate) struct HeadFile {
    number: u64,
    path: PathBuf,
    file: File,
    /// The blocks that were read lately.
    cache: Arc<BlockCache>,
    /// Whether some of it could not be read: it is set aside then, not removed.
    damaged: AtomicBool,
}

impl HeadFile {
    /// A file that is open.
    pub(crate) fn new(number: u64, path: PathBuf, file: File, cache: &Arc<BlockCache>) -> Self {
        Self {
            number,
            path,
            file,
            cache: Arc::clone(cache),
            damaged: AtomicBool::new(false),
        }
    }

    /// Reads a record and checks it.
    pub(crate) fn read(&self, extent: Extent) -> Result<Arc<[u8]>, Error> {
        let key = (self.number, extent.record);
        if let Some(known) = self.cache.get(key) {
            return Ok(known);
        }
        let mut bytes = vec![0; extent.length as usize];
        let read = self.file.read_exact_at(&mut bytes, extent.record);
        if read.is_err() || whole_record(&bytes).is_none() {
            return Err(self.damage());
        }
        let bytes = bytes.into();
        self.cache.put(key, &bytes);
        Ok(bytes)
    }

    /// Notes that something of it cannot be read, and gives the error that says so.
    pub(crate) fn damage(&self) -> Error {
        self.damaged.store(true, Ordering::Relaxed);
        Error::Damaged {
            path: self.path.clone(),
            part: "block",
        }
    }
}

/// What a block's record says besides the block.
#[derive(Debug)]
pub(crate) struct BlockHeader<'a> {
    pub(crate) newest_page: Option<i64>,
    pub(crate) states: &'a States,
}

/// The head files of a store.
#[derive(Debug)]
pub(crate) struct HeadFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    file_size: u64,
    cache: Arc<BlockCache>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    current: Option<Current>,
    finished: Vec<Finished>,
    last_number: u64,
    /// Whether blocks are kept in memory and it was told.
    failing: bool,
    failures: u64,
}

#[derive(Debug)]
struct Current {
    about: Finished,
    out: Arc<dyn DiskFile>,
    defined: Defined,
}

/// A head file and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) file: Arc<HeadFile>,
    pub(crate) length: u64,
    /// What has to be synced, where something has.
    pub(crate) unsynced: Option<Arc<dyn DiskFile>>,
    /// The lowest number of a log file that has rows of which this file's copy is not on the disk.
    pub(crate) log_file: u64,
}

impl HeadFiles {
    /// Those of a directory that has these already.
    pub(crate) fn new(
        config: &Config,
        directory: PathBuf,
        disk: Arc<dyn Disk>,
        finished: Vec<Finished>,
        cache: &Arc<BlockCache>,
    ) -> Self {
        let last_number = finished.iter().map(|file| file.file.number).max();
        Self {
            disk,
            directory,
            file_size: config.log_file_size,
            cache: Arc::clone(cache),
            inner: Mutex::new(Inner {
                finished,
                last_number: last_number.unwrap_or(0),
                ..Inner::default()
            }),
        }
    }

    /// Writes a block that is in memory. Gives it as one that is in a file, or nothing where it has
    /// to stay where it is.
    pub(crate) fn write(
        &self,
        group: &GroupState,
        block: &HeadBlock,
        header: &BlockHeader<'_>,
        lines: &RwLock<Lines>,
    ) -> Option<HeadBlock> {
        let bytes = block.unwritten()?;
        let mut inner = self.inner.lock();
        if inner.current.is_none() {
            self.start(&mut inner);
        }
        let current = inner.current.as_mut()?;
        let mut out = Vec::with_capacity(bytes.len() + 256);
        let mut whole = current.defined.group(group, lines, &mut out);
        let (schema, fits) = current
            .defined
            .schema((block.schema(), None), lines, &mut out);
        whole &= fits;
        // What many blocks need stands twice: damage to one record is not to cost them all.
        out.extend_from_within(..);
        let start = out.len();
        let mut from = 0;
        whole &= put(&mut out, Kind::Block, |out| {
            put_number(out, group.id.0.into());
            put_number(out, schema.into());
            put_header(out, block, header);
            from = out.len() - start;
            out.extend_from_slice(bytes);
        });
        let extent = Extent {
            record: current.about.length + start as u64,
            length: u32::try_from(out.len() - start).unwrap_or(u32::MAX),
            block: u32::try_from(from).unwrap_or(u32::MAX),
        };
        if !whole {
            warn!(group = %group.labels, "a block is too long for a head file and stays in memory");
            return None;
        }
        if let Err(error) = current.out.append(&out) {
            warn!(%error, file = %current.about.file.path.display(), "cannot write a head file; blocks are kept in memory");
            Self::give_up(&mut inner);
            return None;
        }
        current.about.length += out.len() as u64;
        current.about.unsynced = Some(Arc::clone(&current.out));
        current.about.log_file = current.about.log_file.min(block.log_file());
        let file = Arc::clone(&current.about.file);
        if current.about.length >= self.file_size {
            finish(&mut inner);
        }
        Some(HeadBlock::in_file(block.about(), file, extent))
    }

    /// Starts a new file with the next block.
    pub(crate) fn rotate(&self) {
        finish(&mut self.inner.lock());
    }

    /// The numbers of the oldest file, where there is one, and of the newest that there was.
    pub(crate) fn span(&self) -> (Option<u64>, u64) {
        let inner = self.inner.lock();
        let current = inner.current.iter().map(|current| &current.about);
        let files = inner.finished.iter().chain(current);
        let oldest = files.map(|file| file.file.number).min();
        (oldest, inner.last_number)
    }

    /// Forces what was written to the disk. A file for which that fails is not written again, and the
    /// log keeps its rows.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let mut waiting = Vec::new();
        {
            let mut inner = self.inner.lock();
            let Inner {
                current, finished, ..
            } = &mut *inner;
            let current = current.iter_mut().map(|current| &mut current.about);
            for file in finished.iter_mut().chain(current) {
                if let Some(out) = file.unsynced.take() {
                    waiting.push((Arc::clone(&file.file), out, file.length));
                }
            }
        }
        let mut result = Ok(());
        for (file, out, length) in waiting {
            let synced = out.sync();
            let mut inner = self.inner.lock();
            if let Err(source) = synced {
                warn!(error = %source, file = %file.path.display(), "cannot sync a head file; the log keeps its rows");
                inner.failures += 1;
                let is_current = |current: &Current| Arc::ptr_eq(&current.about.file, &file);
                if inner.current.as_ref().is_some_and(is_current) {
                    finish(&mut inner);
                }
                result = Err(Error::Io {
                    action: "sync",
                    path: file.path.clone(),
                    source,
                });
            } else if let Some(about) = inner.about(&file)
                && about.length == length
            {
                about.log_file = NO_FILE;
            }
        }
        result
    }

    /// The lowest number of a log file that has rows of which no head file's copy is on the disk.
    pub(crate) fn oldest_log_file(&self) -> u64 {
        let inner = self.inner.lock();
        let current = inner.current.iter().map(|current| &current.about);
        let files = inner.finished.iter().chain(current);
        files.map(|file| file.log_file).min().unwrap_or(NO_FILE)
    }

    /// Removes the finished files that no block is in any more.
    pub(crate) fn remove_unused(&self) -> Result<(), Error> {
        let mut inner = self.inner.lock();
        let mut result = Ok(());
        inner.finished.retain(|file| {
            if Arc::strong_count(&file.file) > 1 {
                return true;
            }
            if file.file.damaged.load(Ordering::Relaxed) {
                let aside = set_aside(&file.file.path, &*self.disk);
                return aside.map_err(|error| result = Err(error)).is_err();
            }
            match self.disk.remove(&file.file.path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    result = Err(Error::Io {
                        action: "remove",
                        path: file.file.path.clone(),
                        source,
                    });
                    true
                }
                _ => false,
            }
        });
        result
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        let inner = self.inner.lock();
        let current = inner.current.iter().map(|current| current.about.length);
        let finished = inner.finished.iter().map(|file| file.length);
        finished.chain(current).sum()
    }

    /// Files given up since the start.
    pub(crate) fn failures(&self) -> u64 {
        self.inner.lock().failures
    }

    fn start(&self, inner: &mut Inner) {
        let number = inner.last_number + 1;
        match self.create(number) {
            Ok(current) => {
                if std::mem::take(&mut inner.failing) {
                    info!(file = %current.about.file.path.display(), "blocks are written to a head file again");
                }
                inner.last_number = number;
                inner.current = Some(current);
            }
            Err(error) => {
                if error.kind() == std::io::ErrorKind::AlreadyExists {
                    // What could not be removed before is not to be in the way for good.
                    inner.last_number = number;
                }
                if !std::mem::replace(&mut inner.failing, true) {
                    warn!(%error, "cannot start a head file; blocks are kept in memory");
                }
            }
        }
    }

    fn create(&self, number: u64) -> std::io::Result<Current> {
        let path = self.directory.join(format!("{number:010}.head"));
        let out = self.disk.create(&path)?;
        let made = out
            .append(&file_header(HEAD_MAGIC))
            .and_then(|()| self.disk.sync_directory(&self.directory))
            .and_then(|()| File::open(&path));
        let file = match made {
            Ok(file) => file,
            Err(error) => {
                if let Err(error) = self.disk.remove(&path) {
                    warn!(%error, file = %path.display(), "cannot remove an empty head file");
                }
                return Err(error);
            }
        };
        let out: Arc<dyn DiskFile> = out.into();
        Ok(Current {
            about: Finished {
                file: Arc::new(HeadFile::new(number, path, file, &self.cache)),
                length: FILE_HEADER as u64,
                unsynced: Some(Arc::clone(&out)),
                log_file: NO_FILE,
            },
            out,
            defined: Defined::default(),
        })
    }

    /// Closes the current file after a write that failed.
    fn give_up(inner: &mut Inner) {
        inner.failures += 1;
        inner.failing = true;
        let Some(current) = inner.current.take() else {
            return;
        };
        if let Err(error) = current.out.cut(current.about.length) {
            warn!(%error, file = %current.about.file.path.display(), "cannot cut a head file back to its last whole record");
        }
        inner.finished.push(current.about);
    }
}

impl Inner {
    fn about(&mut self, file: &Arc<HeadFile>) -> Option<&mut Finished> {
        let current = self.current.iter_mut().map(|current| &mut current.about);
        let mut all = self.finished.iter_mut().chain(current);
        all.find(|about| Arc::ptr_eq(&about.file, file))
    }
}

/// Closes the current file; the next block starts another one.
fn finish(inner: &mut Inner) {
    if let Some(current) = inner.current.take() {
        inner.finished.push(current.about);
    }
}

fn put_header(out: &mut Vec<u8>, block: &HeadBlock, header: &BlockHeader<'_>) {
    put_number(out, zigzag(block.first_time()));
    let span = block.last_time().wrapping_sub(block.first_time());
    put_number(out, span.cast_unsigned());
    put_number(out, block.rows() as u64);
    put_number(out, block.sequence());
    out.push(u8::from(header.newest_page.is_some()));
    if let Some(newest) = header.newest_page {
        put_number(out, zigzag(newest));
    }
    for words in header.states.bits() {
        put_number(out, words.len() as u64);
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}
