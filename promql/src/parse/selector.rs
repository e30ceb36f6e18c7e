//! Series selectors and what follows an expression: ranges, `offset`, `@`, `anchored`, `smoothed`.

use watchpost_model::{METRIC_NAME, MatchOp, Matcher};

use super::ast::{At, Extension, Kind, Lengths, Node, Selector, Span, Subquery, When};
use super::lex::TokenKind;
use super::stream::Stream;
use super::{Fault, length, literal};

/// A time in ms may be at most this far from the epoch, so that sums of a few stay in `i64`.
const MAX_TIME_MS: f64 = (1_i64 << 60) as f64;
/// What may stand for a duration.
const DURATION: &str = "number, duration, step(), or range()";

/// A selector; the stream stands at its name or its brace.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn selector(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    let mut name = None;
    let mut matchers = Vec::new();
    if !stream.is_sign("{") {
        name = Some(stream.word().to_owned());
        stream.advance();
    }
    if stream.take_sign("{") {
        braces(stream, &mut matchers)?;
    }
    if let Some(name) = &name {
        matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
    }
    let selector = Selector {
        name,
        matchers,
        when: When::default(),
        extension: None,
        lengths: Lengths::default(),
    };
    let span = first.to(stream.last_span());
    Ok(Node::new(Kind::Selector(selector), span))
}

/// What stands in braces; the opening one is taken.
fn braces(stream: &mut Stream<'_>, matchers: &mut Vec<Matcher>) -> Result<(), Fault> {
    while !stream.take_sign("}") {
        let (span, word) = (stream.span(), stream.word());
        let (label, quoted) = match stream.peek() {
            TokenKind::Word(_) => (word.to_owned(), false),
            TokenKind::Text => {
                let text = literal::text(word).map_err(|message| Fault::new(span, message))?;
                (text, true)
            }
            _ => return Err(stream.unexpected("label matching", "identifier or \"}\"")),
        };
        stream.advance();
        stream.count_matcher()?;
        matchers.push(match match_operator(stream) {
            Some(op) => matcher(stream, op, &label, span)?,
            None if quoted => Matcher::equal(METRIC_NAME, label),
            None => return Err(stream.unexpected("label matching", "label matching operator")),
        });
        if !stream.is_sign("}") && !stream.take_sign(",") {
            return Err(stream.unexpected("label matching", "\",\" or \"}\""));
        }
    }
    Ok(())
}

/// The operator of a matcher, not taken yet.
fn match_operator(stream: &Stream<'_>) -> Option<MatchOp> {
    match stream.peek() {
        TokenKind::Sign("=") => Some(MatchOp::Equal),
        TokenKind::Sign("!=") => Some(MatchOp::NotEqual),
        TokenKind::Sign("=~") => Some(MatchOp::Regex),
        TokenKind::Sign("!~") => Some(MatchOp::NotRegex),
        _ => None,
    }
}

/// A matcher of a label that stood at `first`; the stream stands at the operator.
fn matcher(
    stream: &mut Stream<'_>,
    op: MatchOp,
    label: &str,
    first: Span,
) -> Result<Matcher, Fault> {
    stream.advance();
    if *stream.peek() != TokenKind::Text {
        return Err(stream.unexpected("label matching", "string"));
    }
    let span = stream.span();
    let value = literal::text(stream.word()).map_err(|message| Fault::new(span, message))?;
    stream.advance();
    Matcher::new(op, label, value).map_err(|error| Fault::new(first.to(span), error.to_string()))
}

/// `[range]` or `[range:step]` after an expression; the stream stands at the bracket.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn brackets(stream: &mut Stream<'_>, inner: Node) -> Result<Node, Fault> {
    let bracket = stream.span();
    stream.advance();
    let around = stream.enter("subquery or range selector", DURATION);
    let range = length::positive(stream)?;
    let node = if stream.take_sign(":") {
        subquery(stream, inner, range)?
    } else if stream.take_sign("]") {
        range_selector(inner, range, bracket.to(stream.last_span()))?
    } else {
        return Err(stream.unexpected("subquery or range", "\":\" or \"]\""));
    };
    stream.leave(around);
    Ok(node)
}

/// What stands behind the colon.
fn subquery(stream: &mut Stream<'_>, inner: Node, range: length::Duration) -> Result<Node, Fault> {
    let (range_ms, range) = range.into_parts();
    let mut step = (None, None);
    if !stream.is_sign("]") {
        stream.enter(
            "subquery selector",
            "number, duration, step(), range(), or \"]\"",
        );
        let (step_ms, length) = length::positive(stream)?.into_parts();
        step = (Some(step_ms), length);
    }
    if !stream.take_sign("]") {
        return Err(stream.unexpected("subquery selector", "\"]\""));
    }
    let span = inner.span.to(stream.last_span());
    let subquery = Subquery {
        expr: Box::new(inner),
        range_ms,
        step_ms: step.0,
        when: When::default(),
        lengths: Lengths {
            range,
            step: step.1,
            offset: None,
        },
    };
    Ok(Node::new(Kind::Subquery(subquery), span))
}

