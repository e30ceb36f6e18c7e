//! Expressions: a Pratt parser over the tokens.

use super::Fault;
use super::ast::{Aggregate, AggregateOp, Binary, Call, Kind, Node, Number, Span};
use super::lex::TokenKind;
use super::operators::{labels, modifiers, next_operator};
use super::selector::{brackets, extension, modifier, selector};
use super::stream::Stream;
use super::words::Word;
use super::{length, literal, quote};
use crate::functions;

/// The binding power of a sign before an expression: that of `*`, so `-2^2` is `-(2^2)`.
const UNARY_POWER: u8 = 10;

/// The whole text as one expression.
pub(super) fn whole(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    if *stream.peek() == TokenKind::End {
        return Err(Fault::new(Span::default(), "no expression found in input"));
    }
    let node = expression(stream, 0)?;
    if *stream.peek() == TokenKind::End {
        return Ok(node);
    }
    Err(stream.unexpected_here())
}

/// The whole text as a selector without modifiers.
pub(super) fn selector_alone(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    if !stream.is_metric_name() && !stream.is_sign("{") {
        return Err(stream.unexpected_here());
    }
    let node = selector(stream)?;
    if *stream.peek() == TokenKind::End {
        return Ok(node);
    }
    Err(stream.unexpected_here())
}

/// An expression whose operators all bind more tightly than `power`.
fn expression(stream: &mut Stream<'_>, power: u8) -> Result<Node, Fault> {
    stream.descend()?;
    let mut node = operand(stream)?;
    while let Some(op) = next_operator(stream) {
        let (left, right) = op.power();
        if left < power {
            break;
        }
        stream.advance();
        let (bool_modifier, matching) = modifiers(stream)?;
        let rhs = expression(stream, right)?;
        let span = node.span.to(rhs.span);
        let binary = Binary {
            op,
            bool_modifier,
            matching,
            lhs: Box::new(node),
            rhs: Box::new(rhs),
        };
        node = bounded(stream, Kind::Binary(binary), span)?;
    }
    stream.ascend();
    Ok(node)
}

/// A node, or an error where the tree gets too high.
#[inline(never)] // The frames of the recursion around it stay small.
fn bounded(stream: &Stream<'_>, kind: Kind, span: Span) -> Result<Node, Fault> {
    low_enough(stream, Node::new(kind, span))
}

fn low_enough(stream: &Stream<'_>, node: Node) -> Result<Node, Fault> {
    if node.height > stream.max_height {
        return Err(Fault::too_deep(node.span));
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
            _ => bounded(stream, Kind::Unary(minus, Box::new(inner)), span),
        };
    }
    let mut node = primary(stream)?;
    loop {
        if stream.is_sign("[") {
            let below = brackets(stream, node)?;
            node = low_enough(stream, below)?;
        } else if stream.is_sign("@") || stream.is_keyword("offset") {
            node = modifier(stream, node)?;
        } else if stream.is_keyword("anchored") || stream.is_keyword("smoothed") {
            node = extension(stream, node)?;
        } else {
            return Ok(node);
        }
    }
}

fn primary(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let span = stream.span();
    match stream.peek() {
        TokenKind::Number | TokenKind::Duration => match length::number(stream)? {
            Some(number) => Ok(Node::new(Kind::Number(number), span)),
            None => Err(stream.unexpected_here()),
        },
        TokenKind::Text => {
            let text = literal::text(stream.word()).map_err(|message| Fault::new(span, message))?;
            stream.advance();
            Ok(Node::new(Kind::Text(text), span))
        }
        TokenKind::Sign("(") => parentheses(stream),
        TokenKind::Sign("{") => selector(stream),
        TokenKind::Word(word) => {
            let word = *word;
            named(stream, word)
        }
        _ => Err(stream.unexpected_here()),
    }
}

fn parentheses(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    stream.advance();
    let inner = expression(stream, 0)?;
    stream.expect_sign(")")?;
    let span = first.to(stream.last_span());
    bounded(stream, Kind::Paren(Box::new(inner)), span)
}

