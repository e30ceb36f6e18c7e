//! Appending a page.

use watchpost_model::{absent_nan, is_absent, is_stale, stale_nan};

use super::body::{Body, NO_SLOT, OpenRow, Page, State};
use super::{Appended, Layout, LineId, Row};
use crate::Refusal;

/// What the body needs from the store to take new series.
pub(crate) trait Columns {
    /// Takes a place for a new series, where the limit leaves one.
    fn take(&mut self, line: LineId) -> Result<(), Refusal>;
}

/// What was taken, and what the log is to say of it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) appended: Appended,
    pub(crate) time: i64,
    pub(crate) change: Change,
}

/// What an append changed.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// The newest open row is a new page.
    NewestRow,
    /// A page put these values, one a slot, into a row that has others too.
    Page(Vec<f64>),
    /// A part put these values into their slots.
    Part(Vec<(usize, f64)>),
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It stands in the row.
    New,
    /// The row had it already.
    Same,
    /// The row has another one.
    Conflict,
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
    ) -> Result<Accepted, Refusal> {
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
        let mut values = self.page_values(row.values, &mut appended);
        for slot in left {
            values[slot] = stale_nan();
            appended.ended += 1;
        }
        let change = self.put_page((row.time_ms, sequence), values, &mut appended);
        Ok(Accepted {
            appended,
            time: row.time_ms,
            change,
        })
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
        let mut repeated = layout.0.repeated.iter().peekable();
        for (place, line) in layout.lines().iter().enumerate() {
            slots.push(if repeated.next_if_eq(&&place).is_some() {
                NO_SLOT
            } else if let Some(slot) = self.slot(*line, columns, appended) {
                slot
            } else {
                refused += 1;
                NO_SLOT
            });
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

    /// The slot of a line, a new one where the limit leaves a place.
    pub(super) fn slot(
        &mut self,
        line: LineId,
        columns: &mut impl Columns,
        appended: &mut Appended,
    ) -> Option<usize> {
        if let Some(slot) = self.slots.get(&line) {
            return Some(*slot);
        }
        if let Err(refusal) = columns.take(line) {
            appended.forgotten += usize::from(refusal == Refusal::ForgottenLine);
            return None;
        }
        appended.new_series += 1;
        Some(self.add_column(line))
    }

    /// The page's values by slot. Where a value is the mark of none its series ends.
    fn page_values(&mut self, row: &[f64], appended: &mut Appended) -> Vec<f64> {
        let mut values = vec![absent_nan(); self.columns.len()];
        let Some(page) = &mut self.page else {
            return values;
        };
        appended.refused = page.refused;
        let mut marked = false;
        for (slot, value) in page.slots.iter().zip(row) {
            if let Some(cell) = values.get_mut(*slot) {
                *cell = *value;
            }
            marked |= is_stale(*value) | is_absent(*value);
        }
        appended.samples += page.slots.len() - page.refused - page.layout.0.repeated.len();
        if marked {
            page.settled = false;
            for (slot, value) in page.slots.iter().zip(row) {
                if *slot != NO_SLOT && is_absent(*value) {
                    appended.samples -= 1;
                    appended.marks += 1;
                    if self.columns[*slot].state == State::OnPage {
                        values[*slot] = stale_nan();
                        appended.ended += 1;
                    }
                }
            }
        }
        values
    }

    /// Puts the values of a page, one a slot, at a time with an order of acceptance.
    pub(super) fn put_page(
        &mut self,
        at: (i64, u64),
        mut values: Vec<f64>,
        appended: &mut Appended,
    ) -> Change {
        let settled = self.page.as_ref().is_some_and(|page| page.settled);
        let nothing = values.iter().all(|value| is_absent(*value));
        if !nothing && self.open.back().is_some_and(|last| last.time >= at.0) {
            self.newest_page = Some(at.0);
            self.fill_page(at, &mut values, appended);
            return Change::Page(values);
        }
        if !settled {
            for (column, value) in self.columns.iter_mut().zip(&values) {
                column.state = match value {
                    value if is_absent(*value) => column.state,
                    value if is_stale(*value) => State::Ended,
                    _ => State::OnPage,
                };
            }
            if let Some(page) = &mut self.page {
                let mut slots = page.slots.iter().filter(|slot| **slot != NO_SLOT);
                page.settled = slots.all(|slot| self.columns[*slot].state == State::OnPage);
            }
        }
        if nothing {
            return Change::Nothing;
        }
        self.newest_page = Some(at.0);
        self.open.push_back(OpenRow {
            time: at.0,
            sequence: at.1,
            values,
        });
        Change::NewestRow
    }

    /// Puts the values of a page into a row that may have others; those that it has stay.
    fn fill_page(&mut self, at: (i64, u64), values: &mut [f64], appended: &mut Appended) {
        for (slot, cell) in values.iter_mut().enumerate() {
            if is_absent(*cell) {
                continue;
            }
            let put = self.put_cell(
                at,
                Cell {
                    slot,
                    value: *cell,
                    source: State::OnPage,
                },
            );
            if put == Some(Put::Conflict) {
                if is_stale(*cell) && appended.ended > 0 {
                    appended.ended -= 1;
                } else {
                    appended.samples = appended.samples.saturating_sub(1);
                    appended.conflicts += 1;
                }
                *cell = absent_nan();
            }
        }
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
    }

    /// Puts one value where there is none yet, and keeps the series' state. `at` is the time and
    /// the order of acceptance. Nothing where the rows of that time are no longer open.
    pub(super) fn put_cell(&mut self, at: (i64, u64), cell: Cell) -> Option<Put> {
        let place = self.row_at(at.0, at.1)?;
        let have = self.open[place].get(cell.slot);
        let put = if is_absent(have) {
            self.open[place].set(cell.slot, cell.value);
            Put::New
        } else if have.to_bits() != cell.value.to_bits() {
            return Some(Put::Conflict);
        } else if cell.source == State::InParts {
            // It came first from elsewhere, and stays with that.
            return Some(Put::Same);
        } else {
            Put::Same
        };
        let mut later = self.open.range(place + 1..);
        if later.all(|row| is_absent(row.get(cell.slot))) {
            let ended = is_stale(cell.value);
            self.columns[cell.slot].state = if ended { State::Ended } else { cell.source };
        }
        Some(put)
    }

    /// A page at the time of the newest one: accepted where it says nothing else.
    fn same_page(&mut self, row: Row<'_>) -> Result<Accepted, Refusal> {
        let place = self.open.iter().rposition(|open| open.time == row.time_ms);
        let same = place.is_some_and(|place| {
            let lines = row.layout.lines().iter().enumerate().zip(row.values);
            lines
                .filter(|((place, _), _)| !row.layout.is_repeated(*place))
                .all(|((_, line), value)| {
                    let have = self.slots.get(line).map(|slot| self.open[place].get(*slot));
                    have.is_some_and(|have| have.to_bits() == value.to_bits())
                })
        });
        if !same {
            return Err(Refusal::Duplicate);
        }
        let duplicates = row.layout.0.repeated.len();
        let appended = Appended {
            samples: row.values.len() - duplicates,
            duplicates,
            ..Appended::default()
        };
        Ok(Accepted {
            appended,
            time: row.time_ms,
            change: Change::Nothing,
        })
    }

    /// Ends all series at a time.
    pub(crate) fn end(&mut self, time: i64, sequence: u64) -> Result<Accepted, Refusal> {
        if self.newest_row().is_some_and(|newest| time <= newest) {
            return Err(Refusal::OutOfOrder);
        }
        self.page = None;
        let mut appended = Appended::default();
        let mut values = vec![absent_nan(); self.columns.len()];
        for (column, value) in self.columns.iter().zip(&mut values) {
            if column.state != State::Ended {
                *value = stale_nan();
                appended.ended += 1;
            }
        }
        let change = self.put_page((time, sequence), values, &mut appended);
        Ok(Accepted {
            appended,
            time,
            change,
        })
    }
}
