//! Rows that come from the log: they were accepted once and are not judged again.

use watchpost_model::absent_nan;

use super::Appended;
use super::append::Cell;
use super::body::{Body, State};

impl Body {
    /// Puts a page back. `slots` tells the slot of each value.
    pub(crate) fn replay_page(
        &mut self,
        at: (i64, u64),
        values: Vec<f64>,
        slots: &[Option<usize>],
    ) {
        if self.closed_until.is_some_and(|closed| at.0 <= closed) {
            return;
        }
        let in_place = slots
            .iter()
            .enumerate()
            .all(|(column, slot)| slot.is_none_or(|slot| slot == column));
        let values = if in_place && values.len() <= self.columns.len() {
            values
        } else {
            let mut placed = vec![absent_nan(); self.columns.len()];
            for (value, slot) in values.into_iter().zip(slots) {
                if let Some(cell) = slot.and_then(|slot| placed.get_mut(slot)) {
                    *cell = value;
                }
            }
            placed
        };
        self.put_page(at, values, &mut Appended::default());
        // A page whose values had all come before by parts counts as one, too.
        self.newest_page = self.newest_page.max(Some(at.0));
    }

    /// Puts a value of a part back.
    pub(crate) fn replay_part(&mut self, at: (i64, u64), slot: usize, value: f64) {
        let cell = Cell {
            slot,
            value,
            source: State::InParts,
        };
        self.put_cell(at, cell);
    }
}
