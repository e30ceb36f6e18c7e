//! Where buckets begin and end.

use super::bounds::{BOUNDS, COUNT};
use super::cells::indices;
use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

/// Observations between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// Whether the lower bound is within.
    pub lower_inclusive: bool,
    /// Whether the upper bound is within.
    pub upper_inclusive: bool,
    /// How many observations.
    pub count: f64,
}

/// The upper bound of a bucket. The bounds of schema `n` are the powers of `2^(2^-n)`, and index 0 is
/// the bucket that ends at 1; those of custom buckets are given.
pub(super) fn upper_bound(schema: i32, index: i32, custom: &[f64]) -> f64 {
    if schema == CUSTOM_BUCKETS_SCHEMA {
        return match usize::try_from(index) {
            Ok(index) => custom.get(index).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
    }
    let index = i64::from(index);
    let (fraction, exponent) = if schema <= 0 {
        (0.5, (index << schema.unsigned_abs().min(16)) + 1)
    } else {
        let shift = schema.min(8);
        let place = usize::try_from((index << (8 - shift)) & (COUNT - 1));
        let fraction = place.ok().and_then(|place| BOUNDS.get(place));
        (fraction.copied().unwrap_or(0.5), (index >> shift) + 1)
    };
    if exponent == 1025 && fraction <= 0.5 {
        // The bucket with the greatest numbers ends at the greatest, and the next one at infinity.
        return f64::MAX;
    }
    scaled(fraction, exponent)
}

/// A number of about 1 times a power of two.
fn scaled(number: f64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-2_000, 2_000)).unwrap_or_default();
    let half = exponent / 2;
    // In two steps, so that a subnormal result is not lost on the way.
    number * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

impl FloatHistogram {
    /// The buckets on the positive side, from zero upwards, empty ones included.
    pub fn positive_side(&self) -> Vec<Bucket> {
        self.side(&self.positive_spans, &self.positive_buckets, 1.0)
    }

    /// The buckets on the negative side, from zero downwards, empty ones included.
    pub fn negative_side(&self) -> Vec<Bucket> {
        self.side(&self.negative_spans, &self.negative_buckets, -1.0)
    }

    fn side(&self, spans: &[Span], counts: &[f64], sign: f64) -> Vec<Bucket> {
        let buckets = indices(spans).zip(counts).map(|(index, count)| {
            let far = sign * upper_bound(self.schema, index, &self.custom_values);
            let below = index.saturating_sub(1);
            let near = sign * upper_bound(self.schema, below, &self.custom_values);
            let (lower, upper) = if sign < 0.0 { (far, near) } else { (near, far) };
            let custom = self.uses_custom_buckets();
            Bucket {
                lower,
                upper,
                lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
                upper_inclusive: custom || upper > 0.0,
                count: *count,
            }
        });
        buckets.collect()
    }

    /// The bucket around zero.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets in ascending order, the bucket around zero where it has observations. What of the
    /// others overlaps with that one is cut off.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut buckets = self.negative_side();
        buckets.reverse();
        for bucket in &mut buckets {
            if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
                bucket.upper = -self.zero_threshold;
            }
        }
        if self.zero_count > 0.0 {
            buckets.push(self.zero_bucket());
        }
        buckets.extend(self.positive_side().into_iter().map(|mut bucket| {
            if bucket.lower > 0.0 && bucket.lower < self.zero_threshold {
                bucket.lower = self.zero_threshold;
            }
            bucket
        }));
        buckets
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::SQRT_2;

    use super::*;

    #[test]
    fn bounds_are_powers_up_to_the_greatest_number() {
        for (schema, index, bound) in [
            (0, 0, 1.0),
            (0, 3, 8.0),
            (0, -2, 0.25),
            (-1, 2, 16.0),
            (1, 1, SQRT_2.next_down()),
            (2, 4, 2.0),
            (2, -1, 0.840_896_415_253_714_4),
            (8, 256, 2.0),
            (0, 1024, f64::MAX),
            (0, 1025, f64::INFINITY),
            (-4, 64, f64::MAX),
            (8, 1024 * 256, f64::MAX),
            (8, 1024 * 256 + 1, f64::INFINITY),
            (0, -1074, f64::from_bits(1)),
            (-4, i32::MIN, 0.0),
            (8, i32::MAX, f64::INFINITY),
        ] {
            let found = upper_bound(schema, index, &[]);
            assert_eq!(
                found.to_bits(),
                bound.to_bits(),
                "{schema} {index}: {found}"
            );
        }
    }

    #[test]
    fn custom_bounds_end_at_infinity_on_both_sides() {
        let bounds = [-1.0, 5.0];
        let bound = |index| upper_bound(CUSTOM_BUCKETS_SCHEMA, index, &bounds);
        assert_eq!(
            [-1, 0, 1, 2].map(bound).map(f64::to_bits),
            [f64::NEG_INFINITY, -1.0, 5.0, f64::INFINITY].map(f64::to_bits)
        );
    }
}