/// What begins with a word: an aggregation, a call, or a selector.
fn named(stream: &mut Stream<'_>, word: Word) -> Result<Node, Fault> {
    let opens = *stream.peek_at(1) == TokenKind::Sign("(");
    let grouped = || {
        ["by", "without"]
            .iter()
            .any(|word| stream.is_word_at(1, word))
    };
    if word == Word::Aggregator
        && (opens || grouped())
        && let Some(op) = AggregateOp::from_name(stream.word())
    {
        let span = stream.span();
        stream.advance();
        let around = stream.enter("aggregation", "");
        let (modifier, args) = aggregation(stream)?;
        stream.leave(around);
        return aggregate(stream, op, modifier, args, span);
    }
    if opens && matches!(word, Word::Plain | Word::Preprocessor) {
        return call(stream);
    }
    if !stream.is_metric_name() {
        return Err(stream.unexpected_here());
    }
    selector(stream)
}

fn call(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    let name = stream.word();
    stream.advance();
    let args = arguments(stream)?;
    let function = functions::find(name).ok_or_else(|| {
        let name = quote::text(name);
        Fault::new(first, format!("unknown function with name {name}"))
    })?;
    if function.experimental && !stream.features.experimental_functions {
        let name = quote::text(name);
        return Err(Fault::new(first, format!("function {name} is not enabled")));
    }
    let span = first.to(stream.last_span());
    bounded(stream, Kind::Call(Call { function, args }), span)
}

/// `(expression, ...)`.
fn arguments(stream: &mut Stream<'_>) -> Result<Vec<Node>, Fault> {
    stream.expect_sign("(")?;
    let mut args = Vec::new();
    if stream.take_sign(")") {
        return Ok(args);
    }
    loop {
        args.push(expression(stream, 0)?);
        if stream.take_sign(")") {
            return Ok(args);
        }
        stream.expect_sign(",")?;
        if !stream.begins_expression() {
            return Err(stream.behind(Fault::new(
                stream.last_span(),
                "trailing commas not allowed in function call args",
            )));
        }
    }
}

/// `by` or `without` with its labels.
type Modifier = (bool, Vec<String>);

/// The modifier and the arguments, in any order.
fn aggregation(stream: &mut Stream<'_>) -> Result<(Modifier, Vec<Node>), Fault> {
    let before = grouping(stream)?;
    let args = arguments(stream)?;
    let after = match before {
        Some(_) => None,
        None => grouping(stream)?,
    };
    Ok((before.or(after).unwrap_or_default(), args))
}

#[inline(never)] // The frames of the recursion around it stay small.
fn aggregate(
    stream: &Stream<'_>,
    op: AggregateOp,
    (without, grouping): Modifier,
    mut args: Vec<Node>,
    first: Span,
) -> Result<Node, Fault> {
    let span = first.to(stream.last_span());
    let fault = |message: String| stream.behind(Fault::new(span, message));
    let none = || fault("no arguments for aggregate expression provided".to_owned());
    if args.is_empty() {
        return Err(none());
    }
    if op.experimental() && !stream.features.experimental_functions {
        let name = op.name();
        return Err(fault(format!(
            "{name}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
        )));
    }
    let wanted = usize::from(op.param_type().is_some()) + 1;
    if args.len() != wanted {
        let found = args.len();
        return Err(fault(format!(
            "wrong number of arguments for aggregate expression provided, expected {wanted}, got {found}"
        )));
    }
    let expr = args.pop().map(Box::new).ok_or_else(none)?;
    let aggregate = Aggregate {
        op,
        without,
        grouping,
        param: args.pop().map(Box::new),
        expr,
    };
    bounded(stream, Kind::Aggregate(aggregate), span)
}

#[inline(never)] // The frames of the recursion around it stay small.
fn grouping(stream: &mut Stream<'_>) -> Result<Option<Modifier>, Fault> {
    for (word, without) in [("by", false), ("without", true)] {
        if stream.take_keyword(word) {
            return Ok(Some((without, labels(stream)?)));
        }
    }
    Ok(None)
}
