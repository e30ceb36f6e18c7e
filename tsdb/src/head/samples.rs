//! Samples of some series at one time. Order is judged series by series.

use watchpost_model::{Histogram, absent_nan, is_absent};

use super::Appended;
use super::append::{Accepted, Columns, nothing};
use super::block::Looked;
use super::body::{At, Body, Change};
use super::given::Samples;
use super::slots::NO_SLOT;
use super::states::State;
use crate::LineId;
use crate::histogram::{Histograms, encode};
use crate::log::LogRecords;

/// What is done with samples that are older than their series' newest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness {
    /// The present: what is later than that holds nothing up.
    pub(crate) now_ms: i64,
    /// So much older they may be.
    pub(crate) window_ms: i64,
    /// They may be as old as they want.
    pub(crate) past: bool,
}

impl Lateness {
    fn allows(self, time: i64, newest: i64) -> bool {
        let window = newest.saturating_sub(self.window_ms);
        self.past || newest > self.now_ms || (self.window_ms > 0 && time >= window)
    }

    /// Counts a sample that is too late.
    fn refuse(self, appended: &mut Appended) {
        if self.window_ms > 0 {
            appended.too_old += 1;
        } else {
            appended.out_of_order += 1;
        }
    }
}

/// The fate of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New,
    Same,
    Conflict,
    Late,
}

