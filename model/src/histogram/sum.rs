//! Sums and means of histograms.
//!
//! Two histograms may differ in resolution, in the width of the zero bucket and in their given bounds.
//! The sum has the lower resolution, a zero bucket that is wide enough for both and ends where no
//! populated bucket of either does not, and the bounds that both have. All counts are summed up by
//! Kahan's algorithm (`KahanAdd` and `reconcileZeroBuckets` of Prometheus's `float_histogram.go`).

use std::sync::Arc;

use super::bucket::upper_bound;
use super::cells::Cells;
use super::{CounterReset, FloatHistogram};
use crate::Kahan;

/// Exponential and custom buckets cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("histograms with exponential and custom buckets cannot be put together")]
pub struct MixedBuckets;

/// What is worth a word about a sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// One says that it was reset, the other that it was not.
    pub reset_collision: bool,
    /// The given bounds differ.
    pub bounds_differ: bool,
}

/// A sum of histograms that loses no low digits.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    counter_reset: CounterReset,
    schema: i32,
    zero_threshold: f64,
    zero: Kahan,
    count: Kahan,
    sum: Kahan,
    positive: Cells,
    negative: Cells,
    bounds: Arc<[f64]>,
}

impl From<&FloatHistogram> for HistogramSum {
    fn from(first: &FloatHistogram) -> Self {
        Self {
            counter_reset: first.counter_reset,
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            zero: Kahan::from_first(first.zero_count),
            count: Kahan::from_first(first.count),
            sum: Kahan::from_first(first.sum),
            positive: Cells::new(&first.positive_spans, &first.positive_buckets),
            negative: Cells::new(&first.negative_spans, &first.negative_buckets),
            bounds: Arc::clone(&first.custom_values),
        }
    }
}

