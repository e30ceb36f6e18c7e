//! Functions over windows that have histograms.

mod extended;
mod over_time;
mod rate;

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::{Joined, MixedBuckets};

use super::kind::Over;
use crate::eval::Window;
use crate::parse::ast::Span;
use crate::query::Query;
use crate::remarks::{self, Operation};
use crate::series::Sample;

pub(super) use over_time::{
    avg, changes, count, first, last, present, resets, sum, time_of_first, time_of_last,
};
pub(super) use rate::{delta, idelta, increase, irate, rate};

/// The samples of one series in the window of one step, of which some may be histograms. There is at
/// least one sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixed<'a> {
    /// The window with its floats.
    pub(crate) floats: Window<'a>,
    /// Times (ms) and histograms.
    pub(crate) histograms: &'a [(i64, Arc<FloatHistogram>)],
    /// The name of the metric.
    pub(crate) name: &'a str,
    pub(crate) query: &'a Query<'a>,
    /// Where the range vector stands in the text.
    pub(crate) span: Span,
}

impl Mixed<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.values.is_empty() && self.histograms.is_empty()
    }

    /// Whether there are floats and histograms, which is worth a warning.
    pub(crate) fn is_mixed(&self) -> bool {
        let mixed = !self.floats.values.is_empty() && !self.histograms.is_empty();
        if mixed {
            self.warn(&remarks::mixed_samples(self.name));
        }
        mixed
    }

    fn warn(&self, remark: &str) {
        self.query.warn(self.span, remark);
    }

    fn info(&self, remark: &str) {
        self.query.info(self.span, remark);
    }

    /// What two histograms give together, with a word about what is worth one. Whether resets collide
    /// is not: the functions over windows know of resets.
    fn joined<T>(
        &self,
        result: Result<(T, Joined), MixedBuckets>,
        operation: Operation,
    ) -> Option<T> {
        let Ok((value, joined)) = result else {
            self.warn(&remarks::mixed_buckets(self.name));
            return None;
        };
        if joined.bounds_differ {
            self.info(&remarks::bounds_differ(operation));
        }
        Some(value)
    }

    /// All samples by time.
    fn samples(&self) -> Vec<(i64, Sample)> {
        let floats = self.floats.times.iter().zip(self.floats.values);
        let floats = floats.map(|(time, value)| (*time, Sample::Float(*value)));
        let histograms = self.histograms.iter();
        let histograms = histograms.map(|(time, it)| (*time, Sample::Histogram(Arc::clone(it))));
        let mut all: Vec<_> = floats.chain(histograms).collect();
        all.sort_by_key(|(time, _)| *time);
        all
    }
}

/// A function of floats looks at floats only.
pub(super) fn ignore(over: &Over, mixed: &Mixed<'_>) -> Option<Sample> {
    if mixed.floats.values.is_empty() {
        return None;
    }
    if !mixed.histograms.is_empty() {
        mixed.info(&remarks::ignored_in_range(mixed.name));
    }
    over.fold.value(&mixed.floats).map(Sample::Float)
}
