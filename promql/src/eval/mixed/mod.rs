//! Series that have native histograms. Hardly any has, so that floats go their own, faster way, and
//! only these come here.

mod aggregate;
mod extended;
mod matching;
mod operate;
mod ranges;

use std::sync::Arc;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{FloatHistogram, is_absent, is_stale};
use watchpost_tsdb::Series;

use crate::series::{Points, Sample};

pub(super) use aggregate::folded;
pub(super) use operate::is_trim;
pub(super) use ranges::MixedSamples;

/// Whether a series has histograms.
pub(super) fn has_histograms(series: &Series) -> bool {
    series.histograms.is_some()
}

/// The sample of a row; nothing where there is none, and where a series ends.
pub(super) fn sample(series: &Series, row: usize) -> Option<Sample> {
    let value = series.values.get(row).copied()?;
    if is_absent(value) || is_stale(value) {
        return None;
    }
    if histogram_index(value).is_none() {
        return Some(Sample::Float(value));
    }
    let histogram = series.histogram(row)?;
    // A histogram can end a series, too.
    (!histogram.is_stale()).then(|| Sample::Histogram(Arc::new(histogram.to_float())))
}

/// The time of the newest sample at or before a place that is younger than `after`, and the sample.
fn newest(series: &Series, place: usize, after: i64) -> Option<(i64, Sample)> {
    let times = series.times.get(..place)?;
    let values = series.values.get(..place)?;
    let rows = times.iter().zip(values).enumerate().rev();
    let mut young = rows.take_while(|(_, (time, _))| **time > after);
    let (row, (time, _)) = young.find(|(_, (_, value))| !is_absent(**value))?;
    Some((*time, sample(series, row)?))
}

/// What a selector finds at each step. A step is told by the place in the rows where it stands, and the
/// time that its sample is to be younger than.
pub(super) fn points(
    series: &Series,
    steps: &[(usize, i64)],
    value: impl Fn(i64, Sample) -> Sample,
) -> Points {
    let mut points = Points::none(steps.len());
    for (step, (place, after)) in steps.iter().enumerate() {
        if let Some((time, sample)) = newest(series, *place, *after) {
            points.set_sample(step, value(time, sample));
        }
    }
    points
}

/// A histogram that nobody else holds, or a copy of it.
fn owned(histogram: Arc<FloatHistogram>) -> FloatHistogram {
    Arc::unwrap_or_clone(histogram)
}
