//! Operators between two samples of which one may be a histogram.

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::{CounterReset, Joined, Keep, MixedBuckets};

use super::super::Eval;
use super::super::binary::apply;
use super::owned;
use crate::parse::ast::{Binary, BinaryOp};
use crate::remarks::{self, Operation};
use crate::series::{Sample, StepSeries};

/// What is to be said about an operation. Of several at one step the last is said.
#[derive(Clone, Debug)]
pub(in crate::eval) enum Remark {
    Warn(String),
    Info(String),
}

/// The result of an operation.
#[derive(Debug)]
pub(in crate::eval) enum Outcome {
    /// There is none.
    Nothing,
    /// A comparison that does not hold, without `bool`.
    Filtered,
    Value(Sample),
}

type Operated = (Outcome, Option<Remark>);

/// What an operator makes of two samples. A comparison without `bool` gives the left one where it holds.
pub(in crate::eval) fn operate(binary: &Binary, lhs: Sample, rhs: Sample) -> Operated {
    let op = binary.op;
    match (lhs, rhs) {
        (Sample::Float(lhs), Sample::Float(rhs)) => {
            if is_trim(op) {
                return incompatible(op, ["float", "float"]);
            }
            let value = apply(binary, lhs, rhs, lhs).map(Sample::Float);
            (value.map_or(Outcome::Filtered, Outcome::Value), None)
        }
        (Sample::Float(factor), Sample::Histogram(histogram)) => match op {
            BinaryOp::Mul => scaled(histogram, |it| it.multiply(factor)),
            _ => incompatible(op, ["float", "histogram"]),
        },
        (Sample::Histogram(histogram), Sample::Float(value)) => match op {
            BinaryOp::Mul => scaled(histogram, |it| it.multiply(value)),
            BinaryOp::Div => scaled(histogram, |it| it.divide(value)),
            BinaryOp::TrimUpper => trimmed(&histogram, value, Keep::Below),
            BinaryOp::TrimLower => trimmed(&histogram, value, Keep::Above),
            _ => incompatible(op, ["histogram", "float"]),
        },
        (Sample::Histogram(lhs), Sample::Histogram(rhs)) => match op {
            BinaryOp::Add => put_together(op, lhs.plus(&rhs), Operation::Addition),
            BinaryOp::Sub => put_together(op, lhs.minus(&rhs), Operation::Subtraction),
            BinaryOp::Equal => (compared(binary, lhs.same_data(&rhs), lhs), None),
            BinaryOp::NotEqual => (compared(binary, !lhs.same_data(&rhs), lhs), None),
            _ => incompatible(op, ["histogram", "histogram"]),
        },
    }
}

pub(in crate::eval) fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

fn incompatible(op: BinaryOp, [lhs, rhs]: [&str; 2]) -> Operated {
    let remark = remarks::incompatible_types(lhs, op.name(), rhs);
    (Outcome::Nothing, Some(Remark::Info(remark)))
}

fn value(histogram: FloatHistogram) -> Outcome {
    Outcome::Value(Sample::Histogram(histogram.into()))
}

fn scaled(histogram: Arc<FloatHistogram>, scale: impl Fn(&mut FloatHistogram)) -> Operated {
    let mut histogram = owned(histogram);
    scale(&mut histogram);
    histogram.compact();
    (value(histogram), None)
}

fn trimmed(histogram: &FloatHistogram, at: f64, keep: Keep) -> Operated {
    (value(histogram.trimmed(at, keep)), None)
}

fn compared(binary: &Binary, holds: bool, kept: Arc<FloatHistogram>) -> Outcome {
    if binary.bool_modifier {
        return Outcome::Value(Sample::Float(if holds { 1.0 } else { 0.0 }));
    }
    if holds {
        Outcome::Value(Sample::Histogram(kept))
    } else {
        Outcome::Filtered
    }
}

fn put_together(
    op: BinaryOp,
    result: Result<(FloatHistogram, Joined), MixedBuckets>,
    operation: Operation,
) -> Operated {
    let Ok((mut histogram, joined)) = result else {
        let remark = remarks::incompatible_buckets(op.name());
        return (Outcome::Nothing, Some(Remark::Warn(remark)));
    };
    if joined.reset_collision {
        let remark = remarks::reset_collision(operation);
        return (Outcome::Nothing, Some(Remark::Warn(remark)));
    }
    if op == BinaryOp::Sub {
        histogram.counter_reset = CounterReset::Gauge;
    }
    histogram.compact();
    let remark = joined
        .bounds_differ
        .then(|| remarks::bounds_differ(operation));
    (value(histogram), remark.map(Remark::Info))
}

impl Eval<'_> {
    /// Says what is to be said about an operation.
    pub(in crate::eval) fn remark(&self, binary: &Binary, remark: Option<Remark>) {
        let span = binary.lhs.span.to(binary.rhs.span);
        match remark {
            Some(Remark::Warn(text)) => self.query.warn(span, &text),
            Some(Remark::Info(text)) => self.query.info(span, &text),
            None => {}
        }
    }

    /// The histograms of a series with a scalar.
    pub(in crate::eval) fn histograms_with_scalar(
        &self,
        binary: &Binary,
        series: &mut StepSeries,
        scalar: &[f64],
        swapped: bool,
    ) {
        for (step, histogram) in series.points.take_histograms() {
            let other = Sample::Float(scalar.get(step).copied().unwrap_or(f64::NAN));
            let histogram = Sample::Histogram(histogram);
            let (outcome, remark) = if swapped {
                operate(binary, other, histogram)
            } else {
                operate(binary, histogram, other)
            };
            self.remark(binary, remark);
            if let Outcome::Value(sample) = outcome {
                series.points.set_sample(step, sample);
            }
        }
    }

    /// Says that there is nothing to trim where floats are to be.
    pub(in crate::eval) fn remark_on_trimmed_floats(&self, binary: &Binary, vector: &[StepSeries]) {
        let floats = |series: &StepSeries| series.points.present().next().is_some();
        if is_trim(binary.op) && vector.iter().any(floats) {
            let (_, remark) = incompatible(binary.op, ["float", "float"]);
            self.remark(binary, remark);
        }
    }
}
