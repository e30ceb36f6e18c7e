//! The histogram that is computed with.

use std::sync::Arc;

use super::{CUSTOM_BUCKETS_SCHEMA, CounterReset, Counts, Histogram, Span};

/// A histogram with absolute float counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatHistogram {
    /// Whether its counters were reset.
    pub counter_reset: CounterReset,
    /// The width of the buckets, as in [`Histogram`].
    pub schema: i32,
    /// The half width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// The sum of all observations.
    pub sum: f64,
    /// Which positive buckets there are.
    pub positive_spans: Vec<Span>,
    /// Which negative buckets there are.
    pub negative_spans: Vec<Span>,
    /// Of each positive bucket the count.
    pub positive_buckets: Vec<f64>,
    /// Of each negative bucket the count.
    pub negative_buckets: Vec<f64>,
    /// The upper bounds of custom buckets.
    pub custom_values: Arc<[f64]>,
}

impl FloatHistogram {
    /// Whether the bounds are given one by one.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// The histogram to store it as: one of floats.
    pub fn to_histogram(&self) -> Histogram {
        Histogram {
            counter_reset: self.counter_reset,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            custom_values: Arc::clone(&self.custom_values),
            counts: Counts::Float {
                count: self.count,
                zero_count: self.zero_count,
                positive: self.positive_buckets.clone(),
                negative: self.negative_buckets.clone(),
            },
        }
    }
}
