//! Selectors with `anchored` or `smoothed` over series that have histograms.

use std::sync::Arc;

use watchpost_model::histogram::CounterReset;
use watchpost_tsdb::Series;

use super::super::extended::{Change, extended, line, window};
use super::super::selector::places;
use super::super::{Eval, Window};
use super::{MixedSamples, sample};
use crate::error::Error;
use crate::functions::{Counter, Mixed, Over};
use crate::number::seconds;
use crate::parse::ast::{Extension, Node, Selector, Span};
use crate::remarks;
use crate::series::{Points, Sample, StepSeries};

impl Eval<'_> {
    /// What a function makes of the extended windows of a series; those reach from times to times.
    pub(in crate::eval) fn over_mixed_extended(
        &self,
        (over, range): (&Over, &Node),
        series: &Series,
        (starts, stops): (&[i64], &[i64]),
        kind: Change,
    ) -> Result<Option<StepSeries>, Error> {
        let Some((selector, range_ms, extension)) = extended(range) else {
            return Ok(None);
        };
        let smoothed = extension == Extension::Smoothed;
        let series = MixedSamples::read(self, series)?;
        let name = series.floats.labels.metric_name();
        let times = &series.floats.times;
        let bounds: Vec<_> = places(times, starts)
            .into_iter()
            .zip(places(times, stops))
            .collect();
        self.count_with(|counts| {
            counts.add_windows(bounds.iter().copied(), 1);
            for (step, (from, to)) in starts.iter().zip(stops).enumerate() {
                counts.add(step, series.weight(*from, *to));
            }
        });
        let ends = self.ends(selector.when);
        let reach = starts.iter().zip(stops);
        let mut points = Points::none(self.grid.count);
        for (step, ((bounds, end), (from, to))) in
            bounds.into_iter().zip(ends).zip(reach).enumerate()
        {
            let span = (end.saturating_sub(range_ms), end);
            let floats = window(&series.floats, bounds, span);
            let mixed = Mixed {
                floats: floats.unwrap_or_else(|| empty(span)),
                histograms: series.within(*from, *to),
                name,
                query: self.query,
                span: range.span,
            };
            let sample = if mixed.histograms.is_empty() {
                floats.and_then(|floats| kind.value(over, &floats, smoothed).map(Sample::Float))
            } else {
                of_histograms(&mixed, kind, smoothed)
            };
            if let Some(sample) = sample {
                points.set_sample(step, sample);
            }
        }
        if over.counter.is_some() && !points.is_empty() && !points.has_histograms() {
            self.note_counter(name, range);
        }
        let drop_name = !over.keeps_name;
        self.finish_mixed(&series, points, drop_name)
    }

    fn finish_mixed(
        &self,
        series: &MixedSamples,
        points: Points,
        drop_name: bool,
    ) -> Result<Option<StepSeries>, Error> {
        if points.is_empty() {
            return Ok(None);
        }
        self.query.hold(points.weight())?;
        let mut one = StepSeries {
            labels: series.floats.labels.clone(),
            drop_name: false,
            points,
        };
        if drop_name {
            self.drop_name(&mut one);
        }
        Ok(Some(one))
    }

    /// As `smoothed`, of a series that has histograms.
    pub(in crate::eval) fn smoothed_mixed(
        &self,
        (selector, span): (&Selector, Span),
        series: &Series,
    ) -> Result<Option<StepSeries>, Error> {
        let lookback = self.query.options.lookback.as_millis();
        let rows = series.times.iter().enumerate();
        let all: Vec<(i64, Sample)> = rows
            .filter_map(|(row, time)| Some((*time, sample(series, row)?)))
            .collect();
        let mut points = Points::none(self.grid.count);
        for (step, time) in self.ends(selector.when).into_iter().enumerate() {
            let place = all.partition_point(|(at, _)| *at <= time);
            let before = place.checked_sub(1).and_then(|place| all.get(place));
            let Some(before) = before.filter(|(at, _)| *at > time.saturating_sub(lookback)) else {
                continue;
            };
            let reach = time.saturating_add(lookback);
            let after = all
                .get(place)
                .filter(|(at, _)| *at <= reach && before.0 < time);
            let name = series.labels.metric_name();
            let place = (time, span);
            let value = match after {
                Some(after) => self.value_between((before, after), place, name),
                None => Some(before.1.clone()),
            };
            if let Some(value) = value {
                points.set_sample(step, value);
            }
        }
        self.count_with(|counts| counts.add_points(&points));
        let read = MixedSamples::read(self, series)?;
        self.finish_mixed(&read, points, false)
    }

    fn value_between(
        &self,
        (before, after): (&(i64, Sample), &(i64, Sample)),
        (time, span): (i64, Span),
        name: &str,
    ) -> Option<Sample> {
        match (&before.1, &after.1) {
            (Sample::Float(first), Sample::Float(second)) => {
                let value = line((before.0, *first), (after.0, *second), time);
                Some(Sample::Float(value))
            }
            (Sample::Histogram(first), Sample::Histogram(second)) => {
                let mixed = Mixed {
                    floats: empty((time, time)),
                    histograms: &[],
                    name,
                    query: self.query,
                    span,
                };
                let counter = second.counter_reset != CounterReset::Gauge;
                let first = (before.0, Arc::clone(first));
                let second = (after.0, Arc::clone(second));
                let value = mixed.between(&first, &second, (time, counter))?;
                Some(Sample::Histogram(value.into()))
            }
            _ => {
                self.query.warn(span, &remarks::mixed_samples(name));
                None
            }
        }
    }
}

/// Only what is told of the growth knows of histograms.
fn of_histograms(mixed: &Mixed<'_>, kind: Change, smoothed: bool) -> Option<Sample> {
    if mixed.is_mixed() {
        return None;
    }
    let counter = match kind {
        Change::Counter(_) => true,
        Change::Delta => false,
        Change::Other => return None,
    };
    let mut grown = mixed.grown_between_ends(counter, smoothed)?;
    if let Change::Counter(Counter::Rate) = kind {
        grown.divide(seconds(
            mixed.floats.end_ms.saturating_sub(mixed.floats.start_ms),
        ));
    }
    Some(Sample::Histogram(grown.into()))
}

/// A window without floats.
fn empty((start_ms, end_ms): (i64, i64)) -> Window<'static> {
    Window {
        times: &[],
        values: &[],
        start_ms,
        end_ms,
        now_ms: end_ms,
        params: &[],
        falls: true,
    }
}
