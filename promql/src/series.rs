//! What the evaluator computes with: columns of one value or nothing per step.

use watchpost_model::{Labels, METRIC_NAME, absent_nan, is_absent};

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

/// A value or nothing for each step.
///
/// Nothing is held as the store's absent mark. That mark is a signalling NaN, which no arithmetic
/// yields and which the store never gives out as a sample, so the column is its own presence mask.
#[derive(Clone, Debug)]
pub(crate) struct Points(Vec<f64>);

impl Points {
    /// Nothing at any step.
    pub(crate) fn none(steps: usize) -> Self {
        Self(vec![absent_nan(); steps])
    }

    /// From values, with absent marks where there are none.
    pub(crate) fn of_marked(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// The values, with absent marks where there are none.
    pub(crate) fn marked(&self) -> &[f64] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, step: usize) -> Option<f64> {
        self.0.get(step).copied().filter(|value| !is_absent(*value))
    }

    pub(crate) fn set(&mut self, step: usize, value: f64) {
        if let Some(slot) = self.0.get_mut(step) {
            *slot = value;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<f64>> {
        self.0
            .iter()
            .map(|value| (!is_absent(*value)).then_some(*value))
    }

    /// The steps that have a value, with it.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, f64)> {
        self.0
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, value)| !is_absent(*value))
    }

    /// Whether there is nothing at any step.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|value| is_absent(*value))
    }

    /// Replaces each value by what `change` makes of it and of its step.
    pub(crate) fn map(&mut self, mut change: impl FnMut(usize, f64) -> Option<f64>) {
        for (step, slot) in self.0.iter_mut().enumerate() {
            if !is_absent(*slot) {
                *slot = change(step, *slot).unwrap_or_else(absent_nan);
            }
        }
    }

    /// Takes over the other's values; false where both have one at a step.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let free = |(mine, theirs): (&f64, &f64)| is_absent(*mine) || is_absent(*theirs);
        if !self.0.iter().zip(&other.0).all(free) {
            return false;
        }
        for (step, value) in other.present() {
            self.set(step, value);
        }
        true
    }
}

impl FromIterator<Option<f64>> for Points {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        let values = values.into_iter();
        Self(
            values
                .map(|value| value.unwrap_or_else(absent_nan))
                .collect(),
        )
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
            Self::Vector(series) => series.iter().map(|one| one.points.len()).sum(),
        }
    }
}
