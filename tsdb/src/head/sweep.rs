//! Reading many groups, one after the other, with buffers that are used again: what the queries over
//! a whole fleet do. The order of acceptance is not read.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::absent_nan;
use watchpost_model::histogram::histogram_index;

use super::block::{BlockBytes, HeadBlock};
use super::body::Body;
use super::open::{OpenRows, WORD};
use crate::block::BlockView;
use crate::column;
use crate::index::Schema;
use crate::log::bytes::Malformed;
use crate::{Error, LineId, TimeRange};

/// Stands for a column that is not there.
const NONE: u32 = u32::MAX;
/// How many lists of slots are remembered: most groups share theirs.
const LISTS: usize = 8;

/// The slots of some lines in a schema.
#[derive(Debug)]
pub(crate) struct SlotList {
    schema: Arc<Schema>,
    lines: Arc<[LineId]>,
    /// Slots, ascending, and the places of their lines.
    slots: Vec<(usize, usize)>,
}

impl SlotList {
    fn new(schema: &Arc<Schema>, lines: &Arc<[LineId]>) -> Self {
        let slot = |(place, line): (usize, &LineId)| Some((schema.slot(*line)?, place));
        let mut slots: Vec<_> = lines.iter().enumerate().filter_map(slot).collect();
        slots.sort_unstable();
        Self {
            schema: Arc::clone(schema),
            lines: Arc::clone(lines),
            slots,
        }
    }
}

/// The lists of slots that were used last.
#[derive(Debug, Default)]
pub(crate) struct SlotLists(Vec<Arc<SlotList>>);

impl SlotLists {
    fn get(&mut self, schema: &Arc<Schema>, lines: &Arc<[LineId]>) -> Arc<SlotList> {
        let known = self
            .0
            .iter()
            .find(|list| Arc::ptr_eq(&list.schema, schema) && Arc::ptr_eq(&list.lines, lines));
        if let Some(known) = known {
            return Arc::clone(known);
        }
        if self.0.len() >= LISTS {
            self.0.remove(0);
        }
        let list = Arc::new(SlotList::new(schema, lines));
        self.0.push(Arc::clone(&list));
        list
    }
}

/// The rows of a group in a range, for some of its lines.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    lines: Arc<[LineId]>,
    range: Option<TimeRange>,
    times: Vec<i64>,
    unread: Vec<HeadBlock>,
    blocks: Vec<SweptBlock>,
    /// For each block and line: where the column begins.
    starts: Vec<u32>,
    /// For each line the values of the open rows.
    open: Vec<f64>,
    open_times: Vec<i64>,
    /// Whether histograms may be among the values of the open rows.
    marked: bool,
    /// The values of one row.
    row: Vec<f64>,
}

#[derive(Debug)]
struct SweptBlock {
    bytes: BlockBytes,
    /// How many rows it has, and those in the range.
    rows: usize,
    wanted: Range<usize>,
}

impl Body {
    /// Copies what a reader of some lines needs. Afterwards, and not under the group's lock,
    /// [`Swept::load`] has to be called.
    pub(crate) fn sweep(
        &self,
        range: TimeRange,
        lines: &Arc<[LineId]>,
        lists: &mut SlotLists,
        swept: &mut Swept,
    ) {
        let unsealed = self.sealed_until.map(|sealed| sealed.saturating_add(1));
        let range = TimeRange {
            from_ms: range.from_ms.max(unsealed.unwrap_or(i64::MIN)),
            to_ms: range.to_ms,
        };
        swept.lines = Arc::clone(lines);
        swept.range = Some(range);
        swept.marked = !self.histograms.is_empty();
        swept.unread = self.blocks(range);
        let place = |time| self.open.find(time).unwrap_or_else(|place| place);
        let from = place(range.from_ms);
        let to = match range.to_ms.checked_add(1) {
            Some(end) => place(end).max(from),
            None => self.open.len(),
        };
        let keys = self.open.keys().skip(from).take(to - from);
        swept.open_times.clear();
        swept.open_times.extend(keys.map(|key| key.time));
        let list = lists.get(&self.schema, lines);
        swept.read_open(&self.open, from..to, &list);
    }
}

