//! Late parts: filling what a recent row lacks.

use super::append::{Cell, Columns};
use super::body::{Body, NO_SLOT, State};
use super::{Appended, Row};
use crate::Refusal;

impl Body {
    /// Puts a part of a row at its time.
    pub(crate) fn append_part(
        &mut self,
        row: Row<'_>,
        sequence: u64,
        columns: &mut impl Columns,
    ) -> Result<Appended, Refusal> {
        let closed = self
            .closed_until
            .is_some_and(|closed| row.time_ms <= closed);
        if closed && !self.open.iter().any(|open| open.time == row.time_ms) {
            return Err(Refusal::OutOfOrder);
        }
        let mut appended = Appended {
            duplicates: row.layout.0.repeated.len(),
            ..Appended::default()
        };
        let samples = row.layout.lines().iter().zip(row.values).enumerate();
        for (place, (line, value)) in samples {
            if row.layout.0.repeated.binary_search(&place).is_ok() {
                continue;
            }
            let slot = match self.slots.get(line) {
                Some(slot) => *slot,
                None if columns.take(*line) => {
                    appended.new_series += 1;
                    self.add_column(*line)
                }
                None => NO_SLOT,
            };
            if slot == NO_SLOT {
                appended.refused += 1;
            } else {
                let at = (row.time_ms, sequence);
                let cell = Cell {
                    slot,
                    value: *value,
                    source: State::InParts,
                };
                self.write_cell(at, cell, &mut appended);
            }
        }
        // A series may have gone from the page to parts.
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
        Ok(appended)
    }
}
