//! Range vectors: the samples of each series in a window per step, open on the left.

use foldhash::HashMap;
use std::sync::Arc;

use watchpost_model::{Labels, is_absent, is_stale};
use watchpost_tsdb::Series;

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
    pub(crate) series: Vec<Samples>,
    windows: Windows,
}

impl RangeInput {
    pub(super) fn new(series: Vec<Samples>, windows: Windows) -> Self {
        Self { series, windows }
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
        match &node.bare().kind {
            Kind::Range(selector, range_ms) => self.range_selector(selector, *range_ms),
            Kind::Subquery(subquery) => self.subquery(subquery),
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
        let series = found.iter().map(samples).collect::<Result<_, _>>()?;
        Ok(RangeInput::new(series, windows))
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
pub(super) fn samples(series: &Series) -> Result<Samples, Error> {
    let floats = Floats::of(series)?;
    let is_sample = |value: f64| !is_absent(value) && !is_stale(value);
    let all = series.dense || floats.values.iter().all(|value| is_sample(*value));
    let (times, values) = if all {
        (Arc::clone(&series.times), Arc::clone(&series.values))
    } else {
        let rows = floats.times.iter().zip(floats.values);
        let (times, values): (Vec<i64>, Vec<f64>) =
            rows.filter(|(_, value)| is_sample(**value)).unzip();
        (times.into(), values.into())
    };
    Ok(Samples {
        labels: series.labels.clone(),
        drop_name: false,
        times,
        values,
    })
}
