//! Which histograms make sense. Rules, their order and the words are Prometheus's
//! (`model/histogram/generic.go`, `Validate` of both types).

use super::{
    CUSTOM_BUCKETS_SCHEMA, Counts, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN, FloatHistogram,
    Histogram, Span,
};
use crate::format_value;

/// Why a histogram makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// The schema is none that is known.
    #[error(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema {0}"
    )]
    Schema(i32),
    /// Something of the spans or counts of one side.
    #[error("{0} side: {1}")]
    Side(&'static str, SideError),
    /// Something of the spans or bounds of custom buckets.
    #[error("custom buckets: {0}")]
    Custom(SideError),
    /// Custom buckets with a zero bucket that counts.
    #[error("custom buckets: must have zero count of 0")]
    CustomZeroCount,
    /// Custom buckets with a zero bucket that has a width.
    #[error("custom buckets: must have zero threshold of 0")]
    CustomZeroThreshold,
    /// Custom buckets on the negative side.
    #[error("custom buckets: must not have negative spans")]
    CustomNegativeSpans,
    /// Custom buckets on the negative side.
    #[error("custom buckets: must not have negative buckets")]
    CustomNegativeBuckets,
    /// Bounds without custom buckets.
    #[error("histogram with exponential schema must not have custom bounds")]
    BoundsWithoutCustom,
    /// The zero bucket of floats counts fewer than none.
    #[error(
        "zero bucket has observation count of {}: histogram has a bucket whose observation count is negative",
        format_value(*.0)
    )]
    NegativeZeroCount(f64),
    /// There are fewer observations than none.
    #[error(
        "observation count is {}: histogram's observation count is negative",
        format_value(*.0)
    )]
    NegativeCount(f64),
    /// More observations in buckets than there are.
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's observation count should be at least the number of observations found in the buckets"
    )]
    CountTooSmall {
        /// In the buckets.
        in_buckets: u64,
        /// As it is told.
        count: u64,
    },
    /// Not as many observations in buckets as there are, and none of them was a NaN.
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)"
    )]
    CountMismatch {
        /// In the buckets.
        in_buckets: u64,
        /// As it is told.
        count: u64,
    },
}

/// Why the spans, bounds or counts of one side make no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SideError {
    /// A span would begin before the end of the one before.
    #[error(
        "span number {number} with offset {offset}: histogram has a span whose offset is negative"
    )]
    NegativeOffset {
        /// Counted from 1.
        number: usize,
        /// The offset.
        offset: i32,
    },
    /// The spans tell of another number of buckets than there are.
    #[error(
        "spans need {needed} buckets, have {have} buckets: histogram spans specify different number of buckets than provided"
    )]
    SpansMismatch {
        /// As the spans tell.
        needed: u64,
        /// As there are.
        have: usize,
    },
    /// A bucket counts fewer than none.
    #[error(
        "bucket number {number} has observation count of {count}: histogram has a bucket whose observation count is negative"
    )]
    NegativeBucket {
        /// Counted from 1.
        number: usize,
        /// The count.
        count: String,
    },
    /// A bound is not a number.
    #[error("histogram custom bounds must not be NaN")]
    BoundNan,
    /// Bounds that do not ascend.
    #[error(
        "previous bound is {previous:.6} and current is {current:.6}: histogram custom bounds must be in strictly increasing order"
    )]
    BoundOrder {
        /// A bound.
        previous: f64,
        /// The one after it.
        current: f64,
    },
    /// The last bound is the one that is never told.
    #[error(
        "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite"
    )]
    BoundInfinite,
    /// Buckets beyond the last bound.
    #[error(
        "only {bounds} custom bounds defined which is insufficient to cover total span length of {length}: histogram custom bounds are too few"
    )]
    BoundsTooFew {
        /// Bounds that there are.
        bounds: usize,
        /// How far the spans go.
        length: u64,
    },
}

/// The layout of the buckets of either type.
struct Layout<'a> {
    schema: i32,
    zero_threshold: f64,
    has_zero_count: bool,
    custom_values: &'a [f64],
    /// The spans of a side, and how many buckets it has.
    positive: (&'a [Span], usize),
    negative: (&'a [Span], usize),
}

impl Histogram {
    /// Checks that spans, bounds and counts fit together.
    pub fn validate(&self) -> Result<(), HistogramError> {
        match &self.counts {
            Counts::Integer {
                count,
                zero_count,
                positive,
                negative,
            } => {
                self.layout(*zero_count != 0, positive.len(), negative.len())
                    .check()?;
                let below = sum_of_deltas(negative).map_err(negative_side)?;
                let above = sum_of_deltas(positive).map_err(positive_side)?;
                let in_buckets = below.wrapping_add(above).wrapping_add(*zero_count);
                let count = *count;
                if self.sum.is_nan() && in_buckets > count {
                    return Err(HistogramError::CountTooSmall { in_buckets, count });
                }
                if !self.sum.is_nan() && in_buckets != count {
                    return Err(HistogramError::CountMismatch { in_buckets, count });
                }
                Ok(())
            }
            Counts::Float {
                count,
                zero_count,
                positive,
                negative,
            } => {
                self.layout(*zero_count != 0.0, positive.len(), negative.len())
                    .check()?;
                check_floats([positive, negative], *zero_count, *count)
            }
        }
    }

    fn layout(&self, has_zero_count: bool, positive: usize, negative: usize) -> Layout<'_> {
        Layout {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            has_zero_count,
            custom_values: &self.custom_values,
            positive: (&self.positive_spans, positive),
            negative: (&self.negative_spans, negative),
        }
    }
}

