//! Subqueries: an instant vector, evaluated on steps of its own, as a range vector.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Eval;
use super::mixed::MixedSamples;
use super::ranges::{RangeInput, Samples};
use crate::counts::SampleCounts;
use crate::error::Error;
use crate::parse::ast::Subquery;
use crate::series::{Grid, StepSeries};

impl Eval<'_> {
    /// The samples that it gives are counted by who looks at its windows; those that it is made of are
    /// only where it is all that is asked for.
    pub(super) fn subquery(&self, subquery: &Subquery, whole: bool) -> Result<RangeInput, Error> {
        let windows = self.windows(subquery.when, subquery.range_ms);
        let ends = &windows.ends;
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(RangeInput::new(Vec::new(), windows));
        };
        let default_step = self.query.options.subquery_step.as_millis();
        let step_ms = subquery.step_ms.unwrap_or(default_step).max(1);
        let grid = aligned(
            first.saturating_sub(subquery.range_ms),
            *last,
            step_ms,
            self.query.options.max_samples,
        )?;
        // The steps' times are held whether any series has a value at them or not.
        self.query.hold(grid.count)?;
        let counts = Mutex::new(SampleCounts::new(if whole { grid.count } else { 0 }));
        let inner = Eval {
            query: self.query,
            grid,
            counts: (whole && self.counts.is_some()).then_some(&counts),
        };
        let vector = inner.vector(&subquery.expr)?;
        let counts = counts.into_inner();
        self.count_with(|all| all.add_loaded(0, counts.total_loaded(), counts.total_read()));
        let times: Arc<[i64]> = grid.times().collect();
        let (mut series, mut mixed) = (Vec::with_capacity(vector.len()), Vec::new());
        for one in &vector {
            let floats = samples(one, &times);
            if one.points.has_histograms() {
                mixed.push(MixedSamples::of_steps(floats, &one.points, &times));
            } else {
                series.push(floats);
            }
        }
        let mut input = RangeInput::new(series, windows);
        input.mixed = mixed;
        Ok(input)
    }
}

/// The multiples of the step after one time and up to another.
fn aligned(after_ms: i64, to_ms: i64, step_ms: i64, max_steps: usize) -> Result<Grid, Error> {
    let mut start_ms = step_ms.saturating_mul(after_ms / step_ms);
    if start_ms <= after_ms {
        start_ms = start_ms.saturating_add(step_ms);
    }
    let length = i128::from(to_ms) - i128::from(start_ms);
    let count = if length < 0 {
        0
    } else {
        usize::try_from(length / i128::from(step_ms) + 1).unwrap_or(usize::MAX)
    };
    if count > max_steps {
        return Err(Error::TooManySamples("query execution"));
    }
    Ok(Grid {
        start_ms,
        step_ms,
        count,
    })
}

/// A series' values as samples; series that have one at every step share their times.
fn samples(series: &StepSeries, times: &Arc<[i64]>) -> Samples {
    let values: Vec<f64> = series.points.iter().flatten().collect();
    let times = if values.len() == times.len() {
        Arc::clone(times)
    } else {
        let rows = times.iter().zip(series.points.iter());
        rows.filter(|(_, value)| value.is_some())
            .map(|(time, _)| *time)
            .collect()
    };
    Samples {
        labels: series.labels.clone(),
        drop_name: series.drop_name,
        times,
        values: values.into(),
    }
}
