//! Rows that come from the log: they were accepted once and are not judged again.

use watchpost_model::is_absent;

use super::body::{At, Body};
use super::open::RowKey;
use super::states::State;
use crate::index::GroupId;
use crate::log::Cells;

impl Body {
    /// Puts values back that the log has.
    pub(crate) fn replay_cells(&mut self, cells: &Cells, file: u64) {
        if self.closed_until.is_some_and(|closed| cells.time <= closed) {
            return;
        }
        if cells.page {
            self.newest_page = self.newest_page.max(Some(cells.time));
        }
        let at = At {
            time: cells.time,
            sequence: cells.sequence,
            file,
            group: GroupId(0),
        };
        let place = self.row_at(at);
        let absent = |cell: &&(usize, f64)| is_absent(self.open.value(place, cell.0));
        let new: Vec<_> = cells.cells.iter().filter(absent).copied().collect();
        let there = |cell: &&(usize, f64)| {
            let have = self.open.value(place, cell.0);
            is_absent(have) || have.to_bits() == cell.1.to_bits()
        };
        let stand: Vec<_> = cells.cells.iter().filter(there).copied().collect();
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
        if self.closed_until.is_some_and(|closed| key.time <= closed) {
            return;
        }
        if !self.open.is_empty() && key.time <= self.newest {
            let there = values.iter().copied().enumerate();
            let cells = Cells {
                page,
                time: key.time,
                sequence: key.sequence,
                cells: there.filter(|(_, value)| !is_absent(*value)).collect(),
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
}
