//! The data directory: who has it, and whether it is ours.
//!
//! ```text
//! lock         held by the process that has the directory; its number stands in it
//! format       "watchpost tsdb 2"
//! log/         see `log`
//! head/        see `head`
//! segments/    see `segment`
//! tombstones   see `ring::tombstones`
//! ```
//!
//! A name that ends in `.tmp` is a file that was not finished, and is removed at the start. One that
//! ends in `.bad` (or `.bad2`, `.bad3`) was set aside because it could not be read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tracing::warn;

use crate::{Disk, Error};

/// The version of the directory's layout.
const VERSION: u32 = 2;
const FORMAT: &str = "watchpost tsdb ";

/// A data directory. Dropping it lets others in.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    /// Nothing where it is only read.
    lock: Option<File>,
}

impl Directory {
    /// Makes the directory where it is new, takes it, and removes what was not finished. A directory
    /// that is not ours is left as it is.
    pub(crate) fn open(path: &Path, disk: &dyn Disk) -> Result<Self, Error> {
        refuse_foreign(path)?;
        let mut this = Self {
            path: path.to_owned(),
            lock: None,
        };
        for directory in this.parts() {
            disk.create_directory(&directory)
                .map_err(|source| io("make directory", &directory, source))?;
        }
        this.lock = Some(lock(path)?);
        if check_format(path)? != Some(VERSION) {
            mark(path, disk)?;
        }
        this.remove_unfinished(disk)?;
        Ok(this)
    }

    /// A directory that is read and not changed, whoever else has it.
    pub(crate) fn read_only(path: &Path) -> Result<Self, Error> {
        std::fs::metadata(path).map_err(|source| io("open", path, source))?;
        refuse_foreign(path)?;
        if check_format(path)?.is_none() {
            return Err(Error::Format {
                path: path.to_owned(),
                reason: "has no file `format`: it is no store's".to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            lock: None,
        })
    }

    /// Whether this process has it, and may change it.
    pub(crate) fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    /// Where the log's files are.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where the head's blocks are.
    pub(crate) fn head(&self) -> PathBuf {
        self.path.join("head")
    }

    /// Where the segments are.
    pub(crate) fn segments(&self) -> PathBuf {
        self.path.join("segments")
    }

    fn parts(&self) -> [PathBuf; 3] {
        ["log", "head", "segments"].map(|part| self.path.join(part))
    }

    fn remove_unfinished(&self, disk: &dyn Disk) -> Result<(), Error> {
        let [log, head, segments] = self.parts();
        for directory in [log, head, segments, self.path.clone()] {
            for path in list(&directory)? {
                if path.extension().is_some_and(|ending| ending == "tmp") {
                    disk.remove(&path)
                        .map_err(|source| io("remove", &path, source))?;
                }
            }
        }
        Ok(())
    }

    /// The bytes of the files that were set aside, and their names.
    pub(crate) fn set_aside(&self) -> Result<(u64, Vec<PathBuf>), Error> {
        let mut bytes = 0;
        let mut names = Vec::new();
        let [log, head, segments] = self.parts();
        for directory in [log, head, segments, self.path.clone()] {
            for path in list(&directory)? {
                if is_set_aside(&path)
                    && let Ok(about) = std::fs::metadata(&path)
                {
                    bytes += about.len();
                    names.push(path);
                }
            }
        }
        Ok((bytes, names))
    }
}

/// What stands in a directory; nothing where it is not there.
pub(crate) fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("list", directory, error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<Result<_, _>>()
        .map_err(|source| io("list", directory, source))
}

fn is_set_aside(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let number = ending.and_then(|ending| ending.strip_prefix("bad"));
    number.is_some_and(|number| number.bytes().all(|c| c.is_ascii_digit()))
}

/// Gives a file that cannot be read another name, `.bad` at its end. Gives the new name.
pub(crate) fn set_aside(path: &Path, disk: &dyn Disk) -> Result<PathBuf, Error> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let dot = if ending.is_empty() { "" } else { "." };
    let mut aside = path.with_extension(format!("{ending}{dot}bad"));
    let mut attempt = 1;
    while aside.exists() {
        attempt += 1;
        aside = path.with_extension(format!("{ending}{dot}bad{attempt}"));
    }
    disk.rename(path, &aside)
        .map_err(|source| io("set aside", path, source))?;
    warn!(file = %path.display(), aside = %aside.display(), "a file cannot be read and was set aside");
    Ok(aside)
}

