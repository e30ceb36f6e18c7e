//! Appending a page.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::histogram::histogram_index;
use watchpost_model::{absent_nan, is_absent, is_stale, stale_nan};

use super::body::{At, Body, Change, Page};
use super::given::Given;
use super::slots::{NO_SLOT, Slots};
use super::states::State;
use super::{Appended, Layout, LineId, Row};
use crate::Refusal;
use crate::index::Schema;
use crate::log::{Cells, LogRecords};

/// What the body needs from the store to take new series.
pub(crate) trait Columns {
    /// Takes a place for a new series, where the limit leaves one.
    fn take(&mut self, line: LineId) -> Result<(), Refusal>;

    /// The schema with more columns; their series can be found from now on.
    fn extend(&mut self, schema: &Arc<Schema>, new: &[LineId]) -> Arc<Schema>;
}

/// What was taken, and what the log is to say of it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) appended: Appended,
    pub(crate) change: Change,
    /// The records for the file that was current.
    pub(crate) records: LogRecords,
}

impl Accepted {
    pub(super) fn new(appended: Appended, (change, records): (Change, LogRecords)) -> Self {
        Self {
            appended,
            change,
            records,
        }
    }
}

/// Whether a value is none that a series has as it stands.
fn is_special(value: f64) -> bool {
    value.is_nan() && (is_stale(value) || is_absent(value) || histogram_index(value).is_some())
}

/// Nothing to be logged.
pub(super) fn nothing() -> (Change, LogRecords) {
    (Change::Nothing, LogRecords::default())
}

