//! What a file has defined so far, for reading it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::HashMap;
use tracing::warn;

use super::bytes::{Malformed, Reader};
use super::frame::{FILE_HEADER, Header, VERSION, read_header};
use super::record::{GROUP_SIDE, GROUP_SINGLE, Kind, read_labels, read_line};
use super::replay::Replayed;
use super::row::RowFault;
use crate::head::GroupState;
use crate::index::Schema;
use crate::store::Store;
use crate::{Error, LineId};

/// Lines, groups and schemas of a file, as the store has them.
#[derive(Debug)]
pub(crate) struct Definitions<'a> {
    store: &'a Store,
    lines: HashMap<u32, LineId>,
    schemas: HashMap<u32, Arc<Schema>>,
    groups: HashMap<u32, Arc<GroupState>>,
    /// Columns whose line is missing have lines that the store does not know.
    missing: u32,
}

impl<'a> Definitions<'a> {
    /// Those of a file that was not read yet.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self {
            store,
            lines: HashMap::default(),
            schemas: HashMap::default(),
            groups: HashMap::default(),
            missing: 0,
        }
    }

    /// Reads a definition; false where the record is something else.
    pub(crate) fn read(&mut self, kind: Kind, reader: &mut Reader<'_>) -> Result<bool, RowFault> {
        match kind {
            Kind::Line => self.line(reader)?,
            Kind::Group => self.define_group(reader)?,
            Kind::Schema => self.define_schema(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A group by its number in the file.
    pub(crate) fn group(&self, id: u32) -> Result<&Arc<GroupState>, RowFault> {
        self.groups.get(&id).ok_or(RowFault::Gap)
    }

    /// A schema by its number in the file.
    pub(crate) fn schema(&self, id: u32) -> Result<&Arc<Schema>, RowFault> {
        self.schemas.get(&id).ok_or(RowFault::Gap)
    }

    fn line(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let line = read_line(reader)?;
        let known = self.store.lines.write().intern(line);
        self.lines.insert(id, known.map_err(|_| Malformed)?);
        Ok(())
    }

    fn define_group(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        self.groups.remove(&id);
        let kind = reader.byte()?;
        if kind > GROUP_SINGLE | GROUP_SIDE {
            return Err(RowFault::Malformed);
        }
        let mut state = if kind & GROUP_SINGLE == 0 {
            let labels = read_labels(reader)?;
            self.store.groups.write().intern(&labels)
        } else {
            let line = self.lines.get(&reader.id()?).ok_or(RowFault::Gap)?;
            self.store.groups.write().intern_single(*line)
        }
        .map_err(|_| Malformed)?;
        if kind & GROUP_SIDE != 0 {
            let side = self.store.groups.write().intern_side(&state, reader.id()?);
            state = side.map_err(|_| Malformed)?;
        }
        self.groups.insert(id, state);
        Ok(())
    }

    fn define_schema(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        self.schemas.remove(&id);
        let mut lines = match reader.id()? {
            0 => Vec::new(),
            base => self.schema(base - 1)?.lines().to_vec(),
        };
        let mut result = Ok(());
        while !reader.0.is_empty() {
            let line = reader.id()?;
            lines.push(self.lines.get(&line).copied().unwrap_or_else(|| {
                result = Err(RowFault::Gap);
                self.missing += 1;
                LineId(u32::MAX - self.missing)
            }));
        }
        let count = lines.len();
        let schema = self.store.groups.write().schemas_mut().intern(lines);
        if schema.len() != count {
            return Err(RowFault::Malformed);
        }
        self.schemas.insert(id, schema);
        result
    }
}

/// The numbered files of a directory with an extension, ascending.
pub(crate) fn list(directory: &Path, extension: &str) -> Result<Vec<(u64, PathBuf)>, Error> {
    let io = |source| Error::Io {
        action: "list",
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let ours = path.extension().is_some_and(|have| have == extension);
        let number = path
            .file_stem()
            .and_then(|name| name.to_str()?.parse().ok());
        files.extend(number.filter(|_| ours).map(|number: u64| (number, path)));
    }
    files.sort_unstable();
    Ok(files)
}

/// Opens a file that starts with a magic, behind its header. Nothing where it does not: it was never
/// written, and is removed, or it is set aside. A file of another version is refused.
pub(crate) fn open_file(
    store: &Store,
    path: &Path,
    magic: [u8; 8],
    replayed: &mut Replayed,
) -> Result<Option<File>, Error> {
    let io = |action| {
        move |source| Error::Io {
            action,
            path: path.to_owned(),
            source,
        }
    };
    let mut header = Vec::with_capacity(FILE_HEADER);
    let file = File::open(path).map_err(io("open"))?;
    let mut start = (&file).take(FILE_HEADER as u64);
    start.read_to_end(&mut header).map_err(io("read"))?;
    let (version, whose) = match read_header(&header, magic) {
        Header::Version(VERSION) => return Ok(Some(file)),
        Header::Damaged => {
            warn!(file = %path.display(), "the header of a file is damaged; its records are used");
            replayed.damaged += 1;
            return Ok(Some(file));
        }
        Header::Version(version) if version > VERSION => (version, "newer"),
        Header::Version(version) => (version, "older"),
        Header::Foreign if header.is_empty() => {
            store.disk.remove(path).map_err(io("remove"))?;
            return Ok(None);
        }
        Header::Foreign => {
            crate::directory::set_aside(path, &*store.disk)?;
            replayed.quarantined += 1;
            return Ok(None);
        }
    };
    Err(Error::Format {
        path: path.to_owned(),
        reason: format!(
            "has log format {version}, and this program reads {VERSION}: use the {whose} program that wrote it"
        ),
    })
}