impl Swept {
    /// Reads the blocks.
    pub(crate) fn load(&mut self, lists: &mut SlotLists) -> Result<(), Error> {
        self.times.clear();
        self.blocks.clear();
        self.starts.clear();
        for block in std::mem::take(&mut self.unread) {
            let list = lists.get(block.schema(), &self.lines);
            let bytes = block.read()?;
            self.add(bytes, &list)
                .map_err(|Malformed| block.malformed())?;
        }
        self.times.extend_from_slice(&self.open_times);
        Ok(())
    }

    /// The times of all rows.
    pub(crate) fn times(&self) -> &[i64] {
        &self.times
    }

    /// Appends the values of a line, one a row; marks where it has none. A line with native histograms
    /// is refused.
    pub(crate) fn values(&self, line: usize, out: &mut Vec<f64>) -> Result<(), Malformed> {
        let starts = self.starts.chunks_exact(self.lines.len().max(1));
        for (block, starts) in self.blocks.iter().zip(starts) {
            let start = starts.get(line).copied().unwrap_or(NONE);
            if start == NONE {
                out.resize(out.len() + block.wanted.len(), absent_nan());
            } else {
                let column = block.bytes.get(start as usize..).ok_or(Malformed)?;
                column::decode(column, block.rows, block.wanted.clone(), out)?;
            }
        }
        let rows = self.open_times.len();
        let open = self.open.get(line * rows..(line + 1) * rows);
        let open = open.unwrap_or_default();
        if self.marked && open.iter().any(|value| histogram_index(*value).is_some()) {
            return Err(Malformed);
        }
        out.extend_from_slice(open);
        Ok(())
    }

    fn add(&mut self, bytes: BlockBytes, list: &SlotList) -> Result<(), Malformed> {
        let view = BlockView::parse(&bytes)?;
        let before = self.times.len();
        view.times(&mut self.times)?;
        let times = self.times.get(before..).unwrap_or_default();
        let (from, to) = self.range.map_or((0, 0), |range| {
            let from = times.partition_point(|time| *time < range.from_ms);
            let to = times.partition_point(|time| *time <= range.to_ms);
            (from, to.max(from))
        });
        self.times.truncate(before + to);
        self.times.drain(before..before + from);
        let first = self.starts.len();
        self.starts.resize(first + self.lines.len(), NONE);
        let mut walk = view.walk();
        for (slot, place) in &list.slots {
            if *slot < view.columns() {
                let start = bytes.len() - walk.to(*slot)?.len();
                self.starts[first + place] = u32::try_from(start).unwrap_or(NONE);
            }
        }
        let rows = view.rows();
        self.blocks.push(SweptBlock {
            bytes,
            rows,
            wanted: from..to,
        });
        Ok(())
    }

    /// Reads open rows from the newest one backwards.
    fn read_open(&mut self, open: &OpenRows, rows: Range<usize>, list: &SlotList) {
        self.open.clear();
        self.open
            .resize(self.lines.len() * rows.len(), absent_nan());
        if rows.is_empty() {
            return;
        }
        let last = |(slot, _): &(usize, usize)| open.last().get(*slot).copied();
        self.row.clear();
        let values = list
            .slots
            .iter()
            .map(|slot| last(slot).unwrap_or_else(absent_nan));
        self.row.extend(values);
        for place in (rows.start..open.len()).rev() {
            if place < rows.end {
                for ((_, line), value) in list.slots.iter().zip(&self.row) {
                    self.open[line * rows.len() + place - rows.start] = *value;
                }
            }
            if place == rows.start {
                break;
            }
            let undo = open.undo(place);
            let (bitmap, olds) = (undo.bitmap(), undo.olds());
            if olds.is_empty() {
                continue;
            }
            let (mut words, mut rank) = (0, 0);
            for ((slot, _), value) in list.slots.iter().zip(&mut self.row) {
                let word = slot / WORD;
                while words < word {
                    rank += bitmap
                        .get(words)
                        .map_or(0, |bits| bits.count_ones() as usize);
                    words += 1;
                }
                let bits = bitmap.get(word).copied().unwrap_or(0);
                let bit = 1_u64 << (slot % WORD);
                if bits & bit != 0 {
                    let place = rank + (bits & (bit - 1)).count_ones() as usize;
                    if let Some(old) = olds.get(place) {
                        *value = f64::from_bits(*old);
                    }
                }
            }
        }
    }
}
