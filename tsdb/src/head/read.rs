//! Reading a group: what a reader takes with it when it lets go of the lock.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{Histogram, absent_nan};

use super::Body;
use super::block::{BlockBytes, HeadBlock};
use crate::block::BlockView;
use crate::column;
use crate::histogram::{Histograms, Marked, OpenHistograms};
use crate::index::Schema;
use crate::log::bytes::Malformed;
use crate::{Error, LineId, TimeRange};

/// So many columns are read from the open rows one by one; more of them together.
const FEW: usize = 8;

/// The rows of a group in a range, for some of its lines.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Finished blocks that overlap the range.
    blocks: Vec<Block>,
    /// Open rows in the range: time, order of acceptance.
    open: Vec<(i64, u64)>,
    columns: Vec<SnapshotColumn>,
    /// The rows wanted, after those that are in segments.
    range: TimeRange,
}

#[derive(Debug)]
struct Block {
    block: HeadBlock,
    /// Once it is read: its bytes, times and sequences, and the rows in the range.
    read: Option<ReadBlock>,
}

#[derive(Debug)]
struct ReadBlock {
    bytes: BlockBytes,
    times: Vec<i64>,
    sequences: Vec<u64>,
    rows: Range<usize>,
    /// Where each of the snapshot's columns begins; nothing where the block does not have it.
    columns: Vec<Option<u32>>,
}

/// A column of a snapshot.
#[derive(Debug)]
pub(crate) struct SnapshotColumn {
    pub(crate) line: LineId,
    /// The values of the open rows.
    open: Vec<f64>,
    /// What marks among them stand for.
    marked: Vec<(u32, Arc<Histogram>)>,
}

impl Body {
    /// Copies what a reader of some lines needs.
    pub(crate) fn snapshot(&self, range: TimeRange, lines: &[LineId]) -> Snapshot {
        let unsealed = self.sealed_until.map(|sealed| sealed.saturating_add(1));
        let range = TimeRange {
            from_ms: range.from_ms.max(unsealed.unwrap_or(i64::MIN)),
            to_ms: range.to_ms,
        };
        let blocks = self.blocks(range).into_iter();
        let place = |time| self.open.find(time).unwrap_or_else(|place| place);
        let from = place(range.from_ms);
        let to = match range.to_ms.checked_add(1) {
            Some(end) => place(end).max(from),
            None => self.open.len(),
        };
        let slots: Vec<_> = lines
            .iter()
            .filter_map(|line| Some((*line, self.schema.slot(*line)?)))
            .collect();
        let mut tiles = (slots.len() > FEW).then(|| self.open.tiles(from..to));
        let columns = slots.into_iter().map(|(line, slot)| {
            let mut open = Vec::with_capacity(to - from);
            match &mut tiles {
                Some(tiles) => tiles.column(slot, &mut open),
                None => self.open.column(slot, from..to, &mut open),
            }
            let marked = marked(&open, &self.histograms);
            SnapshotColumn { line, open, marked }
        });
        let columns = columns.collect();
        let rows = self.open.keys().skip(from).take(to - from);
        Snapshot {
            blocks: blocks.map(|block| Block { block, read: None }).collect(),
            open: rows.map(|row| (row.time, row.sequence)).collect(),
            columns,
            range,
        }
    }
}

impl Snapshot {
    /// Reads the blocks. Not under the group's lock: they may be in a file. A block that cannot be
    /// read is left out where `tolerate` takes the error.
    pub(crate) fn load(
        &mut self,
        mut tolerate: impl FnMut(Error) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut known: Option<(Arc<Schema>, Wanted)> = None;
        for block in &mut self.blocks {
            let schema = block.block.schema();
            let wanted = match known.take() {
                Some((of, wanted)) if Arc::ptr_eq(&of, schema) => wanted,
                _ => Wanted::new(&self.columns, schema),
            };
            let read = block.block.read().and_then(|bytes| {
                let read = ReadBlock::new(bytes, self.range, &wanted);
                read.map_err(|Malformed| block.block.malformed())
            });
            known = Some((Arc::clone(schema), wanted));
            match read {
                Ok(read) => block.read = Some(read),
                Err(error) => tolerate(error)?,
            }
        }
        Ok(())
    }

    /// The lines with a value in an open row, in the order they were asked for.
    pub(crate) fn in_open_rows(&self) -> Vec<LineId> {
        let has_value = |column: &&SnapshotColumn| {
            let mut values = column.open.iter();
            values.any(|value| !watchpost_model::is_absent(*value))
        };
        let found = self.columns.iter().filter(has_value);
        found.map(|column| column.line).collect()
    }

    pub(crate) fn columns(&self) -> &[SnapshotColumn] {
        &self.columns
    }

    fn read_blocks(&self) -> impl Iterator<Item = (&HeadBlock, &ReadBlock)> {
        let blocks = self.blocks.iter();
        blocks.filter_map(|block| Some((&block.block, block.read.as_ref()?)))
    }

