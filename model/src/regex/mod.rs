//! Regular expressions in RE2 syntax, matched against the whole text.
//!
//! What Go's `regexp` accepts is translated to what Rust's engine reads ([`translate`]). Most
//! expressions in matchers are names, lists of names or a name with `.*`; those are matched
//! without the engine ([`shape`]), and an index can look them up instead of trying every value.

mod class;
mod error;
mod escape;
mod expand;
mod shape;
#[cfg(test)]
mod tests;
mod translate;

use std::fmt;

use regex_automata::meta;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use error::RegexError;
use shape::Shape;

/// The largest compiled expression, in bytes.
const SIZE_LIMIT: usize = 10 << 20;
/// Groups in groups, as in Go.
const NEST_LIMIT: u32 = 1_000;
/// So often may an expression be repeated, nested repetitions multiplied; as in Go.
const REPEAT_LIMIT: u32 = 1_000;

/// A compiled expression in Go's RE2 syntax, anchored at both ends, where `.` matches every
/// character.
#[derive(Clone)]
pub struct Regex {
    pattern: String,
    shape: Shape,
    prefix: String,
    /// The names of the groups, from the first on.
    groups: Vec<Option<String>>,
    /// Where the shape does not say what matches, or there are groups.
    engine: Option<meta::Regex>,
}

impl Regex {
    /// Compiles an expression.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let fault = |reason: String| RegexError::new(pattern, reason);
        let translated = translate::translate(pattern).map_err(fault)?;
        let hir = ParserBuilder::new()
            .dot_matches_new_line(true)
            .nest_limit(NEST_LIMIT)
            .build()
            .parse(&translated.pattern)
            .map_err(|error| fault(reason(&error)))?;
        if !repeats_within(&hir, REPEAT_LIMIT) {
            let reason = format!("expected at most {REPEAT_LIMIT} repetitions");
            return Err(fault(reason));
        }
        let shape = Shape::of(&hir);
        let prefix = shape::prefix(&hir);
        let engine = if shape == Shape::Other || !translated.groups.is_empty() {
            Some(compile(hir).map_err(fault)?)
        } else {
            None
        };
        Ok(Self {
            pattern: pattern.to_owned(),
            shape,
            prefix,
            groups: translated.groups,
            engine,
        })
    }

    /// The expression as it was given.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the expression matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        match self.shape.is_match(text) {
            Some(matches) => matches,
            None => self.engine.as_ref().is_some_and(|it| it.is_match(text)),
        }
    }

    /// All texts that match, sorted, where they are few and can be listed: those of `a`, `a|b` and
    /// `a[bc]`.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.shape {
            Shape::Literals(literals) => Some(literals),
            _ => None,
        }
    }

    /// What every text that matches starts with; often empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether every text matches, as of `.*`.
    pub fn matches_all(&self) -> bool {
        self.shape == Shape::Anything
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.pattern)
    }
}

impl std::str::FromStr for Regex {
    type Err = RegexError;

    fn from_str(pattern: &str) -> Result<Self, RegexError> {
        Self::new(pattern)
    }
}

/// Two expressions are equal where their patterns are.
impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Regex {}

impl Serialize for Regex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pattern)
    }
}

impl<'de> Deserialize<'de> for Regex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        Self::new(&pattern).map_err(de::Error::custom)
    }
}

fn compile(hir: Hir) -> Result<meta::Regex, String> {
    let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
    meta::Regex::builder()
        .configure(meta::Config::new().nfa_size_limit(Some(SIZE_LIMIT)))
        .build_from_hir(&whole)
        .map_err(|error| too_large(&error))
}

fn too_large(error: &meta::BuildError) -> String {
    match error.size_limit() {
        Some(limit) => format!("expected at most {limit} bytes when compiled, found more"),
        None => error.to_string(),
    }
}

/// The parser's complaint without its picture of the translated pattern, which the user has not
/// written.
fn reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

/// Whether no part is repeated more than `limit` times, all repetitions around it multiplied.
fn repeats_within(hir: &Hir, limit: u32) -> bool {
    let mut limit = limit;
    if let HirKind::Repetition(repetition) = hir.kind() {
        let times = repetition.max.unwrap_or(repetition.min);
        if times > limit {
            return false;
        }
        limit /= times.max(1);
    }
    hir.kind()
        .subs()
        .iter()
        .all(|part| repeats_within(part, limit))
}
