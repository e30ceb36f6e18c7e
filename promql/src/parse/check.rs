//! The types of an expression, in the order in which Prometheus checks them.

use watchpost_model::{METRIC_NAME, Matcher};

use super::ast::{Aggregate, Binary, Call, Kind, Matching, Node, Selector, Span, Type};
use super::{Fault, quote};

/// Checks a tree that was read from a text; its type. Vector matching between what is no vector is
/// taken out: it means nothing.
pub(super) fn check(node: &mut Node, text: &str) -> Result<Type, Fault> {
    let span = node.span;
    match &mut node.kind {
        Kind::Number(_) => Ok(Type::Scalar),
        Kind::Text(_) => Ok(Type::Text),
        Kind::Selector(found) => selector(found, span, false).map(|()| Type::Vector),
        Kind::Range(found, _) => selector(found, span, false).map(|()| Type::Range),
        Kind::Paren(inner) => check(inner, text),
        Kind::Unary(_, inner) => unary(check(inner, text)?, span),
        Kind::Subquery(subquery) => match check(&mut subquery.expr, text)? {
            Type::Vector => Ok(Type::Range),
            found => Err(Fault::new(
                span,
                format!(
                    "subquery is only allowed on instant vector, got {} instead",
                    found.name()
                ),
            )),
        },
        Kind::Call(call) => call_type(call, span, text),
        Kind::Aggregate(aggregate) => aggregate_type(aggregate, text),
        Kind::Binary(binary) => binary_type(binary, span, text),
    }
}

/// A selector of a metric has no second name; any other has a matcher that a missing label does
/// not pass, unless it is `free` to have none.
fn selector(selector: &Selector, span: Span, free: bool) -> Result<(), Fault> {
    let Some(name) = &selector.name else {
        if free || !selector.matchers.iter().all(Matcher::matches_empty) {
            return Ok(());
        }
        return Err(Fault::new(
            span,
            "vector selector must contain at least one non-empty matcher",
        ));
    };
    // The last matcher is that of the name itself.
    let in_braces = selector.matchers.split_last().map(|(_, others)| others);
    let second = in_braces
        .unwrap_or_default()
        .iter()
        .find(|matcher| matcher.name() == METRIC_NAME);
    match second {
        None => Ok(()),
        Some(second) => Err(Fault::new(
            span,
            format!(
                "metric name must not be set twice: {} or {}",
                quote::text(name),
                quote::text(second.value())
            ),
        )),
    }
}

fn expect(node: &mut Node, wanted: Type, context: &str, text: &str) -> Result<(), Fault> {
    let found = check(node, text)?;
    if found == wanted {
        return Ok(());
    }
    Err(Fault::new(
        node.span,
        format!("expected type {wanted} in {context}, got {found}"),
    ))
}

fn unary(found: Type, span: Span) -> Result<Type, Fault> {
    if matches!(found, Type::Scalar | Type::Vector) {
        return Ok(found);
    }
    Err(Fault::new(
        span,
        format!(
            "unary expression only allowed on expressions of type scalar or instant vector, got \"{found}\""
        ),
    ))
}

fn call_type(call: &mut Call, span: Span, text: &str) -> Result<Type, Fault> {
    let function = call.function;
    let (name, found) = (function.name, call.args.len());
    let (least, most) = function.arity();
    let wrong = |count: &str, wanted: usize| {
        Fault::new(
            span,
            format!("expected {count}{wanted} argument(s) in call to {name:?}, got {found}"),
        )
    };
    if most == Some(least) && found != least {
        return Err(wrong("", least));
    }
    if found < least {
        return Err(wrong("at least ", least));
    }
    if let Some(most) = most.filter(|most| found > *most) {
        return Err(wrong("at most ", most));
    }
    let context = format!("call to function {name:?}");
    let free = usize::from(name == "info");
    if free > 0
        && let Some(arg) = call.args.get(1)
    {
        info_selector(arg, span, &context)?;
    }
    let last = function.args.last().copied();
    let wanted = function
        .args
        .iter()
        .copied()
        .chain(last.into_iter().cycle());
    for (place, (arg, wanted)) in call.args.iter_mut().zip(wanted).enumerate() {
        if free == 0 || place != 1 {
            expect(arg, wanted, &context, text)?;
        }
    }
    Ok(function.returns)
}

