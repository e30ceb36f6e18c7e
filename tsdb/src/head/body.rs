//! What a group holds: columns, open rows, finished blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;

use super::block::HeadBlock;
use super::open::{NO_FILE, OpenRows, RowKey};
use super::slots::Slots;
use super::states::{State, States};
use super::{GroupState, Layout};
use crate::LineId;
use crate::histogram::OpenHistograms;
use crate::index::{GroupId, Schema};
use crate::log::{Cells, LogRecords, LogRow, Logged};

/// Columns, open rows and finished blocks.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The line of each slot.
    pub(super) schema: Arc<Schema>,
    pub(super) states: States,
    /// Where the values of the last page went.
    pub(super) page: Option<Page>,
    /// The time of the newest page.
    pub(super) newest_page: Option<i64>,
    pub(super) open: OpenRows,
    /// The histograms of the open rows, the lost ones included.
    pub(super) histograms: OpenHistograms,
    /// The time of the newest open row there is or was.
    pub(super) newest: i64,
    /// Ascending in time, all before the open rows.
    pub(super) blocks: VecDeque<HeadBlock>,
    /// How many of the last blocks are not in a head file yet.
    pub(super) unwritten: usize,
    /// How many blocks there ever were; tells the length of the first.
    pub(super) cut: u64,
    /// While the log is read: rows whose blocks are lost, though there are later ones.
    pub(super) lost: Option<Box<OpenRows>>,
    /// The newest time of a row that is no longer open, or was dropped.
    pub(super) closed_until: Option<i64>,
    /// The newest time of a row that is in a segment.
    pub(super) sealed_until: Option<i64>,
    /// While the head's files are read: up to which time and sequence rows are in segments.
    pub(super) restored: Vec<(i64, u64)>,
    /// The time of the first row after these, where a block has both and it is known.
    pub(super) first_unsealed: Option<i64>,
    /// When the series that have ended did, as far as it is known.
    pub(super) ended: HashMap<u32, i64>,
    pub(super) logged: Logged,
}

/// How the values of a page are laid out on slots.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) layout: Layout,
    pub(super) slots: Slots,
    /// Series of the layout that were refused by the limit.
    pub(super) refused: usize,
    /// Whether the state of every slot is [`State::OnPage`].
    pub(super) settled: bool,
}

/// What is accepted now: when, as the how manieth, and for which log file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) time: i64,
    pub(crate) sequence: u64,
    /// The number of the current log file, 0 where there is none.
    pub(crate) file: u64,
    pub(crate) group: GroupId,
    /// Rows with a lower sequence may be deleted.
    pub(crate) deleted: u64,
}

impl At {
    pub(super) fn key(self) -> RowKey {
        RowKey {
            time: self.time,
            sequence: self.sequence,
            file: if self.file == 0 { NO_FILE } else { self.file },
        }
    }
}

/// What an append changed.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// The newest open row is a new one; whether it came as samples.
    Row { parts: bool },
    /// Values were put into a row that may have others.
    Cells(Cells),
}

