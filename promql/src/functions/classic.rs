//! Quantiles and shares of classic histograms: counts of the observations up to each of some bounds.

use crate::number::same;

/// Differences of counts below this share of them are rounding, not a missing observation.
const TOLERANCE: f64 = 1e-12;

/// Observations at or below a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    pub(super) count: f64,
}

/// Counts that were less than the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forced {
    /// The least and the greatest bound of them.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// The most that one was less by.
    pub(super) most: f64,
}

impl Forced {
    /// With others.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
            most: self.most.max(other.most),
        }
    }
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

/// Makes no count less than the one before; which were by more than rounding.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = f64::NAN;
    for bucket in buckets {
        let nearly =
            (bucket.count - before).abs() <= TOLERANCE * (bucket.count.abs() + before.abs());
        if nearly {
            bucket.count = before;
        } else if bucket.count < before {
            let (bound, missing) = (bucket.bound, before - bucket.count);
            let first = Forced {
                lowest: bound,
                highest: bound,
                most: missing,
            };
            forced = Some(forced.map_or(first, |so_far| so_far.and(first)));
            bucket.count = before;
        }
        before = bucket.count;
    }
    forced
}

/// The value below which a share of the observations lies, interpolated within its bucket, and
/// which counts had to be made monotonic.
pub(super) fn value_at(rank: f64, buckets: Vec<Bucket>) -> (f64, Option<Forced>) {
    if rank.is_nan() {
        return (f64::NAN, None);
    }
    if rank < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if rank > 1.0 {
        return (f64::INFINITY, None);
    }
    let Some(mut buckets) = in_order(buckets) else {
        return (f64::NAN, None);
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
pub(super) fn share(lower: f64, upper: f64, buckets: Vec<Bucket>) -> f64 {
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
