//! Histograms in windows whose ends are taken from the samples around them (`anchored`, `smoothed`).

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::CounterReset;

use super::Mixed;
use super::rate::{is_gauge, remark_on_kind};
use crate::number::seconds;
use crate::remarks::{self, Operation};

/// A time (ms) and a histogram.
type Timed = (i64, Arc<FloatHistogram>);

impl Mixed<'_> {
    /// From the start of the window to its end; nothing where there is no histogram in the window.
    /// `histograms` go beyond the window, so that there are some at or around its ends.
    pub(crate) fn grown_between_ends(
        &self,
        counter: bool,
        smoothed: bool,
    ) -> Option<FloatHistogram> {
        let (start, end) = (self.floats.start_ms, self.floats.end_ms);
        let all = self.histograms;
        let most = all.len().checked_sub(1)?;
        let behind_start = all.partition_point(|(time, _)| *time <= start).min(most);
        let first = behind_start.saturating_sub(usize::from(is_after(all, behind_start, start)));
        let last = if smoothed {
            all.partition_point(|(time, _)| *time < end).min(most)
        } else {
            most
        };
        let used = all.get(first..=last)?;
        let [(from, left), ..] = used else {
            return None;
        };
        let (to, right) = used.last()?;
        if *to <= start || *from > end {
            return None;
        }
        if !self.fits(used, counter) {
            return None;
        }
        let between_left = smoothed && *from < start && used.len() > 1;
        let left = if between_left {
            self.between(used.first()?, used.get(1)?, (start, counter))?
        } else {
            FloatHistogram::clone(left)
        };
        let right = match used {
            [.., before, after] if smoothed && *to > end => {
                self.between(before, after, (end, counter))?
            }
            _ => FloatHistogram::clone(right),
        };
        let mut grown = self.joined(right.minus(&left), Operation::Subtraction)?;
        if counter {
            grown = self.with_resets(grown, used, (&left, between_left), &right)?;
        }
        grown.counter_reset = CounterReset::Gauge;
        grown.compact();
        Some(grown)
    }

    /// Whether histograms fit together, with a word about what they are.
    fn fits(&self, used: &[Timed], counter: bool) -> bool {
        remark_on_kind(self, used, counter);
        let custom = used.first().is_some_and(|(_, it)| it.uses_custom_buckets());
        let fits = used
            .iter()
            .all(|(_, it)| it.uses_custom_buckets() == custom);
        if !fits {
            self.warn(&remarks::mixed_buckets(self.name));
        }
        fits
    }

    /// Adds what was counted before each reset. A value that is put between two samples knows of a
    /// reset between them already.
    fn with_resets(
        &self,
        mut grown: FloatHistogram,
        used: &[Timed],
        (left, between_left): (&FloatHistogram, bool),
        right: &FloatHistogram,
    ) -> Option<FloatHistogram> {
        let mut before = left;
        for (place, (_, histogram)) in used.iter().enumerate().skip(1) {
            let known = between_left && place == 1;
            let reset = if known {
                let end = place + 1 == used.len();
                let now = if end { right } else { histogram };
                unhinted(now).is_reset_after(before)
            } else {
                histogram.is_reset_after(before)
            };
            if reset {
                grown = self.joined(grown.plus(before), Operation::Addition)?;
            }
            before = histogram;
        }
        Some(grown)
    }

    /// The histogram at a time on the line through two. A counter that was reset there began at zero.
    pub(crate) fn between(
        &self,
        (from, first): &Timed,
        (to, second): &Timed,
        (time, counter): (i64, bool),
    ) -> Option<FloatHistogram> {
        let share = seconds(time.saturating_sub(*from)) / seconds(to.saturating_sub(*from));
        let mut between = if counter && second.is_reset_after(first) {
            let mut since = FloatHistogram::clone(second);
            since.multiply(share);
            since
        } else {
            let mut part = self.joined(second.minus(first), Operation::Subtraction)?;
            part.multiply(share);
            self.joined(first.plus(&part), Operation::Addition)?
        };
        if !is_gauge(&between) {
            between.counter_reset = CounterReset::Unknown;
        }
        Some(between)
    }
}

fn is_after(all: &[Timed], place: usize, time: i64) -> bool {
    all.get(place).is_some_and(|(at, _)| *at > time)
}

/// Without what it tells of the one before it.
fn unhinted(histogram: &FloatHistogram) -> FloatHistogram {
    FloatHistogram {
        counter_reset: CounterReset::Unknown,
        ..histogram.clone()
    }
}