fn range_selector(inner: Node, range: length::Duration, brackets: Span) -> Result<Node, Fault> {
    let span = inner.span.to(brackets);
    let fault = |message: &str| Err(Fault::new(brackets, message));
    let Kind::Selector(mut selector) = inner.kind else {
        return fault("ranges only allowed for vector selectors");
    };
    if selector.when.offset_ms != 0 {
        return fault("no offset modifiers allowed before range");
    }
    // As in Prometheus, `x @ start() [5m]` passes.
    if let Some(At::Time(_)) = selector.when.at {
        return fault("no @ modifiers allowed before range");
    }
    let (range_ms, range) = range.into_parts();
    selector.lengths.range = range;
    Ok(Node::new(Kind::Range(selector, range_ms), span))
}

/// `anchored` or `smoothed` after an expression; the stream stands at the word.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn extension(stream: &mut Stream<'_>, mut node: Node) -> Result<Node, Fault> {
    let (word, extension) = if stream.is_keyword("anchored") {
        ("anchored", Extension::Anchored)
    } else {
        ("smoothed", Extension::Smoothed)
    };
    stream.advance();
    let span = node.span;
    let fault = |message: String| Err(Fault::new(span, message));
    if !stream.features.extended_range_selectors {
        return fault(format!("{word} modifier is experimental and not enabled"));
    }
    match &mut node.kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => {
            if selector.extension.is_some_and(|had| had != extension) {
                return fault("anchored and smoothed modifiers cannot be used together".to_owned());
            }
            selector.extension = Some(extension);
            Ok(node)
        }
        Kind::Subquery(_) => fault(format!("{word} modifier is not supported for subqueries")),
        _ => fault(format!("{word} modifier not implemented")),
    }
}

/// `offset` and `@` after an expression; the stream stands at the word or sign.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn modifier(stream: &mut Stream<'_>, mut node: Node) -> Result<Node, Fault> {
    let is_offset = stream.is_keyword("offset");
    stream.advance();
    let what = if is_offset { "offset" } else { "@" };
    let around = stream.enter(what, if is_offset { DURATION } else { "timestamp" });
    let span = node.span;
    let fault = |message: String| Err(Fault::new(span, message));
    let time = if is_offset { None } else { Some(at(stream)?) };
    let offset = if is_offset {
        Some(length::offset(stream)?)
    } else {
        None
    };
    stream.leave(around);
    let (Kind::Selector(Selector { when, lengths, .. })
    | Kind::Range(Selector { when, lengths, .. }, _)
    | Kind::Subquery(Subquery { when, lengths, .. })) = &mut node.kind
    else {
        return fault(format!(
            "{what} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ));
    };
    if let Some(offset) = offset {
        if when.offset_ms != 0 || lengths.offset.is_some() {
            return fault("offset may not be set multiple times".to_owned());
        }
        (when.offset_ms, lengths.offset) = offset.into_parts();
    }
    if let Some(time) = time {
        let time = match time {
            Instant::At(at) => at,
            Instant::Seconds(seconds) => match millis(seconds) {
                Some(millis) => At::Time(millis),
                None => return fault(out_of_bounds(seconds)),
            },
        };
        if when.at.is_some() {
            return fault("@ <timestamp> may not be set multiple times".to_owned());
        }
        when.at = Some(time);
    }
    node.span = node.span.to(stream.last_span());
    Ok(node)
}

/// What stands behind `@`.
enum Instant {
    At(At),
    Seconds(f64),
}

fn at(stream: &mut Stream<'_>) -> Result<Instant, Fault> {
    for (word, at) in [("start", At::Start), ("end", At::End)] {
        if stream.is_word(word) {
            stream.advance();
            stream.expect_sign("(")?;
            stream.expect_sign(")")?;
            return Ok(Instant::At(at));
        }
    }
    let minus = stream.is_sign("-");
    if minus || stream.is_sign("+") {
        stream.advance();
    }
    let number = length::number(stream)?.ok_or_else(|| stream.unexpected_here())?;
    Ok(Instant::Seconds(if minus {
        -number.value
    } else {
        number.value
    }))
}

fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1_000.0).round();
    (millis.abs() < MAX_TIME_MS).then(|| crate::number::to_i64(millis))
}

fn out_of_bounds(seconds: f64) -> String {
    let text = if seconds.is_infinite() {
        let sign = if seconds > 0.0 { '+' } else { '-' };
        format!("{sign}Inf")
    } else if seconds.is_nan() {
        "NaN".to_owned()
    } else {
        format!("{seconds:.6}")
    };
    format!("timestamp out of bounds for @ modifier: {text}")
}
