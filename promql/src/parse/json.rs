//! The tree as JSON, in the shape of Prometheus's `parse_query`: keys in the order of the alphabet.

use watchpost_model::Matcher;

use super::ast::{
    Aggregate, At, Binary, Call, Card, Extension, Kind, Matching, Node, Number, Selector, Subquery,
    Type, When,
};
use super::check::type_of;
use super::quote;

/// A part of the text that is written yet, or a node that is not.
enum Piece<'a> {
    Text(String),
    Node(&'a Node),
}

/// The value of a key.
enum Field<'a> {
    Text(String),
    Node(&'a Node),
    Nodes(&'a [Node]),
}

/// Neither recursion nor a copy for each level above: a tree may be thousands of levels high.
pub(super) fn node(root: &Node) -> String {
    let mut out = String::new();
    let mut open = vec![Piece::Node(root)];
    while let Some(piece) = open.pop() {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Node(node) => open.extend(pieces(node).into_iter().rev()),
        }
    }
    out
}

fn pieces(node: &Node) -> Vec<Piece<'_>> {
    let leaf = |text: String| vec![Piece::Text(text)];
    match &node.kind {
        Kind::Number(number) => leaf(object(&[
            ("type", text("numberLiteral")),
            ("val", text(&seconds(*number))),
        ])),
        Kind::Text(value) => leaf(object(&[
            ("type", text("stringLiteral")),
            ("val", text(value)),
        ])),
        Kind::Selector(selector) => leaf(vector_selector(selector)),
        Kind::Range(selector, range_ms) => leaf(matrix_selector(selector, *range_ms)),
        Kind::Subquery(found) => subquery(found),
        Kind::Call(found) => call(found),
        Kind::Aggregate(found) => aggregate(found),
        Kind::Binary(found) => binary(found),
        Kind::Unary(minus, inner) => parent([
            ("expr", Field::Node(inner)),
            ("op", Field::Text(text(if *minus { "-" } else { "+" }))),
            ("type", Field::Text(text("unaryExpr"))),
        ]),
        Kind::Paren(inner) => parent([
            ("expr", Field::Node(inner)),
            ("type", Field::Text(text("parenExpr"))),
        ]),
    }
}

/// As `object`, of a node that has others below.
fn parent<'a, const N: usize>(fields: [(&str, Field<'a>); N]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut before = '{';
    for (name, field) in fields {
        pieces.push(Piece::Text(format!("{before}\"{name}\":")));
        before = ',';
        match field {
            Field::Text(text) => pieces.push(Piece::Text(text)),
            Field::Node(node) => pieces.push(Piece::Node(node)),
            Field::Nodes(nodes) => {
                pieces.push(Piece::Text("[".to_owned()));
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        pieces.push(Piece::Text(",".to_owned()));
                    }
                    pieces.push(Piece::Node(node));
                }
                pieces.push(Piece::Text("]".to_owned()));
            }
        }
    }
    pieces.push(Piece::Text("}".to_owned()));
    pieces
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

fn subquery(subquery: &Subquery) -> Vec<Piece<'_>> {
    let [start_or_end, timestamp] = when(subquery.when);
    parent([
        ("expr", Field::Node(&subquery.expr)),
        ("offset", Field::Text(subquery.when.offset_ms.to_string())),
        ("range", Field::Text(subquery.range_ms.to_string())),
        (start_or_end.0, Field::Text(start_or_end.1)),
        (
            "step",
            Field::Text(subquery.step_ms.unwrap_or_default().to_string()),
        ),
        (timestamp.0, Field::Text(timestamp.1)),
        ("type", Field::Text(text("subquery"))),
    ])
}

fn call(call: &Call) -> Vec<Piece<'_>> {
    let function = call.function;
    let types = |types: &[Type]| list(types.iter().map(|kind| text(kind.name())));
    let described = object(&[
        ("argTypes", types(function.args)),
        ("name", text(function.name)),
        ("returnType", text(function.returns.name())),
        ("variadic", function.variadic().to_string()),
    ]);
    parent([
        ("args", Field::Nodes(&call.args)),
        ("func", Field::Text(described)),
        ("type", Field::Text(text("call"))),
    ])
}

fn aggregate(aggregate: &Aggregate) -> Vec<Piece<'_>> {
    let param = match &aggregate.param {
        Some(param) => Field::Node(param),
        None => Field::Text("null".to_owned()),
    };
    parent([
        ("expr", Field::Node(&aggregate.expr)),
        ("grouping", Field::Text(texts(&aggregate.grouping))),
        ("op", Field::Text(text(aggregate.op.name()))),
        ("param", param),
        ("type", Field::Text(text("aggregation"))),
        ("without", Field::Text(aggregate.without.to_string())),
    ])
}

fn binary(binary: &Binary) -> Vec<Piece<'_>> {
    let vectors = type_of(&binary.lhs) == Type::Vector && type_of(&binary.rhs) == Type::Vector;
    let matching = if vectors {
        matching(&binary.matching, binary.op.is_set())
    } else {
        "null".to_owned()
    };
    parent([
        ("bool", Field::Text(binary.bool_modifier.to_string())),
        ("lhs", Field::Node(&binary.lhs)),
        ("matching", Field::Text(matching)),
        ("op", Field::Text(text(binary.op.name()))),
        ("rhs", Field::Node(&binary.rhs)),
        ("type", Field::Text(text("binaryExpr"))),
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
