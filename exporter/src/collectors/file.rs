//! Reading the kernel's files: kept open where they are read at every scrape, and capped.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{PROC_SUPER_MAGIC, fstatfs};

use super::{CollectError, text};

/// No file of the kernel is longer; what is, is not one.
const LIMIT: usize = 16 << 20;

/// The memory that a file gets at first; it doubles until the file fits. The files in `/proc/sys`,
/// which are shorter, are read in one go or not at all.
const FIRST: usize = 128;

/// A file that is read at every scrape. It stays open and is read from its start again, which is
/// about a third of the cost of opening it each time; its text stays in the same memory.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    file: Option<File>,
    kind: Kind,
    /// The text is as much of it as `length` says.
    memory: Vec<u8>,
    length: usize,
}

/// The kernel hands a table over by pages, each filled with as many whole rows as it can hold.
const PAGE: usize = 4 << 10;
const ROW: usize = 1 << 10;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Until nothing more comes.
    Table,
    /// The kernel makes the whole text at once: what does not fill the memory is all.
    AtOnce,
    /// A table whose rows are shorter than [`ROW`]: what leaves room for one is all.
    Rows,
    /// Opened for each read.
    OneOfMany,
}

impl KeptFile {
    /// Names a file; it is opened when it is first read.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::of(Kind::Table, path)
    }

    /// Names a file whose text the kernel makes at once, such as an attribute in `/sys` and those
    /// files in `/proc` that are not tables of unknown length: it is read by one call, not two.
    pub fn at_once(path: impl Into<PathBuf>) -> Self {
        Self::of(Kind::AtOnce, path)
    }

    /// Names a table of short rows, less than a kilobyte each; a row is what the kernel writes at
    /// once, which may be several lines. Its end is seen without another call, which for some
    /// tables is as dear as the first.
    pub fn rows(path: impl Into<PathBuf>) -> Self {
        Self::of(Kind::Rows, path)
    }

    /// Names one of very many files: it is opened for each read, since a process may have a
    /// thousand files open and no more.
    pub fn one_of_many(path: impl Into<PathBuf>) -> Self {
        Self::of(Kind::OneOfMany, path)
    }

    fn of(kind: Kind, path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            kind,
            memory: Vec::new(),
            length: 0,
        }
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's text as it is now.
    pub fn read(&mut self) -> Result<&[u8], CollectError> {
        self.length = 0;
        if let Some(file) = &self.file {
            if let Ok(length) = read_all(file, self.kind, &mut self.memory) {
                self.length = length;
                return Ok(self.text());
            }
            // What was behind the open file is gone, such as a device that was unplugged and is
            // back under the same name.
            self.file = None;
        }
        let opened = File::open(&self.path).and_then(|file| {
            self.length = read_all(&file, self.kind, &mut self.memory)?;
            Ok(file)
        });
        let file = opened.map_err(|error| CollectError::read(&self.path, error))?;
        self.file = Some(file).filter(|_| self.kind != Kind::OneOfMany);
        Ok(self.text())
    }

    /// The number that is all the file's text.
    pub fn number(&mut self) -> Result<u64, CollectError> {
        self.read()?;
        text::integer(self.text().trim_ascii())
            .ok_or_else(|| self.fault("a number that is not negative", self.text()))
    }

    /// What the last [`KeptFile::read`] gave; nothing where it failed.
    pub fn text(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    /// The text of the last read, of which the last line is ended unless it is cut off. The kernel
    /// ends all lines; where the file is not its own, as that of a recorded host, it may lack that.
    pub fn ended(&self) -> Cow<'_, [u8]> {
        let text = self.text();
        if text.is_empty() || text.ends_with(b"\n") || self.is_of_the_kernel() {
            return text.into();
        }
        [text, b"\n"].concat().into()
    }

    /// Whether the text of the last read still holds, for a file that tells when it changes, as
    /// the lists of mounts do; never true for what is not a file of `/proc`.
    pub fn is_unchanged(&self) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| self.length > 0) else {
            return false;
        };
        let tells = self.is_of_the_kernel();
        let mut events = [PollFd::new(file, PollFlags::PRI)];
        let none = Timespec::default();
        tells && poll(&mut events, Some(&none)).is_ok_and(|changed| changed == 0)
    }

    /// Whether it is a file of a mounted `/proc`, and not one of a recorded host, whose files need
    /// not fit each other.
    pub fn is_of_the_kernel(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| fstatfs(file).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC))
    }

    /// Says that the text is not what it should be.
    pub fn fault(&self, expected: &'static str, found: &[u8]) -> CollectError {
        CollectError::parse(&self.path, expected, found)
    }
}

/// Reads all of a file and tells its length, by reads at explicit places so that the file need not
/// be rewound.
fn read_all(file: &File, kind: Kind, memory: &mut Vec<u8>) -> io::Result<usize> {
    let mut length = 0;
    loop {
        if memory.len() == length {
            memory.resize((2 * length).max(FIRST), 0);
        }
        let free = memory.get_mut(length..).unwrap_or_default();
        match file.read_at(free, length as u64) {
            Ok(0) => return Ok(length),
            Ok(read) => {
                length += read;
                let may_have_more = match kind {
                    Kind::Table => true,
                    Kind::Rows => read > PAGE - ROW || length == memory.len(),
                    Kind::AtOnce | Kind::OneOfMany => length == memory.len(),
                };
                if !may_have_more {
                    return Ok(length);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// How old an [`Inventory`] may get.
const INVENTORY_AGE: Duration = Duration::from_mins(1);

/// What a host has of something (sensors, links, disks), with the files to read at each scrape.
/// Listing folders costs more than reading the files, and devices seldom come and go: the list is
/// made anew after a minute, or when [`Inventory::forget`] says that a device is gone.
#[derive(Debug)]
pub struct Inventory<T> {
    made: Option<(Instant, T)>,
}

impl<T> Default for Inventory<T> {
    fn default() -> Self {
        Self { made: None }
    }
}

impl<T> Inventory<T> {
    /// The list, by `make` where there is none or an old one. `make` gets the old one, so that
    /// files that are open can be taken over.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn get(
        &mut self,
        now: Instant,
        make: impl FnOnce(Option<T>) -> Result<T, CollectError>,
    ) -> Result<&mut T, CollectError> {
        let fresh = |at: Instant| now.saturating_duration_since(at) < INVENTORY_AGE;
        let (at, list) = match self.made.take() {
            Some((at, list)) if fresh(at) => (at, list),
            old => (now, make(old.map(|(_, list)| list))?),
        };
        let (_, list) = self.made.insert((at, list));
        Ok(list)
    }

    /// Makes the list anew at the next [`Inventory::get`]: something on it is not there any more.
    pub fn forget(&mut self) {
        self.made = None;
    }
}

/// A small file's text without the white space at its ends, for files that are read once or
/// seldom, such as the attributes in `/sys`.
pub fn read_small(path: &Path) -> Result<String, CollectError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT as u64).read_to_end(&mut text))
        .map_err(|error| CollectError::read(path, error))?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

#[cfg(test)]
mod tests;
