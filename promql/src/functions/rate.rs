//! How fast a series grows.
//!
//! `rate`, `increase` and `delta` extrapolate from the samples to the ends of the window: to the
//! end itself where the first (or last) sample is closer to it than 1.1 times the mean distance of
//! samples, else by half that distance; a counter is not extrapolated below zero.

use watchpost_model::absent_nan;

use crate::eval::Window;
use crate::number::seconds;

pub(super) fn rate(window: &Window<'_>) -> Option<f64> {
    let length = seconds(window.end_ms.saturating_sub(window.start_ms));
    let (grown, factor) = growth(window)?;
    // In this order Prometheus multiplies, to the last digit.
    Some(grown * (factor / length))
}

pub(super) fn increase(window: &Window<'_>) -> Option<f64> {
    growth(window).map(|(grown, factor)| grown * factor)
}

/// How much a counter grew between the samples, and the factor to the whole window.
fn growth(window: &Window<'_>) -> Option<(f64, f64)> {
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
    Some((grown, extrapolation(window, Some(grown))?))
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
    let mut to_start = near(seconds(first.saturating_sub(window.start_ms)), gap);
    let to_end = near(seconds(window.end_ms.saturating_sub(*last)), gap);
    let first_value = window.values.first().copied()?;
    if let Some(grown) = grown
        && grown > 0.0
        && first_value >= 0.0
    {
        to_start = to_start.min(sampled * (first_value / grown));
    }
    Some((sampled + to_start + to_end) / sampled)
}

/// How far is extrapolated to an end of the window that is so far from the samples.
fn near(distance: f64, gap: f64) -> f64 {
    if distance >= gap * 1.1 {
        gap / 2.0
    } else {
        distance
    }
}

/// What the extrapolation of a counter's increase needs of the times in a window. It is the same for
/// all series that share them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// The places of the first and the last sample.
    first: usize,
    last: usize,
    /// Seconds between them, and to the ends of the window, as far as these are extrapolated to.
    sampled: f64,
    to_start: f64,
    to_end: f64,
    /// The factor where the counter does not bound it.
    factor: f64,
    /// The same for each second of the window.
    per_second: f64,
    /// How long the window is, in seconds.
    length: f64,
}

impl Stretch {
    /// That of a window with these times, of which the first stands at a place; nothing where there
    /// are fewer than two.
    pub(crate) fn new(times: &[i64], place: usize, (start, end): (i64, i64)) -> Option<Self> {
        let gaps = times.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
        let (first, last) = (times.first()?, times.last()?);
        let sampled = seconds(last - first);
        let gap = sampled / gaps as f64;
        let to_start = near(seconds(first.saturating_sub(start)), gap);
        let to_end = near(seconds(end.saturating_sub(*last)), gap);
        let length = seconds(end.saturating_sub(start));
        let factor = (sampled + to_start + to_end) / sampled;
        Some(Self {
            first: place,
            last: place + gaps,
            sampled,
            to_start,
            to_end,
            factor,
            per_second: factor / length,
            length,
        })
    }

    /// The increase of a counter that was not reset, or its rate.
    #[inline]
    fn risen(&self, first: f64, last: f64, per_second: bool) -> f64 {
        let grown = last - first;
        // What a counter would have been at the start bounds the way to there. Where it was at least
        // as much as it grew, that is no nearer than the first sample is to the last.
        let far = first >= grown && self.sampled >= self.to_start;
        if grown > 0.0 && first >= 0.0 && !far {
            let to_start = self.to_start.min(self.sampled * (first / grown));
            let factor = (self.sampled + to_start + self.to_end) / self.sampled;
            return grown
                * if per_second {
                    factor / self.length
                } else {
                    factor
                };
        }
        grown
            * if per_second {
                self.per_second
            } else {
                self.factor
            }
    }
}

/// Rates of a counter, or its increases, that was not reset in any window.
pub(crate) fn risen(
    values: &[f64],
    stretches: &[Option<Stretch>],
    per_second: bool,
    out: &mut Vec<f64>,
) {
    out.extend(stretches.iter().map(|stretch| {
        let Some(stretch) = stretch else {
            return absent_nan();
        };
        let ends = (values.get(stretch.first), values.get(stretch.last));
        let (Some(first), Some(last)) = ends else {
            return absent_nan();
        };
        stretch.risen(*first, *last, per_second)
    }));
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
