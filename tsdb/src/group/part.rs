//! Late parts: filling what a recent row lacks.

use watchpost_model::is_absent;

use super::append::{Accepted, Cell, Change, Columns, Put};
use super::body::{Body, State};
use super::{Appended, Row};
use crate::Refusal;

impl Body {
    /// Puts a part of a row at its time.
    pub(crate) fn append_part(
        &mut self,
        row: Row<'_>,
        sequence: u64,
        columns: &mut impl Columns,
    ) -> Result<Accepted, Refusal> {
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
        let mut cells = Vec::with_capacity(row.values.len());
        for (place, (line, value)) in row.layout.lines().iter().zip(row.values).enumerate() {
            if row.layout.is_repeated(place) {
                continue;
            }
            if is_absent(*value) {
                appended.marks += 1;
                continue;
            }
            match self.slot(*line, columns, &mut appended) {
                Some(slot) => {
                    let at = (row.time_ms, sequence);
                    self.put_in_part(at, (slot, *value), &mut cells, &mut appended);
                }
                None => appended.refused += 1,
            }
        }
        // A series may have gone from the page to parts.
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
        Ok(Accepted {
            appended,
            time: row.time_ms,
            change: if cells.is_empty() {
                Change::Nothing
            } else {
                Change::Part(cells)
            },
        })
    }

    fn put_in_part(
        &mut self,
        at: (i64, u64),
        (slot, value): (usize, f64),
        cells: &mut Vec<(usize, f64)>,
        appended: &mut Appended,
    ) {
        let cell = Cell {
            slot,
            value,
            source: State::InParts,
        };
        match self.put_cell(at, cell) {
            Some(Put::New) => {
                cells.push((slot, value));
                appended.samples += 1;
            }
            Some(Put::Same) => appended.samples += 1,
            Some(Put::Conflict) => appended.conflicts += 1,
            None => {}
        }
    }
}
