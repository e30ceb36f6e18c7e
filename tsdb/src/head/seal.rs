//! Finishing blocks: the oldest open rows become a block, blocks become part of a segment.

use std::sync::Arc;

use parking_lot::RwLock;

use super::GroupState;
use super::block::{About, HeadBlock};
use super::body::Body;
use super::files::{BlockHeader, HeadFiles};
use super::open::{NO_FILE, OpenRows};
use crate::TimeRange;
use crate::block::encode_marked_block;
use crate::index::{GroupId, Lines};
use crate::log::frame::MAX_PAYLOAD;

/// About of a finished block.
pub(crate) const BLOCK_ROWS: usize = 32;
/// Newest rows that stay open when a block is finished, so that late samples find them.
pub(crate) const KEPT_ROWS: usize = 8;

/// Bytes of open histograms above which a block is finished before it is full.
const MOST_OPEN_HISTOGRAMS: usize = 4 << 20;

/// The longest block that is made of more than a row.
const MAX_BLOCK: usize = MAX_PAYLOAD / 2;

/// Where blocks go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockTarget<'a> {
    pub(crate) group: &'a GroupState,
    /// Nothing in a store without files.
    pub(crate) files: Option<&'a HeadFiles>,
    pub(crate) lines: &'a RwLock<Lines>,
}

impl Body {
    /// Finishes a block where there are rows for one. Gives the bytes of memory that it takes (fewer
    /// than none where earlier ones could be written), nothing where there are not enough rows.
    pub(crate) fn seal_if_full(&mut self, target: BlockTarget<'_>) -> Option<isize> {
        let rows = if self.cut == 0 {
            first_rows(target.group.id)
        } else {
            BLOCK_ROWS
        };
        if self.open.len() >= rows + KEPT_ROWS {
            return Some(self.cut_block(rows, target));
        }
        let above = self.open.len().checked_sub(KEPT_ROWS)?;
        let crowded = above > 0 && self.histograms.bytes() > MOST_OPEN_HISTOGRAMS;
        crowded.then(|| self.cut_block(above, target))
    }

    /// Makes blocks of all open rows before a time. Gives the bytes of memory that they take. Later
    /// rows of that time are still taken.
    pub(crate) fn flush(&mut self, until_ms: i64, target: BlockTarget<'_>) -> isize {
        self.cut_before(until_ms, target)
    }

    /// Makes blocks of all open rows. Gives the bytes of memory that they take.
    pub(crate) fn close(&mut self, target: BlockTarget<'_>) -> isize {
        self.cut_before(i64::MAX, target)
    }

    fn cut_before(&mut self, until_ms: i64, target: BlockTarget<'_>) -> isize {
        let mut bytes = 0;
        loop {
            let rows = self.open.find(until_ms).unwrap_or_else(|place| place);
            if rows == 0 {
                return bytes;
            }
            bytes += self.cut_block(rows.min(BLOCK_ROWS + KEPT_ROWS), target);
        }
    }

    /// Makes a block of the oldest open rows. Gives the bytes of memory that it takes.
    pub(super) fn cut_block(&mut self, rows: usize, target: BlockTarget<'_>) -> isize {
        let mut rows = rows;
        let block = loop {
            match self.encode(&self.open, rows) {
                None => return 0,
                // No head file takes a longer one.
                Some(block) if block.memory() > MAX_BLOCK && rows > 1 => rows = rows.div_ceil(2),
                Some(block) => break block,
            }
        };
        self.closed_until = self.closed_until.max(Some(block.last_time()));
        self.open.drop_front(block.rows());
        self.sweep_histograms();
        self.cut += 1;
        let memory = block.memory();
        self.blocks.push_back(block);
        self.unwritten += 1;
        memory.cast_signed() - self.write_blocks(target).cast_signed()
    }

    /// A block of the first of some rows.
    pub(super) fn encode(&self, open: &OpenRows, rows: usize) -> Option<HeadBlock> {
        let keys: Vec<_> = open.keys().take(rows).collect();
        let about = About {
            schema: Arc::clone(&self.schema),
            first_time: keys.first()?.time,
            last_time: keys.last()?.time,
            rows: u32::try_from(keys.len()).unwrap_or(u32::MAX),
            sequence: keys.iter().map(|key| key.sequence).max().unwrap_or(0),
        };
        let times: Vec<_> = keys.iter().map(|key| key.time).collect();
        let sequences: Vec<_> = keys.iter().map(|key| key.sequence).collect();
        let mut bytes = Vec::new();
        let mut tiles = open.tiles(0..keys.len());
        let width = self.schema.len();
        let column = |slot: usize, values: &mut Vec<f64>| tiles.column(slot, values);
        let keys_of_rows = (&*times, &*sequences);
        encode_marked_block(keys_of_rows, width, column, &self.histograms, &mut bytes);
        let file = keys.iter().map(|key| key.file).min();
        Some(HeadBlock::in_memory(
            about,
            bytes.into(),
            file.unwrap_or(NO_FILE),
        ))
    }

