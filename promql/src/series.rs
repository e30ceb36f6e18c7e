//! What the evaluator computes with: columns of one value or nothing per step.

use std::sync::Arc;

use watchpost_model::{FloatHistogram, Labels, METRIC_NAME, absent_nan, is_absent};

/// The labels that name a metric and say what it is. Whatever computes a new value drops them.
pub(crate) fn is_metric_label(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// The steps of an evaluation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) count: usize,
}

impl Grid {
    /// The time of a step.
    pub(crate) fn time(self, step: usize) -> Option<i64> {
        let step = i64::try_from(step).ok()?;
        self.start_ms.checked_add(self.step_ms.checked_mul(step)?)
    }

    /// The times of all steps.
    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        let mut time = self.start_ms;
        (0..self.count).map(move |_| {
            let now = time;
            time = time.saturating_add(self.step_ms);
            now
        })
    }
}

/// A value of a series at a step.
#[derive(Clone, Debug)]
pub(crate) enum Sample {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// A value or nothing for each step.
///
/// Nothing is held as the store's absent mark. That mark is a signalling NaN, which no arithmetic
/// yields and which the store never gives out as a sample, so the column is its own presence mask.
/// Histograms, which hardly any series has, stand beside the column, which holds nothing at their
/// steps.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    floats: Vec<f64>,
    /// With their steps, ascending.
    histograms: Vec<(usize, Arc<FloatHistogram>)>,
}

impl Points {
    /// Nothing at any step.
    pub(crate) fn none(steps: usize) -> Self {
        vec![absent_nan(); steps].into()
    }

    /// From values, with absent marks where there are none.
    pub(crate) fn of_marked(values: Vec<f64>) -> Self {
        values.into()
    }

    /// The values, with absent marks where there are none.
    pub(crate) fn marked(&self) -> &[f64] {
        &self.floats
    }

    pub(crate) fn len(&self) -> usize {
        self.floats.len()
    }

    /// The float at a step.
    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        let value = self.floats.get(step).copied();
        value.filter(|value| !is_absent(*value))
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        if let Some(slot) = self.floats.get_mut(step) {
            *slot = value;
        }
    }

    /// The floats.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<f64>> {
        self.floats
            .iter()
            .map(|value| (!is_absent(*value)).then_some(*value))
    }

    /// The steps that have a float, with it.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, f64)> {
        self.floats
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, value)| !is_absent(*value))
    }

    /// Whether there is nothing at any step.
    pub(crate) fn is_empty(&self) -> bool {
        self.histograms.is_empty() && self.floats.iter().all(|value| is_absent(*value))
    }

    /// Replaces each float by what `change` makes of it and of its step.
    pub(crate) fn map(&mut self, mut change: impl FnMut(usize, f64) -> Option<f64>) {
        for (step, slot) in self.floats.iter_mut().enumerate() {
            if !is_absent(*slot) {
                *slot = change(step, *slot).unwrap_or_else(absent_nan);
            }
        }
    }

    /// Takes over the other's values; false where both have one at a step.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let free = |(mine, theirs): (&f64, &f64)| is_absent(*mine) || is_absent(*theirs);
        if !self.floats.iter().zip(&other.floats).all(free) {
            return false;
        }
        if self.has_histograms() || other.has_histograms() {
            let clash = (0..self.len()).any(|step| self.has(step) && other.has(step));
            if clash {
                return false;
            }
            for (step, histogram) in &other.histograms {
                self.set_histogram(*step, Arc::clone(histogram));
            }
        }
        for (step, value) in other.present() {
            self.set(step, value);
        }
        true
    }
}

impl Points {
    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// The histograms with their steps, ascending.
    pub(crate) fn histograms(&self) -> &[(usize, Arc<FloatHistogram>)] {
        &self.histograms
    }

    /// The histograms with their steps. None are left.
    pub(crate) fn take_histograms(&mut self) -> Vec<(usize, Arc<FloatHistogram>)> {
        std::mem::take(&mut self.histograms)
    }

    /// The float or the histogram at a step.
    pub(crate) fn sample(&self, step: usize) -> Option<Sample> {
        if let Some(value) = self.get(step) {
            return Some(Sample::Float(value));
        }
        let place = self.place(step).ok()?;
        let (_, histogram) = self.histograms.get(place)?;
        Some(Sample::Histogram(Arc::clone(histogram)))
    }

    /// The steps that have a float or a histogram, with it.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (usize, Sample)> {
        let floats = self.present();
        let floats = floats.map(|(step, value)| (step, Sample::Float(value)));
        let histograms = self.histograms.iter();
        floats.chain(histograms.map(|(step, it)| (*step, Sample::Histogram(Arc::clone(it)))))
    }

    /// Whether there is a float or a histogram at a step.
    pub(crate) fn has(&self, step: usize) -> bool {
        self.get(step).is_some() || (self.has_histograms() && self.place(step).is_ok())
    }

    pub(crate) fn set_sample(&mut self, step: usize, sample: Sample) {
        match sample {
            Sample::Float(value) => self.set(step, value),
            Sample::Histogram(histogram) => self.set_histogram(step, histogram),
        }
    }

    fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        match self.place(step) {
            Ok(place) => {
                if let Some((_, slot)) = self.histograms.get_mut(place) {
                    *slot = histogram;
                }
            }
            Err(place) => self.histograms.insert(place, (step, histogram)),
        }
    }

    fn place(&self, step: usize) -> Result<usize, usize> {
        self.histograms.binary_search_by_key(&step, |(at, _)| *at)
    }

    /// Leaves the values of those steps that pass.
    pub(crate) fn retain(&mut self, pass: impl Fn(usize) -> bool) {
        self.map(|step, value| pass(step).then_some(value));
        self.histograms.retain(|(step, _)| pass(*step));
    }

    /// Changes the sign of all values.
    pub(crate) fn negate(&mut self) {
        self.map(|_, value| Some(-value));
        for (_, histogram) in &mut self.histograms {
            Arc::make_mut(histogram).multiply(-1.0);
        }
    }

    /// How many floats it weighs as much as.
    pub(crate) fn weight(&self) -> usize {
        let histograms = self.histograms.iter();
        let weights = histograms.map(|(_, histogram)| weight(histogram));
        self.floats.len() + weights.sum::<usize>()
    }
}

/// How many samples a histogram counts as: as many as there is room for in its bytes and its time.
pub(crate) fn weight(histogram: &FloatHistogram) -> usize {
    let buckets = histogram.positive_buckets.len() + histogram.negative_buckets.len();
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    (176 + 8 * (buckets + spans + histogram.custom_values.len())) / 16
}

impl From<Vec<f64>> for Points {
    fn from(floats: Vec<f64>) -> Self {
        Self {
            floats,
            histograms: Vec::new(),
        }
    }
}

impl FromIterator<Option<f64>> for Points {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        let values = values.into_iter();
        let floats: Vec<f64> = values
            .map(|value| value.unwrap_or_else(absent_nan))
            .collect();
        floats.into()
    }
}

/// A series of a vector over all steps.
#[derive(Clone, Debug)]
pub(crate) struct StepSeries {
    pub(crate) labels: Labels,
    /// Whether the metric name is still there only until the end of the evaluation.
    pub(crate) drop_name: bool,
    pub(crate) points: Points,
}

/// What a node gives.
#[derive(Clone, Debug)]
pub(crate) enum Evaluated {
    /// A number for each step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<StepSeries>),
}

impl Evaluated {
    /// How many values it holds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Scalar(values) => values.len(),
            Self::Text(_) => 1,
            Self::Vector(series) => series.iter().map(|one| one.points.weight()).sum(),
        }
    }
}
