//! Rows that come from the log: they were accepted once and are not judged again.

use watchpost_model::{absent_nan, is_absent};

use super::Appended;
use super::append::Cell;
use super::body::{Body, State};

impl Body {
    /// Puts a page back. `slots` tells the slot of each value. False where a value has none, since
    /// the record that told it is lost: such values are left out.
    pub(crate) fn replay_page(
        &mut self,
        at: (i64, u64),
        values: Vec<f64>,
        slots: &[Option<usize>],
    ) -> bool {
        if self.closed_until.is_some_and(|closed| at.0 <= closed) {
            return true;
        }
        let slot_of = |column: usize| slots.get(column).copied().flatten();
        let mut columns = values.iter().enumerate();
        let in_place = values.len() <= self.columns.len()
            && columns.all(|(column, value)| is_absent(*value) || slot_of(column) == Some(column));
        if in_place {
            self.put_page(at, values, &mut Appended::default());
            return true;
        }
        let mut whole = true;
        let mut placed = vec![absent_nan(); self.columns.len()];
        for (column, value) in values.into_iter().enumerate() {
            if is_absent(value) {
                continue;
            }
            match slot_of(column).and_then(|slot| placed.get_mut(slot)) {
                Some(cell) => *cell = value,
                None => whole = false,
            }
        }
        self.put_page(at, placed, &mut Appended::default());
        whole
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
