//! What a template works with, and how it prints.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchpost_model::Labels;
use watchpost_promql::InstantSample;

/// A value in a template.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// No value.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    /// A map from string to string: a label that is not there reads as the empty string.
    Labels(Labels),
    /// A map from string to anything.
    Map(Arc<BTreeMap<String, Value>>),
    List(Arc<[Value]>),
    /// A series of a query's result.
    Sample(Arc<InstantSample>),
    /// The `.` of the whole template.
    Root,
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Str(Arc::from(text.as_ref()))
    }

    /// The name of the type in messages, as Go calls it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::List(_) => "list",
            Self::Sample(_) => "sample",
            Self::Root => "template data",
        }
    }

    /// Whether `if` takes the first branch.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Sample(_) | Self::Root => true,
        }
    }

    /// As Go's `%v` writes it.
    pub(super) fn print(&self) -> String {
        match self {
            Self::Nil => "<no value>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => print_float(*value),
            Self::Str(text) => text.to_string(),
            Self::Labels(labels) => {
                print_map(labels.iter().map(|(name, value)| (name, value.to_owned())))
            }
            Self::Map(map) => print_map(
                map.iter()
                    .map(|(name, value)| (name.as_str(), value.print())),
            ),
            Self::List(list) => {
                let items: Vec<String> = list.iter().map(Value::print).collect();
                format!("[{}]", items.join(" "))
            }
            Self::Sample(sample) => format!(
                "{{{} {}}}",
                Self::Labels(sample.labels.clone()).print(),
                print_float(sample.value)
            ),
            Self::Root => "{}".to_owned(),
        }
    }

    /// The number that Prometheus's functions read from a number or a text.
    pub(super) fn number(&self) -> Result<f64, String> {
        match self {
            Self::Int(value) => Ok(*value as f64),
            Self::Float(value) => Ok(*value),
            Self::Str(text) => parse_number(text)
                .ok_or_else(|| format!("expected a number, found the text {text:?}")),
            other => Err(format!("expected a number, found {}", other.type_name())),
        }
    }

    /// The text that a function needs.
    pub(super) fn str(&self) -> Result<&str, String> {
        match self {
            Self::Str(text) => Ok(text),
            other => Err(format!("expected a string, found {}", other.type_name())),
        }
    }
}

/// Go's `ParseFloat` takes `+Inf`, `inf`, `NaN`, and Rust's the same.
fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn print_map<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let entries: Vec<String> = entries
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    format!("map[{}]", entries.join(" "))
}

/// A float as Go's `%v` writes it: the shortest digits, a million as `1e+06`.
pub(super) fn print_float(value: f64) -> String {
    if value == 0.0 && value.is_sign_negative() {
        return "-0".to_owned();
    }
    let mut out = Vec::new();
    watchpost_model::text::write_number(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}
