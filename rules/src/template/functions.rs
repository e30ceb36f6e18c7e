//! The functions of templates: Go's own and Prometheus's.

mod text;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use watchpost_model::Duration;
use watchpost_promql::InstantSample;

use super::Context;
use super::format::sprintf;
use super::humanize::{
    humanize, humanize_duration, humanize_percentage, humanize_timestamp, humanize1024,
};
use super::pattern::Pattern;
use super::value::Value;
use text::{escape_html, escape_query, path_of, split_port, strip_domain, title};

/// A function that a template can call.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) run: Run,
}

type Compute = fn(&Context<'_>, &[Value]) -> Result<Value, String>;

/// How a function is evaluated.
#[derive(Debug)]
pub(super) enum Run {
    /// From the values of its arguments.
    Values(Compute),
    /// `and`, `or`: argument after argument until one is false (true).
    Until(bool),
    /// `query`, which costs more than others.
    Query,
}

const ANY: usize = usize::MAX;

const fn function(name: &'static str, least: usize, most: usize, run: Compute) -> Function {
    Function {
        name,
        least,
        most,
        run: Run::Values(run),
    }
}

/// Functions of Go or Prometheus that are not there yet.
pub(super) const NOT_YET: [&str; 5] = ["call", "js", "tmpl", "toDuration", "toTime"];

/// All functions, sorted by name.
static FUNCTIONS: [Function; 44] = [
    Function {
        name: "and",
        least: 1,
        most: ANY,
        run: Run::Until(false),
    },
    function("args", 0, ANY, |_, values| Ok(args(values))),
    function("eq", 2, ANY, eq),
    function("externalURL", 0, 0, |context, _| {
        Ok(Value::text(context.external_url))
    }),
    function("first", 1, 1, first),
    function("ge", 2, 2, |_, values| compare(values, Ordering::is_ge)),
    function("graphLink", 1, 1, |_, values| link(values, 0)),
    function("gt", 2, 2, |_, values| compare(values, Ordering::is_gt)),
    function("html", 1, ANY, |_, values| {
        Ok(Value::text(escape_html(&print(values))))
    }),
    function("humanize", 1, 1, |_, values| number(values, humanize)),
    function("humanize1024", 1, 1, |_, values| {
        number(values, humanize1024)
    }),
    function("humanizeDuration", 1, 1, |_, values| {
        number(values, humanize_duration)
    }),
    function("humanizePercentage", 1, 1, |_, values| {
        number(values, humanize_percentage)
    }),
    function("humanizeTimestamp", 1, 1, |_, values| {
        number(values, humanize_timestamp)
    }),
    function("index", 1, ANY, index),
    function("label", 2, 2, label),
    function("le", 2, 2, |_, values| compare(values, Ordering::is_le)),
    function("len", 1, 1, len),
    function("lt", 2, 2, |_, values| compare(values, Ordering::is_lt)),
    function("match", 2, 2, matches),
    function("ne", 2, 2, |_, values| {
        Ok(Value::Bool(!equal(at(values, 0)?, at(values, 1)?)?))
    }),
    function("not", 1, 1, |_, values| {
        Ok(Value::Bool(!at(values, 0)?.is_true()))
    }),
    function("now", 0, 0, |context, _| {
        Ok(Value::Float(context.now_ms as f64 / 1_000.0))
    }),
    Function {
        name: "or",
        least: 1,
        most: ANY,
        run: Run::Until(true),
    },
    function("parseDuration", 1, 1, parse_duration),
    function("pathPrefix", 0, 0, |context, _| {
        Ok(Value::text(path_of(context.external_url)))
    }),
    function("print", 0, ANY, |_, values| Ok(Value::text(print(values)))),
    function("printf", 1, ANY, printf),
    function("println", 0, ANY, |_, values| Ok(println(values))),
    Function {
        name: "query",
        least: 1,
        most: 1,
        run: Run::Query,
    },
    function("reReplaceAll", 3, 3, replace_all),
    function("safeHtml", 1, 1, |_, values| change(values, str::to_owned)),
    function("slice", 1, 3, slice),
    function("sortByLabel", 2, 2, sort_by_label),
    function("stripDomain", 1, 1, |_, values| {
        change(values, strip_domain)
    }),
    function("stripPort", 1, 1, |_, values| {
        change(values, |text| split_port(text).0.to_owned())
    }),
    function("strvalue", 1, 1, |_, values| {
        Ok(Value::text(sample(at(values, 0)?)?.labels.get("__value__")))
    }),
    function("tableLink", 1, 1, |_, values| link(values, 1)),
    function("title", 1, 1, |_, values| change(values, title)),
    function("toLower", 1, 1, |_, values| {
        change(values, str::to_lowercase)
    }),
    function("toUpper", 1, 1, |_, values| {
        change(values, str::to_uppercase)
    }),
    function("urlQueryEscape", 1, 1, |_, values| {
        change(values, escape_query)
    }),
    function("urlquery", 1, ANY, |_, values| {
        Ok(Value::text(escape_query(&print(values))))
    }),
    function("value", 1, 1, |_, values| {
        Ok(Value::Float(sample(at(values, 0)?)?.value))
    }),
];

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// Whether it takes so many arguments.
    pub(super) fn accepts(&self, count: usize) -> Result<(), String> {
        if (self.least..=self.most).contains(&count) {
            return Ok(());
        }
        let expected = match (self.least, self.most) {
            (least, ANY) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        Err(format!(
            "wrong number of arguments for {}: expected {expected}, found {count}",
            self.name
        ))
    }
}

/// Runs a query and gives the samples of its vector.
pub(super) fn query(context: &Context<'_>, text: &Value) -> Result<Value, String> {
    let samples = (context.query)(text.str()?)?;
    Ok(Value::List(
        samples
            .into_iter()
            .map(|sample| Value::Sample(Arc::new(sample)))
            .collect(),
    ))
}

fn at(values: &[Value], place: usize) -> Result<&Value, String> {
    values
        .get(place)
        .ok_or_else(|| "an argument is missing".to_owned())
}

fn change(values: &[Value], change: impl Fn(&str) -> String) -> Result<Value, String> {
    Ok(Value::text(change(at(values, 0)?.str()?)))
}

fn number(values: &[Value], change: impl Fn(f64) -> String) -> Result<Value, String> {
    Ok(Value::text(change(at(values, 0)?.number()?)))
}

fn sample(value: &Value) -> Result<&InstantSample, String> {
    match value {
        Value::Sample(sample) => Ok(sample),
        other => Err(format!("expected a sample, found {}", other.type_name())),
    }
}

fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(list) => Ok(list),
        other => Err(format!("expected a list, found {}", other.type_name())),
    }
}