impl HistogramSum {
    /// Adds a histogram.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Joined, MixedBuckets> {
        self.join(other.into())
    }

    /// Takes a histogram away.
    pub fn subtract(&mut self, other: &FloatHistogram) -> Result<Joined, MixedBuckets> {
        let mut other = Self::from(other);
        other.for_each(|cell| cell.sum = -cell.sum);
        self.join(other)
    }

    /// The sum with what its rounding left out.
    pub fn total(self) -> FloatHistogram {
        self.read(Kahan::total)
    }

    /// The sum without what its rounding left out, as a single addition gives it.
    pub(super) fn plain(self) -> FloatHistogram {
        self.read(|cell| cell.sum)
    }

    fn read(self, count: fn(Kahan) -> f64) -> FloatHistogram {
        let (positive_spans, positive_buckets) = self.positive.into_parts(count);
        let (negative_spans, negative_buckets) = self.negative.into_parts(count);
        FloatHistogram {
            counter_reset: self.counter_reset,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: count(self.zero),
            count: count(self.count),
            sum: count(self.sum),
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
            custom_values: self.bounds,
        }
    }

    fn for_each(&mut self, change: impl Fn(&mut Kahan)) {
        for cell in [&mut self.zero, &mut self.count, &mut self.sum] {
            change(cell);
        }
        self.positive.for_each(&change);
        self.negative.for_each(&change);
    }

    fn uses_custom_buckets(&self) -> bool {
        self.schema == super::CUSTOM_BUCKETS_SCHEMA
    }

    fn join(&mut self, mut other: Self) -> Result<Joined, MixedBuckets> {
        if self.uses_custom_buckets() != other.uses_custom_buckets() {
            return Err(MixedBuckets);
        }
        let mut joined = Joined {
            reset_collision: self.join_resets(other.counter_reset),
            bounds_differ: false,
        };
        if self.uses_custom_buckets() {
            joined.bounds_differ = !same_bounds(&self.bounds, &other.bounds);
            if joined.bounds_differ {
                let common = common_bounds(&self.bounds, &other.bounds);
                self.rebound(&common);
                other.rebound(&common);
            }
        } else {
            self.join_zero_buckets(&mut other);
            let schema = self.schema.min(other.schema);
            self.reduce(schema);
            other.reduce(schema);
        }
        self.zero.add_sum(other.zero);
        self.count.add_sum(other.count);
        self.sum.add_sum(other.sum);
        self.positive.add(other.positive);
        self.negative.add(other.negative);
        if joined.bounds_differ {
            self.positive.retain_populated();
        }
        Ok(joined)
    }

    /// What is known of resets; whether both contradict each other.
    fn join_resets(&mut self, other: CounterReset) -> bool {
        use CounterReset::{Gauge, Unknown};
        let mine = self.counter_reset;
        self.counter_reset = match (mine, other) {
            _ if mine == other => mine,
            (Gauge, _) | (_, Gauge) => Gauge,
            _ => Unknown,
        };
        mine != other && ![mine, other].iter().any(|it| matches!(it, Gauge | Unknown))
    }

    /// Widens one zero bucket after the other until both are equally wide.
    fn join_zero_buckets(&mut self, other: &mut Self) {
        loop {
            if self.zero_threshold > other.zero_threshold {
                other.widen_zero(self.zero_threshold);
            } else if other.zero_threshold > self.zero_threshold {
                self.widen_zero(other.zero_threshold);
            } else {
                return;
            }
        }
    }

    /// Widens the zero bucket to a threshold, or as far beyond it as the populated bucket goes that it
    /// falls into.
    pub(super) fn widen_zero(&mut self, mut threshold: f64) {
        let bound = |index: i32| upper_bound(self.schema, index, &[]);
        loop {
            let before = threshold;
            let mut zero = self.zero;
            for cells in [&self.positive, &self.negative] {
                for (index, cell) in &cells.0 {
                    if bound(index.saturating_sub(1)) >= threshold {
                        break;
                    }
                    zero.add_sum(*cell);
                    if bound(*index) > threshold {
                        if cell.sum != 0.0 {
                            threshold = bound(*index);
                        }
                        break;
                    }
                }
            }
            // Where it went further, buckets of the other side may have come in.
            if threshold > before {
                continue;
            }
            self.zero = zero;
            self.zero_threshold = threshold;
            for cells in [&mut self.positive, &mut self.negative] {
                let schema = self.schema;
                let bound = |index: i32| upper_bound(schema, index, &[]);
                let outside =
                    |(index, _): &(i32, Kahan)| bound(index.saturating_sub(1)) >= threshold;
                cells.0.retain(outside);
            }
            return;
        }
    }

    /// Goes down to a resolution.
    pub(super) fn reduce(&mut self, schema: i32) {
        if schema < self.schema {
            let by = self.schema.abs_diff(schema);
            self.positive.reduce(by);
            self.negative.reduce(by);
            self.schema = schema;
        }
    }

    /// Puts buckets together until only these bounds are left, all of which it has.
    pub(super) fn rebound(&mut self, bounds: &Arc<[f64]>) {
        let mut cells = Cells::default();
        for (index, cell) in std::mem::take(&mut self.positive.0) {
            let upper = upper_bound(self.schema, index, &self.bounds);
            let place = bounds.partition_point(|bound| *bound < upper);
            let place = i32::try_from(place).unwrap_or(i32::MAX);
            match cells.0.last_mut() {
                Some((last, sum)) if *last == place => sum.add_sum(cell),
                _ => cells.0.push((place, cell)),
            }
        }
        self.positive = cells;
        self.bounds = Arc::clone(bounds);
    }

    pub(super) fn into_positive(self) -> Cells {
        self.positive
    }

    /// Whether anything has grown to infinity.
    fn overflows(&self) -> bool {
        let single = [self.zero, self.count, self.sum];
        single.iter().any(|cell| cell.sum.is_infinite())
            || self.positive.overflows()
            || self.negative.overflows()
    }
}

/// Whether bounds are the same, bit by bit.
pub(super) fn same_bounds(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The bounds that both have.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let in_b = |bound: &&f64| {
        let place = b.partition_point(|other| other < *bound);
        b.get(place).is_some_and(|other| other <= *bound)
    };
    a.iter().filter(in_b).copied().collect()
}

/// A mean: of the sum while that is finite, and updated step by step once it would overflow.
#[derive(Clone, Debug)]
pub struct HistogramMean {
    sum: HistogramSum,
    count: f64,
    incremental: bool,
}

impl From<&FloatHistogram> for HistogramMean {
    fn from(first: &FloatHistogram) -> Self {
        Self {
            sum: first.into(),
            count: 1.0,
            incremental: false,
        }
    }
}

impl HistogramMean {
    /// Adds a histogram.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Joined, MixedBuckets> {
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.sum.clone();
            let joined = sum.add(other)?;
            if !sum.overflows() {
                self.sum = sum;
                return Ok(joined);
            }
            self.incremental = true;
            self.divide(self.count - 1.0);
        }
        let share = (self.count - 1.0) / self.count;
        self.sum.for_each(|cell| {
            cell.sum *= share;
            cell.rest *= share;
        });
        let mut other = other.clone();
        other.divide(self.count);
        self.sum.add(&other)
    }

    fn divide(&mut self, by: f64) {
        self.sum.for_each(|cell| {
            cell.sum /= by;
            cell.rest /= by;
        });
    }

    /// The mean.
    pub fn value(mut self) -> FloatHistogram {
        if !self.incremental {
            self.divide(self.count);
        }
        self.sum.total()
    }
}
