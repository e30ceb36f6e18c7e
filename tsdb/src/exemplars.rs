//! Exemplars: examples of what samples count, such as the trace of one request.
//!
//! The newest ones of all series are kept in a ring of a fixed size, and in the log. What is taken and refused is as in Prometheus: at most 128 characters of labels,
//! per series in order of time, the same one once.

use std::collections::{BTreeMap, VecDeque};

use foldhash::{HashMap, HashMapExt};
use watchpost_model::{Labels, Matcher};

use crate::TimeRange;

/// The most characters that the names and values of an exemplar's labels have together.
const MAX_LABELS: usize = 128;

/// An example of what a sample counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// What it was: a trace's number, for one.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
    /// Its time, ms since the epoch.
    pub time_ms: i64,
}

/// What became of an exemplar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExemplarOutcome {
    /// It is in the ring.
    Taken,
    /// The newest one of its series is the same.
    Known,
    /// The newest one of its series is newer.
    OutOfOrder,
    /// Its labels are too long.
    TooLong,
    /// The store keeps no exemplars.
    Off,
}

/// Figures of the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExemplarStats {
    /// Exemplars in the ring.
    pub kept: u64,
    /// Series that have one there.
    pub series: u64,
    /// Exemplars taken since the start.
    pub taken: u64,
    /// Exemplars refused since the start, because they were out of order or too long.
    pub refused: u64,
}

/// The newest exemplars.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    room: usize,
    /// In order of arrival.
    entries: VecDeque<(Labels, Exemplar)>,
    /// The series in the ring, with the newest exemplar and how many there are.
    series: HashMap<Labels, (Exemplar, usize)>,
    taken: u64,
    refused: u64,
}

impl Ring {
    /// A ring for so many exemplars.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// Puts an exemplar of a series in; the oldest of all makes room. One whose time is not its own
    /// (`has_time` is false) is known where only its time differs.
    pub(crate) fn append(
        &mut self,
        series: &Labels,
        exemplar: Exemplar,
        has_time: bool,
    ) -> ExemplarOutcome {
        let outcome = self.judge(series, &exemplar, has_time);
        match outcome {
            ExemplarOutcome::Taken => self.put(series, exemplar),
            ExemplarOutcome::OutOfOrder | ExemplarOutcome::TooLong => self.refused += 1,
            ExemplarOutcome::Known | ExemplarOutcome::Off => {}
        }
        outcome
    }

    /// Takes back one that was taken before; they come in order, and some more than once.
    pub(crate) fn restore(&mut self, series: &Labels, exemplar: Exemplar) {
        if self.judge(series, &exemplar, true) == ExemplarOutcome::Taken {
            self.put(series, exemplar);
            self.taken -= 1;
        }
    }

