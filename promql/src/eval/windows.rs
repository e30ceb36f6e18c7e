//! Where the windows of all steps are in a time column: computed once for all series that share it.

use super::selector::places;
use crate::error::Error;
use crate::functions::Stretch;
use crate::query::Query;
use crate::series::{Grid, Points};

/// How many samples are looked at before the deadline is.
const WORK_BETWEEN_CHECKS: usize = 1 << 20;

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

/// The windows of all steps.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub(super) grid: Grid,
    /// Where each step's window ends (inclusive).
    pub(super) ends: Vec<i64>,
    pub(super) range_ms: i64,
}

/// For each step the first sample in its window, and the one after the last.
pub(super) type Bounds = Vec<(usize, usize)>;

impl Windows {
    /// Where the windows are in a time column.
    pub(super) fn bounds(&self, times: &[i64]) -> Bounds {
        let start = |end: &i64| end.saturating_sub(self.range_ms);
        let starts: Vec<i64> = self.ends.iter().map(start).collect();
        let from = places(times, &starts);
        from.into_iter().zip(places(times, &self.ends)).collect()
    }

    /// What a rate needs to know of the windows' times.
    pub(super) fn stretches(&self, times: &[i64], bounds: &Bounds) -> Vec<Option<Stretch>> {
        let windows = self.ends.iter().zip(bounds);
        windows
            .map(|(end, (from, to))| {
                let start = end.saturating_sub(self.range_ms);
                let times = times.get(*from..*to)?;
                Stretch::new(times, *from, (start, *end))
            })
            .collect()
    }

    /// What `value` makes of the windows of a series.
    pub(super) fn fold(
        &self,
        query: &Query<'_>,
        (times, values, falls): (&[i64], &[f64], bool),
        (bounds, params): (&Bounds, &[Vec<f64>]),
        value: impl Fn(&Window<'_>) -> Option<f64>,
    ) -> Result<Points, Error> {
        let mut points = Points::none(bounds.len());
        let mut now_params = vec![f64::NAN; params.len()];
        let mut work = 0;
        let steps = self.grid.times().zip(&self.ends).zip(bounds);
        for (step, ((now_ms, end_ms), (from, to))) in steps.enumerate() {
            let rows = (times.get(*from..*to), values.get(*from..*to));
            let (Some(times @ [_, ..]), Some(values)) = rows else {
                continue;
            };
            work += times.len();
            if work > WORK_BETWEEN_CHECKS {
                work = 0;
                query.check_time()?;
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
        Ok(points)
    }
}

/// Whether any value is less than the one before.
pub(super) fn falls(values: &[f64]) -> bool {
    let later = values.get(1..).unwrap_or_default();
    // Counted, without a branch, as it is nearly always so that none does.
    let falls = values.iter().zip(later);
    let falls = falls.map(|(before, after)| u64::from(after < before));
    falls.sum::<u64>() > 0
}