fn args(values: &[Value]) -> Value {
    let entries = values.iter().enumerate();
    let map: BTreeMap<String, Value> = entries
        .map(|(place, value)| (format!("arg{place}"), value.clone()))
        .collect();
    Value::Map(Arc::new(map))
}

/// Numbers of different kinds compare by size, which Go refuses.
fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, String> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Ok(Some(left.cmp(right))),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            Ok(left.number()?.partial_cmp(&right.number()?))
        }
        (Value::Str(left), Value::Str(right)) => Ok(Some(left.cmp(right))),
        _ => Err(format!(
            "incompatible types for comparison: {} and {}",
            left.type_name(),
            right.type_name()
        )),
    }
}

fn equal(left: &Value, right: &Value) -> Result<bool, String> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        _ => Ok(order(left, right)? == Some(Ordering::Equal)),
    }
}

fn eq(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let (first, others) = values.split_first().ok_or("an argument is missing")?;
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn compare(values: &[Value], accept: fn(Ordering) -> bool) -> Result<Value, String> {
    let order = order(at(values, 0)?, at(values, 1)?)?;
    Ok(Value::Bool(order.is_some_and(accept)))
}

fn first(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let list = list(at(values, 0)?)?;
    list.first()
        .cloned()
        .ok_or_else(|| "first() called on vector with no elements".to_owned())
}

fn label(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let name = at(values, 0)?.str()?;
    Ok(Value::text(sample(at(values, 1)?)?.labels.get(name)))
}

fn sort_by_label(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let name = at(values, 0)?.str()?;
    let mut sorted = list(at(values, 1)?)?.to_vec();
    let key = |value: &Value| match value {
        Value::Sample(sample) => sample.labels.get(name).to_owned(),
        _ => String::new(),
    };
    sorted.sort_by_key(key);
    Ok(Value::List(Arc::from(sorted)))
}

fn index(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let (first, keys) = values.split_first().ok_or("an argument is missing")?;
    let mut value = first.clone();
    for key in keys {
        value = match (&value, key) {
            (Value::List(list), Value::Int(place)) => usize::try_from(*place)
                .ok()
                .and_then(|place| list.get(place).cloned())
                .ok_or_else(|| format!("index out of range: {place}"))?,
            (Value::Labels(labels), Value::Str(name)) => Value::text(labels.get(name)),
            (Value::Map(map), Value::Str(name)) => map.get(&**name).cloned().unwrap_or(Value::Nil),
            (other, _) => return Err(format!("can't index {}", other.type_name())),
        };
    }
    Ok(value)
}

fn slice(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let bound = |place: usize, default: usize| match values.get(place) {
        Some(Value::Int(bound)) => {
            usize::try_from(*bound).map_err(|_| format!("index out of range: {bound}"))
        }
        Some(other) => Err(format!("cannot index with {}", other.type_name())),
        None => Ok(default),
    };
    match at(values, 0)? {
        Value::Str(text) => text
            .get(bound(1, 0)?..bound(2, text.len())?)
            .map(Value::text)
            .ok_or_else(|| "index out of range".to_owned()),
        Value::List(list) => list
            .get(bound(1, 0)?..bound(2, list.len())?)
            .map(|part| Value::List(Arc::from(part)))
            .ok_or_else(|| "index out of range".to_owned()),
        other => Err(format!("can't slice {}", other.type_name())),
    }
}

fn len(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let length = match at(values, 0)? {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Labels(labels) => labels.len(),
        Value::Map(map) => map.len(),
        other => return Err(format!("len of {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `fmt.Sprint`: a space between two values where neither is a string.
fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut spaced = false;
    for value in values {
        let string = matches!(value, Value::Str(_));
        if spaced && !string {
            out.push(' ');
        }
        out.push_str(&value.print());
        spaced = !string;
    }
    out
}

fn println(values: &[Value]) -> Value {
    let parts: Vec<String> = values.iter().map(Value::print).collect();
    Value::text(parts.join(" ") + "\n")
}

fn printf(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let (format, arguments) = values.split_first().ok_or("an argument is missing")?;
    Ok(Value::text(sprintf(format.str()?, arguments)))
}

fn matches(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let pattern = Pattern::new(at(values, 0)?.str()?)?;
    Ok(Value::Bool(pattern.is_match(at(values, 1)?.str()?)))
}

fn replace_all(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let pattern = Pattern::new(at(values, 0)?.str()?)?;
    let replacement = at(values, 1)?.str()?;
    Ok(Value::text(
        pattern.replace_all(at(values, 2)?.str()?, replacement),
    ))
}

fn parse_duration(_: &Context<'_>, values: &[Value]) -> Result<Value, String> {
    let duration: Result<Duration, _> = at(values, 0)?.str()?.parse();
    duration
        .map(|duration| Value::Float(duration.as_secs_f64()))
        .map_err(|error| error.to_string())
}

fn link(values: &[Value], tab: u8) -> Result<Value, String> {
    let expr = escape_query(at(values, 0)?.str()?);
    Ok(Value::text(format!("/graph?g0.expr={expr}&g0.tab={tab}")))
}
