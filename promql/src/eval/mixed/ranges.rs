//! Windows with histograms, and functions over them.

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::CounterReset;
use watchpost_tsdb::Series;

use super::super::ranges::{RangeInput, Samples};
use super::super::{Eval, Window};
use super::sample;
use crate::error::Error;
use crate::functions::{Mixed, Over};
use crate::parse::ast::Node;
use crate::series::{Points, Sample, StepSeries, weight};

/// Times (ms) and histograms.
pub(crate) type Histograms = Vec<(i64, Arc<FloatHistogram>)>;

/// A series with all samples that any step's window can hold, histograms among them.
#[derive(Debug)]
pub(crate) struct MixedSamples {
    /// Those samples that are floats.
    pub(crate) floats: Samples,
    histograms: Histograms,
}

impl MixedSamples {
    /// A series of the store.
    pub(in crate::eval) fn read(eval: &Eval<'_>, series: &Series) -> Result<Self, Error> {
        let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
        for (row, time) in series.times.iter().enumerate() {
            match sample(series, row) {
                Some(Sample::Float(value)) => {
                    times.push(*time);
                    values.push(value);
                }
                Some(Sample::Histogram(histogram)) => {
                    eval.query.hold(weight(&histogram))?;
                    histograms.push((*time, histogram));
                }
                None => {}
            }
        }
        Ok(Self {
            floats: Samples {
                labels: series.labels.clone(),
                drop_name: false,
                times: times.into(),
                values: values.into(),
            },
            histograms,
        })
    }

    /// A series of a subquery: its floats, and all of its points.
    pub(in crate::eval) fn of_steps(floats: Samples, points: &Points, times: &[i64]) -> Self {
        let timed = points.histograms().iter().filter_map(|(step, histogram)| {
            let mut histogram = Arc::clone(histogram);
            // A sample may stand at several steps, and others at none, so that what it tells of the one
            // before it in the store does not hold here.
            if histogram.counter_reset != CounterReset::Gauge {
                Arc::make_mut(&mut histogram).counter_reset = CounterReset::Unknown;
            }
            Some((*times.get(*step)?, histogram))
        });
        Self {
            floats,
            histograms: timed.collect(),
        }
    }

    /// Counts the windows of all steps.
    fn count(&self, eval: &Eval<'_>, input: &RangeInput) {
        eval.count_with(|counts| {
            let places = input.window_places(&self.floats.times);
            counts.add_windows(places, 1);
            let mut seen = i64::MIN;
            for (step, (start, end)) in input.spans().enumerate() {
                let new = self.weight(start.max(seen), end);
                counts.add_loaded(step, self.weight(start, end), new);
                seen = end;
            }
        });
    }

    /// How many samples the histograms after one time and up to another count as.
    pub(super) fn weight(&self, start_ms: i64, end_ms: i64) -> u64 {
        let histograms = self.within(start_ms, end_ms).iter();
        histograms.map(|(_, it)| weight(it) as u64).sum()
    }

    /// The histograms after one time and up to another.
    pub(super) fn within(&self, start_ms: i64, end_ms: i64) -> &[(i64, Arc<FloatHistogram>)] {
        let place = |time_ms: i64| self.histograms.partition_point(|(at, _)| *at <= time_ms);
        let (from, to) = (place(start_ms), place(end_ms));
        self.histograms.get(from..to).unwrap_or_default()
    }
}

impl RangeInput {
    /// The steps whose windows have a sample of any series that has histograms.
    pub(crate) fn mixed_steps(&self, eval: &Eval<'_>) -> Vec<usize> {
        let mut steps = Vec::new();
        for series in &self.mixed {
            series.count(eval, self);
            let places = self.window_places(&series.floats.times);
            for (step, ((start, end), (from, to))) in self.spans().zip(places).enumerate() {
                if from < to || !series.within(start, end).is_empty() {
                    steps.push(step);
                }
            }
        }
        steps
    }

    /// The floats and the histograms in the first step's window.
    pub(crate) fn first_mixed_window(
        &self,
        series: &MixedSamples,
    ) -> (Vec<(i64, f64)>, Histograms) {
        let floats = self.first_window(&series.floats);
        let floats = floats.map(|(time, value)| (*time, *value)).collect();
        let ends = self.spans().next();
        let histograms = ends.map(|(start, end)| series.within(start, end).to_vec());
        (floats, histograms.unwrap_or_default())
    }
}

impl Eval<'_> {
    /// What a function makes of the windows of those series that have histograms.
    pub(in crate::eval) fn over_mixed(
        &self,
        (over, range): (&Over, &Node),
        input: &RangeInput,
        params: &[Vec<f64>],
    ) -> Result<Vec<StepSeries>, Error> {
        let mut out = Vec::new();
        for series in &input.mixed {
            self.query.check_time()?;
            series.count(self, input);
            let mut points = Points::none(self.grid.count);
            let places = input.window_places(&series.floats.times);
            let steps = self.grid.times().zip(input.spans()).zip(places).enumerate();
            for (step, ((now_ms, (start_ms, end_ms)), (from, to))) in steps {
                let column = |all: &[f64]| all.get(step).copied().unwrap_or(f64::NAN);
                let params: Vec<f64> = params.iter().map(|all| column(all)).collect();
                let floats = Window {
                    times: series.floats.times.get(from..to).unwrap_or_default(),
                    values: series.floats.values.get(from..to).unwrap_or_default(),
                    start_ms,
                    end_ms,
                    now_ms,
                    params: &params,
                    falls: true,
                };
                let mixed = Mixed {
                    floats,
                    histograms: series.within(start_ms, end_ms),
                    name: series.floats.labels.metric_name(),
                    query: self.query,
                    span: range.span,
                };
                if mixed.is_empty() {
                    continue;
                }
                if let Some(sample) = (over.mixed)(over, &mixed) {
                    points.set_sample(step, sample);
                }
            }
            if points.is_empty() {
                continue;
            }
            // Native histograms have no names of their own.
            if over.counter.is_some() && !points.has_histograms() {
                self.note_counter(series.floats.labels.metric_name(), range);
            }
            self.query.hold(points.weight())?;
            let mut one = StepSeries {
                labels: series.floats.labels.clone(),
                drop_name: series.floats.drop_name,
                points,
            };
            if !over.keeps_name {
                self.drop_name(&mut one);
            }
            out.push(one);
        }
        Ok(out)
    }
}
