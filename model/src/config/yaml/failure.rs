//! What can be wrong with one value, in words.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::path::Step;

/// The first thing that is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// Where; not known until the error has left the value's own visitor.
    pub(super) path: Option<Vec<Step>>,
    /// What.
    pub(super) what: What,
}

/// Kinds that are handled apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The value at the path is wrong.
    Value(String),
    /// The mapping at the path has a key that nobody knows.
    UnknownKey {
        key: String,
        known: &'static [&'static str],
        /// Those of the known keys that are offered.
        offered: Vec<&'static str>,
    },
    /// The mapping at the path lacks a key.
    MissingKey(&'static str),
}

impl Failure {
    /// A wrong value.
    pub(super) fn value(message: String) -> Self {
        Self {
            path: None,
            what: What::Value(message),
        }
    }

    /// Notes the path unless a deeper one is noted.
    pub(super) fn at(mut self, path: impl FnOnce() -> Vec<Step>) -> Self {
        self.path.get_or_insert_with(path);
        self
    }

    /// The path of the key that an unknown one was meant to be, as far as that can be guessed.
    pub(super) fn meant(&self) -> Option<Vec<Step>> {
        let What::UnknownKey { key, offered, .. } = &self.what else {
            return None;
        };
        let mut path = self.path.clone()?;
        *path.last_mut()? = Step::Key(nearest(key, offered)?.to_owned());
        Some(path)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Value(message) => f.write_str(message),
            What::UnknownKey { key, offered, .. } => write_unknown_key(f, key, offered),
            What::MissingKey(key) => write!(f, "expected the key `{key}`, found none"),
        }
    }
}

fn write_unknown_key(f: &mut fmt::Formatter<'_>, key: &str, known: &[&str]) -> fmt::Result {
    write!(f, "unknown key `{key}`")?;
    if let Some(near) = nearest(key, known) {
        return write!(f, ", did you mean `{near}`?");
    }
    if known.is_empty() {
        return f.write_str(", expected no key");
    }
    f.write_str(", expected ")?;
    write_names(f, known)
}

/// `` `a` ``, `` `a` or `b` ``, `` one of `a`, `b`, `c` ``
fn write_names(f: &mut impl fmt::Write, names: &[&str]) -> fmt::Result {
    if let [one, other] = names {
        return write!(f, "`{one}` or `{other}`");
    }
    if names.len() > 2 {
        f.write_str("one of ")?;
    }
    for (at, name) in names.iter().enumerate() {
        f.write_str(if at > 0 { ", " } else { "" })?;
        write!(f, "`{name}`")?;
    }
    Ok(())
}

/// The known name that is at most two typing errors away.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|have| (distance(name.as_bytes(), have.as_bytes()), *have))
        .filter(|(distance, have)| *distance <= 2 && *distance < have.len().min(name.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, have)| have)
}

/// Levenshtein's distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, x) in a.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let up = *cell;
            *cell = (diagonal + usize::from(x != y)).min(left + 1).min(up + 1);
            diagonal = up;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::value(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = in_words(&expected);
        Self::value(format!("expected {expected}, found {}", describe(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::value(format!("expected {expected}, found {length} items"))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let mut message = "expected ".to_owned();
        let written = write_names(&mut message, known);
        debug_assert!(written.is_ok(), "a String takes every write");
        Self::value(format!("{message}, found `{variant}`"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self {
            path: None,
            what: What::UnknownKey {
                key: field.to_owned(),
                known,
                offered: known.to_vec(),
            },
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: None,
            what: What::MissingKey(field),
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::value(format!("expected `{field}` once, found it under two names"))
    }
}

/// serde's names of Rust's types in the words of a configuration's writer.
fn in_words(expected: &str) -> &str {
    match expected {
        "bool" | "a boolean" => "a boolean",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a mapping",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(value) => format!("the text `{value}`"),
        Unexpected::Char(value) => format!("the text `{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}