    /// The times of all rows.
    pub(crate) fn times(&self) -> Arc<[i64]> {
        let sealed = self.read_blocks();
        let sealed = sealed.flat_map(|(_, read)| &read.times[read.rows.clone()]);
        let open = self.open.iter().map(|(time, _)| time);
        sealed.chain(open).copied().collect()
    }

    /// The order of acceptance of all rows.
    pub(crate) fn sequences(&self) -> Arc<[u64]> {
        let sealed = self.read_blocks();
        let sealed = sealed.flat_map(|(_, read)| &read.sequences[read.rows.clone()]);
        let open = self.open.iter().map(|(_, sequence)| sequence);
        sealed.chain(open).copied().collect()
    }

    /// Appends the values of the column at a place, one a row; marks where it has none. Its histograms
    /// go to a list.
    pub(crate) fn values(
        &self,
        place: usize,
        list: &Histograms,
        out: &mut Vec<f64>,
    ) -> Result<(), Error> {
        for (block, read) in self.read_blocks() {
            read.column(place, list, out)
                .map_err(|Malformed| block.malformed())?;
        }
        let Some(column) = self.columns.get(place) else {
            return Ok(());
        };
        let start = out.len();
        out.extend_from_slice(&column.open);
        if !column.marked.is_empty() {
            column.name_anew(out.get_mut(start..).unwrap_or_default(), list);
        }
        Ok(())
    }
}

impl SnapshotColumn {
    /// Has marks stand for places of a list.
    fn name_anew(&self, values: &mut [f64], list: &Histograms) {
        let add = |(place, histogram): &(u32, Arc<Histogram>)| {
            let mark = list.add(Arc::clone(histogram));
            (*place, mark)
        };
        let places: Vec<_> = self.marked.iter().map(add).collect();
        for value in values {
            if let Some(place) = histogram_index(*value) {
                let found = places.binary_search_by_key(&place, |(place, _)| *place);
                let mark = found.ok().and_then(|found| places.get(found));
                *value = mark.map_or_else(absent_nan, |(_, mark)| *mark);
            }
        }
    }
}

/// What the marks among values stand for, ascending.
fn marked(values: &[f64], histograms: &OpenHistograms) -> Vec<(u32, Arc<Histogram>)> {
    if histograms.is_empty() {
        return Vec::new();
    }
    let mut places: Vec<_> = values
        .iter()
        .filter_map(|value| histogram_index(*value))
        .collect();
    places.sort_unstable();
    places.dedup();
    let found = places.into_iter();
    let found = found.filter_map(|place| Some((place, histograms.at(place)?)));
    found.collect()
}

/// The slots of a snapshot's columns in a schema.
struct Wanted {
    /// Ascending.
    slots: Vec<usize>,
    /// The place of the column of each slot.
    places: Vec<usize>,
    /// How many columns the snapshot has.
    columns: usize,
}

impl Wanted {
    fn new(columns: &[SnapshotColumn], schema: &Schema) -> Self {
        let slot = |(place, column): (usize, &SnapshotColumn)| {
            let slot = schema.slot(column.line)?;
            Some((slot, place))
        };
        let mut found: Vec<_> = columns.iter().enumerate().filter_map(slot).collect();
        found.sort_unstable();
        let (slots, places) = found.into_iter().unzip();
        Self {
            slots,
            places,
            columns: columns.len(),
        }
    }
}

impl ReadBlock {
    fn new(bytes: BlockBytes, range: TimeRange, wanted: &Wanted) -> Result<Self, Malformed> {
        let view = BlockView::parse(&bytes)?;
        let (mut times, mut sequences) = (Vec::new(), Vec::new());
        view.times(&mut times)?;
        view.sequences(&mut sequences)?;
        let from = times.partition_point(|time| *time < range.from_ms);
        let to = times.partition_point(|time| *time <= range.to_ms);
        let mut columns = vec![None; wanted.columns];
        let mut walk = view.walk();
        for (slot, place) in wanted.slots.iter().zip(&wanted.places) {
            if *slot < view.columns() {
                let start = bytes.len() - walk.to(*slot)?.len();
                columns[*place] = u32::try_from(start).ok();
            }
        }
        Ok(Self {
            bytes,
            times,
            sequences,
            rows: from..to.max(from),
            columns,
        })
    }

    fn column(&self, place: usize, list: &Histograms, out: &mut Vec<f64>) -> Result<(), Malformed> {
        let Some(start) = self.columns.get(place).copied().flatten() else {
            out.resize(out.len() + self.rows.len(), absent_nan());
            return Ok(());
        };
        let column = self.bytes.get(start as usize..).ok_or(Malformed)?;
        column::decode_marked(column, self.times.len(), self.rows.clone(), list, out)
    }
}
