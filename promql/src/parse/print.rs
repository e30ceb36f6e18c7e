//! Expressions as text on one line, as Prometheus prints them.

use std::fmt::{self, Display};

use watchpost_model::{Duration, METRIC_NAME, MatchOp, Matcher, is_label_name};

use super::ast::{
    Aggregate, At, Binary, BinaryOp, Card, Extension, Fill, Kind, Length, LengthKind, Node, Number,
    Selector, Subquery, When,
};
use super::quote;

impl Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Number(number) => number.fmt(f),
            Kind::Text(text) => f.write_str(&quote::text(text)),
            Kind::Selector(selector) => {
                write_selector(f, selector)?;
                write_at(f, selector.when)?;
                write_extension(f, selector.extension)?;
                write_offset(f, selector.when, selector.lengths.offset.as_deref())
            }
            Kind::Range(selector, range_ms) => {
                write_selector(f, selector)?;
                f.write_str("[")?;
                write_length(f, *range_ms, selector.lengths.range.as_deref())?;
                f.write_str("]")?;
                write_extension(f, selector.extension)?;
                write_at(f, selector.when)?;
                write_offset(f, selector.when, selector.lengths.offset.as_deref())
            }
            Kind::Subquery(subquery) => write!(f, "{}{}", subquery.expr, Brackets(subquery)),
            Kind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                write_list(f, &call.args)?;
                f.write_str(")")
            }
            Kind::Aggregate(aggregate) => {
                write!(f, "{}(", Head(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Kind::Binary(binary) => {
                let (lhs, rhs) = (&binary.lhs, &binary.rhs);
                match unsigned(binary) {
                    Some(lhs) => write!(f, "{lhs} {} {rhs}", Operator(binary)),
                    None => write!(f, "{lhs} {} {rhs}", Operator(binary)),
                }
            }
            Kind::Unary(minus, inner) => {
                write!(f, "{}{inner}", if *minus { "-" } else { "+" })
            }
            Kind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

/// The left side of an operator where it may have no sign: `+Inf ^ 2` would be read as `+(Inf ^ 2)`.
pub(super) fn unsigned(binary: &Binary) -> Option<&'static str> {
    match &binary.lhs.kind {
        Kind::Number(number) if binary.op == BinaryOp::Pow => {
            (number.value == f64::INFINITY && !number.duration).then_some("Inf")
        }
        _ => None,
    }
}

/// A duration of milliseconds that may be negative.
struct Millis(i64);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        Duration::from_millis(self.0.unsigned_abs()).fmt(f)
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl Display]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// As few digits as give the number back, never with an exponent.
impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        if self.duration {
            return Millis(crate::number::to_i64((value * 1_000.0).round())).fmt(f);
        }
        if value.is_nan() {
            f.write_str("NaN")
        } else if value.is_infinite() {
            f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
        } else {
            value.fmt(f)
        }
    }
}

struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_label_name(self.0) {
            f.write_str(self.0)
        } else {
            f.write_str(&quote::text(self.0))
        }
    }
}

fn write_selector(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    let name = selector.name.as_deref();
    let is_name = |matcher: &&Matcher| {
        matcher.name() == METRIC_NAME
            && matcher.op() == MatchOp::Equal
            && Some(matcher.value()) == name
    };
    let mut parts: Vec<String> = selector
        .matchers
        .iter()
        .filter(|matcher| !is_name(matcher))
        .map(|matcher| {
            let value = quote::text(matcher.value());
            format!("{}{}{value}", LabelName(matcher.name()), matcher.op())
        })
        .collect();
    parts.sort_unstable();
    f.write_str(name.unwrap_or_default())?;
    // Only as an argument of `info` has a selector neither; nothing would not be read again.
    if parts.is_empty() && name.is_some() {
        return Ok(());
    }
    write!(f, "{{{}}}", parts.join(","))
}

fn write_extension(f: &mut fmt::Formatter<'_>, extension: Option<Extension>) -> fmt::Result {
    f.write_str(match extension {
        None => "",
        Some(Extension::Anchored) => " anchored",
        Some(Extension::Smoothed) => " smoothed",
    })
}

