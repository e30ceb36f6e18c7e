//! What can be done with one or two histograms.

use super::sum::{HistogramSum, Joined, MixedBuckets, same_bounds};
use super::{CounterReset, FloatHistogram, Span};

impl FloatHistogram {
    /// Multiplies all counts and the sum.
    pub fn multiply(&mut self, factor: f64) {
        self.for_each_count(|count| *count *= factor);
        if factor < 0.0 {
            self.counter_reset = CounterReset::Gauge;
        }
    }

    /// Divides all counts and the sum. By zero leaves no buckets.
    pub fn divide(&mut self, by: f64) {
        self.for_each_count(|count| *count /= by);
        if by == 0.0 {
            self.positive_spans.clear();
            self.negative_spans.clear();
            self.positive_buckets.clear();
            self.negative_buckets.clear();
        } else if by < 0.0 {
            self.counter_reset = CounterReset::Gauge;
        }
    }

    fn for_each_count(&mut self, change: impl Fn(&mut f64)) {
        for count in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            change(count);
        }
        let buckets = self.positive_buckets.iter_mut();
        buckets.chain(&mut self.negative_buckets).for_each(change);
    }

    /// The sum with another one.
    pub fn plus(&self, other: &Self) -> Result<(Self, Joined), MixedBuckets> {
        let mut sum = HistogramSum::from(self);
        let joined = sum.add(other)?;
        Ok((sum.plain(), joined))
    }

    /// What is left without another one.
    pub fn minus(&self, other: &Self) -> Result<(Self, Joined), MixedBuckets> {
        let mut sum = HistogramSum::from(self);
        let joined = sum.subtract(other)?;
        Ok((sum.plain(), joined))
    }

    /// The same at a resolution that is not higher.
    #[must_use]
    pub fn reduced_to(&self, schema: i32) -> Self {
        if schema >= self.schema || self.uses_custom_buckets() {
            return self.clone();
        }
        let mut sum = HistogramSum::from(self);
        sum.reduce(schema);
        sum.plain()
    }

    /// Leaves the empty buckets out.
    pub fn compact(&mut self) {
        compact(&mut self.positive_spans, &mut self.positive_buckets);
        compact(&mut self.negative_spans, &mut self.negative_buckets);
    }

    /// Whether both hold the same data, bit by bit: the same buckets, empty ones included, however the
    /// spans are cut. What is known of resets does not count.
    pub fn same_data(&self, other: &Self) -> bool {
        let numbers = |of: &Self| [of.count, of.sum, of.zero_count].map(f64::to_bits);
        let layout = |a: &[Span], b: &[Span]| super::cells::indices(a).eq(super::cells::indices(b));
        self.schema == other.schema
            && numbers(self) == numbers(other)
            && (self.zero_threshold - other.zero_threshold).abs() <= 0.0
            && same_bounds(&self.custom_values, &other.custom_values)
            && layout(&self.positive_spans, &other.positive_spans)
            && layout(&self.negative_spans, &other.negative_spans)
            && same_bounds(&self.positive_buckets, &other.positive_buckets)
            && same_bounds(&self.negative_buckets, &other.negative_buckets)
    }
}

fn compact(list: &mut Vec<Span>, counts: &mut Vec<f64>) {
    let whole = counts.iter().all(|count| *count != 0.0)
        && list.iter().all(|span| span.length > 0)
        && list.iter().skip(1).all(|span| span.offset > 0);
    if whole {
        return;
    }
    let buckets = super::cells::indices(list).zip(counts.iter().copied());
    let populated = buckets.filter(|(_, count)| *count != 0.0);
    let (indices, kept): (Vec<i32>, Vec<f64>) = populated.unzip();
    *list = super::cells::spans(indices.into_iter());
    *counts = kept;
}