/// The second argument of `info`: labels in braces, without a metric before them.
fn info_selector(arg: &Node, span: Span, context: &str) -> Result<(), Fault> {
    match &arg.kind {
        Kind::Selector(found) if found.name.is_some() => Err(Fault::new(
            arg.span,
            "expected label selectors only, got vector selector instead",
        )),
        Kind::Selector(found) => selector(found, arg.span, true),
        _ => {
            let found = type_of(arg);
            let (place, message) = if found == Type::Vector {
                (arg.span, "expected label selectors only".to_owned())
            } else {
                let wanted = Type::Vector;
                (
                    span,
                    format!("expected type {wanted} in {context}, got {found}"),
                )
            };
            Err(Fault::new(place, message))
        }
    }
}

/// The type of a checked node.
pub(super) fn type_of(node: &Node) -> Type {
    let mut node = node;
    loop {
        node = match &node.kind {
            Kind::Number(_) => return Type::Scalar,
            Kind::Text(_) => return Type::Text,
            Kind::Selector(_) | Kind::Aggregate(_) => return Type::Vector,
            Kind::Range(..) | Kind::Subquery(_) => return Type::Range,
            Kind::Call(call) => return call.function.returns,
            Kind::Unary(_, inner) | Kind::Paren(inner) => inner,
            Kind::Binary(binary) => {
                if type_of(&binary.rhs) == Type::Vector {
                    return Type::Vector;
                }
                &binary.lhs
            }
        };
    }
}

fn aggregate_type(aggregate: &mut Aggregate, text: &str) -> Result<Type, Fault> {
    expect(
        &mut aggregate.expr,
        Type::Vector,
        "aggregation expression",
        text,
    )?;
    if let (Some(param), Some(wanted)) = (&mut aggregate.param, aggregate.op.param_type()) {
        expect(param, wanted, "aggregation parameter", text)?;
    }
    Ok(Type::Vector)
}

fn binary_type(binary: &mut Binary, span: Span, text: &str) -> Result<Type, Fault> {
    let lhs = check(&mut binary.lhs, text)?;
    let rhs = check(&mut binary.rhs, text)?;
    let scalars = lhs == Type::Scalar && rhs == Type::Scalar;
    modifiers(binary, scalars, text)?;
    for (side, found) in [(&binary.lhs, lhs), (&binary.rhs, rhs)] {
        if !matches!(found, Type::Scalar | Type::Vector) {
            return Err(Fault::new(
                side.span,
                "binary expression must contain only scalar and instant vector types",
            ));
        }
    }
    let fault = |message: String| Err(Fault::new(span, message));
    let name = binary.op.name();
    if lhs == Type::Vector && rhs == Type::Vector {
        if binary.op.is_set() && binary.matching.card != super::ast::Card::OneToOne {
            return fault(format!("no grouping allowed for {name:?} operation"));
        }
        if binary.op.is_set() && !binary.matching.fill.is_none() {
            return fault("filling in missing series not allowed for set operators".to_owned());
        }
        return Ok(Type::Vector);
    }
    if !binary.matching.labels.is_empty() {
        return fault("vector matching only allowed between instant vectors".to_owned());
    }
    if !binary.matching.fill.is_none() {
        return fault("filling in missing series only allowed between instant vectors".to_owned());
    }
    binary.matching = Matching::default();
    if binary.op.is_set() {
        return fault(format!(
            "set operator {name:?} not allowed in binary scalar expression"
        ));
    }
    Ok(if scalars { Type::Scalar } else { Type::Vector })
}

/// What stands beside an operator has to fit it.
fn modifiers(binary: &Binary, scalars: bool, text: &str) -> Result<(), Fault> {
    let fault = |message: String| {
        let rest = text.get(binary.lhs.span.end..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let start = binary.lhs.span.end + blank;
        let end = binary.rhs.span.start;
        Err(Fault::new(Span { start, end }, message))
    };
    let op = binary.op;
    if binary.bool_modifier && !op.is_comparison() {
        return fault("bool modifier can only be used on comparison operators".to_owned());
    }
    if scalars && op.is_comparison() && !binary.bool_modifier {
        return fault("comparisons between scalars must use BOOL modifier".to_owned());
    }
    let matching = &binary.matching;
    let twice = |label: &&String| matching.on && matching.include.contains(label);
    match matching.labels.iter().find(twice) {
        Some(label) => fault(format!(
            "label {} must not occur in ON and GROUP clause at once",
            quote::text(label)
        )),
        None => Ok(()),
    }
}
