//! Expressions: a Pratt parser over the tokens.

use super::Fault;
use super::MAX_HEIGHT;
use super::ast::{Aggregate, AggregateOp, Binary, Call, Kind, Node, Number, Span};
use super::lex::TokenKind;
use super::operators::{labels, modifiers, next_operator};
use super::selector::{brackets, modifier, selector};
use super::stream::{Stream, too_deep};
use crate::functions;

/// The binding power of a sign before an expression: that of `*`, so `-2^2` is `-(2^2)`.
const UNARY_POWER: u8 = 10;

/// The whole text as one expression.
pub(super) fn whole(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    if *stream.peek() == TokenKind::End {
        return Err(Fault::new(stream.span(), "no expression found in input"));
    }
    let node = expression(stream, 0)?;
    if *stream.peek() == TokenKind::End {
        return Ok(node);
    }
    Err(stream.unexpected("", ""))
}

/// An expression whose operators all bind more tightly than `power`.
fn expression(stream: &mut Stream<'_>, power: u8) -> Result<Node, Fault> {
    stream.descend()?;
    let mut node = operand(stream)?;
    while let Some(op) = next_operator(stream)? {
        let (left, right) = op.power();
        if left < power {
            break;
        }
        stream.advance();
        let (bool_modifier, matching) = modifiers(stream, op)?;
        let rhs = expression(stream, right)?;
        let span = node.span.to(rhs.span);
        let binary = Binary {
            op,
            bool_modifier,
            matching,
            lhs: Box::new(node),
            rhs: Box::new(rhs),
        };
        node = bounded(Kind::Binary(binary), span)?;
    }
    stream.ascend();
    Ok(node)
}

/// A node, or an error where the tree gets too high.
fn bounded(kind: Kind, span: Span) -> Result<Node, Fault> {
    let node = Node::new(kind, span);
    if node.height > MAX_HEIGHT {
        return Err(too_deep(span));
    }
    Ok(node)
}

/// A signed or plain operand with what follows it.
fn operand(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    let minus = stream.is_sign("-");
    if minus || stream.is_sign("+") {
        stream.advance();
        let inner = expression(stream, UNARY_POWER)?;
        let span = first.to(inner.span);
        return match inner.kind {
            Kind::Number(number) if minus => {
                let value = if number.value.is_nan() {
                    number.value
                } else {
                    -number.value
                };
                Ok(Node::new(Kind::Number(Number { value, ..number }), span))
            }
            Kind::Number(number) => Ok(Node::new(Kind::Number(number), span)),
            _ => bounded(Kind::Unary(minus, Box::new(inner)), span),
        };
    }
    let mut node = primary(stream)?;
    loop {
        if stream.is_sign("[") {
            node = brackets(stream, node)?;
            if node.height > MAX_HEIGHT {
                return Err(too_deep(node.span));
            }
        } else if stream.is_sign("@") || stream.is_word("offset") {
            node = modifier(stream, node)?;
        } else {
            return Ok(node);
        }
    }
}

fn primary(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let span = stream.span();
    let kind = match stream.peek() {
        TokenKind::Number(value) => Kind::Number(Number {
            value: *value,
            duration: false,
        }),
        TokenKind::Duration(millis) => Kind::Number(Number {
            value: *millis as f64 / 1_000.0,
            duration: true,
        }),
        TokenKind::Text(text) => Kind::Text(text.clone()),
        TokenKind::Sign("(") => return parentheses(stream),
        TokenKind::Sign("{") => return selector(stream),
        TokenKind::Identifier => match number_word(stream.word()) {
            Some(value) => Kind::Number(Number {
                value,
                duration: false,
            }),
            None => return named(stream),
        },
        _ => return Err(stream.unexpected("", "")),
    };
    stream.advance();
    Ok(Node::new(kind, span))
}

fn number_word(word: &str) -> Option<f64> {
    if word.eq_ignore_ascii_case("inf") {
        Some(f64::INFINITY)
    } else if word.eq_ignore_ascii_case("nan") {
        Some(f64::NAN)
    } else {
        None
    }
}

