//! Arithmetic and comparison operators.

use super::matching::match_vectors;
use super::mixed::is_trim;
use super::{Eval, set, unique, wrong_type};
use crate::error::Error;
use crate::number::same;
use crate::parse::ast::{Binary, BinaryOp};
use crate::series::{Evaluated, StepSeries};

impl Eval<'_> {
    pub(super) fn binary(&self, binary: &Binary) -> Result<Evaluated, Error> {
        let lhs = self.node(&binary.lhs)?;
        let rhs = self.node(&binary.rhs)?;
        match (lhs, rhs) {
            (Evaluated::Scalar(lhs), Evaluated::Scalar(rhs)) => {
                let both = lhs.into_iter().zip(rhs);
                let values = both.map(|(l, r)| compute(binary.op, l, r)).collect();
                Ok(Evaluated::Scalar(values))
            }
            (Evaluated::Vector(vector), Evaluated::Scalar(scalar)) => {
                self.with_scalar(binary, vector, &scalar, false)
            }
            (Evaluated::Scalar(scalar), Evaluated::Vector(vector)) => {
                self.with_scalar(binary, vector, &scalar, true)
            }
            (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) => {
                let vector = if binary.op.is_set() {
                    set::combine(binary, lhs, rhs, self.grid.count)?
                } else {
                    match_vectors(self, binary, &lhs, &rhs)?
                };
                Ok(Evaluated::Vector(vector))
            }
            _ => Err(wrong_type("a scalar or an instant vector")),
        }
    }

    fn with_scalar(
        &self,
        binary: &Binary,
        mut vector: Vec<StepSeries>,
        scalar: &[f64],
        swapped: bool,
    ) -> Result<Evaluated, Error> {
        self.remark_on_trimmed_floats(binary, &vector);
        for series in &mut vector {
            series.points.map(|step, value| {
                let other = scalar.get(step).copied().unwrap_or(f64::NAN);
                let (lhs, rhs) = if swapped {
                    (other, value)
                } else {
                    (value, other)
                };
                apply(binary, lhs, rhs, value)
            });
            if series.points.has_histograms() {
                self.histograms_with_scalar(binary, series, scalar, swapped);
            }
            if !keeps_name(binary) {
                self.drop_name(series);
            }
        }
        vector.retain(|series| !series.points.is_empty());
        unique(vector).map(Evaluated::Vector)
    }
}

/// Whether the result is still the metric it was.
pub(super) fn keeps_name(binary: &Binary) -> bool {
    is_trim(binary.op) || (binary.op.is_comparison() && !binary.bool_modifier)
}

/// The value of an operation on samples. A comparison without `bool` keeps `kept` where it holds.
pub(super) fn apply(binary: &Binary, lhs: f64, rhs: f64, kept: f64) -> Option<f64> {
    if matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
        return None;
    }
    let value = compute(binary.op, lhs, rhs);
    if !keeps_name(binary) {
        return Some(value);
    }
    (value > 0.0).then_some(kept)
}

/// The value of an operation on numbers; 1 or 0 for a comparison.
fn compute(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    match op {
        BinaryOp::Add => lhs + rhs,
        BinaryOp::Sub => lhs - rhs,
        BinaryOp::Mul => lhs * rhs,
        BinaryOp::Div => lhs / rhs,
        BinaryOp::Mod => lhs % rhs,
        BinaryOp::Pow => lhs.powf(rhs),
        BinaryOp::Atan2 => lhs.atan2(rhs),
        BinaryOp::Equal => truth(same(lhs, rhs)),
        BinaryOp::NotEqual => truth(!same(lhs, rhs)),
        BinaryOp::Less => truth(lhs < rhs),
        BinaryOp::LessEqual => truth(lhs <= rhs),
        BinaryOp::Greater => truth(lhs > rhs),
        BinaryOp::GreaterEqual => truth(lhs >= rhs),
        // The type check lets these stand between vectors only.
        // Only a histogram has observations to trim.
        BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Unless
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => f64::NAN,
    }
}
