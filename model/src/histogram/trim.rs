//! What is left of a histogram below or above a value (the operators `</` and `>/`).
//!
//! The bucket that the value falls into is split: linearly where bounds are given and in the zero
//! bucket, else on the scale of its bounds. The new sum is estimated from the middles of what is left.
//! What stands where in a bucket without an end is not known, so it is mostly left out as a whole.

use super::{Bucket, FloatHistogram};

/// Which observations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those up to the value.
    Below,
    /// Those above it.
    Above,
}

/// How the observations of a bucket are thought to be spread.
#[derive(Clone, Copy)]
enum Spread {
    Linear,
    /// On a logarithmic scale, above zero where true.
    Exponential(bool),
}

/// A count and the value that stands for all of its observations.
type Kept = (f64, f64);

impl FloatHistogram {
    /// The observations on one side of a value.
    #[must_use]
    pub fn trimmed(&self, at: f64, keep: Keep) -> Self {
        let mut left = self.clone();
        let mut total = Total::default();
        let custom = self.uses_custom_buckets();
        let spread = |positive| {
            if custom {
                Spread::Linear
            } else {
                Spread::Exponential(positive)
            }
        };
        let sides = [
            (self.positive_side(), &mut left.positive_buckets, true),
            (self.negative_side(), &mut left.negative_buckets, false),
        ];
        let mut populated = [false; 2];
        for ((buckets, counts, positive), populated) in sides.into_iter().zip(&mut populated) {
            let populated_buckets = buckets.iter().zip(counts).filter(|(it, _)| it.count != 0.0);
            for (bucket, count) in populated_buckets {
                *populated = true;
                let kept = kept_of(bucket, at, keep, spread(positive));
                total.keep(count, kept);
            }
        }
        if self.zero_count > 0.0 {
            let [has_positive, has_negative] = populated;
            let mut zero = self.zero_bucket();
            if has_negative && !has_positive {
                zero.upper = 0.0;
            }
            if has_positive && !has_negative {
                zero.lower = 0.0;
            }
            let kept = kept_of_zero(&zero, at, keep);
            total.keep(&mut left.zero_count, kept);
        }
        if total.trimmed {
            left.count = total.count;
            left.sum = total.sum;
            left.compact();
        }
        left
    }
}

/// What was kept so far.
#[derive(Default)]
struct Total {
    count: f64,
    sum: f64,
    trimmed: bool,
}

impl Total {
    fn keep(&mut self, slot: &mut f64, (count, middle): Kept) {
        if slot.to_bits() != count.to_bits() {
            *slot = count;
            self.trimmed = true;
        }
        self.count += count;
        if count != 0.0 {
            self.sum += middle * count;
        }
    }
}

fn kept_of(bucket: &Bucket, at: f64, keep: Keep, spread: Spread) -> Kept {
    let (whole, part) = match keep {
        Keep::Below => (bucket.upper <= at, bucket.lower < at),
        Keep::Above => (bucket.lower >= at, bucket.upper > at),
    };
    if whole {
        return (bucket.count, middle(bucket.lower, bucket.upper, spread));
    }
    if !part {
        return (0.0, 0.0);
    }
    if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        return kept_of_endless(bucket, at, keep);
    }
    let below = bucket.count * share_below(bucket, at, spread);
    match keep {
        Keep::Below => (below, middle(bucket.lower, at, spread)),
        Keep::Above => (bucket.count - below, middle(at, bucket.upper, spread)),
    }
}

/// Of a bucket without an end that the value falls into. Where it goes from `-Inf` to above zero, its
/// observations are thought to be above zero.
fn kept_of_endless(bucket: &Bucket, at: f64, keep: Keep) -> Kept {
    let (upper, count) = (bucket.upper, bucket.count);
    if bucket.lower.is_infinite() {
        let from_zero = upper > 0.0 && upper.is_finite();
        return match keep {
            Keep::Below if at > 0.0 && from_zero => (count * at / upper, at / 2.0),
            Keep::Below if upper <= 0.0 => (count, at),
            Keep::Above if at >= 0.0 && from_zero => {
                (count * (1.0 - at / upper), f64::midpoint(at, upper))
            }
            _ => (0.0, 0.0),
        };
    }
    match keep {
        Keep::Above if at >= bucket.lower => (count, at),
        _ => (0.0, 0.0),
    }
}

fn kept_of_zero(zero: &Bucket, at: f64, keep: Keep) -> Kept {
    let (lower, upper) = (zero.lower, zero.upper);
    let whole = (zero.count, f64::midpoint(lower, upper));
    let width = upper - lower;
    match keep {
        Keep::Below if at <= lower => (0.0, 0.0),
        Keep::Below if at >= upper => whole,
        Keep::Below => (
            zero.count * ((at - lower) / width),
            f64::midpoint(lower, at),
        ),
        Keep::Above if at <= lower => whole,
        Keep::Above if at >= upper => (0.0, 0.0),
        Keep::Above => (
            zero.count * ((upper - at) / width),
            f64::midpoint(at, upper),
        ),
    }
}

/// Which part of a bucket's observations is below a value that is within.
fn share_below(bucket: &Bucket, at: f64, spread: Spread) -> f64 {
    match spread {
        Spread::Linear => (at - bucket.lower) / (bucket.upper - bucket.lower),
        Spread::Exponential(positive) => {
            let [lower, upper, at] =
                [bucket.lower, bucket.upper, at].map(|value| value.abs().log2());
            if positive {
                (at - lower) / (upper - lower)
            } else {
                1.0 - (at - upper) / (lower - upper)
            }
        }
    }
}

/// The value that stands for all between two.
fn middle(lower: f64, upper: f64, spread: Spread) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) => match spread {
            Spread::Linear => f64::midpoint(lower, upper),
            Spread::Exponential(true) => (lower * upper).abs().sqrt(),
            Spread::Exponential(false) => -(lower * upper).abs().sqrt(),
        },
    }
}
