//! Rows that come from the log: they were accepted once and are not judged again.

use watchpost_model::is_absent;

use super::block::HeadBlock;
use super::body::{At, Body};
use super::open::RowKey;
use super::seal::{BLOCK_ROWS, BlockTarget, KEPT_ROWS};
use super::states::State;
use crate::index::GroupId;
use crate::log::Cells;

/// Open rows above which blocks are made while the log is read. More than there ever are otherwise:
/// what came late to a row must still find it.
const MOST_ROWS: usize = 4 * (BLOCK_ROWS + KEPT_ROWS);

impl Body {
    /// Whether a row is in a block or in a segment.
    fn has_block_with(&self, time: i64, sequence: u64) -> bool {
        let place = self
            .blocks
            .partition_point(|block| block.last_time() < time);
        let block = self.blocks.get(place);
        self.is_restored(time, sequence) || block.is_some_and(|block| block.first_time() <= time)
    }

    /// Whether the log's values of a time are to be left out, or to be kept with those whose block is
    /// lost.
    fn is_closed(&self, time: i64) -> bool {
        self.closed_until.is_some_and(|closed| time <= closed)
    }

    /// Puts values back that the log has.
    pub(crate) fn replay_cells(&mut self, cells: &Cells, file: u64) {
        let at = At {
            time: cells.time,
            sequence: cells.sequence,
            file,
            group: GroupId(0),
            deleted: 0,
        };
        if self.is_closed(cells.time) {
            if !self.has_block_with(cells.time, cells.sequence) {
                self.keep_lost(at.key(), &cells.values);
            }
            return;
        }
        if cells.page {
            self.newest_page = self.newest_page.max(Some(cells.time));
        }
        let place = self.row_at(at);
        let absent = |cell: &&(usize, f64)| is_absent(self.open.value(place, cell.0));
        let new: Vec<_> = cells.values.iter().filter(absent).copied().collect();
        let there = |cell: &&(usize, f64)| {
            let have = self.open.value(place, cell.0);
            is_absent(have) || have.to_bits() == cell.1.to_bits()
        };
        let stand: Vec<_> = cells.values.iter().filter(there).copied().collect();
        self.open.put(place, &new);
        let alive = if cells.page {
            State::OnPage
        } else {
            State::InParts
        };
        self.cells_stand(place, &stand, alive);
    }

    /// Puts a row back that the log has: one value a slot.
    pub(crate) fn replay_row(&mut self, key: RowKey, values: &[f64], page: bool) {
        let cells = || {
            let there = values.iter().copied().enumerate();
            there.filter(|(_, value)| !is_absent(*value)).collect()
        };
        if self.is_closed(key.time) {
            if !self.has_block_with(key.time, key.sequence) {
                let cells: Vec<_> = cells();
                self.keep_lost(key, &cells);
            }
            return;
        }
        if !self.open.is_empty() && key.time <= self.newest {
            let cells = Cells {
                page,
                time: key.time,
                sequence: key.sequence,
                values: cells(),
            };
            return self.replay_cells(&cells, key.file);
        }
        let alive = if page { State::OnPage } else { State::InParts };
        self.set_states(values, key.time, alive);
        if page {
            self.newest_page = Some(key.time);
        }
        self.newest = key.time;
        self.open.widen(self.schema.len());
        self.open.push(key, values, &mut ());
    }

    /// Keeps values of a row whose block is lost, though there are later ones.
    fn keep_lost(&mut self, key: RowKey, cells: &[(usize, f64)]) {
        let lost = self.lost.get_or_insert_default();
        let place = lost.find(key.time).unwrap_or_else(|place| {
            lost.insert(place, key);
            place
        });
        let absent = |cell: &&(usize, f64)| is_absent(lost.value(place, cell.0));
        let new: Vec<_> = cells.iter().filter(absent).copied().collect();
        lost.put(place, &new);
    }

    /// Makes a block where the log has given more rows than are kept. Gives the bytes of memory that
    /// it takes.
    pub(crate) fn seal_replayed(&mut self, target: BlockTarget<'_>) -> isize {
        if self.open.len() <= MOST_ROWS {
            return 0;
        }
        self.cut_block(BLOCK_ROWS, target)
    }

    /// Makes blocks of the rows whose blocks were lost, once the log is read. Gives the bytes of
    /// memory that they take.
    pub(crate) fn restore_lost(&mut self) -> usize {
        let mut bytes = 0;
        let Some(mut lost) = self.lost.take() else {
            return bytes;
        };
        while let Some(first) = lost.key(0) {
            self.show_until(first.time);
            // Up to the next block that is there.
            let next = self
                .blocks
                .partition_point(|block| block.last_time() < first.time);
            let end = self
                .blocks
                .get(next)
                .map_or(i64::MAX, HeadBlock::first_time);
            let rows = lost.find(end).unwrap_or_else(|place| place);
            let rows = rows.clamp(1, BLOCK_ROWS);
            if let Some(block) = self.encode(&lost, rows) {
                bytes += block.memory();
                self.blocks.insert(next, block);
                // It is written with all after it, so that blocks stand in their order.
                self.unwritten = self.unwritten.max(self.blocks.len() - next);
            }
            lost.drop_front(rows);
        }
        self.sweep_histograms();
        bytes
    }
}