    /// All of them, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<(Labels, Exemplar)> {
        self.entries.iter().cloned().collect()
    }

    fn judge(&self, series: &Labels, exemplar: &Exemplar, has_time: bool) -> ExemplarOutcome {
        if self.room == 0 {
            return ExemplarOutcome::Off;
        }
        let characters = exemplar.labels.iter();
        let characters =
            characters.map(|(name, value)| name.chars().count() + value.chars().count());
        if characters.sum::<usize>() > MAX_LABELS {
            return ExemplarOutcome::TooLong;
        }
        let Some((newest, _)) = self.series.get(series) else {
            return ExemplarOutcome::Taken;
        };
        let same_time = exemplar.time_ms == newest.time_ms;
        let same = exemplar.labels == newest.labels
            && exemplar.value.to_bits() == newest.value.to_bits()
            && (same_time || !has_time);
        if same {
            ExemplarOutcome::Known
        } else if exemplar.time_ms < newest.time_ms || (same_time && exemplar.value < newest.value)
        {
            ExemplarOutcome::OutOfOrder
        } else {
            ExemplarOutcome::Taken
        }
    }

    fn put(&mut self, series: &Labels, exemplar: Exemplar) {
        self.taken += 1;
        if self.entries.len() >= self.room {
            self.drop_oldest();
        }
        let known = self.series.entry(series.clone());
        let (newest, count) = known.or_insert_with(|| (exemplar.clone(), 0));
        *newest = exemplar.clone();
        *count += 1;
        self.entries.push_back((series.clone(), exemplar));
    }

    fn drop_oldest(&mut self) {
        let Some((series, _)) = self.entries.pop_front() else {
            return;
        };
        if let Some((_, count)) = self.series.get_mut(&series) {
            *count -= 1;
            if *count == 0 {
                self.series.remove(&series);
            }
        }
    }

    /// The exemplars in a range of series that pass all matchers of one of the sets, by series in
    /// the order of labels, each in order of time.
    pub(crate) fn select(
        &self,
        range: TimeRange,
        sets: &[Vec<Matcher>],
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let passes = |series: &Labels| {
            let all = |set: &Vec<Matcher>| {
                let mut set = set.iter();
                set.all(|matcher| matcher.matches(series.get(matcher.name())))
            };
            sets.iter().any(all)
        };
        let mut wanted: HashMap<&Labels, bool> = HashMap::with_capacity(self.series.len());
        let mut found: BTreeMap<&Labels, Vec<Exemplar>> = BTreeMap::new();
        for (series, exemplar) in &self.entries {
            let in_range = (range.from_ms..=range.to_ms).contains(&exemplar.time_ms);
            if in_range && *wanted.entry(series).or_insert_with(|| passes(series)) {
                found.entry(series).or_default().push(exemplar.clone());
            }
        }
        let found = found.into_iter();
        found
            .map(|(series, found)| (series.clone(), found))
            .collect()
    }

    /// Figures of the ring.
    pub(crate) fn stats(&self) -> ExemplarStats {
        ExemplarStats {
            kept: self.entries.len() as u64,
            series: self.series.len() as u64,
            taken: self.taken,
            refused: self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(trace: &str, value: f64, time_ms: i64) -> Exemplar {
        Exemplar {
            labels: Labels::from_pairs([("trace_id", trace)]),
            value,
            time_ms,
        }
    }

    fn series(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    #[test]
    fn exemplars_come_in_order_of_time_and_the_same_one_once() {
        let mut ring = Ring::new(10);
        let of = series("a");
        let mut append = |trace: &str, value, time, has_time| {
            ring.append(&of, exemplar(trace, value, time), has_time)
        };
        assert_eq!(append("1", 1.0, 10, true), ExemplarOutcome::Taken);
        assert_eq!(append("1", 1.0, 10, true), ExemplarOutcome::Known);
        assert_eq!(append("1", 1.0, 20, false), ExemplarOutcome::Known);
        assert_eq!(append("1", 1.0, 20, true), ExemplarOutcome::Taken);
        assert_eq!(append("2", 2.0, 20, true), ExemplarOutcome::Taken);
        assert_eq!(append("2", 1.0, 20, true), ExemplarOutcome::OutOfOrder);
        assert_eq!(append("3", 1.0, 19, true), ExemplarOutcome::OutOfOrder);
        let long = "x".repeat(121);
        assert_eq!(append(&long, 1.0, 30, true), ExemplarOutcome::TooLong);
        let stats = ExemplarStats {
            kept: 3,
            series: 1,
            taken: 3,
            refused: 3,
        };
        assert_eq!(ring.stats(), stats);
    }

    #[test]
    fn the_oldest_make_room_and_a_ring_without_room_takes_none() {
        let mut ring = Ring::new(3);
        for time in 0..5 {
            let of = series(if time % 2 == 0 { "even" } else { "odd" });
            ring.append(&of, exemplar("1", 1.0, time), true);
        }
        let all = [vec![]];
        let times: Vec<_> = ring
            .select(TimeRange::ALL, &all)
            .into_iter()
            .map(|(of, found)| (of, found.iter().map(|it| it.time_ms).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            times,
            [(series("even"), vec![2, 4]), (series("odd"), vec![3])]
        );
        ring.append(&series("x"), exemplar("1", 1.0, 5), true);
        ring.append(&series("x"), exemplar("1", 1.0, 6), true);
        assert_eq!(ring.stats().series, 2);
        let mut off = Ring::new(0);
        let outcome = off.append(&series("x"), exemplar("1", 1.0, 5), true);
        assert_eq!((outcome, off.stats().kept), (ExemplarOutcome::Off, 0));
    }

    #[test]
    fn exemplars_are_found_by_time_and_by_any_set_of_matchers() {
        let mut ring = Ring::new(10);
        for name in ["a", "b", "c"] {
            for time in [1, 2, 3] {
                ring.append(&series(name), exemplar("1", 1.0, time), true);
            }
        }
        let range = TimeRange {
            from_ms: 2,
            to_ms: 3,
        };
        let by_name = |name: &str| vec![Matcher::equal("__name__", name)];
        let found = ring.select(range, &[by_name("c"), by_name("a")]);
        let found: Vec<_> = found
            .iter()
            .map(|(of, found)| (of.get("__name__"), found.len()))
            .collect();
        assert_eq!(found, [("a", 2), ("c", 2)]);
        assert!(ring.select(range, &[]).is_empty());
    }
}
