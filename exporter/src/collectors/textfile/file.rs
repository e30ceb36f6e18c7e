//! One text file: read when it has changed, and kept as its families.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FsWord, Mode, OFlags};
use rustix::time::{ClockId, clock_gettime};

use super::parse::{Family, parse};

/// No file may be longer.
const SIZE_LIMIT: u64 = 16 << 20;

const TOO_LONG: &str = "expected at most 16 MiB in a text file, and 64 MiB in all";

/// Clocks of file systems tick in steps of up to two seconds: a file that has changed since then
/// may have changed once more without looking different.
const SETTLED_AFTER: i64 = 2;

/// A text file as it was when it was last read.
#[derive(Debug)]
pub(super) struct TextFile {
    pub(super) path: PathBuf,
    /// How it looked, where it can be told from later versions by that.
    stamp: Option<Stamp>,
    pub(super) content: Result<Content, String>,
}

/// What a good file holds.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) families: Vec<Family>,
    /// When it was written, in seconds since the epoch.
    pub(super) modified: i64,
    pub(super) size: u64,
}

/// What tells a version of a file from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl TextFile {
    /// Reads a file, of which `left` bytes may be taken. What is wrong with it is told in its
    /// content.
    pub(super) fn read(path: PathBuf, left: u64) -> Self {
        let mut stamp = None;
        let content = content(&path, left, &mut stamp)
            .map_err(|error| format!("`{path}`: {error}", path = path.display()));
        Self {
            path,
            stamp,
            content,
        }
    }

    /// Whether the file has a family of this name.
    pub(super) fn has_family(&self, name: &str) -> bool {
        let content = self.content.as_ref();
        content.is_ok_and(|content| content.families.iter().any(|family| family.name == name))
    }

    /// How many bytes are taken.
    pub(super) fn size(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.size)
    }

    /// Takes the file's look for that of this version alone, as after some seconds.
    #[cfg(test)]
    pub(super) fn settle(&mut self) {
        self.stamp = std::fs::metadata(&self.path)
            .ok()
            .map(|found| Stamp::of(&found));
    }

    /// Whether the file is as it was when it was read.
    pub(super) fn is_unchanged(&self) -> bool {
        let Some(stamp) = self.stamp else {
            return false;
        };
        std::fs::metadata(&self.path).is_ok_and(|found| Stamp::of(&found) == stamp)
    }
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    fn is_settled(&self) -> bool {
        let now = clock_gettime(ClockId::RealtimeCoarse).tv_sec;
        now.saturating_sub(self.changed.0) > SETTLED_AFTER
    }
}

fn content(path: &Path, left: u64, stamp: &mut Option<Stamp>) -> io::Result<Content> {
    let file = open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("expected a regular file"));
    }
    let before = Stamp::of(&found);
    if before.size > left.min(SIZE_LIMIT) {
        return Err(io::Error::other(TOO_LONG));
    }
    let mut text = Vec::new();
    (&file).take(SIZE_LIMIT + 1).read_to_end(&mut text)?;
    let found = file.metadata()?;
    let after = Stamp::of(&found);
    if before == after && after.is_settled() && !is_of_another_host(&file) {
        *stamp = Some(after);
    }
    let size = text.len() as u64;
    if size > SIZE_LIMIT {
        return Err(io::Error::other(TOO_LONG));
    }
    let families = parse(&text).map_err(io::Error::other)?;
    Ok(Content {
        families,
        modified: found.mtime(),
        size,
    })
}

/// File systems of other hosts, of whose files the kernel may tell the looks of some time ago until
/// they are opened.
const REMOTE: [FsWord; 6] = [
    0x6969,      // NFS
    0xff53_4d42, // SMB
    0xfe53_4d42, // SMB 2 and later
    0x00c3_6400, // Ceph
    0x0102_1997, // 9P
    0x6573_5546, // FUSE
];

fn is_of_another_host(file: &File) -> bool {
    rustix::fs::fstatfs(file).map_or(true, |found| REMOTE.contains(&found.f_type))
}

/// Without waiting: a pipe under the name of a text file waits for a writer that may never come.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}
