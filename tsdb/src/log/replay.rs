//! Reading the log at the start: the rows that are in no block.

use std::path::Path;
use std::sync::Arc;

use foldhash::HashMap;
use tracing::warn;
use watchpost_model::is_absent;

use super::bytes::{Malformed, Reader};
use super::definitions::{Definitions, list, open_file};
use super::frame::{Found, LOG_MAGIC, RecordReader};
use super::note::{read_exemplar, read_metadata};
use super::record::{Kind, read_cells};
use super::row::{RowChain, RowFault};
use super::writer::Finished;
use crate::Error;
use crate::head::{RowKey, Slots};
use crate::index::Schema;
use crate::store::Store;

/// What a start counted.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) damaged: u64,
    pub(crate) quarantined: u64,
}

impl Replayed {
    /// Reads the records of a file to its end, and counts them; damage between them is told. `apply`
    /// gets the place and the payload of each, and says whether it was good.
    pub(crate) fn read(
        &mut self,
        (path, kind): (&Path, &str),
        mut records: RecordReader<std::fs::File>,
        mut apply: impl FnMut(u64, &[u8]) -> bool,
    ) -> std::io::Result<()> {
        while let Some(found) = records.next()? {
            let good = match found {
                Found::Record(at, payload) => apply(at, payload),
                Found::Damage(bytes) => {
                    warn!(file = %path.display(), bytes, "a {kind} file is damaged; the records before and after are used");
                    false
                }
                Found::TornTail(bytes) => {
                    warn!(file = %path.display(), bytes, "a {kind} file ends in a torn record; the records before are used");
                    false
                }
            };
            self.records += u64::from(good);
            self.damaged += u64::from(!good);
        }
        Ok(())
    }
}

/// Reads all log files of a directory into a store, oldest first. Gives the files that are kept.
pub(crate) fn replay(
    store: &Store,
    directory: &Path,
    replayed: &mut Replayed,
) -> Result<Vec<Finished>, Error> {
    let mut files = Vec::new();
    for (number, path) in list(directory, "log")? {
        let Some(file) = open_file(store, &path, LOG_MAGIC, replayed)? else {
            continue;
        };
        let io = |source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        let length = file.metadata().map_err(io)?.len();
        let mut of_file = FileReplay {
            store,
            number,
            definitions: Definitions::new(store),
            groups: HashMap::default(),
        };
        replayed
            .read((&path, "log"), RecordReader::new(file), |_, payload| {
                of_file.apply(payload).is_ok()
            })
            .map_err(io)?;
        files.push(Finished {
            number,
            path,
            length,
        });
    }
    Ok(files)
}

struct FileReplay<'a> {
    store: &'a Store,
    number: u64,
    definitions: Definitions<'a>,
    groups: HashMap<u32, FileGroup>,
}

/// What the file says of a group.
#[derive(Default)]
struct FileGroup {
    rows: RowChain,
    /// The columns, and the group's slot of each.
    columns: Option<(Arc<Schema>, Slots)>,
}

impl FileReplay<'_> {
    fn apply(&mut self, payload: &[u8]) -> Result<(), RowFault> {
        let mut reader = Reader(payload);
        let kind = Kind::read(&mut reader)?;
        if kind == Kind::Group {
            let id = Reader(reader.0).id()?;
            self.groups.insert(id, FileGroup::default());
        }
        if self.definitions.read(kind, &mut reader)? {
            return Ok(());
        }
        match kind {
            Kind::Columns => self.columns(&mut reader),
            Kind::Row => self.row(&mut reader),
            Kind::Cells => self.cells(&mut reader),
            Kind::Exemplar => {
                let (series, exemplar) = read_exemplar(&mut reader)?;
                self.store.replay_exemplar(&series, exemplar);
                Ok(())
            }
            Kind::Metadata => {
                let said = read_metadata(&mut reader)?;
                let taken = self.store.replay_metadata(said);
                taken.map_err(|_| RowFault::Malformed)
            }
            _ => Err(RowFault::Malformed),
        }
    }

    fn columns(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let group = self.groups.get_mut(&id).ok_or(RowFault::Gap)?;
        group.columns = None;
        let state = self.definitions.group(id)?;
        let schema = self.definitions.schema(reader.id()?)?;
        let slots = self.store.take_columns(state, schema);
        group.columns = Some((Arc::clone(schema), slots));
        Ok(())
    }

    fn row(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let group = self.groups.get_mut(&id).ok_or(RowFault::Gap)?;
        let header = group.rows.read(reader)?;
        self.store.counters.note_sequence(header.sequence);
        let state = self.definitions.group(id)?;
        let (schema, slots) = group.columns.as_ref().ok_or(RowFault::Gap)?;
        let values = group.rows.values();
        // A column that the file did not tell of: what did is lost.
        let (values, unknown) = values.split_at(schema.len().min(values.len()));
        let key = RowKey {
            time: header.time,
            sequence: header.sequence,
            file: self.number,
        };
        let mut body = state.body.lock();
        let mut values = slots.place(values);
        if !group.rows.marked.is_empty() {
            body.expect_histograms();
            for value in values.to_mut() {
                *value = group.rows.marked.own(*value, body.histograms());
            }
        }
        body.replay_row(key, &values, !header.parts);
        self.store.seal_replayed(state, &mut body);
        if unknown.iter().all(|value| is_absent(*value)) {
            Ok(())
        } else {
            Err(RowFault::Gap)
        }
    }

    fn cells(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let group = self.groups.get_mut(&id).ok_or(RowFault::Gap)?;
        let width = group.columns.as_ref().map_or(0, |(schema, _)| schema.len());
        let read = read_cells(reader, width);
        let (number, mut cells, marked) =
            read.inspect_err(|Malformed| group.rows = RowChain::default())?;
        self.store.counters.note_sequence(cells.sequence);
        group.rows.put(number, cells.time, &cells.values);
        group.rows.marked.extend(&marked);
        let state = self.definitions.group(id)?;
        let (_, slots) = group.columns.as_ref().ok_or(RowFault::Gap)?;
        slots.renumber(&mut cells.values);
        let mut body = state.body.lock();
        body.expect_histograms();
        for (_, value) in &mut cells.values {
            *value = marked.own(*value, body.histograms());
        }
        body.replay_cells(&cells, self.number);
        self.store.seal_replayed(state, &mut body);
        Ok(())
    }
}
