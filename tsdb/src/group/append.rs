//! Appending a page.

use watchpost_model::{absent_nan, is_absent, is_stale, stale_nan};

use super::body::{Body, NO_SLOT, OpenRow, Page, State};
use super::{Appended, Layout, LineId, Row};
use crate::Refusal;

/// What the body needs from the store to take a row.
pub(crate) trait Columns {
    /// Takes a place for a new series; false where the limit leaves none.
    fn take(&mut self, line: LineId) -> bool;
}

/// A value on its way into a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) slot: usize,
    pub(super) value: f64,
    /// The state that the series has by it.
    pub(super) source: State,
}

impl Body {
    /// Puts a page at its time. What cannot be taken as a whole is refused before anything is
    /// changed.
    pub(crate) fn append(
        &mut self,
        row: Row<'_>,
        sequence: u64,
        columns: &mut impl Columns,
    ) -> Result<Appended, Refusal> {
        match self.newest_page {
            Some(newest) if row.time_ms < newest => return Err(Refusal::OutOfOrder),
            Some(newest) if row.time_ms == newest => return self.same_page(row),
            _ => {}
        }
        if self
            .closed_until
            .is_some_and(|closed| row.time_ms <= closed)
        {
            return Err(Refusal::OutOfOrder);
        }
        let mut appended = Appended {
            duplicates: row.layout.0.repeated.len(),
            ..Appended::default()
        };
        let left = self.settle(row.layout, columns, &mut appended);
        let Some(page) = self.page.take() else {
            return Ok(appended);
        };
        appended.refused = page.refused;
        let page = self.write_page(page, row, sequence, &mut appended);
        self.end_slots(&left, (row.time_ms, sequence), &mut appended);
        self.page = Some(page);
        self.newest_page = Some(row.time_ms);
        Ok(appended)
    }

    /// Makes `self.page` fit the layout. Gives the slots that were on the page before and are not
    /// any more.
    fn settle(
        &mut self,
        layout: &Layout,
        columns: &mut impl Columns,
        appended: &mut Appended,
    ) -> Vec<usize> {
        let fits = |page: &Page| page.layout.same(layout) && page.refused == 0;
        if self.page.as_ref().is_some_and(fits) {
            return Vec::new();
        }
        let mut slots = Vec::with_capacity(layout.lines().len());
        let mut refused = 0;
        for line in layout.lines() {
            slots.push(match self.slots.get(line) {
                Some(slot) => *slot,
                None if columns.take(*line) => {
                    appended.new_series += 1;
                    self.add_column(*line)
                }
                None => {
                    refused += 1;
                    NO_SLOT
                }
            });
        }
        for place in &*layout.0.repeated {
            if slots[*place] == NO_SLOT {
                refused -= 1;
            }
            slots[*place] = NO_SLOT;
        }
        let mut left: Vec<bool> = self
            .columns
            .iter()
            .map(|column| column.state == State::OnPage)
            .collect();
        for slot in &slots {
            if let Some(left) = left.get_mut(*slot) {
                *left = false;
            }
        }
        self.page = Some(Page {
            layout: layout.clone(),
            slots,
            refused,
            settled: false,
        });
        (0..left.len()).filter(|slot| left[*slot]).collect()
    }

    /// Writes the values of a page into the row at its time.
    fn write_page(
        &mut self,
        mut page: Page,
        row: Row<'_>,
        sequence: u64,
        appended: &mut Appended,
    ) -> Page {
        let is_newest = self.open.back().is_none_or(|last| last.time < row.time_ms);
        let marked = row
            .values
            .iter()
            .any(|value| is_stale(*value) || is_absent(*value));
        if is_newest && page.settled && !marked {
            let mut values = vec![absent_nan(); self.columns.len()];
            let mut samples = 0;
            for (slot, value) in page.slots.iter().zip(row.values) {
                if let Some(cell) = values.get_mut(*slot) {
                    *cell = *value;
                    samples += 1;
                }
            }
            appended.samples += samples;
            self.open.push_back(OpenRow {
                time: row.time_ms,
                sequence,
                values,
            });
            return page;
        }
        for (slot, value) in page.slots.iter().zip(row.values) {
            if *slot != NO_SLOT {
                let cell = Cell {
                    slot: *slot,
                    value: *value,
                    source: State::OnPage,
                };
                self.write_cell((row.time_ms, sequence), cell, appended);
            }
        }
        page.settled = page
            .slots
            .iter()
            .all(|slot| *slot == NO_SLOT || self.columns[*slot].state == State::OnPage);
        page
    }

    /// Writes one value where there is none yet, and keeps the series' state. `at` is the time and
    /// the order of acceptance.
    pub(super) fn write_cell(&mut self, at: (i64, u64), cell: Cell, appended: &mut Appended) {
        let Cell {
            slot,
            value,
            source,
        } = cell;
        if is_absent(value) {
            appended.marks += 1;
            if source == State::OnPage && self.columns[slot].state == State::OnPage {
                self.end_slots(&[slot], at, appended);
            }
            return;
        }
        let Some(place) = self.row_at(at.0, at.1) else {
            return;
        };
        let have = self.open[place].get(slot);
        if !is_absent(have) {
            if have.to_bits() == value.to_bits() {
                appended.samples += 1;
            } else {
                appended.conflicts += 1;
            }
            return;
        }
        self.open[place].set(slot, value);
        appended.samples += 1;
        let mut later = self.open.range(place + 1..);
        if later.all(|row| is_absent(row.get(slot))) {
            let ended = is_stale(value);
            self.columns[slot].state = if ended { State::Ended } else { source };
        }
    }

    /// Puts a stale marker for each slot at a time, where the slot has no value there.
    fn end_slots(&mut self, slots: &[usize], at: (i64, u64), appended: &mut Appended) {
        for slot in slots {
            let Some(place) = self.row_at(at.0, at.1) else {
                return;
            };
            if is_absent(self.open[place].get(*slot)) {
                self.open[place].set(*slot, stale_nan());
                appended.ended += 1;
            }
            self.columns[*slot].state = State::Ended;
        }
    }

    /// A page at the time of the newest one: accepted where it says nothing else.
    fn same_page(&mut self, row: Row<'_>) -> Result<Appended, Refusal> {
        let place = self.open.iter().rposition(|open| open.time == row.time_ms);
        let same = place.is_some_and(|place| {
            let lines = row.layout.lines().iter().enumerate().zip(row.values);
            lines
                .filter(|((place, _), _)| row.layout.0.repeated.binary_search(place).is_err())
                .all(|((_, line), value)| {
                    let have = self.slots.get(line).map(|slot| self.open[place].get(*slot));
                    have.is_some_and(|have| have.to_bits() == value.to_bits())
                })
        });
        if !same {
            return Err(Refusal::Duplicate);
        }
        Ok(Appended {
            samples: row.values.len(),
            ..Appended::default()
        })
    }

    /// Ends all series at a time.
    pub(crate) fn end(&mut self, time: i64, sequence: u64) -> Result<Appended, Refusal> {
        let newest = self.time_span().map(|(_, newest)| newest);
        if newest.is_some_and(|newest| time <= newest) {
            return Err(Refusal::OutOfOrder);
        }
        let live: Vec<_> = (0..self.columns.len())
            .filter(|slot| self.columns[*slot].state != State::Ended)
            .collect();
        let mut appended = Appended::default();
        if !live.is_empty() {
            self.end_slots(&live, (time, sequence), &mut appended);
            self.newest_page = Some(time);
        }
        self.page = None;
        Ok(appended)
    }
}
