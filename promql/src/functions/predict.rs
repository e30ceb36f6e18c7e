//! Least squares and smoothing.

use crate::error::Error;
use crate::eval::{Eval, Kahan, Window};
use crate::number::{same, seconds};
use crate::parse::ast::Call;

/// The slope, per second.
pub(super) fn deriv(window: &Window<'_>) -> Option<f64> {
    let origin = *window.times.first()?;
    regression(window, origin).map(|(slope, _)| slope)
}

/// The value that the line through the samples has some seconds after the step.
pub(super) fn predict_linear(window: &Window<'_>) -> Option<f64> {
    let ahead = window.params.first()?;
    let (slope, now) = regression(window, window.now_ms)?;
    Some(slope * ahead + now)
}

/// Slope and value at a time of the line with the least squared distance from the samples.
fn regression(window: &Window<'_>, origin_ms: i64) -> Option<(f64, f64)> {
    if window.values.len() < 2 {
        return None;
    }
    let first = *window.values.first()?;
    if window.values.iter().all(|value| same(*value, first)) {
        return Some(if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        });
    }
    let mut sums = [Kahan::default(); 4];
    for (time, y) in window.times.iter().zip(window.values) {
        let x = seconds(time.saturating_sub(origin_ms));
        for (sum, value) in sums.iter_mut().zip([x, *y, x * y, x * x]) {
            sum.add(value);
        }
    }
    let count = window.values.len() as f64;
    let [x, y, xy, xx] = sums.map(|sum| sum.sum + sum.rest);
    let covariance = xy - x * y / count;
    let variance = xx - x * x / count;
    let slope = covariance / variance;
    Some((slope, y / count - slope * x / count))
}

/// Holt and Winters' double exponential smoothing.
pub(super) fn smoothing(window: &Window<'_>) -> Option<f64> {
    let [smooth, trend_share] = window.params else {
        return None;
    };
    let [first, second, ..] = window.values else {
        return None;
    };
    let mut trend = second - first;
    let mut before = None;
    let mut level = *first;
    for value in window.values.iter().skip(1) {
        if let Some(before) = before {
            trend = trend_share * (level - before) + (1.0 - trend_share) * trend;
        }
        before = Some(level);
        level = smooth * value + (1.0 - smooth) * (level + trend);
    }
    Some(level)
}

/// Refuses factors that are not between 0 and 1.
pub(super) fn check_smoothing(_: &Eval<'_>, _: &Call, params: &[Vec<f64>]) -> Result<(), Error> {
    for ((name, short), column) in [("smoothing", "sf"), ("trend", "tf")].iter().zip(params) {
        let wrong = column
            .iter()
            .find(|factor| !(**factor > 0.0 && **factor < 1.0));
        if let Some(factor) = wrong {
            return Err(Error::Execution(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}"
            )));
        }
    }
    Ok(())
}
