//! The order of an instant query's result. A range query has none but that of the labels.

use std::cmp::Ordering;

use watchpost_model::Labels;

use crate::error::Error;
use crate::eval::{Eval, nan_last};
use crate::parse::ast::{Call, Node};
use crate::series::{Evaluated, StepSeries};

pub(super) fn sort(eval: &Eval<'_>, node: &Node, call: &Call) -> Result<Evaluated, Error> {
    let floats = floats(eval, call)?;
    Ok(sorted(eval, node, floats, |a, b| {
        by_value(a, b, |order| order)
    }))
}

pub(super) fn sort_desc(eval: &Eval<'_>, node: &Node, call: &Call) -> Result<Evaluated, Error> {
    let floats = floats(eval, call)?;
    Ok(sorted(eval, node, floats, |a, b| {
        by_value(a, b, Ordering::reverse)
    }))
}

/// The argument without its histograms, which have no order.
fn floats(eval: &Eval<'_>, call: &Call) -> Result<Vec<StepSeries>, Error> {
    let mut vector = argument(eval, call)?;
    let mixed = |series: &StepSeries| series.points.has_histograms();
    if vector.iter().any(mixed) {
        for series in &mut vector {
            series.points.take_histograms();
        }
        vector.retain(|series| !series.points.is_empty());
    }
    Ok(vector)
}

fn argument(eval: &Eval<'_>, call: &Call) -> Result<Vec<StepSeries>, Error> {
    let arg = call.args.first();
    arg.map_or(Ok(Vec::new()), |arg| eval.vector(arg))
}

fn by_value(a: &StepSeries, b: &StepSeries, change: fn(Ordering) -> Ordering) -> Ordering {
    let value = |series: &StepSeries| series.points.get(0).unwrap_or(f64::NAN);
    nan_last(value(a), value(b), change)
}

pub(super) fn by_label(eval: &Eval<'_>, node: &Node, call: &Call) -> Result<Evaluated, Error> {
    let names = names(eval, call)?;
    let vector = argument(eval, call)?;
    Ok(sorted(eval, node, vector, |a, b| {
        by_labels(&a.labels, &b.labels, &names)
    }))
}

pub(super) fn by_label_desc(eval: &Eval<'_>, node: &Node, call: &Call) -> Result<Evaluated, Error> {
    let names = names(eval, call)?;
    let vector = argument(eval, call)?;
    Ok(sorted(eval, node, vector, |a, b| {
        by_labels(&b.labels, &a.labels, &names)
    }))
}

fn names(eval: &Eval<'_>, call: &Call) -> Result<Vec<String>, Error> {
    call.args.iter().skip(1).map(|arg| eval.text(arg)).collect()
}

fn sorted(
    eval: &Eval<'_>,
    node: &Node,
    mut vector: Vec<StepSeries>,
    order: impl Fn(&StepSeries, &StepSeries) -> Ordering,
) -> Evaluated {
    if eval.query.is_range {
        eval.query.warn(
            node.span,
            "sort is ineffective for range queries since results are always ordered by labels",
        );
    } else {
        vector.sort_by(order);
    }
    Evaluated::Vector(vector)
}

fn by_labels(a: &Labels, b: &Labels, names: &[String]) -> Ordering {
    names
        .iter()
        .map(|name| natural(a.get(name), b.get(name)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// The order in which `a2` comes before `a10`: runs of digits are compared as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let (run_a, run_b);
        (run_a, a) = split_run(a);
        (run_b, b) = split_run(b);
        let number = |run: &str| run.starts_with(|c: char| c.is_ascii_digit());
        let order = if number(run_a) && number(run_b) {
            let digits = |run: &str| run.trim_start_matches('0').len();
            digits(run_a).cmp(&digits(run_b)).then_with(|| {
                run_a
                    .trim_start_matches('0')
                    .cmp(run_b.trim_start_matches('0'))
            })
        } else {
            run_a.cmp(run_b)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits, or what is not digits, at the start of a text, and the rest.
fn split_run(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}
