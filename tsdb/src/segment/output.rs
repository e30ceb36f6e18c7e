//! The file that a segment is written to.

use std::path::{Path, PathBuf};

use crate::{Disk, DiskFile, Error};

/// How many bytes are written at a time.
const BUFFER: usize = 1 << 20;

/// A file that has a temporary name until it is finished.
#[derive(Debug)]
pub(super) struct Output<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    temporary: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    buffer: Vec<u8>,
    written: u64,
}

impl<'a> Output<'a> {
    /// Starts a file that will have this name.
    pub(super) fn create(disk: &'a dyn Disk, path: &Path) -> Result<Self, Error> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let mut output = Self {
            disk,
            path: path.to_owned(),
            temporary: temporary.into(),
            file: None,
            buffer: Vec::with_capacity(BUFFER + BUFFER / 8),
            written: 0,
        };
        // One that a killed process left.
        if output.temporary.exists() {
            let removed = disk.remove(&output.temporary);
            removed.map_err(|source| output.fault("remove", source))?;
        }
        let file = disk.create(&output.temporary);
        output.file = Some(file.map_err(|source| output.fault("create", source))?);
        Ok(output)
    }

    /// How many bytes were appended.
    pub(super) fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Appends what a function writes.
    pub(super) fn append_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        write(&mut self.buffer);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    /// Forces the file to the disk and gives it its name. Gives its length.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        self.flush()?;
        if let Some(file) = &self.file {
            file.sync().map_err(|source| self.fault("sync", source))?;
        }
        let renamed = self.disk.rename(&self.temporary, &self.path);
        renamed.map_err(|source| self.fault("rename", source))?;
        self.file = None;
        if let Some(directory) = self.path.parent() {
            let synced = self.disk.sync_directory(directory);
            synced.map_err(|source| self.fault("sync the directory of", source))?;
        }
        Ok(self.written)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(file) = &self.file {
            let appended = file.append(&self.buffer);
            appended.map_err(|source| self.fault("write", source))?;
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn fault(&self, action: &'static str, source: std::io::Error) -> Error {
        Error::Io {
            action,
            path: self.temporary.clone(),
            source,
        }
    }
}

impl Drop for Output<'_> {
    /// What is not finished takes no room. Where it cannot be removed the next start does.
    fn drop(&mut self) {
        if self.file.take().is_some() {
            drop(self.disk.remove(&self.temporary));
        }
    }
}
