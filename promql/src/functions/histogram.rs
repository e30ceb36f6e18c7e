//! Classic histograms: series with a label `le` that count the observations up to it.

use foldhash::HashMap;
use watchpost_model::Labels;

use super::quantile::out_of_range;
use crate::error::Error;
use crate::eval::{Eval, unique};
use crate::number::same;
use crate::parse::ast::{Call, Node};
use crate::series::{Evaluated, StepSeries};

/// Differences of counts below this share of them are rounding, not a missing observation.
const TOLERANCE: f64 = 1e-12;

/// Observations at or below a bound.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    bound: f64,
    count: f64,
}

/// The series of one histogram, each with its bound.
struct Histogram {
    labels: Labels,
    drop_name: bool,
    series: Vec<(f64, usize)>,
}

/// `histogram_quantile(rank, buckets)`.
pub(super) fn quantile(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [rank, vector] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let ranks = eval.scalar(rank)?;
    for message in ranks.iter().filter_map(|rank| out_of_range(*rank)) {
        eval.query.warn(rank.span, &message);
    }
    of_histograms(eval, vector, |step, histogram, buckets| {
        let rank = ranks.get(step).copied().unwrap_or(f64::NAN);
        let (value, forced) = value_at(rank, buckets);
        if forced {
            note_forced(eval, vector, histogram.labels.metric_name());
        }
        value
    })
}

fn note_forced(eval: &Eval<'_>, vector: &Node, name: &str) {
    let message = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
    eval.query.info(vector.span, &with_metric(message, name));
}

/// A message that ends with the name of the metric, where there is one.
fn with_metric(message: &str, name: &str) -> String {
    if name.is_empty() {
        return message.to_owned();
    }
    format!("{message} for metric name {name:?}")
}

/// `histogram_fraction(lower, upper, buckets)`.
pub(super) fn fraction(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [lower, upper, vector] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let (lower, upper) = (eval.scalar(lower)?, eval.scalar(upper)?);
    of_histograms(eval, vector, |step, _, buckets| {
        let at = |column: &[f64]| column.get(step).copied().unwrap_or(f64::NAN);
        share(at(&lower), at(&upper), buckets)
    })
}

/// One series per histogram: what `value` makes of its buckets at each step that has any.
fn of_histograms(
    eval: &Eval<'_>,
    node: &Node,
    value: impl Fn(usize, &Histogram, Vec<Bucket>) -> f64,
) -> Result<Evaluated, Error> {
    let vector = eval.vector(node)?;
    let mut out = Vec::new();
    for histogram in histograms(eval, node, &vector) {
        eval.query.check_time()?;
        let points = (0..eval.grid.count).map(|step| {
            let members = histogram.series.iter();
            let buckets: Vec<Bucket> = members
                .filter_map(|(bound, place)| {
                    let count = vector.get(*place)?.points.get(step)?;
                    Some(Bucket {
                        bound: *bound,
                        count,
                    })
                })
                .collect();
            (!buckets.is_empty()).then(|| value(step, &histogram, buckets))
        });
        let mut series = StepSeries {
            points: points.collect(),
            labels: histogram.labels.clone(),
            drop_name: histogram.drop_name,
        };
        eval.drop_name(&mut series);
        out.push(series);
    }
    unique(out).map(Evaluated::Vector)
}

fn histograms(eval: &Eval<'_>, node: &Node, vector: &[StepSeries]) -> Vec<Histogram> {
    let mut found: Vec<Histogram> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::default();
    for (place, series) in vector.iter().enumerate() {
        let text = series.labels.get("le");
        let Ok(bound) = text.parse::<f64>() else {
            let message =
                format!("bucket label \"le\" is missing or has a malformed value of {text:?}");
            let message = with_metric(&message, series.labels.metric_name());
            eval.query.warn(node.span, &message);
            continue;
        };
        let labels = series.labels.retain(|name| name != "le");
        let at = *places.entry(labels).or_insert_with_key(|labels| {
            found.push(Histogram {
                labels: labels.clone(),
                drop_name: series.drop_name,
                series: Vec::new(),
            });
            found.len() - 1
        });
        if let Some(histogram) = found.get_mut(at) {
            histogram.series.push((bound, place));
        }
    }
    found
}

/// Sorted by bound, the counts of equal bounds added; nothing where the bound `+Inf` is missing.
fn in_order(mut buckets: Vec<Bucket>) -> Option<Vec<Bucket>> {
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    if buckets.last()?.bound < f64::INFINITY {
        return None;
    }
    buckets.dedup_by(|later, first| {
        let equal = same(later.bound, first.bound);
        if equal {
            first.count += later.count;
        }
        equal
    });
    Some(buckets)
}

/// Makes no count less than the one before; whether one was by more than rounding.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut before = f64::NAN;
    for bucket in buckets {
        let nearly =
            (bucket.count - before).abs() <= TOLERANCE * (bucket.count.abs() + before.abs());
        if nearly {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        }
        before = bucket.count;
    }
    forced
}

/// The value below which a share of the observations lies, interpolated within its bucket, and
/// whether the counts had to be made monotonic.
fn value_at(rank: f64, buckets: Vec<Bucket>) -> (f64, bool) {
    if rank.is_nan() {
        return (f64::NAN, false);
    }
    if rank < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if rank > 1.0 {
        return (f64::INFINITY, false);
    }
    let Some(mut buckets) = in_order(buckets) else {
        return (f64::NAN, false);
    };
    let forced = make_monotonic(&mut buckets);
    let [below @ .., last] = buckets.as_slice() else {
        return (f64::NAN, forced);
    };
    let Some(highest) = below.last() else {
        return (f64::NAN, forced);
    };
    if last.count == 0.0 || last.count.is_nan() {
        return (f64::NAN, forced);
    }
    let wanted = rank * last.count;
    let mut start = Bucket {
        bound: 0.0,
        count: 0.0,
    };
    let place = below.partition_point(|bucket| bucket.count < wanted);
    let Some(bucket) = below.get(place) else {
        return (highest.bound, forced);
    };
    match place.checked_sub(1).and_then(|place| below.get(place)) {
        Some(before) => start = *before,
        None if bucket.bound <= 0.0 => return (bucket.bound, forced),
        None => {}
    }
    let part = (wanted - start.count) / (bucket.count - start.count);
    (start.bound + (bucket.bound - start.bound) * part, forced)
}

/// The share of observations between two values.
fn share(lower: f64, upper: f64, buckets: Vec<Bucket>) -> f64 {
    let Some(buckets) = in_order(buckets) else {
        return f64::NAN;
    };
    let total = buckets.last().map_or(0.0, |last| last.count);
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, &buckets) - rank_of(lower, &buckets)) / total
}

/// How many observations are below a value. There is no interpolation in a bucket that has no end:
/// all of its observations are at its finite bound.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let first_is_positive = buckets.first().is_some_and(|first| first.bound > 0.0);
    let mut start = Bucket {
        bound: if first_is_positive {
            0.0
        } else {
            f64::NEG_INFINITY
        },
        count: 0.0,
    };
    for bucket in buckets {
        if start.bound >= value {
            return start.count;
        }
        if bucket.bound > value {
            if start.bound.is_infinite() {
                return bucket.count;
            }
            if bucket.bound.is_infinite() {
                return start.count;
            }
            let part = (value - start.bound) / (bucket.bound - start.bound);
            return start.count + (bucket.count - start.count) * part;
        }
        start = *bucket;
    }
    start.count
}
