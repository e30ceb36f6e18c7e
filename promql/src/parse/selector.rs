//! Series selectors and what follows an expression: ranges, `offset`, `@`.

use watchpost_model::{METRIC_NAME, MatchOp, Matcher};

use super::Fault;
use super::ast::{At, Kind, Node, Selector, Span, Subquery, When};
use super::lex::TokenKind;
use super::stream::Stream;

/// A time in ms may be at most this far from the epoch, so that sums of a few stay in `i64`.
const MAX_TIME_MS: f64 = (1_i64 << 60) as f64;

/// A selector; the stream stands at its name or its brace.
pub(super) fn selector(stream: &mut Stream<'_>) -> Result<Node, Fault> {
    let first = stream.span();
    let mut name = None;
    let mut matchers = Vec::new();
    if *stream.peek() == TokenKind::Identifier {
        name = Some(stream.word().to_owned());
        stream.advance();
    }
    if stream.take_sign("{") {
        braces(stream, &mut name, &mut matchers)?;
    }
    let span = first.to(stream.last_span());
    if let Some(name) = &name {
        let again = matchers.iter().find(|matcher: &&Matcher| {
            matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal
        });
        if let Some(again) = again {
            return Err(twice(span, name, again.value()));
        }
        matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
    }
    if matchers.iter().all(Matcher::matches_empty) {
        return Err(Fault::new(
            span,
            "vector selector must contain at least one non-empty matcher",
        ));
    }
    let selector = Selector {
        name,
        matchers,
        when: When::default(),
    };
    Ok(Node::new(Kind::Selector(selector), span))
}

fn twice(span: Span, first: &str, second: &str) -> Fault {
    Fault::new(
        span,
        format!("metric name must not be set twice: {first:?} or {second:?}"),
    )
}

/// What stands in braces; the opening one is taken.
fn braces(
    stream: &mut Stream<'_>,
    name: &mut Option<String>,
    matchers: &mut Vec<Matcher>,
) -> Result<(), Fault> {
    while !stream.take_sign("}") {
        let span = stream.span();
        let (label, quoted) = match stream.peek() {
            TokenKind::Identifier => (stream.word().to_owned(), false),
            TokenKind::Text(text) => (text.clone(), true),
            _ => return Err(stream.unexpected("label matching", "identifier or \"}\"")),
        };
        stream.advance();
        if quoted && (stream.is_sign(",") || stream.is_sign("}")) {
            if let Some(name) = name {
                return Err(twice(span, name, &label));
            }
            *name = Some(label);
        } else {
            matchers.push(matcher(stream, &label)?);
        }
        if !stream.is_sign("}") && !stream.take_sign(",") {
            return Err(stream.unexpected("label matching", "\",\" or \"}\""));
        }
    }
    Ok(())
}

fn matcher(stream: &mut Stream<'_>, label: &str) -> Result<Matcher, Fault> {
    stream.count_matcher()?;
    let op = match stream.peek() {
        TokenKind::Sign("=") => MatchOp::Equal,
        TokenKind::Sign("!=") => MatchOp::NotEqual,
        TokenKind::Sign("=~") => MatchOp::Regex,
        TokenKind::Sign("!~") => MatchOp::NotRegex,
        _ => return Err(stream.unexpected("label matching", "label matching operator")),
    };
    stream.advance();
    let TokenKind::Text(value) = stream.peek().clone() else {
        return Err(stream.unexpected("label matching", "string"));
    };
    let span = stream.span();
    stream.advance();
    Matcher::new(op, label, value).map_err(|error| Fault::new(span, error.to_string()))
}

/// `[range]` or `[range:step]` after an expression; the stream stands at the bracket.
pub(super) fn brackets(stream: &mut Stream<'_>, inner: Node) -> Result<Node, Fault> {
    let bracket = stream.span();
    stream.advance();
    let range_ms = duration(stream)?;
    let subquery = stream.take_sign(":");
    let mut step_ms = None;
    if subquery && !stream.is_sign("]") {
        step_ms = Some(duration(stream)?);
    }
    if !stream.take_sign("]") {
        let context = if subquery {
            "subquery selector"
        } else {
            "range selector"
        };
        return Err(
            duration_expression(stream).unwrap_or_else(|| stream.unexpected(context, "\"]\""))
        );
    }
    let span = inner.span.to(stream.last_span());
    modified_range(stream)?;
    if subquery {
        let subquery = Subquery {
            expr: Box::new(inner),
            range_ms,
            step_ms,
            when: When::default(),
        };
        return Ok(Node::new(Kind::Subquery(subquery), span));
    }
    let Kind::Selector(selector) = inner.kind else {
        return Err(Fault::new(
            bracket,
            "ranges only allowed for vector selectors",
        ));
    };
    if selector.when.offset_ms != 0 {
        return Err(Fault::new(
            bracket,
            "no offset modifiers allowed before range",
        ));
    }
    if selector.when.at.is_some() {
        return Err(Fault::new(bracket, "no @ modifiers allowed before range"));
    }
    Ok(Node::new(Kind::Range(selector, range_ms), span))
}

