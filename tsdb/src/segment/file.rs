//! A segment that is open for reading.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::Cache;
use super::format::{self, FOOTER, HEADER, SECTIONS, Section, SegmentInfo, VERSION};
use super::index::SegmentIndex;
use super::source::GroupKey;
use crate::Error;
use crate::log::bytes::Malformed;

/// Bytes that are read at offsets.
pub(super) trait ReadAt: Debug + Send + Sync {
    /// Fills the buffer with what stands at an offset.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        let to = from.and_then(|from| from.checked_add(buffer.len()));
        let bytes = from.zip(to).and_then(|(from, to)| self.get(from..to));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// An immutable file of rows. Only its footer is read when it is opened.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Tells it from all others, for the cache.
    identity: Arc<()>,
    path: PathBuf,
    file: Box<dyn ReadAt>,
    info: SegmentInfo,
    sections: [Section; SECTIONS.len()],
}

impl Segment {
    /// Opens a segment.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Self::read(path, Box::new(file), length)
    }

    pub(super) fn read(path: &Path, file: Box<dyn ReadAt>, length: u64) -> Result<Self, Error> {
        let mut segment = Self {
            identity: Arc::default(),
            path: path.to_owned(),
            file,
            info: SegmentInfo::default(),
            sections: [Section::default(); SECTIONS.len()],
        };
        let header = segment.bytes(0, HEADER.min(usize::try_from(length).unwrap_or(HEADER)))?;
        match format::version(&header) {
            Some(VERSION) => {}
            None => return Err(segment.damaged("header")),
            Some(version) => {
                return Err(Error::Format {
                    path: path.to_owned(),
                    reason: format!(
                        "has segment format {version}, and this program reads up to {VERSION}: use the newer program that wrote it"
                    ),
                });
            }
        }
        let start = length.checked_sub(FOOTER as u64);
        let start = start.ok_or_else(|| segment.damaged("footer"))?;
        let footer = segment.bytes(start, FOOTER)?;
        let read = format::read_footer(&footer, length);
        (segment.info, segment.sections) = read.map_err(|Malformed| segment.damaged("footer"))?;
        Ok(segment)
    }

    /// What it holds.
    pub(crate) fn info(&self) -> &SegmentInfo {
        &self.info
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its index, from the cache or from the file.
    pub(crate) fn index(&self, cache: &Cache) -> Result<Arc<SegmentIndex>, Error> {
        cache.get(&self.identity, || self.read_index())
    }

    /// Has a cache forget its index.
    pub(crate) fn forget(&self, cache: &Cache) {
        cache.forget(&self.identity);
    }

    /// The time of the newest row of each group.
    pub(crate) fn watermarks(&self, cache: &Cache) -> Result<Vec<(GroupKey, i64)>, Error> {
        let index = self.index(cache)?;
        let newest = index
            .newest()
            .map(|(group, newest)| (index.group_key(group), newest));
        Ok(newest.collect())
    }

    pub(super) fn read_index(&self) -> Result<SegmentIndex, Error> {
        let first = self.sections[0].offset;
        let length = self.info.bytes - FOOTER as u64 - first;
        let length = usize::try_from(length).map_err(|_| self.damaged("footer"))?;
        let bytes = self.bytes(first, length)?;
        let mut rest = bytes.as_slice();
        let mut sections = [&[][..]; SECTIONS.len()];
        for ((place, section), name) in self.sections.iter().zip(&mut sections).zip(SECTIONS) {
            let length = usize::try_from(place.length).map_err(|_| self.damaged(name))?;
            (*section, rest) = rest
                .split_at_checked(length)
                .ok_or_else(|| self.damaged(name))?;
            if crc32c::crc32c(section) != place.crc {
                return Err(self.damaged(name));
            }
        }
        SegmentIndex::read(sections, &self.info, first).map_err(|part| self.damaged(part))
    }

    /// Bytes of the file. The length is checked against the file's before there is room made.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut buffer = vec![0; length];
        self.fill(offset, &mut buffer)?;
        Ok(buffer)
    }

    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let read = self.file.read_at(buffer, offset);
        read.map_err(|source| Error::Io {
            action: "read",
            path: self.path.clone(),
            source,
        })
    }

    pub(super) fn damaged(&self, part: &'static str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            part,
        }
    }
}
