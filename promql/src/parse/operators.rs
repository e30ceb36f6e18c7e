//! Binary operators and what may stand between one and its right side.

use super::Fault;
use super::ast::{BinaryOp, Card, Fill, Matching, Span};
use super::lex::TokenKind;
use super::stream::Stream;
use super::words::Word;
use super::{length, literal, quote};

/// The operator that is next, not taken yet.
pub(super) fn next_operator(stream: &Stream<'_>) -> Option<BinaryOp> {
    let text = match stream.peek() {
        TokenKind::Sign(sign) => *sign,
        TokenKind::Word(Word::Operator) => stream.word(),
        _ => return None,
    };
    BinaryOp::ALL
        .into_iter()
        .find(|op| op.name().eq_ignore_ascii_case(text))
}

/// `bool`, `on (...)` or `ignoring (...)`, `group_left (...)` or `group_right (...)`, `fill (...)`.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn modifiers(stream: &mut Stream<'_>) -> Result<(bool, Matching), Fault> {
    let start = stream.span();
    let bool_modifier = stream.take_keyword("bool");
    let mut matching = Matching::default();
    let mut given = false;
    for (word, on) in [("on", true), ("ignoring", false)] {
        if !given && stream.take_keyword(word) {
            given = true;
            matching.on = on;
            matching.labels = labels(stream)?;
        }
    }
    for (word, card) in [
        ("group_left", Card::ManyToOne),
        ("group_right", Card::OneToMany),
    ] {
        if given && stream.take_keyword(word) {
            matching.card = card;
            if stream.is_sign("(") || !(stream.begins_expression() || is_fill(stream)) {
                matching.include = labels(stream)?;
            }
            break;
        }
    }
    matching.fill = fill(stream, start)?;
    Ok((bool_modifier, matching))
}

fn is_fill(stream: &Stream<'_>) -> bool {
    ["fill", "fill_left", "fill_right"]
        .iter()
        .any(|word| stream.is_keyword(word))
}

/// `fill (value)`, or `fill_left (value)` and `fill_right (value)` in any order.
fn fill(stream: &mut Stream<'_>, start: Span) -> Result<Fill, Fault> {
    let mut fill = Fill::default();
    if stream.take_keyword("fill") {
        let value = Some(fill_value(stream)?);
        fill = Fill {
            left: value,
            right: value,
            both: true,
        };
    } else {
        while fill.left.is_none() || fill.right.is_none() {
            if fill.left.is_none() && stream.take_keyword("fill_left") {
                fill.left = Some(fill_value(stream)?);
            } else if fill.right.is_none() && stream.take_keyword("fill_right") {
                fill.right = Some(fill_value(stream)?);
            } else {
                break;
            }
        }
    }
    if !fill.is_none() && !stream.features.fill_modifiers {
        return Err(Fault::new(
            start,
            "binop fill modifiers are experimental and not enabled",
        ));
    }
    Ok(fill)
}

fn fill_value(stream: &mut Stream<'_>) -> Result<f64, Fault> {
    stream.expect_sign("(")?;
    let minus = stream.is_sign("-");
    if minus || stream.is_sign("+") {
        stream.advance();
    }
    let number = length::number(stream)?.ok_or_else(|| stream.unexpected_here())?;
    stream.expect_sign(")")?;
    Ok(if minus { -number.value } else { number.value })
}

/// `(label, ...)`, a comma after the last allowed.
pub(super) fn labels(stream: &mut Stream<'_>) -> Result<Vec<String>, Fault> {
    if !stream.take_sign("(") {
        return Err(stream.unexpected("grouping opts", "\"(\""));
    }
    let mut labels = Vec::new();
    while !stream.take_sign(")") {
        let label = label(stream)?;
        labels.push(label);
        if !stream.is_sign(")") && !stream.take_sign(",") {
            return Err(stream.unexpected("grouping opts", "\",\" or \")\""));
        }
    }
    Ok(labels)
}

fn label(stream: &mut Stream<'_>) -> Result<String, Fault> {
    let span = stream.span();
    let label = match stream.peek() {
        TokenKind::Word(_) if !stream.is_keyword("without") => stream.word().to_owned(),
        TokenKind::Text => {
            literal::text(stream.word()).map_err(|message| Fault::new(span, message))?
        }
        _ => return Err(stream.unexpected("grouping opts", "label")),
    };
    if label.is_empty() {
        let label = quote::text(&label);
        return Err(Fault::new(
            span,
            format!("invalid label name for grouping: {label}"),
        ));
    }
    stream.advance();
    Ok(label)
}