impl Body {
    /// Puts a page at its time. What cannot be taken as a whole is refused before anything is
    /// changed.
    pub(crate) fn append(
        &mut self,
        (row, given): (Row<'_>, &Given),
        at: At,
        columns: &mut impl Columns,
    ) -> Result<Accepted, Refusal> {
        let special = row.values.iter().any(|value| is_special(*value));
        let own;
        let row = if special {
            self.expect_histograms();
            own = given.own_values(row.values, &mut self.histograms);
            Row {
                values: &own,
                ..row
            }
        } else {
            row
        };
        match self.newest_page {
            Some(newest) if at.time < newest => return Err(Refusal::OutOfOrder),
            Some(newest) if at.time == newest => return self.same_page(row),
            _ => {}
        }
        if self.closed_until.is_some_and(|closed| at.time <= closed) {
            return Err(Refusal::OutOfOrder);
        }
        let mut appended = Appended {
            duplicates: row.layout.0.repeated.len(),
            ..Appended::default()
        };
        let left = self.settle(row.layout, columns, &mut appended);
        let newest = self.open.is_empty() || self.newest < at.time;
        if let Some(page) = &self.page
            && page.slots == Slots::Same
            && page.settled
            && newest
            && !special
            && !row.values.is_empty()
        {
            appended.samples = row.values.len();
            self.newest_page = Some(at.time);
            return Ok(Accepted::new(appended, self.push(at, row.values, false)));
        }
        let mut values = self.page_values(row.values, special, &mut appended);
        for slot in left {
            values[slot] = stale_nan();
            appended.ended += 1;
        }
        let put = self.put_page(at, &values, &mut appended);
        Ok(Accepted::new(appended, put))
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
        let mut slots = self.slots(layout.lines().iter().copied(), columns, appended);
        // The first of a line that stands twice counts.
        for place in &*layout.0.repeated {
            slots[*place] = NO_SLOT;
        }
        let without = slots.iter().filter(|slot| **slot == NO_SLOT).count();
        let refused = without - layout.0.repeated.len();
        let mut here = vec![false; self.schema.len()];
        for slot in &slots {
            if let Some(here) = here.get_mut(*slot as usize) {
                *here = true;
            }
        }
        let left = self.states.on_page().filter(|slot| !here[*slot]).collect();
        self.page = Some(Page {
            layout: layout.clone(),
            slots: Slots::new(slots),
            refused,
            settled: false,
        });
        left
    }

    /// The slots of lines, new ones where the limit leaves a place.
    pub(super) fn slots(
        &mut self,
        lines: impl Iterator<Item = LineId>,
        columns: &mut impl Columns,
        appended: &mut Appended,
    ) -> Vec<u32> {
        let mut slots = Vec::with_capacity(lines.size_hint().0);
        let mut new: Vec<LineId> = Vec::new();
        let mut of_new: HashMap<LineId, Option<usize>> = HashMap::default();
        let mut guess = 0;
        for line in lines {
            let known = if self.schema.line(guess) == Some(line) {
                Some(guess)
            } else {
                self.schema.slot(line)
            };
            let slot = known.or_else(|| {
                *of_new.entry(line).or_insert_with(|| {
                    if let Err(refusal) = columns.take(line) {
                        appended.forgotten += usize::from(refusal == Refusal::ForgottenLine);
                        return None;
                    }
                    new.push(line);
                    Some(self.schema.len() + new.len() - 1)
                })
            });
            guess = slot.map_or(guess, |slot| slot + 1);
            slots.push(slot.map_or(NO_SLOT, |slot| u32::try_from(slot).unwrap_or(NO_SLOT)));
        }
        if !new.is_empty() {
            appended.new_series += new.len();
            let schema = columns.extend(&self.schema, &new);
            self.grow(schema);
        }
        slots
    }

    /// The page's values by slot. Where a value is the mark of none its series ends.
    fn page_values(&mut self, row: &[f64], special: bool, appended: &mut Appended) -> Vec<f64> {
        let mut values = vec![absent_nan(); self.schema.len()];
        let Some(page) = &mut self.page else {
            return values;
        };
        page.slots.scatter(row, &mut values);
        appended.refused = page.refused;
        appended.samples = row.len() - page.refused - page.layout.0.repeated.len();
        if !special {
            return values;
        }
        page.settled = false;
        for (place, value) in row.iter().enumerate() {
            let Some(slot) = page.slots.get(place).filter(|_| is_absent(*value)) else {
                continue;
            };
            appended.samples -= 1;
            appended.marks += 1;
            if self.states.get(slot) == State::OnPage {
                values[slot] = stale_nan();
                appended.ended += 1;
            }
        }
        values
    }

    /// Puts the values of a page, one a slot, at a time with an order of acceptance.
    pub(super) fn put_page(
        &mut self,
        at: At,
        values: &[f64],
        appended: &mut Appended,
    ) -> (Change, LogRecords) {
        let there = values.iter().any(|value| !is_absent(*value));
        if there && !self.open.is_empty() && self.newest >= at.time {
            self.newest_page = Some(at.time);
            return self.fill_page(at, values, appended);
        }
        if !self.page.as_ref().is_some_and(|page| page.settled) {
            self.set_states(values, at.time, State::OnPage);
            if let Some(page) = &mut self.page {
                let mut slots = (0..page.layout.lines().len()).filter_map(|at| page.slots.get(at));
                page.settled = slots.all(|slot| self.states.get(slot) == State::OnPage);
            }
        }
        if !there {
            return nothing();
        }
        self.newest_page = Some(at.time);
        self.push(at, values, false)
    }

    /// Notes how series stand by the values of a newest row.
    pub(super) fn set_states(&mut self, values: &[f64], time: i64, alive: State) {
        for (slot, value) in values.iter().enumerate() {
            if is_stale(*value) {
                self.set_state(slot, State::Ended, time);
            } else if !is_absent(*value) && self.states.get(slot) != alive {
                self.set_state(slot, alive, time);
            }
        }
    }

    /// Puts the values of a page into a row that may have others; those that it has stay.
    fn fill_page(
        &mut self,
        at: At,
        values: &[f64],
        appended: &mut Appended,
    ) -> (Change, LogRecords) {
        let place = self.row_at(at);
        let mut cells = Vec::new();
        let mut new = Vec::new();
        for (slot, value) in values.iter().enumerate() {
            if is_absent(*value) {
                continue;
            }
            let have = self.open.value(place, slot);
            if is_absent(have) {
                new.push((slot, *value));
            } else if have.to_bits() != value.to_bits() {
                if is_stale(*value) && appended.ended > 0 {
                    appended.ended -= 1;
                } else {
                    appended.samples = appended.samples.saturating_sub(1);
                    appended.conflicts += 1;
                }
                continue;
            }
            cells.push((slot, *value));
        }
        self.open.put(place, &new);
        self.cells_stand(place, &cells, State::OnPage);
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
        self.log_cells(at, true, cells)
    }

    /// The place of the open row at a time; an empty one is put in where there is none.
    pub(super) fn row_at(&mut self, at: At) -> usize {
        match self.open.find(at.time) {
            Ok(place) => place,
            Err(place) => {
                if place == self.open.len() {
                    self.newest = at.time;
                }
                self.open.insert(place, at.key());
                place
            }
        }
    }

    /// Notes how series stand by values of a row, where it is their newest.
    pub(super) fn cells_stand(&mut self, place: usize, cells: &[(usize, f64)], alive: State) {
        let Some(key) = self.open.key(place) else {
            return;
        };
        for (slot, value) in cells {
            if !self.open.has_after(place, *slot) {
                let state = if is_stale(*value) {
                    State::Ended
                } else {
                    alive
                };
                self.set_state(*slot, state, key.time);
            }
        }
    }

    /// The record of values that were put into a row.
    pub(super) fn log_cells(
        &mut self,
        at: At,
        page: bool,
        cells: Vec<(usize, f64)>,
    ) -> (Change, LogRecords) {
        let cells = Cells {
            page,
            time: at.time,
            sequence: at.sequence,
            values: cells,
        };
        let records = if at.file == 0 {
            LogRecords::default()
        } else {
            let to = (at.file, at.group);
            self.logged
                .cells(to, &self.schema, &cells, &self.histograms)
        };
        (Change::Cells(cells), records)
    }

    /// A page at the time of the newest one: accepted where it says nothing else.
    fn same_page(&mut self, row: Row<'_>) -> Result<Accepted, Refusal> {
        let place = self.open.find(row.time_ms);
        let same = place.is_ok_and(|place| {
            let lines = row.layout.lines().iter().enumerate().zip(row.values);
            lines
                .filter(|((place, _), _)| !row.layout.is_repeated(*place))
                .all(|((_, line), value)| {
                    let have = self.slot_of(*line).map(|slot| self.open.value(place, slot));
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
        Ok(Accepted::new(appended, nothing()))
    }

    /// Ends all series at a time.
    pub(crate) fn end(&mut self, at: At) -> Result<Accepted, Refusal> {
        if self.newest_row().is_some_and(|newest| at.time <= newest) {
            return Err(Refusal::OutOfOrder);
        }
        self.page = None;
        let mut appended = Appended::default();
        let mut values = vec![absent_nan(); self.schema.len()];
        for (slot, value) in values.iter_mut().enumerate() {
            if self.states.get(slot) != State::Ended {
                *value = stale_nan();
                appended.ended += 1;
            }
        }
        let put = self.put_page(at, &values, &mut appended);
        Ok(Accepted::new(appended, put))
    }
}
