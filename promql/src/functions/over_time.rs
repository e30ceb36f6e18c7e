//! One value of all samples in a window.

use super::quantile as ranks;
use crate::error::Error;
use crate::eval::{Eval, Kahan, Mean, Window};
use crate::number::{same, seconds};
use crate::parse::ast::Call;

pub(super) fn avg(window: &Window<'_>) -> f64 {
    let mut mean = Mean::default();
    for value in window.values {
        mean.add(*value);
    }
    mean.value()
}

pub(super) fn sum(window: &Window<'_>) -> f64 {
    let mut sum = Kahan::default();
    for value in window.values {
        sum.add(*value);
    }
    sum.total()
}

pub(super) fn count(window: &Window<'_>) -> f64 {
    window.values.len() as f64
}

pub(super) fn present(_: &Window<'_>) -> f64 {
    1.0
}

pub(super) fn first(window: &Window<'_>) -> Option<f64> {
    window.values.first().copied()
}

pub(super) fn last(window: &Window<'_>) -> Option<f64> {
    window.values.last().copied()
}

pub(super) fn min(window: &Window<'_>) -> Option<f64> {
    best(window, |value, best| value < best).map(|(_, value)| value)
}

pub(super) fn max(window: &Window<'_>) -> Option<f64> {
    best(window, |value, best| value > best).map(|(_, value)| value)
}

pub(super) fn time_of_first(window: &Window<'_>) -> Option<f64> {
    window.times.first().copied().map(seconds)
}

pub(super) fn time_of_last(window: &Window<'_>) -> Option<f64> {
    window.times.last().copied().map(seconds)
}

/// The last of equal values counts.
pub(super) fn time_of_min(window: &Window<'_>) -> Option<f64> {
    best(window, |value, best| value <= best).map(|(time, _)| seconds(time))
}

/// The last of equal values counts.
pub(super) fn time_of_max(window: &Window<'_>) -> Option<f64> {
    best(window, |value, best| value >= best).map(|(time, _)| seconds(time))
}

/// The sample that is better than all others; any number is better than NaN.
fn best(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    let mut samples = window
        .times
        .iter()
        .copied()
        .zip(window.values.iter().copied());
    let mut best = samples.next()?;
    for sample in samples {
        if best.1.is_nan() || better(sample.1, best.1) {
            best = sample;
        }
    }
    Some(best)
}

pub(super) fn stdvar(window: &Window<'_>) -> f64 {
    variance(window.values)
}

pub(super) fn stddev(window: &Window<'_>) -> f64 {
    variance(window.values).sqrt()
}

/// Welford's algorithm with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let mut count = 0.0;
    let mut mean = Kahan::default();
    let mut squares = Kahan::default();
    for value in values {
        count += 1.0;
        let delta = value - (mean.sum + mean.rest);
        mean.add(delta / count);
        squares.add(delta * (value - (mean.sum + mean.rest)));
    }
    (squares.sum + squares.rest) / count
}

pub(super) fn quantile(window: &Window<'_>) -> Option<f64> {
    let rank = window.params.first()?;
    Some(ranks::of(*rank, window.values.to_vec()))
}

/// Warns of ranks that are none, where there is anything to rank.
pub(super) fn check_quantile(
    eval: &Eval<'_>,
    call: &Call,
    params: &[Vec<f64>],
) -> Result<(), Error> {
    let ranks = params.iter().flatten();
    let mut wrong = ranks
        .filter_map(|rank| ranks::out_of_range(*rank))
        .peekable();
    let (Some(_), [rank, range]) = (wrong.peek(), call.args.as_slice()) else {
        return Ok(());
    };
    let mut any = false;
    eval.range_input(range)?.for_each(
        eval,
        &[],
        |_| Some(1.0),
        |_, points| {
            any |= !points.is_empty();
            Ok(())
        },
    )?;
    if any {
        wrong.for_each(|message| eval.query.warn(rank.span, &message));
    }
    Ok(())
}

/// The median of the distances from the median.
pub(super) fn mad(window: &Window<'_>) -> f64 {
    if window.values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let median = ranks::of(0.5, window.values.to_vec());
    let distances = window.values.iter().map(|value| (value - median).abs());
    ranks::of(0.5, distances.collect())
}

pub(super) fn changes(window: &Window<'_>) -> f64 {
    let differ = |before: f64, after: f64| {
        let both_nan = before.is_nan() && after.is_nan();
        !same(before, after) && !both_nan
    };
    count_pairs(window, differ)
}

pub(super) fn resets(window: &Window<'_>) -> f64 {
    count_pairs(window, |before, after| after < before)
}

fn count_pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> f64 {
    let pairs = window.values.windows(2);
    let hits = pairs.filter(|pair| matches!(pair, [before, after] if counts(*before, *after)));
    hits.count() as f64
}