impl Drop for Directory {
    /// Closing the file is not enough: a child that is just being started may still share it.
    fn drop(&mut self) {
        if let Some(lock) = &self.lock
            && let Err(error) = flock(lock, FlockOperation::Unlock)
        {
            warn!(%error, "cannot unlock the data directory");
        }
    }
}

pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Refuses a directory with Prometheus's blocks.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    for entry in list(path)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let theirs = matches!(&*name, "chunks_head" | "wal") || is_ulid(&name);
        if theirs && entry.is_dir() {
            return Err(Error::Format {
                path: path.to_owned(),
                reason: format!(
                    "has Prometheus's data (`{name}`), which was left untouched: choose another directory, and bring the data over with `promtool tsdb dump-openmetrics {path} > dump.om` and `watchpost tsdb import dump.om`",
                    path = path.display()
                ),
            });
        }
    }
    Ok(())
}

/// Whether a name is one that Prometheus gives its blocks.
fn is_ulid(name: &str) -> bool {
    let digits = name
        .bytes()
        .all(|c| c.is_ascii_digit() || (c.is_ascii_uppercase() && !b"ILOU".contains(&c)));
    name.len() == 26 && digits
}

fn lock(path: &Path) -> Result<File, Error> {
    let file_path = path.join("lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&file_path)
        .map_err(|source| io("open", &file_path, source))?;
    if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(io("lock", &file_path, error.into()));
        }
        let mut holder = String::new();
        let read = file.take(32).read_to_string(&mut holder);
        let pid = holder.trim().parse::<u32>().ok().filter(|_| read.is_ok());
        return Err(Error::InUse {
            path: path.to_owned(),
            holder: pid.map_or_else(String::new, |pid| format!(" (pid {pid})")),
        });
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    // On a full disk the lock holds without the number in it.
    if let Err(error) = written {
        warn!(%error, "cannot write the process number into the lock file");
    }
    Ok(file)
}

/// The directory's format, nothing where it is new. A newer one is refused.
fn check_format(path: &Path) -> Result<Option<u32>, Error> {
    let file_path = path.join("format");
    let bytes = match std::fs::read(&file_path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(io("read", &file_path, error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let version = text.strip_prefix(FORMAT);
    match version.and_then(|version| version.parse::<u32>().ok()) {
        Some(version) if version <= VERSION => Ok(Some(version)),
        Some(version) => Err(Error::Format {
            path: path.to_owned(),
            reason: format!(
                "has format {version}, and this program reads up to {VERSION}: use the newer program that wrote it"
            ),
        }),
        None => Err(Error::Format {
            path: path.to_owned(),
            reason: format!("has a file `format` that says `{text}`, expected `{FORMAT}{VERSION}`"),
        }),
    }
}

/// Marks a directory as ours, and of this format.
pub(crate) fn mark(path: &Path, disk: &dyn Disk) -> Result<(), Error> {
    let file_path = path.join("format");
    let unfinished = path.join("format.tmp");
    let text = format!("{FORMAT}{VERSION}\n");
    let written = match disk.remove(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => disk.create(&unfinished),
    }
    .and_then(|file| file.append(text.as_bytes()).and_then(|()| file.sync()))
    .and_then(|()| disk.rename(&unfinished, &file_path))
    .and_then(|()| disk.sync_directory(path));
    written.map_err(|source| io("write", &file_path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_names_its_blocks_by_ulid() {
        assert!(is_ulid("01BKGV7JC0RY8A6MACW02A2PJD"));
        assert!(!is_ulid("01BKGV7JC0RY8A6MACW02A2PJd"));
        assert!(!is_ulid("01BKGV7JC0RY8A6MACW02A2PJDX"));
    }
}
