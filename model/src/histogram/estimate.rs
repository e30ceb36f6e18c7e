//! What a histogram tells of the observations themselves.
//!
//! Within a bucket they are thought to be spread evenly: where bounds are given and in the zero bucket
//! by value, else by its logarithm. An observation of NaN counts but is in no bucket; it makes the sum
//! NaN, which is how it is noticed.

use super::{Bucket, FloatHistogram};
use crate::Kahan;

/// What NaNs among the observations do to an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanEffect {
    /// There are none, or they do nothing.
    None,
    /// The quantile is among them.
    Result,
    /// They count as greater than all others.
    Skew,
}

impl FloatHistogram {
    /// The mean of all observations.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// The variance of all observations.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let mut squares = Kahan::default();
        for bucket in self.buckets().iter().filter(|bucket| bucket.count != 0.0) {
            let value = if self.uses_custom_buckets() {
                f64::midpoint(bucket.lower, bucket.upper)
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                let middle = (bucket.upper * bucket.lower).sqrt();
                if bucket.upper < 0.0 { -middle } else { middle }
            };
            let delta = value - mean;
            squares.add(bucket.count * delta * delta);
        }
        (squares.sum + squares.rest) / self.count
    }

    /// The value below which a share of the observations is.
    pub fn quantile(&self, rank: f64) -> (f64, NanEffect) {
        if rank < 0.0 {
            return (f64::NEG_INFINITY, NanEffect::None);
        }
        if rank > 1.0 {
            return (f64::INFINITY, NanEffect::None);
        }
        if self.count == 0.0 || rank.is_nan() {
            return (f64::NAN, NanEffect::None);
        }
        // From the nearer end, but for NaNs, which are beyond the upper one.
        let upwards = self.sum.is_nan() || rank < 0.5;
        let mut buckets = self.buckets();
        if !upwards {
            buckets.reverse();
        }
        let share = if upwards { rank } else { 1.0 - rank };
        self.find(&buckets, share * self.count, upwards)
    }

    /// The value at a place among the observations of buckets.
    fn find(&self, buckets: &[Bucket], mut wanted: f64, upwards: bool) -> (f64, NanEffect) {
        let mut count = 0.0;
        let mut bucket = buckets.last().copied().unwrap_or(NOTHING);
        let mut rest = buckets.iter();
        for one in rest.by_ref().filter(|one| one.count != 0.0) {
            count += one.count;
            if count >= wanted {
                bucket = *one;
                break;
            }
        }
        if self.uses_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return (bucket.upper, NanEffect::None);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return (bucket.lower, NanEffect::None);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            bucket = self.one_sided(bucket);
        }
        count = count.min(self.count);
        if count < wanted {
            if self.sum.is_nan() {
                return (f64::NAN, NanEffect::Result);
            }
            return (bucket.upper, NanEffect::None);
        }
        if upwards {
            wanted -= count - bucket.count;
        } else {
            wanted = count - wanted;
        }
        let mut effect = NanEffect::None;
        if self.sum.is_nan() && count + rest.map(|one| one.count).sum::<f64>() < self.count {
            effect = NanEffect::Skew;
        }
        (self.within(&bucket, wanted / bucket.count), effect)
    }

    /// The value that a share of a bucket's observations is below.
    fn within(&self, bucket: &Bucket, share: f64) -> f64 {
        if self.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
            return bucket.lower + (bucket.upper - bucket.lower) * share;
        }
        let lower = bucket.lower.abs().log2();
        let upper = bucket.upper.abs().log2();
        if bucket.lower > 0.0 {
            (lower + (upper - lower) * share).exp2()
        } else {
            -(upper + (lower - upper) * (1.0 - share)).exp2()
        }
    }

    /// The bucket around zero ends at zero where there is nothing on the other side.
    fn one_sided(&self, mut zero: Bucket) -> Bucket {
        let negative = !self.negative_buckets.is_empty();
        let positive = !self.positive_buckets.is_empty();
        if positive && !negative {
            zero.lower = 0.0;
        }
        if negative && !positive {
            zero.upper = 0.0;
        }
        zero
    }

    /// The share of the observations between two values, and whether there are NaNs, which no share
    /// takes in.
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, bool) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, false);
        }
        if lower >= upper {
            return (0.0, false);
        }
        let buckets = self.buckets();
        let (mut count, mut nans) = (self.count, false);
        if self.sum.is_nan() {
            count = buckets.iter().map(|bucket| bucket.count).sum();
            nans = count < self.count;
        }
        let place = |value| self.place(&buckets, value).unwrap_or(count).min(count);
        ((place(upper) - place(lower)) / self.count, nans)
    }

    /// How many observations are below a value; nothing where it is beyond all buckets.
    fn place(&self, buckets: &[Bucket], value: f64) -> Option<f64> {
        let mut below = 0.0;
        for bucket in buckets {
            let around_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            let bucket = if around_zero {
                self.one_sided(*bucket)
            } else {
                *bucket
            };
            if bucket.lower >= value {
                return Some(below);
            }
            if bucket.upper > value {
                let linear = self.uses_custom_buckets() || around_zero;
                return Some(place_within(&bucket, value, below, linear));
            }
            below += bucket.count;
        }
        None
    }
}

const NOTHING: Bucket = Bucket {
    lower: 0.0,
    upper: 0.0,
    lower_inclusive: false,
    upper_inclusive: false,
    count: 0.0,
};

/// How many observations are below a value that is within a bucket, with those below the bucket.
fn place_within(bucket: &Bucket, value: f64, below: f64, linear: bool) -> f64 {
    if linear {
        if bucket.lower == f64::NEG_INFINITY {
            return bucket.count;
        }
        return below + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let [lower, upper, at] = [bucket.lower, bucket.upper, value].map(|it| it.abs().log2());
    let share = if value > 0.0 {
        (at - lower) / (upper - lower)
    } else {
        1.0 - (at - upper) / (lower - upper)
    };
    below + bucket.count * share
}
