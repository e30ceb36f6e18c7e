//! The tree as JSON, in the shape of Prometheus's `parse_query`: keys in the order of the alphabet.

use watchpost_model::Matcher;

use super::ast::{
    Aggregate, At, Binary, Call, Card, Extension, Kind, Matching, Node, Number, Selector, Subquery,
    Type, When,
};
use super::check::type_of;
use super::quote;

pub(super) fn node(node: &Node) -> String {
    match &node.kind {
        Kind::Number(number) => object(&[
            ("type", text("numberLiteral")),
            ("val", text(&seconds(*number))),
        ]),
        Kind::Text(value) => object(&[("type", text("stringLiteral")), ("val", text(value))]),
        Kind::Selector(selector) => vector_selector(selector),
        Kind::Range(selector, range_ms) => matrix_selector(selector, *range_ms),
        Kind::Subquery(found) => subquery(found),
        Kind::Call(found) => call(found),
        Kind::Aggregate(found) => aggregate(found),
        Kind::Binary(found) => binary(found),
        Kind::Unary(minus, inner) => object(&[
            ("expr", self::node(inner)),
            ("op", text(if *minus { "-" } else { "+" })),
            ("type", text("unaryExpr")),
        ]),
        Kind::Paren(inner) => object(&[("expr", self::node(inner)), ("type", text("parenExpr"))]),
    }
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(","))
}

fn texts(items: &[String]) -> String {
    list(items.iter().map(|item| text(item)))
}

fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // As Go escapes what a browser could take for HTML.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                quote::escape(&mut out, 'u', character, 4);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A number without its unit.
fn seconds(number: Number) -> String {
    let plain = Number {
        duration: false,
        ..number
    };
    plain.to_string()
}

fn when(when: When) -> [(&'static str, String); 2] {
    let null = || "null".to_owned();
    let (start_or_end, timestamp) = match when.at {
        None => (null(), null()),
        Some(At::Start) => (text("start"), null()),
        Some(At::End) => (text("end"), null()),
        Some(At::Time(millis)) => (null(), millis.to_string()),
    };
    [("startOrEnd", start_or_end), ("timestamp", timestamp)]
}

fn matchers(matchers: &[Matcher]) -> String {
    list(matchers.iter().map(|matcher| {
        object(&[
            ("name", text(matcher.name())),
            ("type", text(&matcher.op().to_string())),
            ("value", text(matcher.value())),
        ])
    }))
}

fn vector_selector(selector: &Selector) -> String {
    let [start_or_end, timestamp] = when(selector.when);
    let is = |extension: Extension| (selector.extension == Some(extension)).to_string();
    object(&[
        ("anchored", is(Extension::Anchored)),
        ("matchers", matchers(&selector.matchers)),
        ("name", text(selector.name.as_deref().unwrap_or_default())),
        ("offset", selector.when.offset_ms.to_string()),
        ("smoothed", is(Extension::Smoothed)),
        start_or_end,
        timestamp,
        ("type", text("vectorSelector")),
    ])
}

fn matrix_selector(selector: &Selector, range_ms: i64) -> String {
    let [start_or_end, timestamp] = when(selector.when);
    let is = |extension: Extension| (selector.extension == Some(extension)).to_string();
    object(&[
        ("anchored", is(Extension::Anchored)),
        ("matchers", matchers(&selector.matchers)),
        ("name", text(selector.name.as_deref().unwrap_or_default())),
        ("offset", selector.when.offset_ms.to_string()),
        ("range", range_ms.to_string()),
        ("smoothed", is(Extension::Smoothed)),
        start_or_end,
        timestamp,
        ("type", text("matrixSelector")),
    ])
}

fn subquery(subquery: &Subquery) -> String {
    let [start_or_end, timestamp] = when(subquery.when);
    object(&[
        ("expr", node(&subquery.expr)),
        ("offset", subquery.when.offset_ms.to_string()),
        ("range", subquery.range_ms.to_string()),
        start_or_end,
        ("step", subquery.step_ms.unwrap_or_default().to_string()),
        timestamp,
        ("type", text("subquery")),
    ])
}

fn call(call: &Call) -> String {
    let function = call.function;
    let types = |types: &[Type]| list(types.iter().map(|kind| text(kind.name())));
    let described = object(&[
        ("argTypes", types(function.args)),
        ("name", text(function.name)),
        ("returnType", text(function.returns.name())),
        ("variadic", function.variadic().to_string()),
    ]);
    object(&[
        ("args", list(call.args.iter().map(node))),
        ("func", described),
        ("type", text("call")),
    ])
}

fn aggregate(aggregate: &Aggregate) -> String {
    let param = aggregate.param.as_deref().map(node);
    object(&[
        ("expr", node(&aggregate.expr)),
        ("grouping", texts(&aggregate.grouping)),
        ("op", text(aggregate.op.name())),
        ("param", param.unwrap_or_else(|| "null".to_owned())),
        ("type", text("aggregation")),
        ("without", aggregate.without.to_string()),
    ])
}

fn binary(binary: &Binary) -> String {
    let vectors = type_of(&binary.lhs) == Type::Vector && type_of(&binary.rhs) == Type::Vector;
    let matching = if vectors {
        matching(&binary.matching, binary.op.is_set())
    } else {
        "null".to_owned()
    };
    object(&[
        ("bool", binary.bool_modifier.to_string()),
        ("lhs", node(&binary.lhs)),
        ("matching", matching),
        ("op", text(binary.op.name())),
        ("rhs", node(&binary.rhs)),
        ("type", text("binaryExpr")),
    ])
}

fn matching(matching: &Matching, is_set: bool) -> String {
    let card = match matching.card {
        Card::OneToOne if is_set => "many-to-many",
        Card::OneToOne => "one-to-one",
        Card::ManyToOne => "many-to-one",
        Card::OneToMany => "one-to-many",
    };
    let fill = |value: Option<f64>| match value {
        Some(value) if value.is_finite() => value.to_string(),
        _ => "null".to_owned(),
    };
    let fills = object(&[
        ("lhs", fill(matching.fill.left)),
        ("rhs", fill(matching.fill.right)),
    ]);
    object(&[
        ("card", text(card)),
        ("fillValues", fills),
        ("include", texts(&matching.include)),
        ("labels", texts(&matching.labels)),
        ("on", matching.on.to_string()),
    ])
}
