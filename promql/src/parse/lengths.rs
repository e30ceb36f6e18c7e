//! Computes the durations that are written as expressions, once it is known which steps are asked
//! for.

use std::sync::Arc;

use super::ast::{BinaryOp, Kind, Length, LengthKind, Node, Selector, Subquery};
use super::{Expr, Fault};
use crate::error::ParseError;
use crate::number::{same, to_i64};

/// What durations may depend on, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// The distance of the steps; 0 at one time.
    pub(crate) step: f64,
    /// From the first step to the last.
    pub(crate) range: f64,
}

/// The expression with all durations computed; nothing where it has none to compute.
pub(crate) fn resolve(expr: &Expr, steps: Steps) -> Result<Option<Expr>, ParseError> {
    if !any(&expr.root) {
        return Ok(None);
    }
    let mut root = Node::clone(&expr.root);
    node(&mut root, steps).map_err(|fault| fault.locate(&expr.source))?;
    Ok(Some(Expr {
        root: Arc::new(root),
        source: Arc::clone(&expr.source),
    }))
}

fn any(node: &Node) -> bool {
    let here = match &node.kind {
        Kind::Selector(Selector { lengths, .. })
        | Kind::Range(Selector { lengths, .. }, _)
        | Kind::Subquery(Subquery { lengths, .. }) => !lengths.is_empty(),
        _ => false,
    };
    here || node.kind.children().any(any)
}

fn node(tree: &mut Node, steps: Steps) -> Result<(), Fault> {
    match &mut tree.kind {
        Kind::Selector(selector) => {
            set(
                &mut selector.when.offset_ms,
                selector.lengths.offset.as_deref(),
                steps,
                false,
            )?;
        }
        Kind::Range(selector, range_ms) => {
            set(
                &mut selector.when.offset_ms,
                selector.lengths.offset.as_deref(),
                steps,
                false,
            )?;
            set(range_ms, selector.lengths.range.as_deref(), steps, true)?;
        }
        Kind::Subquery(subquery) => {
            let lengths = &subquery.lengths;
            set(
                &mut subquery.when.offset_ms,
                lengths.offset.as_deref(),
                steps,
                false,
            )?;
            if let Some(step_ms) = &mut subquery.step_ms {
                set(step_ms, lengths.step.as_deref(), steps, true)?;
            }
            set(
                &mut subquery.range_ms,
                lengths.range.as_deref(),
                steps,
                true,
            )?;
        }
        _ => {}
    }
    tree.kind
        .children_mut()
        .try_for_each(|child| node(child, steps))
}

fn set(
    millis: &mut i64,
    length: Option<&Length>,
    steps: Steps,
    positive: bool,
) -> Result<(), Fault> {
    let Some(length) = length else {
        return Ok(());
    };
    let seconds = value(length, steps)?;
    if positive && (seconds <= 0.0 || seconds.is_nan()) {
        return Err(Fault::new(length.span, "duration must be greater than 0"));
    }
    if seconds.is_nan() || seconds.abs() >= (1_u64 << 63) as f64 / 1e9 {
        return Err(Fault::new(length.span, "duration is out of range"));
    }
    *millis = to_i64((seconds * 1_000.0).trunc());
    if positive && *millis == 0 {
        *millis = 1;
    }
    Ok(())
}

fn value(length: &Length, steps: Steps) -> Result<f64, Fault> {
    Ok(match &length.kind {
        LengthKind::Number(number) => number.value,
        LengthKind::Step => steps.step,
        LengthKind::Range => steps.range,
        LengthKind::Lesser(left, right) => value(left, steps)?.min(value(right, steps)?),
        LengthKind::Greater(left, right) => value(left, steps)?.max(value(right, steps)?),
        LengthKind::Minus(inner) => -value(inner, steps)?,
        LengthKind::Paren(inner) => value(inner, steps)?,
        LengthKind::Binary(op, left, right) => {
            let (left, by) = (value(left, steps)?, value(right, steps)?);
            match op {
                BinaryOp::Div if same(by, 0.0) => {
                    return Err(Fault::new(right.span, "division by zero"));
                }
                BinaryOp::Mod if same(by, 0.0) => {
                    return Err(Fault::new(right.span, "modulo by zero"));
                }
                BinaryOp::Add => left + by,
                BinaryOp::Sub => left - by,
                BinaryOp::Mul => left * by,
                BinaryOp::Div => left / by,
                BinaryOp::Mod => left % by,
                _ => left.powf(by),
            }
        }
    })
}