    /// Writes the blocks that are only in memory, in order, as far as that works. Gives the bytes of
    /// memory that this frees.
    pub(crate) fn write_blocks(&mut self, target: BlockTarget<'_>) -> usize {
        let mut freed = 0;
        let Some(files) = target.files else {
            return 0;
        };
        while self.unwritten > 0 {
            let place = self.blocks.len() - self.unwritten;
            if self.blocks[place].unwritten().is_none() {
                self.unwritten -= 1;
                continue;
            }
            let header = BlockHeader {
                newest_page: self.newest_page,
                states: &self.states,
            };
            let block = &self.blocks[place];
            let Some(written) = files.write(target.group, block, &header, target.lines) else {
                break;
            };
            freed += block.memory();
            self.blocks[place] = written;
            self.unwritten -= 1;
        }
        freed
    }

    /// The finished blocks with rows in a range that are not in a segment. Of the first and the last
    /// only some rows may be: those after [`sealed_until`](Self::sealed_until), in the range.
    pub(crate) fn blocks(&self, range: TimeRange) -> Vec<HeadBlock> {
        let from = self
            .blocks
            .partition_point(|block| block.last_time() < range.from_ms);
        let blocks = self.blocks.range(from..);
        let blocks = blocks.take_while(|block| block.first_time() <= range.to_ms);
        blocks.cloned().collect()
    }

    /// Notes that all rows before a time are in a segment, and lets go of them: they were flushed.
    /// Gives the bytes of memory that this frees.
    pub(crate) fn sealed(&mut self, until_ms: i64) -> usize {
        let sealed = until_ms.saturating_sub(1);
        self.set_sealed_until(sealed);
        self.drop_blocks(until_ms).0
    }

    /// Notes the time of the first row that is not in a segment, where a block has others, too.
    pub(crate) fn set_first_unsealed(&mut self, time: i64) {
        self.first_unsealed = self.first_unsealed.max(Some(time));
    }

    /// Notes that rows up to a time that were accepted up to a sequence are in a segment: at the start,
    /// before the head's files are read.
    pub(crate) fn restore_sealed(&mut self, newest: i64, sequence: u64) {
        self.set_sealed_until(newest);
        self.restored.push((newest, sequence));
    }

    /// Lets go of what only those need who read the head's files.
    pub(crate) fn forget_restored(&mut self) {
        self.restored = Vec::new();
    }

    /// Whether a row that the head's files have is in a segment.
    pub(super) fn is_restored(&self, time: i64, sequence: u64) -> bool {
        let mut marks = self.restored.iter();
        marks.any(|(newest, last)| time <= *newest && sequence <= *last)
    }

    /// Has readers and seals look at rows whatever their time, where one of this time is in no segment
    /// though later ones are. Those that are in both are the same.
    pub(super) fn show_until(&mut self, time: i64) {
        if self.sealed_until.is_some_and(|sealed| time <= sealed) {
            self.sealed_until = None;
        }
    }

    fn set_sealed_until(&mut self, sealed: i64) {
        self.sealed_until = self.sealed_until.max(Some(sealed));
        self.closed_until = self.closed_until.max(Some(sealed));
    }

    /// Lets go of blocks whose newest row is older than a time. Gives their bytes of memory, and
    /// their count.
    pub(super) fn drop_blocks(&mut self, cutoff: i64) -> (usize, usize) {
        let (mut bytes, mut count) = (0, 0);
        while let Some(block) = self.blocks.pop_front_if(|block| block.last_time() < cutoff) {
            bytes += block.memory();
            count += 1;
            self.closed_until = self.closed_until.max(Some(block.last_time()));
        }
        self.unwritten = self.unwritten.min(self.blocks.len());
        (bytes, count)
    }

    /// Lets go of the blocks in memory whose newest row is older than a time. Gives their bytes.
    pub(crate) fn drop_unwritten(&mut self, cutoff: i64) -> usize {
        let (mut bytes, mut place) = (0, 0);
        let first = self.blocks.len() - self.unwritten;
        let mut left = 0;
        self.blocks.retain(|block| {
            let goes = block.unwritten().is_some() && block.last_time() < cutoff;
            bytes += if goes { block.memory() } else { 0 };
            left += usize::from(!goes && place >= first);
            place += 1;
            !goes
        });
        self.unwritten = left;
        bytes
    }

    /// Takes in a block that a head file has, with the times and sequences of its rows. False where its
    /// rows do not stand apart from those that are there: readers count on times that ascend.
    pub(crate) fn restore(
        &mut self,
        block: HeadBlock,
        mut rows: impl Iterator<Item = (i64, u64)>,
        newest_page: Option<i64>,
    ) -> bool {
        let Some((unsealed, _)) = rows.find(|(time, sequence)| !self.is_restored(*time, *sequence))
        else {
            return true;
        };
        let before = |have: &HeadBlock| have.last_time() < block.first_time();
        let next = self.blocks.get(self.blocks.partition_point(before));
        if next.is_some_and(|next| next.first_time() <= block.last_time()) {
            return false;
        }
        self.closed_until = self.closed_until.max(Some(block.last_time()));
        self.newest_page = self.newest_page.max(newest_page);
        self.cut += 1;
        self.show_until(unsealed);
        let after = |have: &HeadBlock| have.first_time() <= block.first_time();
        let place = self.blocks.partition_point(after);
        self.blocks.insert(place, block);
        true
    }

    /// Takes in how the series stood when a block was written.
    pub(crate) fn restore_states(&mut self, states: super::states::States) {
        self.states = states;
    }
}

/// About of a group's first block: not all groups are to finish their blocks at once.
fn first_rows(group: GroupId) -> usize {
    let phase = usize::try_from(group.0 % 25).unwrap_or(0) * 7 % 25;
    BLOCK_ROWS - phase
}
