//! The data directory: who has it, and whether it is ours.
//!
//! ```text
//! lock     held by the process that has the directory; its number stands in it
//! format   "watchpost tsdb 1"
//! log/     see `log`
//! ```

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// The version of the directory's layout.
const VERSION: u32 = 1;
const FORMAT: &str = "watchpost tsdb ";

/// A data directory that this process has. Dropping it lets others in.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) log: PathBuf,
    lock: File,
}

impl Directory {
    /// Makes the directory where it is new, and takes it. A directory that is not ours is left as
    /// it is.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        refuse_foreign(path)?;
        let log = path.join("log");
        std::fs::create_dir_all(&log).map_err(|source| io("make directory", &log, source))?;
        let lock = lock(path)?;
        check_format(path)?;
        Ok(Self { log, lock })
    }
}

impl Drop for Directory {
    /// Closing the file is not enough: a child that is just being started may still share it.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.lock, FlockOperation::Unlock) {
            tracing::warn!(%error, "cannot unlock the data directory");
        }
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Refuses a directory with Prometheus's blocks.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("list", path, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|source| io("list", path, source))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let theirs = matches!(&*name, "chunks_head" | "wal") || is_ulid(&name);
        if theirs && entry.path().is_dir() {
            return Err(Error::Format {
                path: path.to_owned(),
                reason: format!(
                    "has Prometheus's data (`{name}`), which this program does not read; it was left untouched: choose another directory"
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
        tracing::warn!(%error, "cannot write the process number into the lock file");
    }
    Ok(file)
}

/// Refuses a directory of a newer format; a new one is marked as ours.
fn check_format(path: &Path) -> Result<(), Error> {
    let file_path = path.join("format");
    let text = match std::fs::read_to_string(&file_path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io("read", &file_path, error)),
    };
    let text = text.trim();
    if text.is_empty() {
        return std::fs::write(&file_path, format!("{FORMAT}{VERSION}\n"))
            .map_err(|source| io("write", &file_path, source));
    }
    let version = text.strip_prefix(FORMAT);
    match version.and_then(|version| version.parse::<u32>().ok()) {
        Some(version) if version <= VERSION => Ok(()),
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
