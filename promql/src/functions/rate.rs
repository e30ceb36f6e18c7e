//! How fast a series grows.
//!
//! `rate`, `increase` and `delta` extrapolate from the samples to the ends of the window: to the
//! end itself where the first (or last) sample is closer to it than 1.1 times the mean distance of
//! samples, else by half that distance; a counter is not extrapolated below zero.

use crate::eval::Window;
use crate::number::seconds;

pub(super) fn rate(window: &Window<'_>) -> Option<f64> {
    let length = seconds(window.end_ms.saturating_sub(window.start_ms));
    Some(increase(window)? / length)
}

pub(super) fn increase(window: &Window<'_>) -> Option<f64> {
    let (first, last) = (window.values.first()?, window.values.last()?);
    let mut grown = last - first;
    if window.falls {
        for pair in window.values.windows(2) {
            if let [before, after] = pair
                && after < before
            {
                grown += before;
            }
        }
    }
    Some(grown * extrapolation(window, Some(grown))?)
}

pub(super) fn delta(window: &Window<'_>) -> Option<f64> {
    let (first, last) = (window.values.first()?, window.values.last()?);
    Some((last - first) * extrapolation(window, None)?)
}

/// The factor from the samples' span to the window's. `grown` is the increase of a counter.
fn extrapolation(window: &Window<'_>, grown: Option<f64>) -> Option<f64> {
    let gaps = window.times.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
    let (first, last) = (window.times.first()?, window.times.last()?);
    let sampled = seconds(last - first);
    let gap = sampled / gaps as f64;
    let near = |distance: f64| {
        if distance >= gap * 1.1 {
            gap / 2.0
        } else {
            distance
        }
    };
    let mut to_start = near(seconds(first.saturating_sub(window.start_ms)));
    let to_end = near(seconds(window.end_ms.saturating_sub(*last)));
    let first_value = window.values.first().copied()?;
    if let Some(grown) = grown
        && grown > 0.0
        && first_value >= 0.0
    {
        to_start = to_start.min(sampled * (first_value / grown));
    }
    Some((sampled + to_start + to_end) / sampled)
}

pub(super) fn irate(window: &Window<'_>) -> Option<f64> {
    let (gap, before, after) = last_two(window)?;
    let grown = if after < before {
        after
    } else {
        after - before
    };
    Some(grown / gap)
}

pub(super) fn idelta(window: &Window<'_>) -> Option<f64> {
    let (_, before, after) = last_two(window)?;
    Some(after - before)
}

/// Seconds between the last two samples, and their values.
fn last_two(window: &Window<'_>) -> Option<(f64, f64, f64)> {
    let ([.., earlier, later], [.., before, after]) = (window.times, window.values) else {
        return None;
    };
    let gap = later - earlier;
    (gap > 0).then(|| (seconds(gap), *before, *after))
}
