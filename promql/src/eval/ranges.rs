//! Range vectors: the samples of each series in a window per step, open on the left.

use foldhash::HashMap;
use std::sync::Arc;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{Labels, is_absent, is_stale};
use watchpost_tsdb::Series;

use super::mixed::{MixedSamples, has_histograms};
use super::selector::Floats;
use super::windows::{Bounds, Window, Windows, falls};
use super::{Eval, wrong_type};
use crate::error::Error;
use crate::parse::ast::{Kind, Node, Selector, When};
use crate::series::Points;

/// A series with all samples that any step's window can hold.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) times: Arc<[i64]>,
    pub(crate) values: Arc<[f64]>,
}

/// A range vector over all steps.
#[derive(Debug)]
pub(crate) struct RangeInput {
    /// Those without histograms.
    pub(crate) series: Vec<Samples>,
    /// Those with.
    pub(crate) mixed: Vec<MixedSamples>,
    windows: Windows,
}

impl RangeInput {
    pub(super) fn new(series: Vec<Samples>, windows: Windows) -> Self {
        Self {
            series,
            mixed: Vec::new(),
            windows,
        }
    }

    /// Where each step's window begins and ends, ms.
    pub(super) fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        let start = |end: i64| end.saturating_sub(self.windows.range_ms);
        let ends = self.windows.ends.iter();
        ends.map(move |end| (start(*end), *end))
    }

    /// Where the windows of all steps begin and end in a time column.
    pub(super) fn window_places(&self, times: &[i64]) -> Vec<(usize, usize)> {
        self.windows.bounds(times)
    }

    /// The samples of a series in the first step's window.
    pub(crate) fn first_window<'s>(
        &self,
        series: &'s Samples,
    ) -> impl Iterator<Item = (&'s i64, &'s f64)> {
        let bounds = self.windows.bounds(&series.times);
        let (from, to) = bounds.first().copied().unwrap_or_default();
        let rows = series.times.iter().zip(series.values.iter());
        rows.take(to).skip(from)
    }

    /// Calls `each` with every series' column of what `value` makes of its windows. Bounds are
    /// computed once for all series that share a time column.
    pub(crate) fn for_each(
        &self,
        eval: &Eval<'_>,
        params: &[Vec<f64>],
        value: impl Fn(&Window<'_>) -> Option<f64>,
        mut each: impl FnMut(&Samples, Points) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut shared: HashMap<*const i64, Bounds> = HashMap::default();
        for series in &self.series {
            eval.query.check_time()?;
            let bounds = shared
                .entry(series.times.as_ptr())
                .or_insert_with(|| self.windows.bounds(&series.times));
            eval.count_with(|counts| counts.add_windows(bounds.iter().copied(), 1));
            let samples = (&*series.times, &*series.values, falls(&series.values));
            let points = self
                .windows
                .fold(eval.query, samples, (bounds, params), &value)?;
            each(series, points)?;
        }
        Ok(())
    }
}

impl Eval<'_> {
    /// The range vector of a selector with a range, or of a subquery.
    pub(crate) fn range_input(&self, node: &Node) -> Result<RangeInput, Error> {
        self.range_input_of(node, false)
    }

    /// The same, of what may be all that is asked for.
    pub(crate) fn range_input_of(&self, node: &Node, whole: bool) -> Result<RangeInput, Error> {
        match &node.bare().kind {
            Kind::Range(selector, range_ms) => self.range_selector(selector, *range_ms),
            Kind::Subquery(subquery) => self.subquery(subquery, whole),
            _ => Err(wrong_type("a range vector")),
        }
    }

    fn range_selector(&self, selector: &Selector, range_ms: i64) -> Result<RangeInput, Error> {
        let windows = self.windows(selector.when, range_ms);
        let ends = &windows.ends;
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(RangeInput::new(Vec::new(), windows));
        };
        let found = self.select(&selector.matchers, first.saturating_sub(range_ms), *last)?;
        let (mixed, floats): (Vec<&Series>, Vec<&Series>) =
            found.iter().partition(|series| has_histograms(series));
        let series = floats.into_iter().map(samples).collect();
        let mut input = RangeInput::new(series, windows);
        let mixed = mixed.into_iter();
        let mixed = mixed.map(|series| MixedSamples::read(self, series));
        input.mixed = mixed.collect::<Result<_, _>>()?;
        Ok(input)
    }

    /// The windows of all steps.
    pub(super) fn windows(&self, when: When, range_ms: i64) -> Windows {
        Windows {
            grid: self.grid,
            ends: self.ends(when),
            range_ms,
        }
    }
}

/// The samples of a series without absent marks and stale markers.
pub(super) fn samples(series: &Series) -> Samples {
    let floats = Floats::of(series);
    let is_histogram = |value: f64| histogram_index(value).is_some();
    let is_sample = |value: f64| !is_absent(value) && !is_stale(value) && !is_histogram(value);
    let all = series.dense || floats.values.iter().all(|value| is_sample(*value));
    let (times, values) = if all {
        (Arc::clone(&series.times), Arc::clone(&series.values))
    } else {
        let rows = floats.times.iter().zip(floats.values);
        let (times, values): (Vec<i64>, Vec<f64>) =
            rows.filter(|(_, value)| is_sample(**value)).unzip();
        (times.into(), values.into())
    };
    Samples {
        labels: series.labels.clone(),
        drop_name: false,
        times,
        values,
    }
}
