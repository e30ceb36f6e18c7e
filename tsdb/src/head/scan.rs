//! Reading the head files at the start: definitions and where the blocks are. Every record is
//! checked; the blocks stay in the files.

use std::path::Path;
use std::sync::Arc;

use super::block::{About, Extent, HeadBlock};
use super::files::{Finished, HeadFile};
use super::states::States;
use crate::Error;
use crate::block::BlockView;
use crate::log::bytes::{Malformed, Reader, unzigzag};
use crate::log::frame::{HEAD_MAGIC, RECORD_HEADER, RecordReader};
use crate::log::record::Kind;
use crate::log::{Definitions, Replayed, RowFault, list, open_file};
use crate::store::Store;

/// Reads all head files of a directory into a store, oldest first. Gives the files.
pub(crate) fn scan(
    store: &Store,
    directory: &Path,
    replayed: &mut Replayed,
) -> Result<Vec<Finished>, Error> {
    let mut files = Vec::new();
    for (number, path) in list(directory, "head")? {
        let Some(file) = open_file(store, &path, HEAD_MAGIC, replayed)? else {
            continue;
        };
        let io = |source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        let length = file.metadata().map_err(io)?.len();
        // The one that wrote it may have been killed before it forced it to the disk.
        let unsynced = Arc::new(file.try_clone().map_err(io)?);
        let records = RecordReader::new(file.try_clone().map_err(io)?);
        let mut of_file = FileScan {
            store,
            definitions: Definitions::new(store),
            file: Arc::new(HeadFile::new(number, path.clone(), file, &store.blocks)),
        };
        replayed
            .read((&path, "head"), records, |at, payload| {
                of_file.apply(at, payload).is_ok()
            })
            .map_err(io)?;
        files.push(Finished {
            file: of_file.file,
            length,
            unsynced: Some(unsynced),
            log_file: 0,
        });
    }
    Ok(files)
}

struct FileScan<'a> {
    store: &'a Store,
    definitions: Definitions<'a>,
    file: Arc<HeadFile>,
}

impl FileScan<'_> {
    fn apply(&mut self, at: u64, payload: &[u8]) -> Result<(), RowFault> {
        let mut reader = Reader(payload);
        let kind = Kind::read(&mut reader)?;
        if self.definitions.read(kind, &mut reader)? {
            return Ok(());
        }
        if kind != Kind::Block {
            return Err(RowFault::Malformed);
        }
        let group = Arc::clone(self.definitions.group(reader.id()?)?);
        let schema = Arc::clone(self.definitions.schema(reader.id()?)?);
        let first_time = unzigzag(reader.number()?);
        let last_time = first_time.wrapping_add(reader.number()?.cast_signed());
        let rows = reader.id()?;
        let sequence = reader.number()?;
        let newest_page = match reader.byte()? {
            0 => None,
            _ => Some(unzigzag(reader.number()?)),
        };
        let (page, parts) = (words(&mut reader)?, words(&mut reader)?);
        let view = BlockView::parse(reader.0)?;
        let (mut times, mut sequences) = (Vec::new(), Vec::new());
        view.times(&mut times)?;
        view.sequences(&mut sequences)?;
        let ascend = times.is_sorted_by(|one, other| one < other);
        let span = (times.first().copied(), times.last().copied());
        if !ascend
            || span != (Some(first_time), Some(last_time))
            || view.rows() != rows as usize
            || view.columns() > schema.len()
        {
            return Err(RowFault::Malformed);
        }
        let length = RECORD_HEADER + payload.len();
        let extent = Extent {
            record: at,
            length: u32::try_from(length).map_err(|_| Malformed)?,
            block: u32::try_from(length - reader.0.len()).map_err(|_| Malformed)?,
        };
        self.store.counters.note_sequence(sequence);
        let slots = self.store.take_columns(&group, &schema);
        let mut states = States::default();
        let of_file = States::from_bits(page, parts);
        for column in 0..schema.len() {
            if let Some(slot) = slots.get(column) {
                states.set(slot, of_file.get(column));
            }
        }
        let about = About {
            schema,
            first_time,
            last_time,
            rows,
            sequence,
        };
        let block = HeadBlock::in_file(about, Arc::clone(&self.file), extent);
        let mut body = group.body.lock();
        if body.newest_row().is_none_or(|newest| newest <= last_time) {
            body.restore_states(states);
        }
        let rows = times.into_iter().zip(sequences);
        if body.restore(block, rows, newest_page) {
            Ok(())
        } else {
            Err(RowFault::Malformed)
        }
    }
}

fn words(reader: &mut Reader<'_>) -> Result<Vec<u64>, Malformed> {
    let count = reader.count()?;
    let bytes = reader.bytes(count.checked_mul(8).ok_or(Malformed)?)?;
    let words = bytes.as_chunks::<8>().0.iter();
    Ok(words.map(|word| u64::from_le_bytes(*word)).collect())
}
