//! Writing the log: one file at a time, started anew when it is full or has failed.
//!
//! After a write that fails the file is cut back to its last whole record and given up; rows stay
//! in memory only until a new file takes its header again, which is tried at every sync. After a
//! sync that fails the file is given up as well: what the system holds of it is unknown, and asking
//! again may be answered wrongly.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tracing::{info, warn};

use super::bytes::put_number;
use super::define::Defined;
use super::frame::{FILE_HEADER, LOG_MAGIC, file_header};
use super::group::{Define, LogRecords};
use super::record::{Kind, put};
use crate::disk::{Disk, DiskFile};
use crate::head::GroupState;
use crate::index::Lines;
use crate::{Config, Error};

/// The log of a store.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    file_size: u64,
    files: Mutex<Files>,
    /// The number of the file that is written, 0 while there is none.
    current: AtomicU64,
    failures: AtomicU64,
    rows_not_logged: AtomicU64,
}

#[derive(Debug, Default)]
struct Files {
    current: Option<Current>,
    finished: Vec<Finished>,
    /// Files that are not written any more and not synced yet.
    unsynced: Vec<Arc<dyn DiskFile>>,
    last_number: u64,
    /// Whether rows are kept in memory only and it was told.
    failing: bool,
}

impl Files {
    /// Closes the current file; another one is started under the same lock, so that no row finds
    /// that there is none.
    fn finish(&mut self) {
        if let Some(current) = self.current.take() {
            self.unsynced.push(current.file);
            self.finished.push(current.about);
        }
    }
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    about: Finished,
    file: Arc<dyn DiskFile>,
    defined: Defined,
    unsynced: bool,
    /// Whether it has a record.
    used: bool,
}

impl Current {
    fn define(
        &mut self,
        group: &GroupState,
        define: &Define,
        lines: &RwLock<Lines>,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut whole = true;
        if define.group {
            whole &= self.defined.group_anew(group, lines, out);
        }
        let schema = (&define.schema, define.before.as_ref());
        let (number, fits) = self.defined.schema(schema, lines, out);
        let columns = put(out, Kind::Columns, |out| {
            put_number(out, group.id.0.into());
            put_number(out, number.into());
        });
        whole && fits && columns
    }
}

/// A file that is not written any more.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The records are in the page cache.
    Yes,
    /// What could be written of them is.
    InPart,
    /// Another file is written now: the records have to be made for it.
    OtherFile,
    /// The records are lost.
    No,
}

impl Log {
    /// A log in a directory that has these files already. It starts a new one.
    pub(crate) fn new(
        config: &Config,
        directory: PathBuf,
        disk: Arc<dyn Disk>,
        finished: Vec<Finished>,
    ) -> Self {
        let last_number = finished.iter().map(|file| file.number).max().unwrap_or(0);
        // The one that wrote them may have been killed before it forced them to the disk.
        let unsynced = finished
            .iter()
            .filter_map(|file| File::open(&file.path).ok());
        let unsynced = unsynced.map(|file| Arc::new(file) as Arc<dyn DiskFile>);
        let unsynced = unsynced.collect();
        let log = Self {
            disk,
            directory,
            file_size: config.log_file_size,
            files: Mutex::new(Files {
                finished,
                unsynced,
                last_number,
                ..Files::default()
            }),
            current: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            rows_not_logged: AtomicU64::new(0),
        };
        log.start_file(&mut log.files.lock());
        log
    }