impl FloatHistogram {
    /// Checks that spans, bounds and counts fit together. That the buckets add up to the count is not
    /// checked: with floats they need not.
    pub fn validate(&self) -> Result<(), HistogramError> {
        Layout {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            has_zero_count: self.zero_count != 0.0,
            custom_values: &self.custom_values,
            positive: (&self.positive_spans, self.positive_buckets.len()),
            negative: (&self.negative_spans, self.negative_buckets.len()),
        }
        .check()?;
        let sides = [&*self.positive_buckets, &*self.negative_buckets];
        check_floats(sides, self.zero_count, self.count)
    }
}

impl Layout<'_> {
    fn check(&self) -> Result<(), HistogramError> {
        match self.schema {
            CUSTOM_BUCKETS_SCHEMA => {
                check_bounds(self.custom_values, self.positive).map_err(HistogramError::Custom)?;
                if self.has_zero_count {
                    Err(HistogramError::CustomZeroCount)
                } else if self.zero_threshold != 0.0 {
                    Err(HistogramError::CustomZeroThreshold)
                } else if !self.negative.0.is_empty() {
                    Err(HistogramError::CustomNegativeSpans)
                } else if self.negative.1 > 0 {
                    Err(HistogramError::CustomNegativeBuckets)
                } else {
                    Ok(())
                }
            }
            EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX => {
                check_spans(self.positive).map_err(positive_side)?;
                check_spans(self.negative).map_err(negative_side)?;
                if self.custom_values.is_empty() {
                    Ok(())
                } else {
                    Err(HistogramError::BoundsWithoutCustom)
                }
            }
            schema => Err(HistogramError::Schema(schema)),
        }
    }
}

fn positive_side(error: SideError) -> HistogramError {
    HistogramError::Side("positive", error)
}

fn negative_side(error: SideError) -> HistogramError {
    HistogramError::Side("negative", error)
}

fn check_spans((spans, have): (&[Span], usize)) -> Result<(), SideError> {
    let later = spans.iter().zip(1..).skip(1);
    if let Some((span, number)) = later.clone().find(|(span, _)| span.offset < 0) {
        let offset = span.offset;
        return Err(SideError::NegativeOffset { number, offset });
    }
    let needed = spans.iter().map(|span| u64::from(span.length)).sum();
    if needed == have as u64 {
        Ok(())
    } else {
        Err(SideError::SpansMismatch { needed, have })
    }
}

fn check_bounds(bounds: &[f64], (spans, have): (&[Span], usize)) -> Result<(), SideError> {
    if bounds.iter().any(|bound| bound.is_nan()) {
        return Err(SideError::BoundNan);
    }
    for pair in bounds.windows(2) {
        if let [previous, current] = *pair
            && current <= previous
        {
            return Err(SideError::BoundOrder { previous, current });
        }
    }
    if bounds.last() == Some(&f64::INFINITY) {
        return Err(SideError::BoundInfinite);
    }
    if let Some(span) = spans.first()
        && span.offset < 0
    {
        let (number, offset) = (1, span.offset);
        return Err(SideError::NegativeOffset { number, offset });
    }
    check_spans((spans, have))?;
    let offset = |span: &Span| u64::from(span.offset.unsigned_abs());
    let reach = spans
        .iter()
        .map(|span| u64::from(span.length) + offset(span));
    let length: u64 = reach.sum();
    if bounds.len() as u64 + 1 < length {
        let bounds = bounds.len();
        return Err(SideError::BoundsTooFew { bounds, length });
    }
    Ok(())
}

/// All observations of a side's buckets.
fn sum_of_deltas(deltas: &[i64]) -> Result<u64, SideError> {
    let (mut count, mut sum) = (0_i64, 0_u64);
    for (delta, number) in deltas.iter().zip(1..) {
        count = count.wrapping_add(*delta);
        let of_bucket = u64::try_from(count).map_err(|_| SideError::NegativeBucket {
            number,
            count: count.to_string(),
        })?;
        sum = sum.wrapping_add(of_bucket);
    }
    Ok(sum)
}

fn check_floats(
    [positive, negative]: [&[f64]; 2],
    zero_count: f64,
    count: f64,
) -> Result<(), HistogramError> {
    check_counts(negative).map_err(negative_side)?;
    if zero_count < 0.0 {
        return Err(HistogramError::NegativeZeroCount(zero_count));
    }
    check_counts(positive).map_err(positive_side)?;
    if count < 0.0 {
        return Err(HistogramError::NegativeCount(count));
    }
    Ok(())
}

fn check_counts(counts: &[f64]) -> Result<(), SideError> {
    match counts.iter().zip(1..).find(|(count, _)| **count < 0.0) {
        None => Ok(()),
        Some((count, number)) => Err(SideError::NegativeBucket {
            number,
            count: format_value(*count),
        }),
    }
}
