//! What a group holds: columns, open rows, finished blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::absent_nan;

use super::{Accepted, GroupState, Layout};
use crate::LineId;
use crate::block::Block;
use crate::log::{LogRecords, Logged};

/// Rows of a finished block.
pub(crate) const BLOCK_ROWS: usize = 120;
/// Newest rows that stay open when a block is finished, so that late parts find them.
pub(crate) const KEPT_ROWS: usize = 16;
/// The slot of a value that has no column: a repeated line, or a series above the limit.
pub(crate) const NO_SLOT: usize = usize::MAX;

/// Columns, open rows and finished blocks.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// What each slot is; the slots of a row or a block are numbered alike.
    pub(super) columns: Vec<Column>,
    pub(super) slots: HashMap<LineId, usize>,
    /// Slots without a line, whose blocks have no values.
    pub(super) free: Vec<usize>,
    /// Where the values of the last page went.
    pub(super) page: Option<Page>,
    /// The time of the newest page.
    pub(super) newest_page: Option<i64>,
    /// Ascending in time.
    pub(super) open: VecDeque<OpenRow>,
    /// Ascending in time, all before the open rows.
    pub(super) sealed: VecDeque<Arc<Block>>,
    /// The newest time of a row that is no longer open, or was dropped.
    pub(super) closed_until: Option<i64>,
    pub(super) logged: Logged,
}

/// A column of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// The line, nothing where the slot is free.
    pub(super) line: Option<LineId>,
    pub(super) state: State,
}

/// How a series stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No value yet, or a stale marker was the last.
    Ended,
    /// Goes on; its last value came by a page.
    OnPage,
    /// Goes on; its last value came by a part.
    InParts,
}

/// How the values of a page are laid out on slots.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) layout: Layout,
    /// A slot for each value, or [`NO_SLOT`].
    pub(super) slots: Vec<usize>,
    /// Series of the layout that were refused by the limit.
    pub(super) refused: usize,
    /// Whether the state of every slot is [`State::OnPage`].
    pub(super) settled: bool,
}

/// A row that is not in a block yet.
#[derive(Debug)]
pub(super) struct OpenRow {
    pub(super) time: i64,
    /// The order of acceptance in the whole store.
    pub(super) sequence: u64,
    /// A value for each slot there was; later slots have none.
    pub(super) values: Vec<f64>,
}

impl OpenRow {
    pub(super) fn get(&self, slot: usize) -> f64 {
        self.values.get(slot).copied().unwrap_or_else(absent_nan)
    }

    pub(super) fn set(&mut self, slot: usize, value: f64) {
        if self.values.len() <= slot {
            self.values.resize(slot + 1, absent_nan());
        }
        self.values[slot] = value;
    }
}

impl Body {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealed.is_empty()
    }

    /// Times of the oldest and the newest row.
    pub(crate) fn time_span(&self) -> Option<(i64, i64)> {
        let first = self.sealed.front().and_then(|block| block.first_time());
        let first = first.or_else(|| self.open.front().map(|row| row.time))?;
        let last = self.open.back().map(|row| row.time);
        let last = last.or_else(|| self.sealed.back().and_then(|block| block.last_time()))?;
        Some((first, last))
    }

    /// The time of the newest page, or row that nothing can be put before.
    pub(crate) fn newest_page(&self) -> Option<i64> {
        self.newest_page.max(self.closed_until)
    }

    /// The newest time that late parts can no longer reach.
    pub(crate) fn newest_closed(&self) -> Option<i64> {
        self.closed_until
    }

    /// The newest time of any row that there is or was.
    pub(crate) fn newest_row(&self) -> Option<i64> {
        let newest = self.time_span().map(|(_, newest)| newest);
        newest.max(self.closed_until)
    }

    /// The slot of a line.
    pub(crate) fn slot_of(&self, line: LineId) -> Option<usize> {
        self.slots.get(&line).copied()
    }

    /// The log's records of what was accepted.
    pub(crate) fn records(
        &mut self,
        file: u64,
        group: &GroupState,
        accepted: &Accepted,
    ) -> LogRecords {
        let newest = self.open.back().map(|row| row.values.as_slice());
        let columns = &self.columns;
        self.logged.records(
            file,
            group,
            (accepted, newest.unwrap_or_default()),
            |slot| columns.get(slot).and_then(|column| column.line),
        )
    }

    /// Has the log define the group and its columns anew before the next row.
    pub(crate) fn define_anew(&mut self) {
        self.logged.forget();
    }

    /// A slot for a line that has none.
    pub(crate) fn add_column(&mut self, line: LineId) -> usize {
        let column = Column {
            line: Some(line),
            state: State::Ended,
        };
        let slot = self.free.pop().unwrap_or(self.columns.len());
        match self.columns.get_mut(slot) {
            Some(free) => *free = column,
            None => self.columns.push(column),
        }
        self.slots.insert(line, slot);
        slot
    }

    /// The place of the open row at a time; an empty row is put in where there is none. Nothing
    /// where the rows of that time are no longer open.
    pub(super) fn row_at(&mut self, time: i64, sequence: u64) -> Option<usize> {
        let place = self.open.partition_point(|row| row.time < time);
        if self.open.get(place).is_some_and(|row| row.time == time) {
            return Some(place);
        }
        if self.closed_until.is_some_and(|closed| time <= closed) {
            return None;
        }
        let row = OpenRow {
            time,
            sequence,
            values: Vec::new(),
        };
        self.open.insert(place, row);
        Some(place)
    }

    /// Finishes a block where there are rows for one. Gives the block.
    pub(crate) fn seal_if_full(&mut self) -> Option<Arc<Block>> {
        if self.open.len() < BLOCK_ROWS + KEPT_ROWS {
            return None;
        }
        let rows: Vec<_> = self.open.drain(..BLOCK_ROWS).collect();
        let times = rows.iter().map(|row| row.time).collect();
        let sequences = rows.iter().map(|row| row.sequence).collect();
        let width = rows.iter().map(|row| row.values.len()).max().unwrap_or(0);
        let block = Arc::new(Block::new(times, sequences, width, |slot, values| {
            values.extend(rows.iter().map(|row| row.get(slot)));
        }));
        self.closed_until = block.last_time();
        self.sealed.push_back(Arc::clone(&block));
        Some(block)
    }
}
