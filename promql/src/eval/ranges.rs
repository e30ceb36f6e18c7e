//! Range vectors: the samples of each series in a window per step, open on the left.

use foldhash::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use watchpost_model::{Labels, is_absent, is_stale};
use watchpost_tsdb::Series;

use super::selector::{Floats, places};
use super::{Eval, wrong_type};
use crate::error::Error;
use crate::parse::ast::{Kind, Node, Selector};
use crate::series::Points;

/// How many samples are looked at before the deadline is.
const WORK_BETWEEN_CHECKS: usize = 1 << 20;
/// With fewer steps than this, a search for falls in the whole series does not pay.
const FEW_STEPS: usize = 4;

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
    /// Where each step's window ends (inclusive).
    ends: Vec<i64>,
    range_ms: i64,
}

/// The samples of one series in the window of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    /// The window is after this time ...
    pub(crate) start_ms: i64,
    /// ... and up to and including this one.
    pub(crate) end_ms: i64,
    /// The time of the step itself.
    pub(crate) now_ms: i64,
    /// The values of the function's scalar arguments at the step.
    pub(crate) params: &'a [f64],
    /// Whether a value may be less than the one before it.
    pub(crate) falls: bool,
}

/// Where the windows of all steps begin and end in a time column.
type Bounds = Rc<[(usize, usize)]>;

impl RangeInput {
    pub(super) fn new(series: Vec<Samples>, ends: Vec<i64>, range_ms: i64) -> Self {
        Self {
            series,
            ends,
            range_ms,
        }
    }

    /// The samples of a series in the first step's window.
    pub(crate) fn first_window<'s>(
        &self,
        series: &'s Samples,
    ) -> impl Iterator<Item = (&'s i64, &'s f64)> {
        let (from, to) = self
            .bounds(&series.times)
            .first()
            .copied()
            .unwrap_or_default();
        let rows = series.times.iter().zip(series.values.iter());
        rows.take(to).skip(from)
    }

    fn bounds(&self, times: &[i64]) -> Bounds {
        let starts: Vec<i64> = self
            .ends
            .iter()
            .map(|end| end.saturating_sub(self.range_ms))
            .collect();
        let from = places(times, &starts);
        from.into_iter().zip(places(times, &self.ends)).collect()
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
        let mut now_params = vec![f64::NAN; params.len()];
        let mut work = 0;
        for series in &self.series {
            eval.query.check_time()?;
            let bounds = shared
                .entry(series.times.as_ptr())
                .or_insert_with(|| self.bounds(&series.times));
            let falls = bounds.len() < FEW_STEPS || falls(&series.values);
            let mut points = Points::none(bounds.len());
            let steps = eval.grid.times().zip(&self.ends).zip(bounds.iter());
            for (step, ((now_ms, end_ms), (from, to))) in steps.enumerate() {
                let rows = (series.times.get(*from..*to), series.values.get(*from..*to));
                let (Some(times @ [_, ..]), Some(values)) = rows else {
                    continue;
                };
                work += times.len();
                if work > WORK_BETWEEN_CHECKS {
                    work = 0;
                    eval.query.check_time()?;
                }
                for (slot, column) in now_params.iter_mut().zip(params) {
                    *slot = column.get(step).copied().unwrap_or(f64::NAN);
                }
                let window = Window {
                    times,
                    values,
                    start_ms: end_ms.saturating_sub(self.range_ms),
                    end_ms: *end_ms,
                    now_ms,
                    params: &now_params,
                    falls,
                };
                if let Some(value) = value(&window) {
                    points.set(step, value);
                }
            }
            each(series, points)?;
        }
        Ok(())
    }
}

/// Whether any value is less than the one before.
fn falls(values: &[f64]) -> bool {
    let fall = |pair: &[f64]| matches!(pair, [before, after] if after < before);
    values.windows(2).any(fall)
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
        let ends = self.ends(selector.when);
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(RangeInput::new(Vec::new(), ends, range_ms));
        };
        let found = self.select(&selector.matchers, first.saturating_sub(range_ms), *last)?;
        let series = found.iter().map(samples).collect::<Result<_, _>>()?;
        Ok(RangeInput::new(series, ends, range_ms))
    }
}

/// The samples of a series without absent marks and stale markers.
fn samples(series: &Series) -> Result<Samples, Error> {
    let floats = Floats::of(series)?;
    let is_sample = |value: f64| !is_absent(value) && !is_stale(value);
    let all = series.dense || floats.values.iter().all(|value| is_sample(*value));
    let (times, values) = match &series.column {
        watchpost_tsdb::Column::Float(values) if all => {
            (Arc::clone(&series.times), Arc::clone(values))
        }
        _ => {
            let rows = floats.times.iter().zip(floats.values);
            let (times, values): (Vec<i64>, Vec<f64>) =
                rows.filter(|(_, value)| is_sample(**value)).unzip();
            (times.into(), values.into())
        }
    };
    Ok(Samples {
        labels: series.labels.clone(),
        drop_name: false,
        times,
        values,
    })
}
