//! Instant selectors: the newest sample of each series within the lookback.

use foldhash::HashMap;
use watchpost_model::{Matcher, is_absent, is_stale};
use watchpost_tsdb::{Series, TimeRange};

use super::Eval;
use super::mixed::{self, has_histograms};
use crate::error::Error;
use crate::number::seconds;
use crate::parse::ast::{At, Extension, Node, Selector, When};
use crate::series::{Sample, StepSeries};

/// A series with its samples as slices.
#[derive(Debug)]
pub(super) struct Floats<'s> {
    pub(super) times: &'s [i64],
    pub(super) values: &'s [f64],
    dense: bool,
}

impl<'s> Floats<'s> {
    pub(super) fn of(series: &'s Series) -> Self {
        Self {
            times: &series.times,
            values: &series.values,
            dense: series.dense,
        }
    }

    /// Samples among which there may be marks.
    pub(super) fn sparse(times: &'s [i64], values: &'s [f64]) -> Self {
        Self {
            times,
            values,
            dense: false,
        }
    }

    /// The newest sample at or before a place that is younger than `after`.
    pub(super) fn newest(&self, place: usize, after: i64) -> Option<(i64, f64)> {
        let times = self.times.get(..place)?;
        let values = self.values.get(..place)?;
        let (time, value) = if self.dense {
            (times.last()?, values.last()?)
        } else {
            // No further back than it matters: a series may have ended long before.
            let rows = times.iter().zip(values).rev();
            let mut young = rows.take_while(|(time, _)| **time > after);
            young.find(|(_, value)| !is_absent(**value))?
        };
        (*time > after && !is_stale(*value)).then_some((*time, *value))
    }
}

/// How many of ascending times are at or before each of some times.
pub(super) fn places(times: &[i64], ends: &[i64]) -> Vec<usize> {
    let mut place = 0;
    let mut before = i64::MIN;
    let mut found = Vec::with_capacity(ends.len());
    for end in ends {
        if *end < before {
            place = 0;
        }
        before = *end;
        let ahead = times.get(place..).unwrap_or_default();
        // Steps are mostly a few rows apart, so that a short walk beats a search.
        let near = ahead
            .iter()
            .take(16)
            .take_while(|time| *time <= end)
            .count();
        place += if near == 16 {
            ahead.partition_point(|time| time <= end)
        } else {
            near
        };
        found.push(place);
    }
    found
}

impl Eval<'_> {
    /// The time a selector looks at, for each step.
    pub(super) fn ends(&self, when: When) -> Vec<i64> {
        let fixed = match when.at {
            None => None,
            Some(At::Time(time)) => Some(time),
            Some(At::Start) => Some(self.query.steps.start_ms),
            Some(At::End) => Some(self.query.steps.end_ms),
        };
        self.grid
            .times()
            .map(|time| fixed.unwrap_or(time).saturating_sub(when.offset_ms))
            .collect()
    }

    /// The series that pass the matchers and have rows after one time and up to another.
    pub(super) fn select(
        &self,
        matchers: &[Matcher],
        after_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Series>, Error> {
        let range = TimeRange::new(after_ms.saturating_add(1), to_ms);
        let selection = self.query.db.select_within(range, matchers, |rows| {
            self.query.check_time()?;
            self.query.hold(rows)
        })?;
        Ok(selection.series)
    }

    /// The value of a selector at each step.
    pub(super) fn selector(
        &self,
        node: &Node,
        selector: &Selector,
    ) -> Result<Vec<StepSeries>, Error> {
        if selector.extension == Some(Extension::Smoothed) {
            return self.smoothed(selector, node.span);
        }
        if let Some(series) = self.series(&self.input_newest(selector))? {
            return Ok(series);
        }
        self.newest(selector, |_, value| value, false)
    }

    /// The time in seconds of the sample that a selector finds at each step.
    pub(crate) fn sample_times(&self, selector: &Selector) -> Result<Vec<StepSeries>, Error> {
        self.newest(selector, |time, _| seconds(time), true)
    }

    fn newest(
        &self,
        selector: &Selector,
        value: impl Fn(i64, f64) -> f64,
        of_times: bool,
    ) -> Result<Vec<StepSeries>, Error> {
        let ends = self.ends(selector.when);
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(Vec::new());
        };
        let lookback = self.query.options.lookback.as_millis();
        let found = self.select(&selector.matchers, first.saturating_sub(lookback), *last)?;
        let mut shared: HashMap<*const i64, Vec<usize>> = HashMap::default();
        let mut vector = Vec::with_capacity(found.len());
        for series in &found {
            self.query.check_time()?;
            let places = shared
                .entry(series.times.as_ptr())
                .or_insert_with(|| places(&series.times, &ends));
            let steps = places.iter().zip(&ends);
            let steps = steps.map(|(place, end)| (*place, end.saturating_sub(lookback)));
            let points = if has_histograms(series) {
                let steps: Vec<(usize, i64)> = steps.collect();
                mixed::points(series, &steps, |time, sample| match sample {
                    Sample::Histogram(_) if !of_times => sample,
                    Sample::Float(sample) => Sample::Float(value(time, sample)),
                    Sample::Histogram(_) => Sample::Float(value(time, 0.0)),
                })
            } else {
                let floats = Floats::of(series);
                let newest = |(place, after)| floats.newest(place, after);
                steps
                    .map(|step| newest(step).map(|(time, sample)| value(time, sample)))
                    .collect()
            };
            if !points.is_empty() {
                self.query.hold(points.weight())?;
                self.count_with(|counts| counts.add_points(&points));
                vector.push(StepSeries {
                    labels: series.labels.clone(),
                    drop_name: false,
                    points,
                });
            }
        }
        Ok(vector)
    }
}
