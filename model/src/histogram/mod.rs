//! Native histograms: buckets of exponential or of given widths, counted at one time.
//!
//! A [`Histogram`] is what was received, bit for bit: integer counts (as deltas from bucket to bucket)
//! or float counts. A [`FloatHistogram`] is what is computed with: absolute float counts. Fields, rules
//! and texts are those of Prometheus (`model/histogram`).
//!
//! In a column of floats a histogram stands as a [mark](histogram_mark): a NaN that holds its place in
//! a list that stands beside the column.

mod arithmetic;
mod bounds;
mod bucket;
mod cells;
mod estimate;
mod float;
mod mark;
mod notation;
#[cfg(test)]
mod operation_tests;
mod reset;
mod sum;
#[cfg(test)]
mod tests;
mod text;
mod trim;
mod validate;

pub use bucket::Bucket;
pub use estimate::NanEffect;
pub use float::FloatHistogram;
pub use mark::{HISTOGRAM_MARK_BITS, histogram_index, histogram_mark};
pub use notation::{HistogramNotation, NotationError};
pub use sum::{HistogramMean, HistogramSum, Joined, MixedBuckets};
pub use trim::Keep;
pub use validate::{HistogramError, SideError};

use std::sync::Arc;

/// The schema of histograms whose bounds are given one by one.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;
/// The lowest schema of exponential buckets.
pub const EXPONENTIAL_SCHEMA_MIN: i32 = -4;
/// The highest schema of exponential buckets.
pub const EXPONENTIAL_SCHEMA_MAX: i32 = 8;

/// A run of buckets that stand side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many buckets are left out before it; of the first span the number of its first bucket.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// What is known of a reset of the counters since the histogram before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterReset {
    /// Nothing: it is told by a look at both.
    #[default]
    Unknown,
    /// There was one.
    Reset,
    /// There was none.
    NotReset,
    /// It counts nothing that resets.
    Gauge,
}

/// The counts of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum Counts {
    /// Integers.
    Integer {
        /// All observations.
        count: u64,
        /// Those in the zero bucket.
        zero_count: u64,
        /// Of each positive bucket: the first count, then the difference to the bucket before.
        positive: Vec<i64>,
        /// The same of the negative buckets.
        negative: Vec<i64>,
    },
    /// Floats.
    Float {
        /// All observations.
        count: f64,
        /// Those in the zero bucket.
        zero_count: f64,
        /// Of each positive bucket the count.
        positive: Vec<f64>,
        /// Of each negative bucket the count.
        negative: Vec<f64>,
    },
}

/// A native histogram as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Whether its counters were reset.
    pub counter_reset: CounterReset,
    /// The width of the buckets: each bound is the one before times `2^(2^-schema)`, or
    /// [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// The half width of the zero bucket.
    pub zero_threshold: f64,
    /// The sum of all observations.
    pub sum: f64,
    /// Which positive buckets there are.
    pub positive_spans: Vec<Span>,
    /// Which negative buckets there are.
    pub negative_spans: Vec<Span>,
    /// The upper bounds of custom buckets.
    pub custom_values: Arc<[f64]>,
    /// The counts.
    pub counts: Counts,
}

impl Histogram {
    /// Whether the bounds are given one by one.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// How many buckets it has, the zero bucket aside.
    pub fn bucket_count(&self) -> usize {
        match &self.counts {
            Counts::Integer {
                positive, negative, ..
            } => positive.len() + negative.len(),
            Counts::Float {
                positive, negative, ..
            } => positive.len() + negative.len(),
        }
    }

    /// Whether it marks the end of a series, as the float of [`is_stale`](crate::is_stale) does.
    pub fn is_stale(&self) -> bool {
        crate::is_stale(self.sum)
    }

    /// The same with absolute float counts.
    pub fn to_float(&self) -> FloatHistogram {
        let (count, zero_count, positive, negative) = match &self.counts {
            Counts::Integer {
                count,
                zero_count,
                positive,
                negative,
            } => (
                *count as f64,
                *zero_count as f64,
                absolute(positive),
                absolute(negative),
            ),
            Counts::Float {
                count,
                zero_count,
                positive,
                negative,
            } => (*count, *zero_count, positive.clone(), negative.clone()),
        };
        FloatHistogram {
            counter_reset: self.counter_reset,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            positive_buckets: positive,
            negative_buckets: negative,
            custom_values: Arc::clone(&self.custom_values),
        }
    }
}

/// Counts from their differences, added up as floats, as Prometheus does.
fn absolute(deltas: &[i64]) -> Vec<f64> {
    let mut count = 0.0;
    let counts = deltas.iter().map(|delta| {
        count += *delta as f64;
        count
    });
    counts.collect()
}