impl Body {
    /// Puts samples at their time. Gives the places of those that are to go to a side, in `aside`: the
    /// rows of that time are no longer open.
    pub(crate) fn append_samples(
        &mut self,
        at: At,
        ((samples, given), late): (Samples<'_>, Lateness),
        columns: &mut impl Columns,
        aside: &mut Vec<usize>,
    ) -> Accepted {
        self.expect_histograms();
        let samples = given.own_samples(samples, &mut self.histograms);
        let marks = samples.iter().filter(|(_, value)| is_absent(*value));
        let mut appended = Appended {
            marks: marks.count(),
            ..Appended::default()
        };
        if self.closed_until.is_some_and(|closed| at.time <= closed) {
            let mut looked = Vec::new();
            let there = samples.iter().enumerate();
            for (place, sample) in there.filter(|(_, (_, value))| !is_absent(*value)) {
                match self.fate_of_closed(at, *sample, late, &mut looked) {
                    Fate::New => aside.push(place),
                    Fate::Same => appended.samples += 1,
                    Fate::Conflict => appended.conflicts += 1,
                    Fate::Late => late.refuse(&mut appended),
                }
            }
            return Accepted::new(appended, nothing());
        }
        let lines = samples.iter().filter(|(_, value)| !is_absent(*value));
        let slots = self.slots(lines.map(|(line, _)| *line), columns, &mut appended);
        let values = samples.iter().map(|(_, value)| *value);
        let values = values.filter(|value| !is_absent(*value));
        let cells = slots.into_iter().zip(values);
        let put = if self.open.is_empty() || self.newest < at.time {
            self.new_row(at, cells, &mut appended)
        } else {
            self.fill_row(at, cells, late, &mut appended)
        };
        // A series may have gone from the page to parts.
        if let Some(page) = &mut self.page {
            page.settled = false;
        }
        Accepted::new(appended, put)
    }

    /// Puts samples into a new newest row.
    fn new_row(
        &mut self,
        at: At,
        cells: impl Iterator<Item = (u32, f64)>,
        appended: &mut Appended,
    ) -> (Change, LogRecords) {
        let mut values = vec![absent_nan(); self.schema.len()];
        let mut any = false;
        for (slot, value) in cells {
            let Some(cell) = values.get_mut(slot as usize) else {
                appended.refused += 1;
                continue;
            };
            any = true;
            if is_absent(*cell) {
                *cell = value;
            } else if cell.to_bits() != value.to_bits() {
                appended.conflicts += 1;
                continue;
            }
            appended.samples += 1;
        }
        if !any {
            return nothing();
        }
        self.set_states(&values, at.time, State::InParts);
        self.push(at, &values, true)
    }

    /// Puts samples into a row that is there, or between others.
    fn fill_row(
        &mut self,
        at: At,
        cells: impl Iterator<Item = (u32, f64)>,
        late: Lateness,
        appended: &mut Appended,
    ) -> (Change, LogRecords) {
        let mut new: Vec<(usize, f64)> = Vec::new();
        for (slot, value) in cells {
            if slot == NO_SLOT {
                appended.refused += 1;
                continue;
            }
            match self.fate(at.time, (slot as usize, value), late) {
                Fate::New => new.push((slot as usize, value)),
                Fate::Same => appended.samples += 1,
                Fate::Conflict => appended.conflicts += 1,
                Fate::Late => late.refuse(appended),
            }
        }
        // Of a series that stands twice the first counts.
        new.sort_by_key(|(slot, _)| *slot);
        new.dedup_by(|second, first| {
            let twice = second.0 == first.0;
            if twice && second.1.to_bits() == first.1.to_bits() {
                appended.samples += 1;
            } else if twice {
                appended.conflicts += 1;
            }
            twice
        });
        appended.samples += new.len();
        if new.is_empty() {
            return nothing();
        }
        let place = self.row_at(at);
        self.open.put(place, &new);
        self.cells_stand(place, &new, State::InParts);
        self.log_cells(at, false, new)
    }

    fn fate(&self, time: i64, (slot, value): (usize, f64), late: Lateness) -> Fate {
        let newest = self.open.newest_with(slot);
        let newest = newest.and_then(|place| Some((place, self.open.key(place)?.time)));
        let Some((place, newest)) = newest.filter(|(_, newest)| *newest >= time) else {
            return Fate::New;
        };
        let have = if newest == time {
            self.open.value(place, slot)
        } else {
            let place = self.open.find(time);
            place.map_or_else(|_| absent_nan(), |place| self.open.value(place, slot))
        };
        if have.to_bits() == value.to_bits() {
            Fate::Same
        } else if !is_absent(have) {
            Fate::Conflict
        } else if late.allows(time, newest) {
            Fate::New
        } else {
            Fate::Late
        }
    }

    /// As [`fate`](Self::fate), where the rows of the time are closed. A new one is for a side.
    /// `looked` has the blocks that were read for the samples before, the newest first.
    fn fate_of_closed(
        &self,
        at: At,
        (line, value): (LineId, f64),
        late: Lateness,
        looked: &mut Vec<Option<Looked>>,
    ) -> Fate {
        let time = at.time;
        let slot = self.slot_of(line);
        let newest = slot.and_then(|slot| self.open.newest_with(slot));
        let mut newest = newest.and_then(|place| Some(self.open.key(place)?.time));
        for (place, block) in self.blocks.iter().rev().enumerate() {
            if block.last_time() < time {
                break;
            }
            if looked.len() == place {
                looked.push(block.look().ok());
            }
            let of_block = looked.get(place).and_then(Option::as_ref);
            let list = Histograms::default();
            let found =
                of_block.map_or_else(Vec::new, |block| block.at_or_after(line, time, &list));
            let same_time = found.first().filter(|(first, _)| *first == time);
            // What may be deleted does not stand against what comes after it.
            if let Some((_, have)) = same_time.filter(|_| block.sequence() >= at.deleted) {
                let same = match list.get(*have) {
                    Some(have) => self.is_histogram(value, &have),
                    None => have.to_bits() == value.to_bits(),
                };
                return if same { Fate::Same } else { Fate::Conflict };
            }
            newest = newest.max(found.last().map(|(last, _)| *last));
        }
        // What is in segments is not looked at: a series without a later value in the head may go on.
        // Where it has one of this time there, that one was accepted first, and stands.
        match newest {
            Some(newest) if !late.allows(time, newest) => Fate::Late,
            _ => Fate::New,
        }
    }
}

impl Body {
    /// Whether an open value stands for a histogram of the same bits.
    fn is_histogram(&self, value: f64, other: &Histogram) -> bool {
        let mut encoded = Vec::new();
        encode(other, None, &mut encoded);
        self.histograms
            .encoded(value)
            .is_some_and(|have| **have == *encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_judged_by_the_window_and_by_now() {
        let late = |window_ms, past| Lateness {
            now_ms: 1_000,
            window_ms,
            past,
        };
        assert!(!late(0, false).allows(999, 1_000));
        assert!(late(0, false).allows(999, 1_001), "the clock went back");
        assert!(late(100, false).allows(900, 1_000));
        assert!(!late(100, false).allows(899, 1_000));
        assert!(late(0, true).allows(0, 1_000));
    }
}
