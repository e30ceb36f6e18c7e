//! A histogram with fixed bounds.

use std::fmt;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

/// How often values were at most each bound, and their sum.
#[derive(Clone, Debug)]
pub(super) struct Histogram<const BOUNDS: usize> {
    bounds: [f64; BOUNDS],
    /// Values in each bucket, not those of the buckets before.
    counts: [u64; BOUNDS],
    /// Values above all bounds.
    above: u64,
    sum: f64,
}

impl<const BOUNDS: usize> Histogram<BOUNDS> {
    /// No values.
    pub(super) fn new(bounds: [f64; BOUNDS]) -> Self {
        Self {
            bounds,
            counts: [0; BOUNDS],
            above: 0,
            sum: 0.0,
        }
    }

    /// Counts a value.
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        match bucket.and_then(|bucket| self.counts.get_mut(bucket)) {
            Some(count) => *count += 1,
            None => self.above += 1,
        }
    }

    pub(super) fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().copied().chain([self.above]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum, count, &buckets, None)
    }
}
