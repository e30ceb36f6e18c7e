//! Whether there is nothing.

use std::collections::HashSet;

use watchpost_model::{Labels, METRIC_NAME, MatchOp};

use crate::error::Error;
use crate::eval::Eval;
use crate::parse::ast::{Call, Node};
use crate::series::{Evaluated, Points, StepSeries};

pub(super) fn absent(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let Some(arg) = call.args.first() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let mut present = vec![false; eval.grid.count];
    for series in eval.vector(arg)? {
        note(&series.points, &mut present);
    }
    Ok(where_absent(arg, &present))
}

pub(super) fn absent_over_time(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let Some(arg) = call.args.first() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let mut present = vec![false; eval.grid.count];
    let input = eval.range_input(arg)?;
    for step in input.mixed_steps(eval) {
        if let Some(slot) = present.get_mut(step) {
            *slot = true;
        }
    }
    input.for_each(
        eval,
        &[],
        |_| Some(1.0),
        |_, points| {
            note(&points, &mut present);
            Ok(())
        },
    )?;
    Ok(where_absent(arg, &present))
}

fn note(points: &Points, present: &mut [bool]) {
    for (step, _) in points.samples() {
        if let Some(slot) = present.get_mut(step) {
            *slot = true;
        }
    }
}

fn where_absent(arg: &Node, present: &[bool]) -> Evaluated {
    let points: Points = present
        .iter()
        .map(|present| (!present).then_some(1.0))
        .collect();
    if points.is_empty() {
        return Evaluated::Vector(Vec::new());
    }
    Evaluated::Vector(vec![StepSeries {
        labels: labels_of(arg),
        drop_name: false,
        points,
    }])
}

/// The labels that a selector asks for by `=`, each once; a label with another matcher is unknown.
fn labels_of(arg: &Node) -> Labels {
    let mut labels = Labels::empty().builder();
    let mut seen = HashSet::new();
    let selector = Eval::selector_of(arg);
    for matcher in selector.iter().flat_map(|selector| &selector.matchers) {
        if matcher.name() == METRIC_NAME {
            continue;
        }
        if matcher.op() == MatchOp::Equal && seen.insert(matcher.name()) {
            labels.set(matcher.name(), matcher.value());
        } else {
            labels.remove(matcher.name());
        }
    }
    labels.build()
}
