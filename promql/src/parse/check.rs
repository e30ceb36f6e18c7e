//! The types of an expression.

use super::Fault;
use super::ast::{Aggregate, Binary, Call, Card, Kind, Node, Type};

/// Checks a tree; its type.
pub(super) fn check(node: &Node) -> Result<Type, Fault> {
    match &node.kind {
        Kind::Number(_) => Ok(Type::Scalar),
        Kind::Text(_) => Ok(Type::Text),
        Kind::Selector(_) => Ok(Type::Vector),
        Kind::Range(..) => Ok(Type::Range),
        Kind::Paren(inner) => check(inner),
        Kind::Unary(_, inner) => unary(node, inner),
        Kind::Subquery(subquery) => {
            let found = check(&subquery.expr)?;
            if found == Type::Vector {
                return Ok(Type::Range);
            }
            Err(Fault::new(
                node.span,
                format!("subquery is only allowed on instant vector, got {found} instead"),
            ))
        }
        Kind::Call(call) => call_type(node, call),
        Kind::Aggregate(aggregate) => aggregate_type(aggregate),
        Kind::Binary(binary) => binary_type(node, binary),
    }
}

fn expect(node: &Node, wanted: Type, context: &str) -> Result<(), Fault> {
    let found = check(node)?;
    if found == wanted {
        return Ok(());
    }
    Err(Fault::new(
        node.span,
        format!("expected type {wanted} in {context}, got {found}"),
    ))
}

fn unary(node: &Node, inner: &Node) -> Result<Type, Fault> {
    let found = check(inner)?;
    if matches!(found, Type::Scalar | Type::Vector) {
        return Ok(found);
    }
    Err(Fault::new(
        node.span,
        format!(
            "unary expression only allowed on expressions of type scalar or instant vector, got \"{found}\""
        ),
    ))
}

fn call_type(node: &Node, call: &Call) -> Result<Type, Fault> {
    let function = call.function;
    let (name, found) = (function.name, call.args.len());
    let (least, most) = function.arity();
    let wrong = |count: &str, wanted: usize| {
        Fault::new(
            node.span,
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
    let last = function.args.last().copied();
    let wanted = function
        .args
        .iter()
        .copied()
        .chain(last.into_iter().cycle());
    for (arg, wanted) in call.args.iter().zip(wanted) {
        expect(arg, wanted, &format!("call to function {name:?}"))?;
    }
    Ok(function.returns)
}

fn aggregate_type(aggregate: &Aggregate) -> Result<Type, Fault> {
    expect(&aggregate.expr, Type::Vector, "aggregation expression")?;
    if let (Some(param), Some(wanted)) = (&aggregate.param, aggregate.op.param_type()) {
        expect(param, wanted, "aggregation parameter")?;
    }
    Ok(Type::Vector)
}

fn binary_type(node: &Node, binary: &Binary) -> Result<Type, Fault> {
    let (lhs, rhs) = (check(&binary.lhs)?, check(&binary.rhs)?);
    let op = binary.op;
    for (side, found) in [(&binary.lhs, lhs), (&binary.rhs, rhs)] {
        if !matches!(found, Type::Scalar | Type::Vector) {
            return Err(Fault::new(
                side.span,
                "binary expression must contain only scalar and instant vector types",
            ));
        }
    }
    let both_scalar = lhs == Type::Scalar && rhs == Type::Scalar;
    if both_scalar && op.is_comparison() && !binary.bool_modifier {
        return Err(Fault::new(
            node.span,
            "comparisons between scalars must use BOOL modifier",
        ));
    }
    if lhs == Type::Vector && rhs == Type::Vector {
        return Ok(Type::Vector);
    }
    let matching = &binary.matching;
    if matching.on || !matching.labels.is_empty() || matching.card != Card::OneToOne {
        return Err(Fault::new(
            node.span,
            "vector matching only allowed between instant vectors",
        ));
    }
    if op.is_set() {
        return Err(Fault::new(
            node.span,
            format!(
                "set operator {:?} not allowed in binary scalar expression",
                op.name()
            ),
        ));
    }
    Ok(if both_scalar {
        Type::Scalar
    } else {
        Type::Vector
    })
}