/// What may stand after a range in a later version.
fn modified_range(stream: &Stream<'_>) -> Result<(), Fault> {
    for word in ["anchored", "smoothed"] {
        if stream.is_word(word) {
            return Err(Fault::not_yet(
                stream.span(),
                &format!("the `{word}` modifier"),
            ));
        }
    }
    Ok(())
}

/// A duration longer than nothing.
fn duration(stream: &mut Stream<'_>) -> Result<i64, Fault> {
    let millis = match stream.peek() {
        TokenKind::Duration(millis) => *millis,
        TokenKind::Number(seconds) => millis(*seconds, stream.span())?,
        _ => {
            return Err(duration_expression(stream)
                .unwrap_or_else(|| stream.unexpected("duration", "number or duration")));
        }
    };
    if millis <= 0 {
        return Err(Fault::new(stream.span(), "duration must be greater than 0"));
    }
    stream.advance();
    Ok(millis)
}

/// Whether an expression stands where a plain duration is expected.
fn duration_expression(stream: &Stream<'_>) -> Option<Fault> {
    let sign = ["+", "-", "*", "/", "%", "^", "("]
        .iter()
        .any(|sign| stream.is_sign(sign));
    let word = ["step", "range", "min_of", "max_of"]
        .iter()
        .any(|word| stream.is_word(word));
    (sign || word).then(|| Fault::not_yet(stream.span(), "a duration expression"))
}

fn millis(seconds: f64, span: Span) -> Result<i64, Fault> {
    let millis = (seconds * 1_000.0).round();
    if millis.abs() >= MAX_TIME_MS || millis.is_nan() {
        return Err(Fault::new(
            span,
            format!("timestamp or duration out of bounds: {seconds}"),
        ));
    }
    Ok(crate::number::to_i64(millis))
}

/// `offset` and `@` after an expression; the stream stands at the word or sign.
pub(super) fn modifier(stream: &mut Stream<'_>, mut node: Node) -> Result<Node, Fault> {
    let span = stream.span();
    let is_offset = stream.is_word("offset");
    stream.advance();
    let what = if is_offset { "offset" } else { "@" };
    let (Kind::Selector(Selector { when, .. })
    | Kind::Range(Selector { when, .. }, _)
    | Kind::Subquery(Subquery { when, .. })) = &mut node.kind
    else {
        return Err(Fault::new(
            span,
            format!(
                "{what} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
            ),
        ));
    };
    if is_offset {
        if when.offset_ms != 0 {
            return Err(Fault::new(span, "offset may not be set multiple times"));
        }
        when.offset_ms = signed(stream, "offset", "number or duration")?;
    } else {
        if when.at.is_some() {
            return Err(Fault::new(
                span,
                "@ <timestamp> may not be set multiple times",
            ));
        }
        when.at = Some(at(stream)?);
    }
    node.span = node.span.to(stream.last_span());
    Ok(node)
}

fn at(stream: &mut Stream<'_>) -> Result<At, Fault> {
    for (word, at) in [("start", At::Start), ("end", At::End)] {
        if stream.take_word(word) {
            stream.expect_sign("(", "@")?;
            stream.expect_sign(")", "@")?;
            return Ok(at);
        }
    }
    signed(stream, "@", "timestamp").map(At::Time)
}

/// A number of seconds or a duration, with an optional sign, in ms.
fn signed(stream: &mut Stream<'_>, context: &str, expected: &str) -> Result<i64, Fault> {
    let negative = stream.take_sign("-");
    if !negative {
        stream.take_sign("+");
    }
    let millis = match stream.peek() {
        TokenKind::Duration(millis) => *millis,
        TokenKind::Number(seconds) => millis(*seconds, stream.span())?,
        TokenKind::Identifier if is_infinite_or_nan(stream.word()) => {
            return Err(Fault::new(
                stream.span(),
                format!("timestamp or duration out of bounds: {}", stream.word()),
            ));
        }
        _ => {
            return Err(
                duration_expression(stream).unwrap_or_else(|| stream.unexpected(context, expected))
            );
        }
    };
    stream.advance();
    Ok(if negative { -millis } else { millis })
}

fn is_infinite_or_nan(word: &str) -> bool {
    word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan")
}
