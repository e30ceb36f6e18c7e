//! Dropping a group's old rows, and the columns that have none left.

use super::body::{Body, State};
use crate::LineId;

impl Body {
    /// Drops blocks, and open rows, whose newest row is older than a time. Gives the bytes of the
    /// blocks.
    pub(crate) fn drop_before(&mut self, cutoff: i64) -> usize {
        let mut bytes = 0;
        while let Some(block) = self
            .sealed
            .pop_front_if(|block| block.last_time().is_some_and(|last| last < cutoff))
        {
            bytes += block.size();
            self.closed_until = self.closed_until.max(block.last_time());
        }
        if self.sealed.is_empty() && self.open.back().is_some_and(|last| last.time < cutoff) {
            self.closed_until = self
                .closed_until
                .max(self.open.back().map(|last| last.time));
            self.open.clear();
        }
        bytes
    }

    /// Adds the newest time and the size of each block.
    pub(crate) fn list_blocks(&self, blocks: &mut Vec<(i64, usize)>) {
        let all = self.sealed.iter();
        blocks.extend(all.filter_map(|block| Some((block.last_time()?, block.size()))));
    }

    /// Frees the slots of series that have ended and have no value left. Gives their lines.
    pub(crate) fn drop_empty_columns(&mut self) -> Vec<LineId> {
        let rows_left = !self.is_empty();
        let gone: Vec<_> = (0..self.columns.len())
            .filter(|slot| {
                let ended = self.columns[*slot].state == State::Ended;
                self.columns[*slot].line.is_some()
                    && (ended || !rows_left)
                    && !self.has_value(*slot)
            })
            .collect();
        if gone.is_empty() {
            return Vec::new();
        }
        self.page = None;
        // The slots will be other lines' one day.
        self.define_anew();
        let mut lines = Vec::with_capacity(gone.len());
        for slot in gone {
            self.columns[slot].state = State::Ended;
            if let Some(line) = self.columns[slot].line.take() {
                self.slots.remove(&line);
                lines.push(line);
            }
            self.free.push(slot);
        }
        lines
    }

    fn has_value(&self, slot: usize) -> bool {
        self.sealed.iter().any(|block| !block.lacks(slot))
            || self
                .open
                .iter()
                .any(|row| !watchpost_model::is_absent(row.get(slot)))
    }
}