fn parentheses(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    stream.advance();
    let inner = expression(stream, 0)?;
    if !stream.take_sign(")") {
        let fault = match stream.peek() {
            TokenKind::End => Fault::new(stream.span(), "unclosed left parenthesis"),
            _ => stream.unexpected("", "\")\""),
        };
        return Err(fault);
    }
    let span = first.to(stream.last_span());
    bounded(Kind::Paren(Box::new(inner)), span)
}

/// What begins with a word: an aggregation, a call, or a selector.
fn named(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let opens = *stream.peek_at(1) == TokenKind::Sign("(");
    let word = stream.word();
    let grouped = ["by", "without"]
        .iter()
        .any(|word| stream.is_word_at(1, word));
    if let Some(op) = AggregateOp::from_name(word).filter(|_| opens || grouped) {
        let span = stream.span();
        stream.advance();
        return aggregate(stream, op, span);
    }
    if opens {
        return call(stream);
    }
    if stream.is_reserved() {
        return Err(stream.unexpected("", ""));
    }
    selector(stream)
}

fn call(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    let name = stream.word();
    let function = functions::find(name).ok_or_else(|| {
        if functions::NOT_YET.contains(&name) {
            return Fault::not_yet(first, &format!("the function `{name}`"));
        }
        Fault::new(first, format!("unknown function with name {name:?}"))
    })?;
    if function.experimental && !stream.features.experimental_functions {
        return Err(Fault::new(
            first,
            format!("function {name:?} is not enabled"),
        ));
    }
    stream.advance();
    let args = arguments(stream)?;
    let span = first.to(stream.last_span());
    bounded(Kind::Call(Call { function, args }), span)
}

/// `(expression, ...)`.
fn arguments(stream: &mut Stream<'_>) -> Result<Vec<Node>, Fault> {
    stream.expect_sign("(", "function call")?;
    let mut args = Vec::new();
    if stream.take_sign(")") {
        return Ok(args);
    }
    loop {
        args.push(expression(stream, 0)?);
        if stream.take_sign(")") {
            return Ok(args);
        }
        if *stream.peek() == TokenKind::End {
            return Err(Fault::new(stream.span(), "unclosed left parenthesis"));
        }
        if !stream.take_sign(",") {
            return Err(stream.unexpected("function call", "\",\" or \")\""));
        }
        if stream.is_sign(")") {
            return Err(Fault::new(
                stream.last_span(),
                "trailing commas not allowed in function call args",
            ));
        }
    }
}

/// An aggregation; its operator is taken, `by` and `without` stand before or after the arguments.
fn aggregate(stream: &mut Stream<'_>, op: AggregateOp, first: Span) -> Result<Node, Fault> {
    if op.experimental() && !stream.features.experimental_functions {
        let name = op.name();
        return Err(Fault::new(
            first,
            format!(
                "{name}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            ),
        ));
    }
    let before = grouping(stream)?;
    let mut args = arguments(stream)?;
    let after = match before {
        Some(_) => None,
        None => grouping(stream)?,
    };
    let (without, grouping) = before.or(after).unwrap_or_default();
    let span = first.to(stream.last_span());
    let wanted = usize::from(op.param_type().is_some()) + 1;
    if args.is_empty() {
        return Err(Fault::new(
            span,
            "no arguments for aggregate expression provided",
        ));
    }
    if args.len() != wanted {
        let found = args.len();
        return Err(Fault::new(
            span,
            format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {found}"
            ),
        ));
    }
    let last = args.pop();
    let Some(expr) = last.map(Box::new) else {
        return Err(Fault::new(
            span,
            "no arguments for aggregate expression provided",
        ));
    };
    let aggregate = Aggregate {
        op,
        without,
        grouping,
        param: args.pop().map(Box::new),
        expr,
    };
    bounded(Kind::Aggregate(aggregate), span)
}

fn grouping(stream: &mut Stream<'_>) -> Result<Option<(bool, Vec<String>)>, Fault> {
    for (word, without) in [("by", false), ("without", true)] {
        if stream.take_word(word) {
            return Ok(Some((without, labels(stream)?)));
        }
    }
    Ok(None)
}
