//! Durations: numbers of seconds, durations, and expressions of both.

use super::ast::{BinaryOp, Length, LengthKind, Number, Span};
use super::deep::SHALLOW;
use super::lex::TokenKind;
use super::operators::next_operator;
use super::stream::Stream;
use super::{Fault, literal};

/// The longest duration: what fits into 63 bits of nanoseconds.
const MAX_SECONDS: f64 = (1_u64 << 63) as f64 / 1e9;
/// As that of a sign before an expression.
const UNARY_POWER: u8 = 10;

/// What stands for a duration.
pub(super) enum Duration {
    Plain(i64),
    /// It has to be computed.
    Computed(Box<Length>),
}

impl Duration {
    /// The milliseconds as far as they are known, and the expression for the rest.
    pub(super) fn into_parts(self) -> (i64, Option<Box<Length>>) {
        match self {
            Self::Plain(millis) => (millis, None),
            Self::Computed(length) => (0, Some(length)),
        }
    }
}

/// The number or duration that is next, taken, where it is one.
#[inline(never)] // The frames of the recursion around it stay small.
pub(super) fn number(stream: &mut Stream<'_>) -> Result<Option<Number>, Fault> {
    let (span, text) = (stream.span(), stream.word());
    let number = match stream.peek() {
        TokenKind::Number => literal::number(text).map(|value| Number {
            value,
            duration: false,
        }),
        TokenKind::Duration => literal::duration(text).map(|millis| Number {
            value: millis as f64 / 1_000.0,
            duration: true,
        }),
        _ => return Ok(None),
    };
    let number = number.map_err(|message| Fault::new(span, message))?;
    stream.advance();
    Ok(Some(number))
}

/// A duration of more than nothing, as it stands in brackets.
pub(super) fn positive(stream: &mut Stream<'_>) -> Result<Duration, Fault> {
    let length = expression(stream, 0)?;
    if let LengthKind::Number(number) = length.kind {
        if number.value.is_nan() || number.value <= 0.0 {
            return Err(Fault::new(length.span, "duration must be greater than 0"));
        }
        return Ok(Duration::Plain(millis(number.value)));
    }
    Ok(Duration::Computed(Box::new(length)))
}

/// What follows `offset`. A plain number, `step()` and their like end there: `x offset 2 ^ 2` is the
/// square of a selector. What begins with a parenthesis, or with two signs, goes
/// on as far as it can.
pub(super) fn offset(stream: &mut Stream<'_>) -> Result<Duration, Fault> {
    let sign = |kind: &TokenKind| matches!(kind, TokenKind::Sign("+" | "-"));
    let signs = sign(stream.peek()) && sign(stream.peek_at(1));
    let length = if stream.is_sign("(") || signs {
        expression(stream, 0)?
    } else {
        signed(stream)?
    };
    Ok(match length.kind {
        LengthKind::Number(number) => Duration::Plain(millis(number.value)),
        _ => Duration::Computed(Box::new(length)),
    })
}

/// Milliseconds of seconds that are in range. Prometheus keeps nanoseconds and cuts them off.
pub(super) fn millis(seconds: f64) -> i64 {
    crate::number::to_i64((seconds * 1e9).round() / 1e6)
}

/// A term with at most one sign before it.
fn signed(stream: &mut Stream<'_>) -> Result<Length, Fault> {
    let first = stream.span();
    let minus = stream.is_sign("-");
    if !minus && !stream.is_sign("+") {
        return term(stream);
    }
    stream.advance();
    let inner = term(stream)?;
    sign(minus, first, inner)
}

fn sign(minus: bool, first: Span, inner: Length) -> Result<Length, Fault> {
    let span = first.to(inner.span);
    match inner.kind {
        LengthKind::Number(number) => {
            let value = if minus { -number.value } else { number.value };
            let kind = LengthKind::Number(Number { value, ..number });
            Ok(Length::new(kind, span))
        }
        _ if minus => bounded(LengthKind::Minus(Box::new(inner)), span),
        _ => Ok(inner),
    }
}

