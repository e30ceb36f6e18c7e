//! One value of all samples in a window.

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::{CounterReset, HistogramMean, HistogramSum, Joined, MixedBuckets};

use super::super::kind::Over;
use super::Mixed;
use crate::number::{same, seconds};
use crate::remarks::{self, Operation};
use crate::series::Sample;

pub(in crate::functions) fn sum(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    folded(over, mixed, HistogramSum::add, HistogramSum::total)
}

pub(in crate::functions) fn avg(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    folded(over, mixed, HistogramMean::add, HistogramMean::value)
}

fn folded<'m, S: From<&'m FloatHistogram>>(
    over: &Over,
    mixed: &Mixed<'m>,
    add: fn(&mut S, &FloatHistogram) -> Result<Joined, MixedBuckets>,
    total: fn(S) -> FloatHistogram,
) -> Option<Sample> {
    if mixed.is_mixed() {
        return None;
    }
    let Some(((_, first), others)) = mixed.histograms.split_first() else {
        return over.fold.value(&mixed.floats).map(Sample::Float);
    };
    let mut state = S::from(first);
    for (_, histogram) in others {
        let added = add(&mut state, histogram).map(|joined| ((), joined));
        mixed.joined(added, Operation::Aggregation)?;
    }
    let tells = |what| {
        mixed
            .histograms
            .iter()
            .any(|(_, it)| it.counter_reset == what)
    };
    if tells(CounterReset::Reset) && tells(CounterReset::NotReset) {
        mixed.warn(&remarks::reset_collision(Operation::Aggregation));
    }
    Some(Sample::Histogram(total(state).into()))
}

#[expect(clippy::unnecessary_wraps, reason = "the table's type")]
pub(in crate::functions) fn count(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    let count = mixed.floats.values.len() + mixed.histograms.len();
    Some(Sample::Float(count as f64))
}

#[expect(clippy::unnecessary_wraps, reason = "the table's type")]
pub(in crate::functions) fn present(_: &Over, _: &Mixed<'_>) -> Option<Sample> {
    Some(Sample::Float(1.0))
}

pub(in crate::functions) fn first(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.samples().into_iter().next().map(|(_, sample)| sample)
}

pub(in crate::functions) fn last(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.samples().pop().map(|(_, sample)| sample)
}

pub(in crate::functions) fn time_of_first(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    let (time, _) = mixed.samples().into_iter().next()?;
    Some(Sample::Float(seconds(time)))
}

pub(in crate::functions) fn time_of_last(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    let (time, _) = mixed.samples().pop()?;
    Some(Sample::Float(seconds(time)))
}

pub(in crate::functions) fn changes(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    count_pairs(mixed, |before, after| match (before, after) {
        (Sample::Float(before), Sample::Float(after)) => {
            let both_nan = before.is_nan() && after.is_nan();
            !same(*before, *after) && !both_nan
        }
        (Sample::Histogram(before), Sample::Histogram(after)) => !after.same_data(before),
        _ => true,
    })
}

pub(in crate::functions) fn resets(_: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    count_pairs(mixed, |before, after| match (before, after) {
        (Sample::Float(before), Sample::Float(after)) => after < before,
        (Sample::Histogram(before), Sample::Histogram(after)) => after.is_reset_after(before),
        _ => true,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the table's type")]
fn count_pairs(mixed: &Mixed<'_>, counts: fn(&Sample, &Sample) -> bool) -> Option<Sample> {
    let samples = mixed.samples();
    let pairs = samples.windows(2);
    let hits =
        pairs.filter(|pair| matches!(pair, [(_, before), (_, after)] if counts(before, after)));
    Some(Sample::Float(hits.count() as f64))
}
