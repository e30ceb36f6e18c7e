//! Binary operators and what may stand between one and its right side.

use super::Fault;
use super::ast::{BinaryOp, Card, Matching};
use super::lex::TokenKind;
use super::stream::Stream;

/// The operator that is next, not taken yet.
pub(super) fn next_operator(stream: &Stream<'_>) -> Result<Option<BinaryOp>, Fault> {
    let text = match stream.peek() {
        TokenKind::Sign(sign @ ("</" | ">/")) => {
            return Err(Fault::not_yet(
                stream.span(),
                &format!("the histogram operator `{sign}`"),
            ));
        }
        TokenKind::Sign(sign) => *sign,
        TokenKind::Identifier => stream.word(),
        _ => return Ok(None),
    };
    Ok(BinaryOp::ALL
        .into_iter()
        .find(|op| op.name().eq_ignore_ascii_case(text)))
}

/// `bool`, `on (...)` or `ignoring (...)`, `group_left (...)` or `group_right (...)`.
pub(super) fn modifiers(stream: &mut Stream<'_>, op: BinaryOp) -> Result<(bool, Matching), Fault> {
    let bool_place = stream.span();
    let bool_modifier = stream.take_word("bool");
    if bool_modifier && !op.is_comparison() {
        return Err(Fault::new(
            bool_place,
            "bool modifier can only be used on comparison operators",
        ));
    }
    let mut matching = Matching::default();
    let mut given = false;
    for (word, on) in [("on", true), ("ignoring", false)] {
        if !given && stream.take_word(word) {
            given = true;
            matching.on = on;
            matching.labels = labels(stream)?;
        }
    }
    for (word, card) in [
        ("group_left", Card::ManyToOne),
        ("group_right", Card::OneToMany),
    ] {
        if !stream.is_word(word) {
            continue;
        }
        if !given {
            return Err(stream.unexpected("", "\"on\" or \"ignoring\" before it"));
        }
        group(stream, op, card, &mut matching)?;
        break;
    }
    let fill = ["fill", "fill_left", "fill_right"]
        .iter()
        .any(|word| stream.is_word(word));
    if fill && *stream.peek_at(1) == TokenKind::Sign("(") {
        return Err(Fault::not_yet(stream.span(), "the `fill` modifier"));
    }
    Ok((bool_modifier, matching))
}

fn group(
    stream: &mut Stream<'_>,
    op: BinaryOp,
    card: Card,
    matching: &mut Matching,
) -> Result<(), Fault> {
    let span = stream.span();
    stream.advance();
    if op.is_set() {
        return Err(Fault::new(
            span,
            format!("no grouping allowed for {:?} operation", op.name()),
        ));
    }
    matching.card = card;
    if stream.is_sign("(") {
        matching.include = labels(stream)?;
    }
    let both = matching.on.then(|| {
        let twice = |label: &&String| matching.labels.contains(label);
        matching.include.iter().find(twice)
    });
    match both.flatten() {
        Some(label) => Err(Fault::new(
            span,
            format!("label {label:?} must not occur in ON and GROUP clause at once"),
        )),
        None => Ok(()),
    }
}

/// `(label, ...)`, a comma after the last allowed.
pub(super) fn labels(stream: &mut Stream<'_>) -> Result<Vec<String>, Fault> {
    stream.expect_sign("(", "grouping opts")?;
    let mut labels = Vec::new();
    while !stream.take_sign(")") {
        let label = match stream.peek() {
            TokenKind::Identifier if !stream.word().contains(':') => stream.word().to_owned(),
            TokenKind::Text(text) if !text.is_empty() => text.clone(),
            _ => return Err(stream.unexpected("grouping opts", "label")),
        };
        stream.advance();
        labels.push(label);
        if !stream.is_sign(")") && !stream.take_sign(",") {
            return Err(stream.unexpected("grouping opts", "\",\" or \")\""));
        }
    }
    Ok(labels)
}
