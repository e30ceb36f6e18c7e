//! What aggregations know of a group of series: at one step, and at all steps.

use watchpost_model::{absent_nan, is_absent};

use super::kahan::{Kahan, Mean};
use crate::parse::ast::AggregateOp;
use crate::series::Points;

/// Values up to this are added without a thought of infinity: no sum of as many as there can be
/// reaches it.
const TAME: f64 = 1e290;

/// What is known of a group at all steps. Columns are added in the order of their labels.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    op: AggregateOp,
    counts: Vec<f64>,
    /// Sums and what their rounding left out. A sum of nothing is -0, which changes no value that is
    /// added to it.
    sums: Vec<f64>,
    rests: Vec<f64>,
    /// In place of these, where the operation needs more, or values are not tame.
    states: Option<Vec<State>>,
}

impl Accumulator {
    pub(super) fn new(op: AggregateOp, steps: usize) -> Self {
        let (sums, states) = match op {
            AggregateOp::Sum | AggregateOp::Avg => (steps, None),
            AggregateOp::Count | AggregateOp::Group => (0, None),
            _ => (0, Some(vec![State::default(); steps])),
        };
        Self {
            op,
            counts: vec![0.0; steps],
            sums: vec![-0.0; sums],
            rests: vec![0.0; sums],
            states,
        }
    }

    /// Forgets all columns.
    pub(super) fn clear(&mut self) {
        self.counts.fill(0.0);
        self.sums.fill(-0.0);
        self.rests.fill(0.0);
        self.states = match self.op {
            AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Count | AggregateOp::Group => None,
            _ => Some(vec![State::default(); self.counts.len()]),
        };
    }

    /// Adds a column, with absent marks where it has no value.
    pub(super) fn add(&mut self, column: &[f64]) {
        if self.states.is_none() && !self.sums.is_empty() {
            let tame = |value: &f64| value.abs() <= TAME;
            let count = column.iter().map(|value| u64::from(tame(value)));
            if count.sum::<u64>() == column.len() as u64 {
                return self.add_all(column);
            }
            if column.iter().all(|value| tame(value) || is_absent(*value)) {
                return self.add_present(column);
            }
            self.states = Some(self.states_now());
        }
        let op = self.op;
        if let Some(states) = &mut self.states {
            for (state, value) in states.iter_mut().zip(column) {
                if !is_absent(*value) {
                    state.add(op, *value);
                }
            }
            return;
        }
        for (count, value) in self.counts.iter_mut().zip(column) {
            *count += if is_absent(*value) { 0.0 } else { 1.0 };
        }
    }

    fn add_all(&mut self, column: &[f64]) {
        for count in &mut self.counts {
            *count += 1.0;
        }
        let sums = self.sums.iter_mut().zip(&mut self.rests);
        for ((sum, rest), value) in sums.zip(column) {
            add(sum, rest, *value);
        }
    }

    fn add_present(&mut self, column: &[f64]) {
        let sums = self.sums.iter_mut().zip(&mut self.rests);
        let all = self.counts.iter_mut().zip(sums);
        for ((count, (sum, rest)), value) in all.zip(column) {
            if !is_absent(*value) {
                *count += 1.0;
                add(sum, rest, *value);
            }
        }
    }

    fn states_now(&self) -> Vec<State> {
        let sums = self.sums.iter().zip(&self.rests);
        let all = self.counts.iter().zip(sums);
        all.map(|(count, (sum, rest))| State::of_sum(*count, *sum, *rest))
            .collect()
    }

    /// The values of the group.
    pub(super) fn values(&self) -> Vec<f64> {
        let op = self.op;
        if let Some(states) = &self.states {
            let value = |state: &State| state.value(op).unwrap_or_else(absent_nan);
            return states.iter().map(value).collect();
        }
        let sums = self.sums.iter().zip(&self.rests);
        let present = |count: f64, value: f64| if count < 1.0 { absent_nan() } else { value };
        match op {
            AggregateOp::Sum => {
                let all = self.counts.iter().zip(sums);
                all.map(|(count, (sum, rest))| present(*count, sum + rest))
                    .collect()
            }
            AggregateOp::Avg => {
                let all = self.counts.iter().zip(sums);
                all.map(|(count, (sum, rest))| present(*count, sum / count + rest / count))
                    .collect()
            }
            AggregateOp::Count => self.counts.iter().map(|it| present(*it, *it)).collect(),
            _ => self.counts.iter().map(|it| present(*it, 1.0)).collect(),
        }
    }

    /// The values of the group as a column.
    pub(super) fn points(&self) -> Points {
        Points::of_marked(self.values())
    }
}

/// Adds a finite value, as [`Kahan::add`] does.
#[inline]
fn add(sum: &mut f64, rest: &mut f64, value: f64) {
    let total = *sum + value;
    let (large, small) = if sum.abs() >= value.abs() {
        (*sum, value)
    } else {
        (value, *sum)
    };
    *rest += (large - total) + small;
    *sum = total;
}

/// What is known of a group at one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    count: f64,
    sum: Kahan,
    mean: Mean,
    /// The least or greatest value, or the running mean of a variance.
    one: f64,
    /// The sum of squared deviations.
    squares: f64,
}

impl State {
    /// What is known of a sum, or a mean, of finite values.
    fn of_sum(count: f64, sum: f64, rest: f64) -> Self {
        let sum = Kahan { sum, rest };
        Self {
            count,
            sum,
            mean: Mean::of_sum(count, sum),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, op: AggregateOp, value: f64) {
        self.count += 1.0;
        let first = self.count <= 1.0;
        match op {
            AggregateOp::Sum if first => self.sum = Kahan::from_first(value),
            AggregateOp::Sum => self.sum.add(value),
            AggregateOp::Avg => self.mean.add(value),
            AggregateOp::Min if first || value < self.one || self.one.is_nan() => {
                self.one = value;
            }
            AggregateOp::Max if first || value > self.one || self.one.is_nan() => {
                self.one = value;
            }
            AggregateOp::Stddev | AggregateOp::Stdvar => self.deviate(value, first),
            _ => {}
        }
    }

    /// Welford's algorithm.
    fn deviate(&mut self, value: f64, first: bool) {
        if first {
            self.one = value;
            self.squares = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.one;
        self.one += delta / self.count;
        self.squares += delta * (value - self.one);
    }

    pub(super) fn value(&self, op: AggregateOp) -> Option<f64> {
        if self.count < 1.0 {
            return None;
        }
        Some(match op {
            AggregateOp::Sum => self.sum.sum + self.sum.rest,
            AggregateOp::Avg => self.mean.value(),
            AggregateOp::Min | AggregateOp::Max => self.one,
            AggregateOp::Count => self.count,
            AggregateOp::Stdvar => self.squares / self.count,
            AggregateOp::Stddev => (self.squares / self.count).sqrt(),
            _ => 1.0,
        })
    }
}
