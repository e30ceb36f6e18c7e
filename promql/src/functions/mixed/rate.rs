//! How fast a histogram grows: each of its counts as a float does.

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::CounterReset;

use super::super::kind::Over;
use super::Mixed;
use crate::number::seconds;
use crate::remarks::{self, Operation};
use crate::series::Sample;

pub(in crate::functions) fn rate(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    let length = seconds(mixed.floats.end_ms.saturating_sub(mixed.floats.start_ms));
    extrapolated(over, mixed, true, length)
}

pub(in crate::functions) fn increase(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    extrapolated(over, mixed, true, 1.0)
}

pub(in crate::functions) fn delta(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    extrapolated(over, mixed, false, 1.0)
}

fn extrapolated(over: &Over, mixed: &Mixed<'_>, counter: bool, length: f64) -> Option<Sample> {
    if mixed.is_mixed() {
        return None;
    }
    let [(_, first), ..] = mixed.histograms else {
        return over.fold.value(&mixed.floats).map(Sample::Float);
    };
    let mut grown = grown(mixed, counter)?;
    let from_zero = counter && grown.count > 0.0 && first.count >= 0.0;
    let factor = factor(mixed, from_zero.then(|| first.count / grown.count))?;
    grown.multiply(factor / length);
    Some(Sample::Histogram(grown.into()))
}

/// The factor from the samples' span to the window's. A counter is not extrapolated beyond where it was
/// zero, which is a share of the samples' span before the first one.
fn factor(mixed: &Mixed<'_>, to_zero: Option<f64>) -> Option<f64> {
    let [(first, _), .., (last, _)] = mixed.histograms else {
        return None;
    };
    let sampled = seconds(last - first);
    let gap = sampled / (mixed.histograms.len() - 1) as f64;
    let near = |distance: f64| {
        if distance >= gap * 1.1 {
            gap / 2.0
        } else {
            distance
        }
    };
    let mut to_start = near(seconds(first.saturating_sub(mixed.floats.start_ms)));
    let to_end = near(seconds(mixed.floats.end_ms.saturating_sub(*last)));
    if let Some(share) = to_zero {
        to_start = to_start.min(sampled * share);
    }
    Some((sampled + to_start + to_end) / sampled)
}

/// What a window's histograms grew by; nothing where they are too few or do not fit together.
fn grown(mixed: &Mixed<'_>, counter: bool) -> Option<FloatHistogram> {
    let [_, between @ .., (_, last)] = mixed.histograms else {
        return None;
    };
    remark_on_kind(mixed, mixed.histograms, counter);
    let start = start(mixed, counter)?;
    let mixed_buckets = || mixed.warn(&remarks::mixed_buckets(mixed.name));
    let custom = start.uses_custom_buckets();
    let mut schema = last.schema.min(start.schema);
    if last.uses_custom_buckets() != custom {
        mixed_buckets();
        return None;
    }
    if counter {
        if between
            .iter()
            .any(|(_, it)| it.uses_custom_buckets() != custom)
        {
            mixed_buckets();
            return None;
        }
        let schemas = between.iter().map(|(_, it)| it.schema);
        schema = schemas.fold(schema, i32::min);
    }
    let difference = last.reduced_to(schema).minus(&start);
    let mut grown = mixed.joined(difference, Operation::Subtraction)?;
    if counter {
        let mut before = &start;
        for (_, histogram) in mixed.histograms.get(1..)? {
            if histogram.is_reset_after(before) {
                grown = mixed.joined(grown.plus(before), Operation::Addition)?;
            }
            before = histogram;
        }
    }
    grown.counter_reset = CounterReset::Gauge;
    grown.compact();
    Some(grown)
}

pub(super) fn is_gauge(histogram: &FloatHistogram) -> bool {
    histogram.counter_reset == CounterReset::Gauge
}

/// Says that histograms are gauges where counters are expected, or the other way round.
pub(super) fn remark_on_kind(
    mixed: &Mixed<'_>,
    histograms: &[(i64, Arc<FloatHistogram>)],
    counter: bool,
) {
    let ends = [histograms.first(), histograms.last()]
        .into_iter()
        .flatten();
    if counter {
        if histograms.iter().any(|(_, it)| is_gauge(it)) {
            mixed.warn(&remarks::not_counter(mixed.name));
        }
    } else if ends.into_iter().any(|(_, it)| !is_gauge(it)) {
        mixed.warn(&remarks::not_gauge(mixed.name));
    }
}

/// What the growth counts from: the first histogram, or nothing where the second one comes after a
/// reset, so that the layout of the first one does not matter.
fn start(mixed: &Mixed<'_>, counter: bool) -> Option<Arc<FloatHistogram>> {
    let [(_, first), (_, second), ..] = mixed.histograms else {
        return None;
    };
    if counter && second.is_reset_after(first) {
        return Some(Arc::new(FloatHistogram {
            schema: second.schema,
            custom_values: Arc::clone(&second.custom_values),
            ..FloatHistogram::default()
        }));
    }
    Some(Arc::clone(first))
}

pub(in crate::functions) fn irate(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    of_last_two(mixed, true)
}

pub(in crate::functions) fn idelta(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    of_last_two(mixed, false)
}

fn of_last_two(mixed: &Mixed<'_>, counter: bool) -> Option<Sample> {
    let samples = mixed.samples();
    let [.., (earlier, before), (later, after)] = samples.as_slice() else {
        return None;
    };
    let gap = seconds(later - earlier);
    if gap <= 0.0 {
        return None;
    }
    let divisor = if counter { gap } else { 1.0 };
    match (before, after) {
        (Sample::Float(before), Sample::Float(after)) => {
            let reset = counter && after < before;
            let grown = if reset { *after } else { after - before };
            Some(Sample::Float(grown / divisor))
        }
        (Sample::Histogram(before), Sample::Histogram(after)) => {
            let mut grown = difference(mixed, (before, after), counter)?;
            if counter {
                grown.divide(divisor);
            }
            Some(Sample::Histogram(grown.into()))
        }
        _ => {
            mixed.warn(&remarks::mixed_samples(mixed.name));
            None
        }
    }
}

fn difference(
    mixed: &Mixed<'_>,
    (before, after): (&FloatHistogram, &FloatHistogram),
    counter: bool,
) -> Option<FloatHistogram> {
    let gauges = [before, after].map(|it| it.counter_reset == CounterReset::Gauge);
    if counter && gauges.contains(&true) {
        mixed.warn(&remarks::not_counter(mixed.name));
    }
    if !counter && gauges.contains(&false) {
        mixed.warn(&remarks::not_gauge(mixed.name));
    }
    let mut grown = if counter && after.is_reset_after(before) {
        after.clone()
    } else {
        mixed.joined(after.minus(before), Operation::Subtraction)?
    };
    grown.counter_reset = CounterReset::Gauge;
    grown.compact();
    Some(grown)
}
