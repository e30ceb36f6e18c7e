//! Dropping a group's old rows, and the columns that have none left.

use std::sync::Arc;

use super::body::Body;
use super::states::State;
use crate::LineId;
use crate::index::Schema;

impl Body {
    /// Drops blocks, and open rows, whose newest row is older than a time. Gives the bytes of memory
    /// of the blocks.
    pub(crate) fn drop_before(&mut self, cutoff: i64) -> usize {
        let (bytes, _) = self.drop_blocks(cutoff);
        let newest = self.open.keys().next_back();
        if let Some(newest) = newest.filter(|newest| newest.time < cutoff)
            && self.blocks.is_empty()
        {
            self.closed_until = self.closed_until.max(Some(newest.time));
            self.open.drop_front(self.open.len());
            self.sweep_histograms();
        }
        if self.sealed_until.is_some_and(|sealed| sealed < cutoff) {
            self.sealed_until = None;
        }
        bytes
    }

    /// Forgets how the series stood, where all rows are in segments and none came since a time.
    pub(crate) fn forget_idle(&mut self, since: i64) {
        if !self.has_rows() && self.sealed_until.is_some_and(|sealed| sealed < since) {
            self.sealed_until = None;
        }
    }

    /// Adds the newest time and the size of each block that is in memory.
    pub(crate) fn list_blocks(&self, blocks: &mut Vec<(i64, usize)>) {
        let all = self
            .blocks
            .iter()
            .filter(|block| block.unwritten().is_some());
        blocks.extend(all.map(|block| (block.last_time(), block.memory())));
    }

    /// The series that have ended and have no value left, or all of them where there is no row.
    pub(crate) fn gone(&self) -> Vec<LineId> {
        let oldest = self.time_span().map(|(oldest, _)| oldest);
        let Some(oldest) = oldest.or(self.sealed_until.map(|_| i64::MAX)) else {
            return self.schema.lines().to_vec();
        };
        if self.ended.is_empty() {
            return Vec::new();
        }
        let gone = self.ended.iter().filter(|(slot, ended)| {
            **ended < oldest && self.states.get(**slot as usize) == State::Ended
        });
        let lines = gone.filter_map(|(slot, _)| self.schema.line(*slot as usize));
        lines.collect()
    }

    /// Takes columns away: `schema` is what is left, in the order that it has.
    pub(crate) fn renumber(&mut self, schema: Arc<Schema>) {
        let slots = schema.lines().iter();
        let kept: Vec<usize> = slots.filter_map(|line| self.schema.slot(*line)).collect();
        self.open.widen(self.schema.len());
        self.open.renumber(&kept);
        self.states.renumber(&kept);
        let mut ended = foldhash::HashMap::default();
        for (slot, old) in (0..).zip(&kept) {
            let old = u32::try_from(*old).unwrap_or(u32::MAX);
            if let Some(time) = self.ended.get(&old) {
                ended.insert(slot, *time);
            }
        }
        self.ended = ended;
        self.page = None;
        self.schema = schema;
        // The columns have other numbers from now on.
        self.logged.forget();
    }

    /// Has series that ended before the start go when the rows that are there now have gone.
    pub(crate) fn note_ended(&mut self) {
        let Some((_, newest)) = self.time_span() else {
            return;
        };
        for slot in 0..self.schema.len() {
            if self.states.get(slot) == State::Ended {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                self.ended.entry(slot).or_insert(newest);
            }
        }
    }
}