/// An expression whose operators all bind more tightly than `power`.
fn expression(stream: &mut Stream<'_>, power: u8) -> Result<Length, Fault> {
    stream.descend()?;
    let first = stream.span();
    let minus = stream.is_sign("-");
    let mut length = if minus || stream.is_sign("+") {
        stream.advance();
        let inner = expression(stream, UNARY_POWER)?;
        sign(minus, first, inner)?
    } else {
        term(stream)?
    };
    while let Some(op) = next_operator(stream).filter(|op| op.is_arithmetic()) {
        let (left, right) = op.power();
        if left < power {
            break;
        }
        let place = stream.span();
        enabled(stream, length.span)?;
        stream.advance();
        let rhs = expression(stream, right)?;
        let zero = matches!(rhs.kind, LengthKind::Number(number) if crate::number::same(number.value, 0.0));
        match op {
            BinaryOp::Div if zero => return Err(Fault::new(place, "division by zero")),
            BinaryOp::Mod if zero => return Err(Fault::new(place, "modulo by zero")),
            _ => {}
        }
        let span = length.span.to(rhs.span);
        length = bounded(
            LengthKind::Binary(op, Box::new(length), Box::new(rhs)),
            span,
        )?;
    }
    stream.ascend();
    Ok(length)
}

fn enabled(stream: &Stream<'_>, span: Span) -> Result<(), Fault> {
    if stream.features.duration_expressions {
        return Ok(());
    }
    Err(stream.behind(Fault::new(
        span,
        "experimental duration expression is not enabled",
    )))
}

fn bounded(kind: LengthKind, span: Span) -> Result<Length, Fault> {
    let length = Length::new(kind, span);
    // Nobody needs more, so that every stack is big enough for a duration.
    if length.height > SHALLOW {
        let message = format!("expected at most {SHALLOW} levels in a duration, found more");
        return Err(Fault::new(span, message));
    }
    Ok(length)
}

/// A number, a duration, a word with parentheses, or something in parentheses.
fn term(stream: &mut Stream<'_>) -> Result<Length, Fault> {
    let first = stream.span();
    if let Some(number) = number(stream)? {
        if number.value.abs() > MAX_SECONDS {
            return Err(Fault::new(first, "duration out of range"));
        }
        return Ok(Length::new(LengthKind::Number(number), first));
    }
    if stream.take_sign("(") {
        let inner = expression(stream, 0)?;
        stream.expect_sign(")")?;
        enabled(stream, inner.span)?;
        let span = first.to(stream.last_span());
        return match inner.kind {
            // A second pair means nothing more.
            LengthKind::Number(_) | LengthKind::Paren(_) => Ok(Length { span, ..inner }),
            _ => bounded(LengthKind::Paren(Box::new(inner)), span),
        };
    }
    for (word, kind) in [("step", LengthKind::Step), ("range", LengthKind::Range)] {
        if stream.is_word(word) {
            stream.advance();
            stream.expect_sign("(")?;
            stream.expect_sign(")")?;
            enabled(stream, first)?;
            return Ok(Length::new(kind, first.to(stream.last_span())));
        }
    }
    for (word, lesser) in [("min_of", true), ("max_of", false)] {
        if stream.is_word(word) {
            stream.advance();
            return of_two(stream, first, lesser);
        }
    }
    Err(stream.unexpected_here())
}

fn of_two(stream: &mut Stream<'_>, first: Span, lesser: bool) -> Result<Length, Fault> {
    stream.expect_sign("(")?;
    let left = Box::new(expression(stream, 0)?);
    stream.expect_sign(",")?;
    let right = Box::new(expression(stream, 0)?);
    stream.expect_sign(")")?;
    enabled(stream, first)?;
    let kind = if lesser {
        LengthKind::Lesser(left, right)
    } else {
        LengthKind::Greater(left, right)
    };
    bounded(kind, first.to(stream.last_span()))
}
