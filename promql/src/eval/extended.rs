//! Selectors with `anchored` or `smoothed`: values for the very ends of a window.
//!
//! `anchored` takes the newest sample at or before the start of the window (within the lookback), or
//! else the first one in it, and the last one in it. `smoothed` puts values between the samples on
//! both sides of each end. Neither extrapolates. Source: Prometheus's documentation
//! (`feature_flags`, extended range selectors) and scripts.

use super::Eval;
use super::mixed::has_histograms;
use super::ranges::{Samples, samples};
use super::selector::places;
use super::windows::Window;
use crate::error::Error;
use crate::functions::{Counter, Over};
use crate::number::seconds;
use crate::parse::ast::{Call, Extension, Kind, Node, Selector, Span};
use crate::series::{Points, StepSeries};

/// What `anchored` and `smoothed` can stand with.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

/// A selector with a range and an extension, if an argument is one.
pub(super) fn extended(arg: &Node) -> Option<(&Selector, i64, Extension)> {
    match &arg.bare().kind {
        Kind::Range(selector, range_ms) => Some((selector, *range_ms, selector.extension?)),
        _ => None,
    }
}

/// Refuses an extension that a function does not know.
pub(super) fn check(call: &Call) -> Result<(), Error> {
    let name = call.function.name;
    for (_, _, extension) in call.args.iter().filter_map(extended) {
        let (word, known): (&str, &[&str]) = match extension {
            Extension::Anchored => ("anchored", &ANCHORED),
            Extension::Smoothed => ("smoothed", &SMOOTHED),
        };
        if !known.contains(&name) {
            return Err(Error::Execution(format!(
                "{word} modifier can only be used with: {} - not with {name}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}

impl Eval<'_> {
    /// What a function makes of extended windows.
    pub(super) fn over_extended(
        &self,
        call: &Call,
        over: &Over,
        range: &Node,
    ) -> Result<Vec<StepSeries>, Error> {
        let Some((selector, range_ms, extension)) = extended(range) else {
            return Ok(Vec::new());
        };
        let ends = self.ends(selector.when);
        let lookback = self.query.options.lookback.as_millis();
        let ahead = match extension {
            Extension::Anchored => 0,
            Extension::Smoothed => lookback,
        };
        let from = |end: &i64| end.saturating_sub(range_ms).saturating_sub(lookback);
        let starts: Vec<i64> = ends.iter().map(from).collect();
        let stops: Vec<i64> = ends.iter().map(|end| end.saturating_add(ahead)).collect();
        let (Some(first), Some(last)) = (starts.iter().min(), stops.iter().max()) else {
            return Ok(Vec::new());
        };
        let kind = Change::of(call.function.name, over);
        let mut out = Vec::new();
        for series in &self.select(&selector.matchers, *first, *last)? {
            self.query.check_time()?;
            if has_histograms(series) {
                let bounds = (&starts[..], &stops[..]);
                out.extend(self.over_mixed_extended((over, range), series, bounds, kind)?);
                continue;
            }
            let series = samples(series);
            let bounds = places(&series.times, &starts).into_iter();
            let bounds: Vec<_> = bounds.zip(places(&series.times, &stops)).collect();
            self.count_with(|counts| counts.add_windows(bounds.iter().copied(), 1));
            let points: Points = bounds
                .into_iter()
                .zip(&ends)
                .map(|((from, to), end)| {
                    let window = window(&series, (from, to), (end.saturating_sub(range_ms), *end))?;
                    kind.value(over, &window, extension == Extension::Smoothed)
                })
                .collect();
            if points.is_empty() {
                continue;
            }
            if over.counter.is_some() {
                self.note_counter(series.labels.metric_name(), range);
            }
            self.query.hold(points.len())?;
            let mut one = StepSeries {
                labels: series.labels.clone(),
                drop_name: false,
                points,
            };
            self.drop_name(&mut one);
            out.push(one);
        }
        super::unique(out)
    }

    /// A selector with `smoothed` at each step: the value between the samples around it, or the one
    /// before where there is none behind.
    pub(super) fn smoothed(
        &self,
        selector: &Selector,
        span: Span,
    ) -> Result<Vec<StepSeries>, Error> {
        let ends = self.ends(selector.when);
        let lookback = self.query.options.lookback.as_millis();
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(Vec::new());
        };
        let (after, to) = (
            first.saturating_sub(lookback),
            last.saturating_add(lookback),
        );
        let mut out = Vec::new();
        for series in &self.select(&selector.matchers, after, to)? {
            self.query.check_time()?;
            if has_histograms(series) {
                out.extend(self.smoothed_mixed((selector, span), series)?);
                continue;
            }
            let series = samples(series);
            let points: Points = places(&series.times, &ends)
                .into_iter()
                .zip(&ends)
                .map(|(place, end)| between(&series, place, *end, lookback))
                .collect();
            if !points.is_empty() {
                self.count_with(|counts| counts.add_points(&points));
                self.query.hold(points.len())?;
                out.push(StepSeries {
                    labels: series.labels,
                    drop_name: false,
                    points,
                });
            }
        }
        Ok(out)
    }
}

/// The value at a time before which there are `place` samples.
fn between(series: &Samples, place: usize, time: i64, lookback: i64) -> Option<f64> {
    let sample = |place: usize| Some((*series.times.get(place)?, *series.values.get(place)?));
    let before = sample(place.checked_sub(1)?)?;
    if before.0 <= time.saturating_sub(lookback) {
        return None;
    }
    match sample(place) {
        Some(after) if before.0 < time && after.0 <= time.saturating_add(lookback) => {
            Some(line(before, after, time))
        }
        _ => Some(before.1),
    }
}

/// The value at a time on the line through two samples.
pub(super) fn line((from, first): (i64, f64), (to, second): (i64, f64), time: i64) -> f64 {
    let part = seconds(time.saturating_sub(from)) / seconds(to.saturating_sub(from));
    first + (second - first) * part
}

pub(super) fn window(
    series: &Samples,
    (from, to): (usize, usize),
    (start_ms, end_ms): (i64, i64),
) -> Option<Window<'_>> {
    let times = series
        .times
        .get(from..to)
        .filter(|times| !times.is_empty())?;
    Some(Window {
        times,
        values: series.values.get(from..to)?,
        start_ms,
        end_ms,
        now_ms: end_ms,
        params: &[],
        falls: true,
    })
}

/// What is computed of an extended window.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// How much a counter grew, or per second.
    Counter(Counter),
    /// How much a value changed.
    Delta,
    /// Whatever the function makes of the samples and the two ends.
    Other,
}

impl Change {
    fn of(name: &str, over: &Over) -> Self {
        match over.counter {
            Some(counter) => Self::Counter(counter),
            None if name == "delta" => Self::Delta,
            None => Self::Other,
        }
    }

    pub(super) fn value(self, over: &Over, window: &Window<'_>, smoothed: bool) -> Option<f64> {
        let counter = matches!(self, Self::Counter(_));
        let cut = Cut::of(window, smoothed, counter)?;
        let length = seconds(window.end_ms.saturating_sub(window.start_ms));
        match self {
            Self::Counter(Counter::Rate) => Some(cut.increase() / length),
            Self::Counter(Counter::Increase) => Some(cut.increase()),
            Self::Delta => Some(cut.right - cut.left),
            Self::Other => {
                let ends =
                    |first: i64, inner: &[i64], last: i64| [&[first], inner, &[last]].concat();
                let times = ends(window.start_ms, cut.times, window.end_ms);
                let values = [&[cut.left], cut.values, &[cut.right]].concat();
                over.fold.value(&Window {
                    times: &times,
                    values: &values,
                    ..*window
                })
            }
        }
    }
}

/// A window with values for its ends.
struct Cut<'w> {
    left: f64,
    right: f64,
    /// The samples between the ends.
    times: &'w [i64],
    values: &'w [f64],
}

impl<'w> Cut<'w> {
    /// Nothing where there is no sample in the window, nor behind its start.
    fn of(window: &Window<'w>, smoothed: bool, counter: bool) -> Option<Self> {
        let (times, values) = (window.times, window.values);
        let sample = |place: usize| Some((*times.get(place)?, *values.get(place)?));
        let most = times.len().checked_sub(1)?;
        let first = times
            .partition_point(|time| *time <= window.start_ms)
            .saturating_sub(1)
            .min(most);
        let last = if smoothed {
            times
                .partition_point(|time| *time < window.end_ms)
                .min(most)
        } else {
            most
        };
        let (from, to) = (sample(first)?, sample(last)?);
        if to.0 <= window.start_ms || from.0 > window.end_ms {
            return None;
        }
        let left = match sample(first + 1) {
            Some(next) if smoothed && from.0 < window.start_ms => {
                edge(from, next, window.start_ms, counter)
            }
            _ => from.1,
        };
        let right = match last.checked_sub(1).and_then(sample) {
            Some(before) if smoothed && to.0 > window.end_ms => {
                edge(before, to, window.end_ms, counter)
            }
            _ => to.1,
        };
        let begin = first + usize::from(from.0 <= window.start_ms);
        let end = last + usize::from(to.0 < window.end_ms);
        let end = end.max(begin);
        Some(Self {
            left,
            right,
            times: times.get(begin..end).unwrap_or_default(),
            values: values.get(begin..end).unwrap_or_default(),
        })
    }

    /// From end to end, resets between them made good.
    fn increase(&self) -> f64 {
        let mut grown = self.right - self.left;
        let mut before = self.left;
        for value in self.values.iter().chain([&self.right]) {
            if *value < before {
                grown += before;
            }
            before = *value;
        }
        grown
    }
}

/// The value at an end of the window. A counter that was reset there began at zero.
fn edge(before: (i64, f64), after: (i64, f64), time: i64, counter: bool) -> f64 {
    let reset = counter && after.1 < before.1;
    let first = if reset { 0.0 } else { before.1 };
    line((before.0, first), after, time)
}
