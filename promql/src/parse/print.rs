//! Expressions as text, as Prometheus prints them.

use std::fmt::{self, Display};

use watchpost_model::{Duration, METRIC_NAME, MatchOp, Matcher, is_label_name, is_metric_name};

use super::Expr;
use super::ast::{Aggregate, At, Binary, Card, Kind, Node, Number, Selector, Subquery, When};

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Number(number) => write_number(f, *number),
            Kind::Text(text) => write_quoted(f, text),
            Kind::Selector(selector) => {
                write_selector(f, selector)?;
                write_when(f, selector.when)
            }
            Kind::Range(selector, range_ms) => {
                write_selector(f, selector)?;
                write!(f, "[{}]", Millis(*range_ms))?;
                write_when(f, selector.when)
            }
            Kind::Subquery(subquery) => write_subquery(f, subquery),
            Kind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                write_list(f, &call.args)?;
                f.write_str(")")
            }
            Kind::Aggregate(aggregate) => write_aggregate(f, aggregate),
            Kind::Binary(binary) => write_binary(f, binary),
            Kind::Unary(minus, inner) => {
                write!(f, "{}{inner}", if *minus { "-" } else { "+" })
            }
            Kind::Paren(inner) => write!(f, "({inner})"),
        }
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

/// Go's `%v`: the shortest digits, with an exponent below 1e-4 and from 1e21 on.
fn write_number(f: &mut fmt::Formatter<'_>, number: Number) -> fmt::Result {
    let value = number.value;
    if number.duration {
        return Millis(crate::number::to_i64((value * 1_000.0).round())).fmt(f);
    }
    if value.is_nan() {
        return f.write_str("NaN");
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return write!(f, "{value}");
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    write!(f, "{mantissa}e{sign}{digits:0>2}")
}

/// Go's `%q` for what can stand in a label.
fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(control))?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

fn write_label(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_label_name(name) {
        f.write_str(name)
    } else {
        write_quoted(f, name)
    }
}

struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_label(f, self.0)
    }
}

struct Written<'a>(&'a Matcher);

impl Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_label(f, self.0.name())?;
        self.0.op().fmt(f)?;
        write_quoted(f, self.0.value())
    }
}

fn write_selector(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    let name = selector.name.as_deref();
    let plain = name.filter(|name| is_word(name));
    let is_name = |matcher: &&Matcher| {
        matcher.name() == METRIC_NAME
            && matcher.op() == MatchOp::Equal
            && Some(matcher.value()) == name
    };
    let mut parts: Vec<String> = selector
        .matchers
        .iter()
        .filter(|matcher| !is_name(matcher))
        .map(|matcher| Written(matcher).to_string())
        .collect();
    parts.sort_unstable();
    f.write_str(plain.unwrap_or_default())?;
    if plain.is_some() && parts.is_empty() {
        return Ok(());
    }
    f.write_str("{")?;
    if let (None, Some(name)) = (plain, name) {
        write_quoted(f, name)?;
        if !parts.is_empty() {
            f.write_str(",")?;
        }
    }
    write!(f, "{}}}", parts.join(","))
}

/// Whether a name can stand before braces: a metric name that is no number.
fn is_word(name: &str) -> bool {
    let taken = [
        "inf",
        "nan",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "atan2",
    ];
    is_metric_name(name) && !taken.iter().any(|word| word.eq_ignore_ascii_case(name))
}

fn write_when(f: &mut fmt::Formatter<'_>, when: When) -> fmt::Result {
    match when.at {
        None => {}
        Some(At::Start) => f.write_str(" @ start()")?,
        Some(At::End) => f.write_str(" @ end()")?,
        Some(At::Time(millis)) => {
            let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
            write!(f, " @ {sign}{}.{:03}", size / 1_000, size % 1_000)?;
        }
    }
    if when.offset_ms != 0 {
        write!(f, " offset {}", Millis(when.offset_ms))?;
    }
    Ok(())
}

fn write_subquery(f: &mut fmt::Formatter<'_>, subquery: &Subquery) -> fmt::Result {
    write!(f, "{}[{}:", subquery.expr, Millis(subquery.range_ms))?;
    if let Some(step_ms) = subquery.step_ms {
        Millis(step_ms).fmt(f)?;
    }
    f.write_str("]")?;
    write_when(f, subquery.when)
}

fn write_labels(f: &mut fmt::Formatter<'_>, labels: &[String]) -> fmt::Result {
    let names: Vec<LabelName<'_>> = labels.iter().map(|label| LabelName(label)).collect();
    f.write_str(" (")?;
    write_list(f, &names)?;
    f.write_str(")")
}

fn write_aggregate(f: &mut fmt::Formatter<'_>, aggregate: &Aggregate) -> fmt::Result {
    f.write_str(aggregate.op.name())?;
    if aggregate.without || !aggregate.grouping.is_empty() {
        f.write_str(if aggregate.without { " without" } else { " by" })?;
        write_labels(f, &aggregate.grouping)?;
        f.write_str(" ")?;
    }
    f.write_str("(")?;
    if let Some(param) = &aggregate.param {
        write!(f, "{param}, ")?;
    }
    write!(f, "{})", aggregate.expr)
}

fn write_binary(f: &mut fmt::Formatter<'_>, binary: &Binary) -> fmt::Result {
    write!(f, "{} {}", binary.lhs, binary.op.name())?;
    if binary.bool_modifier {
        f.write_str(" bool")?;
    }
    let matching = &binary.matching;
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
    write!(f, " {}", binary.rhs)
}
