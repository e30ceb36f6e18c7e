//! Reading many groups, one after the other, into shared buffers: what the queries over a whole fleet
//! do. The order of acceptance is not read.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::absent_nan;
use watchpost_model::histogram::histogram_index;

use super::block::{BlockBytes, HeadBlock};
use super::body::Body;
use super::open::{OpenRows, WORD};
use crate::block::BlockView;
use crate::column::Decode;
use crate::index::Schema;
use crate::log::bytes::Malformed;
use crate::{Error, LineId, TimeRange};

/// Stands for a column that is not there.
const NONE: u32 = u32::MAX;
/// How many lists of slots are remembered: most groups share theirs.
const LISTS: usize = 8;

/// The slots of some lines in a schema.
#[derive(Debug)]
struct SlotList {
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
struct SlotLists(Vec<Arc<SlotList>>);

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

/// Some rows of some groups, for some lines of each.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    lists: SlotLists,
    groups: Vec<Swept>,
    times: Vec<i64>,
    blocks: Vec<SweptBlock>,
    /// The bytes of all blocks.
    bytes: usize,
    /// For each block of a group and each of its lines: where the column begins.
    starts: Vec<u32>,
    /// For each line of a group the values of its open rows.
    open: Vec<f64>,
    /// The times of the open rows of the last group, and the values of one row.
    open_times: Vec<i64>,
    row: Vec<f64>,
}

/// What there is of a group: where it stands in the shared buffers.
#[derive(Debug)]
struct Swept {
    lines: usize,
    times: Range<usize>,
    blocks: Range<usize>,
    starts: usize,
    open: usize,
    open_rows: usize,
    /// Whether histograms may be among the values of the open rows.
    marked: bool,
}

#[derive(Debug)]
struct SweptBlock {
    bytes: BlockBytes,
    /// How many rows it has, and those in the range.
    rows: usize,
    wanted: Range<usize>,
}

/// The blocks that a reader took with it when it let go of a group's lock, and the rows it wants.
#[derive(Debug)]
pub(crate) struct Unread {
    blocks: Vec<HeadBlock>,
    range: TimeRange,
    open: usize,
    open_rows: usize,
    /// Whether histograms may be among the values of the open rows.
    marked: bool,
}

impl Body {
    /// Copies the open rows, for some lines. Afterwards, and not under the group's lock,
    /// [`Sweep::load`] has to be called.
    pub(crate) fn sweep(
        &self,
        range: TimeRange,
        lines: &Arc<[LineId]>,
        sweep: &mut Sweep,
    ) -> Unread {
        let unsealed = self.sealed_until.map(|sealed| sealed.saturating_add(1));
        let range = TimeRange {
            from_ms: range.from_ms.max(unsealed.unwrap_or(i64::MIN)),
            to_ms: range.to_ms,
        };
        let place = |time| self.open.find(time).unwrap_or_else(|place| place);
        let from = place(range.from_ms);
        let to = match range.to_ms.checked_add(1) {
            Some(end) => place(end).max(from),
            None => self.open.len(),
        };
        let keys = self.open.keys().skip(from).take(to - from);
        sweep.open_times.clear();
        sweep.open_times.extend(keys.map(|key| key.time));
        let open = sweep.open.len();
        if from < to {
            let list = sweep.lists.get(&self.schema, lines);
            sweep.read_open(&self.open, from..to, &list);
        }
        Unread {
            blocks: self.blocks(range),
            range,
            open,
            open_rows: to - from,
            marked: !self.histograms.is_empty(),
        }
    }
}

impl Sweep {
    /// Makes room for other groups.
    pub(crate) fn clear(&mut self) {
        self.groups.clear();
        self.times.clear();
        self.blocks.clear();
        self.bytes = 0;
        self.starts.clear();
        self.open.clear();
    }

    /// Reads the blocks of the group that was swept last, and gives its number, or nothing where it
    /// has no rows.
    pub(crate) fn load(
        &mut self,
        unread: Unread,
        lines: &Arc<[LineId]>,
    ) -> Result<Option<usize>, Error> {
        let (times, blocks, starts) = (self.times.len(), self.blocks.len(), self.starts.len());
        for block in unread.blocks {
            let list = self.lists.get(block.schema(), lines);
            let bytes = block.read()?;
            self.add(bytes, unread.range, &list)
                .map_err(|Malformed| block.malformed())?;
        }
        self.times.extend_from_slice(&self.open_times);
        if self.times.len() == times {
            return Ok(None);
        }
        self.groups.push(Swept {
            lines: lines.len(),
            times: times..self.times.len(),
            blocks: blocks..self.blocks.len(),
            starts,
            open: unread.open,
            open_rows: unread.open_rows,
            marked: unread.marked,
        });
        Ok(Some(self.groups.len() - 1))
    }

    /// How many bytes the blocks have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The times of all rows of a group.
    pub(crate) fn times(&self, group: usize) -> &[i64] {
        let group = self.groups.get(group);
        group.map_or(&[], |group| &self.times[group.times.clone()])
    }

