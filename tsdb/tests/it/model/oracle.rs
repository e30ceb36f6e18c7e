//! What the store has to hold: the samples that can be read, and how each series stands.

use std::collections::BTreeMap;

use watchpost_model::stale_nan;
use watchpost_tsdb::TimeRange;

use super::world::{GROUPS, LINES, is_twin};

/// A time and a series.
pub(super) type Cell = (i64, usize);
/// The bits that can be read, by cell.
pub(super) type Cells = BTreeMap<Cell, u64>;

/// A value that an operation may make readable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) cell: Cell,
    pub(super) bits: u64,
    /// Whether there has to be a value in the cell afterwards.
    pub(super) must: bool,
    /// Whether the caller gave it; else it is the end of a series.
    pub(super) given: bool,
    /// Whether it may come into a row that is there already, or stands beside another line of the
    /// same series.
    pub(super) fills: bool,
}

/// How a series of a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ended,
    /// Was on the last page.
    OnPage,
    /// Goes on, and only the group's end ends it.
    InParts,
    /// Came out of order, or before a restart: it may go on or not.
    Unknown,
}

#[derive(Debug)]
pub(super) struct Oracle {
    visible: Cells,
    /// What was deleted: the same value again, and what fills a row of before, may stay deleted.
    deleted: Vec<(TimeRange, Vec<usize>)>,
    /// Before this time the store may have dropped what it had.
    pub(super) floor: i64,
    states: [[State; LINES]; GROUPS],
    /// Whether pages of a group came out of order: what they hold stands beside the rest, and ends
    /// at a time of its own.
    sided: [bool; GROUPS],
    /// Rows of a group before this may be sealed: what the order of each of its series is there, the
    /// head does not know.
    open_from: [i64; GROUPS],
    /// The newest time that was offered, by source and line.
    newest: BTreeMap<(usize, usize), i64>,
}

impl Oracle {
    pub(super) fn new() -> Self {
        Self {
            visible: Cells::new(),
            deleted: Vec::new(),
            floor: i64::MIN,
            states: [[State::Ended; LINES]; GROUPS],
            sided: [false; GROUPS],
            open_from: [i64::MIN; GROUPS],
            newest: BTreeMap::new(),
        }
    }

    /// What can be read in a range.
    pub(super) fn within(&self, range: TimeRange) -> impl Iterator<Item = (Cell, u64)> + '_ {
        let cells = self.visible.range((range.from_ms.max(self.floor), 0)..);
        cells
            .take_while(move |((time, _), _)| *time <= range.to_ms)
            .map(|(cell, bits)| (*cell, *bits))
    }

    /// The newest time that was offered to a series of a group.
    pub(super) fn newest(&self, group: usize, line: usize) -> Option<i64> {
        self.newest.get(&(group, line)).copied()
    }

    /// The newest time that was offered to a group.
    pub(super) fn newest_of_group(&self, group: usize) -> Option<i64> {
        (0..LINES).filter_map(|line| self.newest(group, line)).max()
    }

    /// Whether rows of a group at a time are known to be in the head.
    pub(super) fn is_open(&self, group: usize, time: i64) -> bool {
        time >= self.open_from[group]
    }

    /// Notes that what there is may be sealed.
    pub(super) fn note_seal(&mut self) {
        for group in 0..GROUPS {
            let newest = self.newest_of_group(group);
            self.open_from[group] = newest.map_or(i64::MIN, |newest| newest + 1);
        }
    }

    pub(super) fn note_time(&mut self, group: usize, line: usize, time: i64) {
        let newest = self.newest.entry((group, line)).or_insert(time);
        *newest = time.max(*newest);
    }

    pub(super) fn state(&self, group: usize, line: usize) -> State {
        self.states[group][line]
    }

    pub(super) fn set_state(&mut self, group: usize, line: usize, state: State) {
        self.states[group][line] = state;
    }

    /// The ends that an operation at a time brings: those of `ending` have to come, those of series
    /// that may go on may come.
    pub(super) fn ends(
        &self,
        group: usize,
        ending: &[State],
        but: &[usize],
        cell: impl Fn(usize) -> Cell,
    ) -> Vec<Offer> {
        let lines = (0..LINES).filter(|line| !but.contains(line));
        let offers = lines.filter_map(|line| {
            let state = self.state(group, line);
            let must = ending.contains(&state);
            (must || state == State::Unknown || self.sided[group]).then(|| Offer {
                cell: cell(line),
                bits: stale_nan().to_bits(),
                must,
                given: false,
                fills: is_twin(group, line) || self.newest_of_group(group) >= Some(cell(line).0),
            })
        });
        offers.collect()
    }

    /// Forgets how the series of a group stand.
    pub(super) fn unsettle(&mut self, group: usize) {
        for state in &mut self.states[group] {
            if *state != State::Ended {
                *state = State::Unknown;
            }
        }
    }

    /// Notes that a page of a group came out of order.
    pub(super) fn take_aside(&mut self, group: usize) {
        self.sided[group] = true;
        self.unsettle(group);
    }

    pub(super) fn unsettle_all(&mut self) {
        (0..GROUPS).for_each(|group| self.unsettle(group));
    }

    /// Follows what can be read in a range after an operation that offered values, of which the
    /// store told that it refused some.
    pub(super) fn observe(
        &mut self,
        range: TimeRange,
        found: &Cells,
        offers: &[Offer],
        refused: usize,
    ) {
        for (cell, bits) in self.within(range) {
            let have = found.get(&cell);
            // Columns that are one series are told apart by the order of their rows: what fills a
            // row has the row's, and may come before another column's value, at once or never.
            let mut fills = offers.iter().filter(|o| o.cell == cell && o.fills);
            assert!(
                have == Some(&bits) || fills.any(|offer| have == Some(&offer.bits)),
                "at (time, series) {cell:?} was {bits:#x} and is {have:x?}"
            );
        }
        for (cell, bits) in found.range((self.floor, 0)..) {
            let offered = || offers.iter().any(|o| o.cell == *cell && o.bits == *bits);
            assert!(
                self.visible.contains_key(cell) || offered(),
                "(time, series) {cell:?} has {bits:#x}, which nobody offered"
            );
        }
        let current = |offer: &&Offer| offer.cell.0 >= self.floor;
        let missing: Vec<_> = offers
            .iter()
            .filter(current)
            .filter(|offer| !found.contains_key(&offer.cell))
            .collect();
        let has_to = missing
            .iter()
            .find(|offer| offer.must && !(offer.fills && self.was_deleted(offer.cell)));
        assert!(has_to.is_none(), "not taken: {has_to:?}");
        let silent = missing
            .iter()
            .filter(|offer| offer.given && !self.was_deleted(offer.cell))
            .count();
        assert!(
            silent <= refused,
            "{silent} values are missing and {refused} were refused: {missing:?}"
        );
        self.visible
            .extend(found.iter().map(|(cell, bits)| (*cell, *bits)));
    }

    fn was_deleted(&self, (time, series): Cell) -> bool {
        let mut deleted = self.deleted.iter();
        deleted.any(|(range, of)| {
            (range.from_ms..=range.to_ms).contains(&time) && of.contains(&series)
        })
    }

    /// Takes series out of a range.
    pub(super) fn delete(&mut self, range: TimeRange, series: Vec<usize>) {
        let within =
            |(time, of): &Cell| (range.from_ms..=range.to_ms).contains(time) && series.contains(of);
        self.visible.retain(|cell, _| !within(cell));
        self.deleted.push((range, series));
    }
}
