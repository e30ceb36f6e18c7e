//! Between scalars and vectors, and what a query says of itself.

use watchpost_model::Labels;

use super::math;
use crate::error::Error;
use crate::eval::{Eval, unique};
use crate::number::seconds;
use crate::parse::ast::{Call, Kind, Node};
use crate::series::{Evaluated, StepSeries};

/// The first argument; the type check knows that it is there.
fn first(call: &Call) -> Result<&Node, Error> {
    call.args.first().ok_or_else(|| {
        let name = call.function.name;
        Error::Execution(format!(
            "expected an argument in call to {name:?}, found none"
        ))
    })
}

/// The same number at all steps.
fn constant(eval: &Eval<'_>, value: f64) -> Vec<f64> {
    vec![value; eval.grid.count]
}

/// A vector of one series without labels.
pub(super) fn unnamed(values: impl Iterator<Item = f64>) -> Evaluated {
    Evaluated::Vector(vec![StepSeries {
        labels: Labels::empty(),
        drop_name: false,
        points: values.map(Some).collect(),
    }])
}

pub(super) fn time(eval: &Eval<'_>) -> Vec<f64> {
    eval.grid.times().map(seconds).collect()
}

pub(super) fn pi(eval: &Eval<'_>) -> Vec<f64> {
    constant(eval, std::f64::consts::PI)
}

pub(super) fn start(eval: &Eval<'_>) -> Vec<f64> {
    constant(eval, seconds(eval.query.steps.start_ms))
}

pub(super) fn end(eval: &Eval<'_>) -> Vec<f64> {
    constant(eval, seconds(eval.query.steps.end_ms))
}

pub(super) fn step(eval: &Eval<'_>) -> Vec<f64> {
    constant(eval, seconds(eval.query.steps.step_ms))
}

pub(super) fn range(eval: &Eval<'_>) -> Vec<f64> {
    let steps = eval.query.steps;
    let length = steps.end_ms.saturating_sub(steps.start_ms);
    constant(eval, seconds(length))
}

pub(super) fn max_of(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    of_two(eval, call, math::greater)
}

pub(super) fn min_of(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    of_two(eval, call, math::lesser)
}

fn of_two(eval: &Eval<'_>, call: &Call, choose: fn(f64, f64) -> f64) -> Result<Evaluated, Error> {
    let mut columns = eval.params(&call.args)?.into_iter();
    let (a, b) = (
        columns.next().unwrap_or_default(),
        columns.next().unwrap_or_default(),
    );
    let chosen = a.into_iter().zip(b).map(|(a, b)| choose(a, b)).collect();
    Ok(Evaluated::Scalar(chosen))
}

/// The value of the only series, NaN where there is not exactly one.
pub(super) fn scalar(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let vector = eval.vector(first(call)?)?;
    let value = |step: usize| {
        let mut values = vector.iter().filter_map(|series| series.points.get(step));
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => f64::NAN,
        }
    };
    Ok(Evaluated::Scalar((0..eval.grid.count).map(value).collect()))
}

pub(super) fn vector(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let values = eval.scalar(first(call)?)?;
    Ok(unnamed(values.into_iter()))
}

/// When a sample was taken: a selector's sample has a time of its own, any other value that of the
/// step.
pub(super) fn timestamp(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let arg = first(call)?;
    let mut series = if let Kind::Selector(selector) = &arg.bare().kind {
        eval.sample_times(selector)?
    } else {
        let times: Vec<f64> = eval.grid.times().map(seconds).collect();
        let mut series = eval.vector(arg)?;
        for one in &mut series {
            for (step, _) in one.points.take_histograms() {
                one.points.set(step, 0.0);
            }
            one.points.map(|step, _| times.get(step).copied());
        }
        series
    };
    for one in &mut series {
        eval.drop_name(one);
    }
    unique(series).map(Evaluated::Vector)
}

/// When the counter behind a sample began. The store keeps no such times, so there is nothing to
/// tell, as in Prometheus without `--enable-feature=use-start-timestamps`.
#[expect(clippy::unnecessary_wraps, reason = "the table's type")]
pub(super) fn start_timestamp(_: &Eval<'_>, _: &Node, _: &Call) -> Result<Evaluated, Error> {
    Ok(Evaluated::Vector(Vec::new()))
}
