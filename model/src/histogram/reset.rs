//! Whether the counters of a histogram were reset since the one before it.
//!
//! They were where any count has become less or a populated bucket is gone. A higher resolution or a
//! narrower zero bucket comes with a reset only; a lower resolution or a wider zero bucket does not need
//! one, so that the histogram before is brought to it first (`DetectReset` of Prometheus).

use super::bucket::upper_bound;
use super::cells::{indices, reduced_index};
use super::sum::{HistogramSum, common_bounds, same_bounds};
use super::{CounterReset, FloatHistogram, Span};
use crate::Kahan;

impl FloatHistogram {
    /// Whether the counters were reset since an earlier histogram.
    pub fn is_reset_after(&self, before: &Self) -> bool {
        match self.counter_reset {
            CounterReset::Reset => return true,
            CounterReset::NotReset => return false,
            // Functions for counters work on gauges, too.
            CounterReset::Unknown | CounterReset::Gauge => {}
        }
        if self.count < before.count {
            return true;
        }
        if self.uses_custom_buckets() && before.uses_custom_buckets() {
            return self.custom_fell(before);
        }
        if self.schema > before.schema || self.uses_custom_buckets() {
            return true;
        }
        if self.zero_threshold < before.zero_threshold {
            return true;
        }
        self.exponential_fell(before)
    }

    fn exponential_fell(&self, before: &Self) -> bool {
        let widened;
        let before = if before.zero_threshold < self.zero_threshold {
            let mut sum = HistogramSum::from(before);
            sum.widen_zero(self.zero_threshold);
            widened = sum.plain();
            &widened
        } else {
            before
        };
        // A populated bucket that is partly in the zero bucket can only be one from before a reset.
        before.zero_threshold > self.zero_threshold
            || self.zero_count < before.zero_count
            || self.side_fell(
                (&self.positive_spans, &self.positive_buckets),
                (&before.positive_spans, &before.positive_buckets),
                before.schema,
            )
            || self.side_fell(
                (&self.negative_spans, &self.negative_buckets),
                (&before.negative_spans, &before.negative_buckets),
                before.schema,
            )
    }

    /// Whether any bucket of a side fell. Those within the zero bucket do not count.
    fn side_fell(
        &self,
        now: (&[Span], &[f64]),
        before: (&[Span], &[f64]),
        schema_before: i32,
    ) -> bool {
        let by = self.schema.abs_diff(schema_before);
        let mut sums: Vec<(i32, f64)> = Vec::with_capacity(before.1.len());
        for (index, count) in indices(before.0).zip(before.1) {
            let index = reduced_index(index, by);
            match sums.last_mut() {
                Some((last, sum)) if *last == index => *sum += count,
                _ => sums.push((index, *count)),
            }
        }
        let bound = |index: i32| upper_bound(self.schema, index, &self.custom_values);
        let inside = |(index, _): &(i32, f64)| bound(*index) <= self.zero_threshold;
        let before = sums.into_iter().skip_while(inside);
        fell(indices(now.0).zip(now.1.iter().copied()), before)
    }

    fn custom_fell(&self, before: &Self) -> bool {
        if same_bounds(&self.custom_values, &before.custom_values) {
            let now = (&*self.positive_spans, &*self.positive_buckets);
            let before = (&*before.positive_spans, &*before.positive_buckets);
            return self.side_fell(now, before, self.schema);
        }
        let common = common_bounds(&self.custom_values, &before.custom_values);
        let cells = |of: &Self| {
            let mut sum = HistogramSum::from(of);
            sum.rebound(&common);
            sum.into_positive().0.into_iter()
        };
        let plain = |(index, cell): (i32, Kahan)| (index, cell.sum);
        fell(cells(self).map(plain), cells(before).map(plain))
    }
}

/// Whether any bucket has fewer observations than before. Both lists are in the order of the indices.
fn fell(
    now: impl Iterator<Item = (i32, f64)>,
    mut before: impl Iterator<Item = (i32, f64)>,
) -> bool {
    let mut now = now.peekable();
    before.any(|(index, before)| {
        while now.next_if(|(other, _)| *other < index).is_some() {}
        match now.next_if(|(other, _)| *other == index) {
            Some((_, count)) => count < before,
            None => before != 0.0,
        }
    })
}