    /// The number of the file that is written, 0 while there is none.
    pub(crate) fn current(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    /// The number of the file that is written, or else of the next one.
    pub(crate) fn newest(&self) -> u64 {
        let files = self.files.lock();
        let current = files.current.as_ref().map(|current| current.about.number);
        current.unwrap_or(files.last_number + 1)
    }

    /// Writes records of a group that were made for a file.
    pub(crate) fn write(
        &self,
        file: u64,
        group: &GroupState,
        records: &LogRecords,
        lines: &RwLock<Lines>,
    ) -> Written {
        let mut files = self.files.lock();
        let Some(current) = files
            .current
            .as_mut()
            .filter(|now| now.about.number == file)
        else {
            return Written::OtherFile;
        };
        let mut bytes = Vec::new();
        let mut whole = records.whole;
        if let Some(define) = &records.define {
            whole &= current.define(group, define, lines, &mut bytes);
        }
        let result = if bytes.is_empty() {
            current.file.append(&records.bytes)
        } else {
            bytes.extend_from_slice(&records.bytes);
            current.file.append(&bytes)
        };
        if let Err(error) = result {
            warn!(%error, file = %current.about.path.display(), "cannot write the log; rows are kept in memory only");
            self.give_up(&mut files);
            return Written::No;
        }
        current.about.length += bytes.len().max(records.bytes.len()) as u64;
        current.unsynced = true;
        current.used = true;
        if current.about.length >= self.file_size {
            files.finish();
            self.start_file(&mut files);
        }
        if whole { Written::Yes } else { Written::InPart }
    }

    /// Writes records that are of no row and need no definition. False where they are lost.
    pub(crate) fn write_note(&self, records: &[u8]) -> bool {
        let mut files = self.files.lock();
        let Some(current) = files.current.as_mut() else {
            return false;
        };
        if let Err(error) = current.file.append(records) {
            warn!(%error, file = %current.about.path.display(), "cannot write the log; rows are kept in memory only");
            self.give_up(&mut files);
            return false;
        }
        current.about.length += records.len() as u64;
        current.unsynced = true;
        current.used = true;
        true
    }

    /// Notes a row that is in memory only.
    pub(crate) fn count_not_logged(&self) {
        self.rows_not_logged.fetch_add(1, Ordering::Relaxed);
    }

    /// Forces what was written to the disk, and starts a file where there is none.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let (mut waiting, current) = {
            let mut files = self.files.lock();
            if files.current.is_none() {
                self.start_file(&mut files);
            }
            let waiting = std::mem::take(&mut files.unsynced);
            let current = files.current.as_mut();
            let current = current.and_then(|current| {
                std::mem::take(&mut current.unsynced)
                    .then(|| (current.about.number, Arc::clone(&current.file)))
            });
            (waiting, current)
        };
        let number = current.as_ref().map(|(number, _)| *number);
        waiting.extend(current.map(|(_, file)| file));
        let failures: Vec<_> = waiting
            .iter()
            .filter_map(|file| file.sync().err())
            .collect();
        let Some(source) = failures.into_iter().next() else {
            return Ok(());
        };
        warn!(error = %source, "cannot sync the log; starting a new file");
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut files = self.files.lock();
        if files.current.as_ref().map(|current| current.about.number) == number {
            files.finish();
            files.unsynced.clear();
            self.start_file(&mut files);
        }
        Err(Error::Io {
            action: "sync the log in",
            path: self.directory.clone(),
            source,
        })
    }

    /// Removes the finished files with a lower number than this one.
    pub(crate) fn remove_before(&self, number: u64) -> Result<(), Error> {
        let mut files = self.files.lock();
        while let Some(file) = files.finished.first().filter(|file| file.number < number) {
            match self.disk.remove(&file.path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Io {
                        action: "remove",
                        path: file.path.clone(),
                        source,
                    });
                }
                _ => files.finished.remove(0),
            };
        }
        Ok(())
    }

    /// Starts the next file.
    pub(crate) fn rotate(&self) {
        let mut files = self.files.lock();
        if files.current.is_some() {
            files.finish();
            self.start_file(&mut files);
        }
    }

    /// The numbers of the oldest file and of the newest.
    pub(crate) fn span(&self) -> (u64, u64) {
        let files = self.files.lock();
        let oldest = files.finished.first().map(|file| file.number);
        (oldest.unwrap_or(files.last_number), files.last_number)
    }

    /// How many files there are from this one on.
    pub(crate) fn files_from(&self, number: u64) -> usize {
        let files = self.files.lock();
        let current = files.current.iter().map(|current| &current.about);
        let all = files.finished.iter().chain(current);
        all.filter(|file| file.number >= number).count()
    }

    /// The bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        let files = self.files.lock();
        let current = files.current.iter().map(|current| current.about.length);
        let finished = files.finished.iter().map(|file| file.length);
        finished.chain(current).sum()
    }

    /// Adds the log's figures.
    pub(crate) fn fill(&self, stats: &mut crate::Stats) {
        let files = self.files.lock();
        stats.durable = files.current.is_some();
        stats.log_failures = self.failures.load(Ordering::Relaxed);
        stats.rows_not_logged = self.rows_not_logged.load(Ordering::Relaxed);
    }

    /// Starts the next file; without one rows are kept in memory only.
    fn start_file(&self, files: &mut Files) {
        if self.disk.is_read_only() {
            return;
        }
        let number = files.last_number + 1;
        match self.create(number) {
            Ok(current) => {
                if std::mem::take(&mut files.failing) {
                    info!(file = %current.about.path.display(), "the log goes on in a new file");
                }
                files.last_number = number;
                files.current = Some(current);
                self.current.store(number, Ordering::Release);
            }
            Err(error) => {
                self.current.store(0, Ordering::Release);
                if error.kind() == std::io::ErrorKind::AlreadyExists {
                    // What could not be removed before is not to be in the way for good.
                    files.last_number = number;
                }
                if !std::mem::replace(&mut files.failing, true) {
                    warn!(%error, "cannot start a log file; rows are kept in memory only");
                }
            }
        }
    }

    fn create(&self, number: u64) -> std::io::Result<Current> {
        let path = path(&self.directory, number);
        let file = self.disk.create(&path)?;
        let header = file.append(&file_header(LOG_MAGIC));
        if let Err(error) = header.and_then(|()| self.disk.sync_directory(&self.directory)) {
            self.remove_quietly(&path);
            return Err(error);
        }
        Ok(Current {
            about: Finished {
                number,
                path,
                length: FILE_HEADER as u64,
            },
            file: file.into(),
            defined: Defined::default(),
            unsynced: true,
            used: false,
        })
    }

    /// Closes the current file after a write that failed.
    fn give_up(&self, files: &mut Files) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        files.failing = true;
        self.current.store(0, Ordering::Release);
        let Some(current) = files.current.take() else {
            return;
        };
        if let Err(error) = current.file.cut(current.about.length) {
            warn!(%error, file = %current.about.path.display(), "cannot cut the log back to its last whole record");
        }
        if current.used {
            files.unsynced.push(current.file);
            files.finished.push(current.about);
        } else {
            self.remove_quietly(&current.about.path);
        }
    }

    fn remove_quietly(&self, path: &Path) {
        if let Err(error) = self.disk.remove(path) {
            warn!(%error, file = %path.display(), "cannot remove an empty log file");
        }
    }
}

/// The path of a file.
pub(crate) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.log"))
}