    /// Appends the values of a line, one a row; marks where it has none. A line with native histograms
    /// is refused.
    pub(crate) fn values(
        &self,
        (group, line): (usize, usize),
        decode: Decode,
        out: &mut Vec<f64>,
    ) -> Result<(), Malformed> {
        let group = self.groups.get(group).ok_or(Malformed)?;
        let starts = self.starts.get(group.starts + line..).unwrap_or_default();
        let mut starts = starts.iter().step_by(group.lines.max(1));
        for block in &self.blocks[group.blocks.clone()] {
            let start = starts.next().copied().unwrap_or(NONE);
            if start == NONE {
                out.resize(out.len() + block.wanted.len(), absent_nan());
            } else {
                let column = block.bytes.get(start as usize..).ok_or(Malformed)?;
                decode(column, block.rows, block.wanted.clone(), out)?;
            }
        }
        let open = group.open + line * group.open_rows;
        let open = self.open.get(open..open + group.open_rows);
        let open = open.ok_or(Malformed)?;
        if group.marked && open.iter().any(|value| histogram_index(*value).is_some()) {
            return Err(Malformed);
        }
        out.extend_from_slice(open);
        Ok(())
    }

    fn add(
        &mut self,
        bytes: BlockBytes,
        range: TimeRange,
        list: &SlotList,
    ) -> Result<(), Malformed> {
        let view = BlockView::parse(&bytes)?;
        let before = self.times.len();
        view.times(&mut self.times)?;
        let times = self.times.get(before..).unwrap_or_default();
        let from = times.partition_point(|time| *time < range.from_ms);
        let to = times.partition_point(|time| *time <= range.to_ms);
        let to = to.max(from);
        self.times.truncate(before + to);
        self.times.drain(before..before + from);
        let first = self.starts.len();
        self.starts.resize(first + list.lines.len(), NONE);
        let mut walk = view.walk();
        for (slot, place) in &list.slots {
            if *slot < view.columns() {
                let start = bytes.len() - walk.to(*slot)?.len();
                self.starts[first + place] = u32::try_from(start).unwrap_or(NONE);
            }
        }
        let rows = view.rows();
        self.bytes += bytes.len();
        self.blocks.push(SweptBlock {
            bytes,
            rows,
            wanted: from..to,
        });
        Ok(())
    }

    /// Reads open rows from the newest one backwards.
    fn read_open(&mut self, open: &OpenRows, rows: Range<usize>, list: &SlotList) {
        let first = self.open.len();
        self.open
            .resize(first + list.lines.len() * rows.len(), absent_nan());
        let values = list.slots.iter().map(|(slot, _)| {
            let value = open.last().get(*slot).copied();
            value.unwrap_or_else(absent_nan)
        });
        self.row.clear();
        self.row.extend(values);
        touch(open, rows.start, list);
        for place in (rows.start..open.len()).rev() {
            if place < rows.end {
                let to = first + place - rows.start;
                for ((_, line), value) in list.slots.iter().zip(&self.row) {
                    self.open[to + line * rows.len()] = *value;
                }
            }
            if place == rows.start {
                break;
            }
            let undo = open.undo(place);
            undo_row((undo.bitmap(), undo.olds()), &list.slots, &mut self.row);
        }
    }
}

/// Looks at what rows will be undone by, so that the memory of all of them is on its way at once: each
/// stands somewhere else.
fn touch(open: &OpenRows, start: usize, list: &SlotList) {
    let Some((slot, _)) = list.slots.first() else {
        return;
    };
    let rows = start + 1..open.len();
    let word = |place: usize| open.undo(place).bitmap().get(slot / WORD);
    let seen = rows
        .clone()
        .filter_map(word)
        .fold(0, |seen, word| seen ^ word);
    let old = |place: usize| {
        let undo = open.undo(place);
        let words = undo.bitmap().iter().take(slot / WORD);
        let rank: u32 = words.map(|word| word.count_ones()).sum();
        undo.olds().get(rank as usize)
    };
    let seen = rows.filter_map(old).fold(seen, |seen, old| seen ^ old);
    std::hint::black_box(seen);
}

/// Brings some columns, ascending, back to what they were in the row before.
fn undo_row((bitmap, olds): (&[u64], &[u64]), slots: &[(usize, usize)], row: &mut [f64]) {
    if olds.is_empty() {
        return;
    }
    let (mut word, mut bits, mut rank) = (0, bitmap.first().copied().unwrap_or(0), 0);
    for ((slot, _), value) in slots.iter().zip(row) {
        while word < slot / WORD {
            rank += bits.count_ones() as usize;
            word += 1;
            bits = bitmap.get(word).copied().unwrap_or(0);
        }
        let bit = 1_u64 << (slot % WORD);
        if bits & bit != 0 {
            let place = rank + (bits & (bit - 1)).count_ones() as usize;
            if let Some(old) = olds.get(place) {
                *value = f64::from_bits(*old);
            }
        }
    }
}