impl Body {
    /// Whether there is nothing in it, and nothing to be remembered of it.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_rows() && self.sealed_until.is_none()
    }

    /// Whether there is a row in it.
    pub(crate) fn has_rows(&self) -> bool {
        !self.open.is_empty() || !self.blocks.is_empty()
    }

    /// How many finished blocks it has.
    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Times of the oldest and the newest row that are not in a segment.
    pub(crate) fn time_span(&self) -> Option<(i64, i64)> {
        let block = self.blocks.front().map(HeadBlock::first_time);
        let open = self.open.keys().map(|key| key.time).next();
        let last = self.open.keys().map(|key| key.time).next_back();
        let last = last.or_else(|| self.blocks.back().map(HeadBlock::last_time))?;
        let first = block.or(open)?;
        let unsealed = self.sealed_until.map(|sealed| sealed.saturating_add(1));
        let unsealed = unsealed.max(self.first_unsealed);
        Some((first.max(unsealed.unwrap_or(first)).min(last), last))
    }

    /// The time of the newest page, or row that nothing can be put before.
    pub(crate) fn newest_page(&self) -> Option<i64> {
        self.newest_page.max(self.closed_until)
    }

    /// The newest time that samples can no longer reach.
    pub(crate) fn closed_until(&self) -> Option<i64> {
        self.closed_until
    }

    /// The newest time of any row that there is or was.
    pub(crate) fn newest_row(&self) -> Option<i64> {
        let newest = self.time_span().map(|(_, newest)| newest);
        newest.max(self.closed_until)
    }

    /// The newest time of a row that is in a segment.
    pub(crate) fn sealed_until(&self) -> Option<i64> {
        self.sealed_until
    }

    /// The lowest number of a log file that has a row that no head file has.
    pub(crate) fn oldest_file(&self) -> u64 {
        let open = self.open.keys().map(|key| key.file).min();
        let blocks = self.blocks.iter().rev().take(self.unwritten);
        let blocks = blocks.map(HeadBlock::log_file).min();
        open.unwrap_or(NO_FILE).min(blocks.unwrap_or(NO_FILE))
    }

    /// Whether there is an open row that no log file has.
    pub(crate) fn has_unlogged(&self) -> bool {
        self.open.keys().any(|key| key.file == NO_FILE)
    }

    /// Adds the newest row, and makes its record.
    pub(super) fn push(&mut self, at: At, values: &[f64], parts: bool) -> (Change, LogRecords) {
        self.open.widen(self.schema.len());
        let change = Change::Row { parts };
        let before = std::mem::replace(&mut self.newest, at.time);
        if at.file == 0 {
            self.open.push(at.key(), values, &mut ());
            return (change, LogRecords::default());
        }
        let row = LogRow {
            group: at.group,
            schema: &self.schema,
            key: at.key(),
            before,
            parts,
        };
        let records = self
            .logged
            .push(row, &mut self.open, values, &self.histograms);
        (change, records)
    }

    /// The records of what was accepted, for a file other than the one they were made for.
    pub(crate) fn records(&mut self, file: u64, group: &GroupState, change: &Change) -> LogRecords {
        match change {
            Change::Nothing => LogRecords::default(),
            Change::Row { parts } => {
                let Some(key) = self.open.set_newest_file(file) else {
                    return LogRecords::default();
                };
                let row = LogRow {
                    group: group.id,
                    schema: &self.schema,
                    key,
                    before: 0,
                    parts: *parts,
                };
                self.logged.newest(row, self.open.last(), &self.histograms)
            }
            Change::Cells(cells) => {
                let at = (file, group.id);
                self.logged.cells(at, &self.schema, cells, &self.histograms)
            }
        }
    }

    /// Notes that the log does not have what was accepted last.
    pub(crate) fn not_logged(&mut self, change: &Change) {
        self.logged.forget();
        if matches!(change, Change::Row { .. }) {
            self.open.set_newest_file(NO_FILE);
        }
    }

    /// Notes how a series stands from a time on.
    pub(super) fn set_state(&mut self, slot: usize, state: State, time: i64) {
        let number = u32::try_from(slot).unwrap_or(u32::MAX);
        if state == State::Ended {
            self.ended.insert(number, time);
        } else if !self.ended.is_empty() {
            self.ended.remove(&number);
        }
        self.states.set(slot, state);
    }

    /// Takes a schema that begins with the one it has.
    pub(crate) fn grow(&mut self, schema: Arc<Schema>) {
        self.schema = schema;
        self.open.widen(self.schema.len());
    }

    /// The histograms of the open rows.
    pub(crate) fn histograms(&mut self) -> &mut OpenHistograms {
        &mut self.histograms
    }

    /// Forgets the histograms that no open row has any more.
    pub(super) fn sweep_histograms(&mut self) {
        if !self.histograms.is_empty() {
            let lost = self.lost.iter().flat_map(|lost| lost.all_values());
            self.histograms.keep(self.open.all_values().chain(lost));
        }
    }

    /// Makes room for the histograms of an append.
    pub(crate) fn expect_histograms(&mut self) {
        if self.histograms.has_grown() {
            self.sweep_histograms();
        }
    }

    /// The bytes of the histograms of open rows.
    pub(crate) fn open_histogram_bytes(&self) -> usize {
        self.histograms.bytes()
    }

    /// The slot of a line.
    pub(crate) fn slot_of(&self, line: LineId) -> Option<usize> {
        self.schema.slot(line)
    }
}