fn write_at(f: &mut fmt::Formatter<'_>, when: When) -> fmt::Result {
    match when.at {
        None => Ok(()),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        Some(At::Time(millis)) => {
            let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
            write!(f, " @ {sign}{}.{:03}", size / 1_000, size % 1_000)
        }
    }
}

fn write_offset(f: &mut fmt::Formatter<'_>, when: When, length: Option<&Length>) -> fmt::Result {
    if when.offset_ms == 0 && length.is_none() {
        return Ok(());
    }
    f.write_str(" offset ")?;
    write_length(f, when.offset_ms, length)
}

/// Milliseconds, or the expression for them.
fn write_length(f: &mut fmt::Formatter<'_>, millis: i64, length: Option<&Length>) -> fmt::Result {
    match length {
        Some(length) => length.fmt(f),
        None => Millis(millis).fmt(f),
    }
}

impl Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            LengthKind::Number(number) => number.fmt(f),
            LengthKind::Step => f.write_str("step()"),
            LengthKind::Range => f.write_str("range()"),
            LengthKind::Lesser(left, right) => write!(f, "min_of({left}, {right})"),
            LengthKind::Greater(left, right) => write!(f, "max_of({left}, {right})"),
            LengthKind::Minus(inner) => write!(f, "-{inner}"),
            LengthKind::Paren(inner) => write!(f, "({inner})"),
            LengthKind::Binary(op, left, right) => write!(f, "{left} {} {right}", op.name()),
        }
    }
}

/// What stands behind the inner expression of a subquery.
pub(super) struct Brackets<'a>(pub(super) &'a Subquery);

impl Display for Brackets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subquery { when, lengths, .. } = self.0;
        f.write_str("[")?;
        write_length(f, self.0.range_ms, lengths.range.as_deref())?;
        f.write_str(":")?;
        if let Some(step_ms) = self.0.step_ms {
            write_length(f, step_ms, lengths.step.as_deref())?;
        }
        f.write_str("]")?;
        write_at(f, *when)?;
        write_offset(f, *when, lengths.offset.as_deref())
    }
}

fn write_labels(f: &mut fmt::Formatter<'_>, labels: &[String]) -> fmt::Result {
    let names: Vec<LabelName<'_>> = labels.iter().map(|label| LabelName(label)).collect();
    f.write_str(" (")?;
    write_list(f, &names)?;
    f.write_str(")")
}

/// An aggregation without its arguments.
pub(super) struct Head<'a>(pub(super) &'a Aggregate);

impl Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.name())?;
        if self.0.without || !self.0.grouping.is_empty() {
            f.write_str(if self.0.without { " without" } else { " by" })?;
            write_labels(f, &self.0.grouping)?;
            f.write_str(" ")?;
        }
        Ok(())
    }
}

/// An operator with its modifiers.
pub(super) struct Operator<'a>(pub(super) &'a Binary);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.name())?;
        if self.0.bool_modifier {
            f.write_str(" bool")?;
        }
        let matching = &self.0.matching;
        let grouped = matching.card != Card::OneToOne;
        if matching.on || grouped || !matching.labels.is_empty() {
            f.write_str(if matching.on { " on" } else { " ignoring" })?;
            write_labels(f, &matching.labels)?;
        }
        if grouped {
            let left = matching.card == Card::ManyToOne;
            f.write_str(if left { " group_left" } else { " group_right" })?;
            write_labels(f, &matching.include)?;
        }
        write_fill(f, matching.fill)
    }
}

fn write_fill(f: &mut fmt::Formatter<'_>, fill: Fill) -> fmt::Result {
    let number = |value: f64| Number {
        value,
        duration: false,
    };
    if fill.both {
        let value = fill.left.unwrap_or_default();
        return write!(f, " fill ({})", number(value));
    }
    if let Some(value) = fill.left {
        write!(f, " fill_left ({})", number(value))?;
    }
    if let Some(value) = fill.right {
        write!(f, " fill_right ({})", number(value))?;
    }
    Ok(())
}
