//! Samples of some series at one time: they fill what a recent row lacks.

use watchpost_model::is_absent;

use super::Appended;
use super::append::{Accepted, Cell, Change, Columns, Put};
use super::body::{Body, State};
use crate::{LineId, Refusal};

impl Body {
    /// Puts samples at their time.
    pub(crate) fn append_samples(
        &mut self,
        at: (i64, u64),
        samples: &[(LineId, f64)],
        columns: &mut impl Columns,
    ) -> Result<Accepted, Refusal> {
        let closed = self.closed_until.is_some_and(|closed| at.0 <= closed);
        if closed && !self.open.iter().any(|open| open.time == at.0) {
            return Err(Refusal::OutOfOrder);
        }
        let mut appended = Appended::default();
        let mut cells = Vec::with_capacity(samples.len());
        for (line, value) in samples {
            if is_absent(*value) {
                appended.marks += 1;
                continue;
            }
            match self.slot(*line, columns, &mut appended) {
                Some(slot) => self.put_in_part(at, (slot, *value), &mut cells, &mut appended),
                None => appended.refused += 1,
            }
        }
        // A series may have gone from the page to parts.
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
        Ok(Accepted {
            appended,
            time: at.0,
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
