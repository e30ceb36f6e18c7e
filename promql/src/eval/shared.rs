//! What is computed once for all series that share a time column, and how many samples they load.

use std::sync::Arc;

use super::columns::Input;
use super::windows::Bounds;
use crate::counts::SampleCounts;
use crate::functions::Stretch;

/// What is computed once for all series that share a time column.
pub(super) struct Shared<'i> {
    pub(super) input: &'i Input<'i>,
    times: Option<Arc<[i64]>>,
    pub(super) bounds: Bounds,
    pub(super) stretches: Vec<Option<Stretch>>,
    /// Series with a sample in each row of the time column that are not counted yet.
    whole: u64,
    counts: SampleCounts,
}

impl<'i> Shared<'i> {
    /// With `steps` steps to count for, none where nothing is counted.
    pub(super) fn new(input: &'i Input<'i>, steps: usize) -> Self {
        Self {
            counts: SampleCounts::new(steps),
            ..Self::uncounted(input)
        }
    }

    fn uncounted(input: &'i Input<'i>) -> Self {
        Self {
            input,
            times: None,
            bounds: Vec::new(),
            stretches: Vec::new(),
            whole: 0,
            counts: SampleCounts::default(),
        }
    }

    /// Of a series that has times of its own.
    pub(super) fn of(input: &'i Input<'i>, times: &[i64]) -> Self {
        let mut own = Self::uncounted(input);
        own.compute(times);
        own
    }

    /// Takes a time column.
    pub(super) fn set(&mut self, times: &Arc<[i64]>) {
        if self
            .times
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, times))
        {
            return;
        }
        self.count();
        self.compute(times);
        self.times = Some(Arc::clone(times));
    }

    fn compute(&mut self, times: &[i64]) {
        self.bounds = self.input.windows.bounds(times);
        if self.input.counter().is_some() {
            self.stretches = self.input.windows.stretches(times, &self.bounds);
        }
    }

    /// Notes a series with a sample in each row. What it loads follows from the bounds, so that all
    /// such series of a time column are counted at once.
    pub(super) fn note_whole(&mut self) {
        self.whole += 1;
    }

    /// Counts the windows of a series with times of its own.
    pub(super) fn count_windows(&mut self, bounds: &Bounds) {
        self.counts.add_windows(bounds.iter().copied(), 1);
    }

    /// Counts the samples of a column.
    pub(super) fn count_marked(&mut self, column: &[f64]) {
        self.counts.add_marked(column);
    }

    fn count(&mut self) {
        let whole = std::mem::take(&mut self.whole);
        if whole > 0 && self.input.is_newest() {
            self.counts.add_newest(&self.bounds, whole);
        } else if whole > 0 {
            self.counts.add_windows(self.bounds.iter().copied(), whole);
        }
    }

    /// Gives what was counted, and begins anew.
    pub(super) fn take_counts(&mut self) -> SampleCounts {
        self.count();
        let none = SampleCounts::new(self.counts.loaded.len());
        std::mem::replace(&mut self.counts, none)
    }
}
