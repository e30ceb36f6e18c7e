//! Finished blocks of the head, in memory or in a head file.

use std::ops::Deref;
use std::sync::Arc;

use watchpost_model::is_absent;

use super::files::HeadFile;
use crate::block::BlockView;
use crate::histogram::Histograms;
use crate::index::Schema;
use crate::{Error, LineId};

/// A finished block. It never changes; a clone is another handle.
#[derive(Clone, Debug)]
pub(crate) struct HeadBlock {
    schema: Arc<Schema>,
    first_time: i64,
    last_time: i64,
    rows: u32,
    sequence: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// In memory: its bytes, and the lowest number of a log file that has rows of it.
    Memory(Arc<[u8]>, u64),
    /// In a head file.
    File(Arc<HeadFile>, Extent),
}

/// Where a block is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where its record starts.
    pub(crate) record: u64,
    /// How long the record is.
    pub(crate) length: u32,
    /// Where the block starts in the record; it goes to the record's end.
    pub(crate) block: u32,
}

/// The bytes of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockBytes {
    bytes: Arc<[u8]>,
    from: usize,
}

impl Deref for BlockBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

/// What a block is of.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) schema: Arc<Schema>,
    pub(crate) first_time: i64,
    pub(crate) last_time: i64,
    pub(crate) rows: u32,
    /// The highest sequence of the rows.
    pub(crate) sequence: u64,
}

impl HeadBlock {
    /// A block in memory. `file` is the lowest number of a log file that has rows of it.
    pub(crate) fn in_memory(rows: About, bytes: Arc<[u8]>, file: u64) -> Self {
        Self::new(rows, Place::Memory(bytes, file))
    }

    /// A block in a file.
    pub(crate) fn in_file(rows: About, file: Arc<HeadFile>, extent: Extent) -> Self {
        Self::new(rows, Place::File(file, extent))
    }

    fn new(rows: About, place: Place) -> Self {
        Self {
            schema: rows.schema,
            first_time: rows.first_time,
            last_time: rows.last_time,
            rows: rows.rows,
            sequence: rows.sequence,
            place,
        }
    }

    /// What the block is of.
    pub(crate) fn about(&self) -> About {
        About {
            schema: Arc::clone(&self.schema),
            first_time: self.first_time,
            last_time: self.last_time,
            rows: self.rows,
            sequence: self.sequence,
        }
    }

    /// The line of each of its columns.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The time of its first row.
    pub(crate) fn first_time(&self) -> i64 {
        self.first_time
    }

    /// The time of its last row.
    pub(crate) fn last_time(&self) -> i64 {
        self.last_time
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The highest sequence of its rows.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many bytes of memory its rows take: none where they are in a file.
    pub(crate) fn memory(&self) -> usize {
        match &self.place {
            Place::Memory(bytes, _) => bytes.len() + size_of::<Self>(),
            Place::File(..) => 0,
        }
    }

    /// Its bytes, where they are in memory.
    pub(crate) fn unwritten(&self) -> Option<&[u8]> {
        match &self.place {
            Place::Memory(bytes, _) => Some(bytes),
            Place::File(..) => None,
        }
    }

    /// The lowest number of a log file that has rows that are only in memory otherwise.
    pub(crate) fn log_file(&self) -> u64 {
        match &self.place {
            Place::Memory(_, file) => *file,
            Place::File(..) => super::open::NO_FILE,
        }
    }

    /// Reads the block; what comes from a file is checked.
    pub(crate) fn read(&self) -> Result<BlockBytes, Error> {
        match &self.place {
            Place::Memory(bytes, _) => Ok(BlockBytes {
                bytes: Arc::clone(bytes),
                from: 0,
            }),
            Place::File(file, extent) => Ok(BlockBytes {
                bytes: file.read(*extent)?,
                from: extent.block as usize,
            }),
        }
    }

    /// The error of a block whose bytes make no sense.
    pub(crate) fn malformed(&self) -> Error {
        match &self.place {
            Place::Memory(..) => Error::Damaged {
                path: "memory".into(),
                part: "block",
            },
            Place::File(file, _) => file.damage(),
        }
    }

    /// Reads the block, for looking at series one by one.
    pub(super) fn look(&self) -> Result<Looked, Error> {
        let bytes = self.read()?;
        let mut times = Vec::new();
        let read = BlockView::parse(&bytes).and_then(|view| view.times(&mut times));
        read.map_err(|_| self.malformed())?;
        Ok(Looked {
            schema: Arc::clone(&self.schema),
            bytes,
            times,
        })
    }
}

/// A block that is looked at.
#[derive(Debug)]
pub(super) struct Looked {
    schema: Arc<Schema>,
    bytes: BlockBytes,
    times: Vec<i64>,
}

impl Looked {
    /// The samples of a series from a time on; the histograms go to a list. What cannot be read is not
    /// there: a reader is told so.
    pub(super) fn at_or_after(
        &self,
        line: LineId,
        time: i64,
        list: &Histograms,
    ) -> Vec<(i64, f64)> {
        let Some(slot) = self.schema.slot(line) else {
            return Vec::new();
        };
        let from = self.times.partition_point(|have| *have < time);
        let mut values = Vec::new();
        let read = BlockView::parse(&self.bytes)
            .and_then(|view| view.marked_column(slot, from..self.times.len(), list, &mut values));
        if read.is_err() {
            return Vec::new();
        }
        let samples = self.times.iter().copied().skip(from).zip(values);
        samples.filter(|(_, value)| !is_absent(*value)).collect()
    }
}
