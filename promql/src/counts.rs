//! How many samples a query loads, by step, as Prometheus counts them.
//!
//! An instant selector counts the sample that it finds at a step, a function over a range all samples
//! of its window. The samples of a subquery are those that it gives, not those that it is made of,
//! unless it is all that is asked for. A histogram counts as as many samples as it takes room.

use watchpost_model::is_absent;

use crate::series::{Points, Sample, weight};

/// How many samples a query loaded, by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleCounts {
    /// Those that were looked at: of a range all that its window holds.
    pub loaded: Vec<u64>,
    /// Those that the window of the step before did not hold.
    pub read: Vec<u64>,
}

impl SampleCounts {
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            loaded: vec![0; steps],
            read: vec![0; steps],
        }
    }

    /// Those that were looked at, of all steps.
    pub fn total_loaded(&self) -> u64 {
        self.loaded.iter().sum()
    }

    /// Those that were read, of all steps.
    pub fn total_read(&self) -> u64 {
        self.read.iter().sum()
    }

    /// Adds the windows of so many series: of each step the first sample and the one after the last.
    pub(crate) fn add_windows(
        &mut self,
        bounds: impl IntoIterator<Item = (usize, usize)>,
        series: u64,
    ) {
        let mut seen = 0;
        let steps = self.loaded.iter_mut().zip(&mut self.read);
        for ((loaded, read), (from, to)) in steps.zip(bounds) {
            *loaded += series * to.saturating_sub(from) as u64;
            *read += series * to.saturating_sub(from.max(seen)) as u64;
            seen = to;
        }
    }

    /// Adds one sample a series for each step whose window holds any.
    pub(crate) fn add_newest(&mut self, bounds: &[(usize, usize)], series: u64) {
        for (step, (from, to)) in bounds.iter().enumerate() {
            self.add(step, series * u64::from(from < to));
        }
    }

    /// Adds the samples of a column.
    pub(crate) fn add_points(&mut self, points: &Points) {
        for (step, sample) in points.samples() {
            self.add(step, size(&sample));
        }
    }

    /// Adds the floats of a column, which has absent marks where there are none.
    pub(crate) fn add_marked(&mut self, column: &[f64]) {
        for (step, value) in column.iter().enumerate() {
            self.add(step, u64::from(!is_absent(*value)));
        }
    }

    /// Adds samples at a step.
    pub(crate) fn add(&mut self, step: usize, samples: u64) {
        if let (Some(loaded), Some(read)) = (self.loaded.get_mut(step), self.read.get_mut(step)) {
            *loaded += samples;
            *read += samples;
        }
    }

    /// Adds samples at a step of which only some were read.
    pub(crate) fn add_loaded(&mut self, step: usize, samples: u64, new: u64) {
        if let (Some(loaded), Some(read)) = (self.loaded.get_mut(step), self.read.get_mut(step)) {
            *loaded += samples;
            *read += new;
        }
    }

    /// Adds what others counted at the same steps.
    pub(crate) fn merge(&mut self, other: &Self) {
        let columns = [
            (&mut self.loaded, &other.loaded),
            (&mut self.read, &other.read),
        ];
        for (all, more) in columns {
            for (all, more) in all.iter_mut().zip(more) {
                *all += more;
            }
        }
    }
}

/// How many samples a sample counts as.
fn size(sample: &Sample) -> u64 {
    match sample {
        Sample::Float(_) => 1,
        Sample::Histogram(histogram) => weight(histogram) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_overlapping_windows_is_loaded_at_each_step_and_read_once() {
        let mut counts = SampleCounts::new(4);
        counts.add_windows([(0, 3), (1, 4), (4, 4), (4, 6)], 2);
        assert_eq!(counts.loaded, [6, 6, 0, 4]);
        assert_eq!(counts.read, [6, 2, 0, 4]);
        assert_eq!((counts.total_loaded(), counts.total_read()), (16, 12));
    }

    #[test]
    fn a_window_that_stays_is_read_once() {
        let mut counts = SampleCounts::new(3);
        counts.add_windows([(2, 5); 3], 1);
        assert_eq!((counts.loaded, counts.read), (vec![3; 3], vec![3, 0, 0]));
    }
}
