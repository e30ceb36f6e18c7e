//! Regular expressions in RE2 syntax, matched against the whole text.

use std::fmt;

use regex_automata::meta;

/// A compiled expression in Go's RE2 syntax, anchored at both ends, where `.` matches every
/// character.
#[derive(Clone)]
pub struct Regex {
    pattern: String,
    program: meta::Regex,
}

/// Why a text is not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a regular expression in RE2 syntax, found `{pattern}`: {reason}")]
pub struct RegexError {
    pattern: String,
    reason: String,
}

impl Regex {
    /// Compiles an expression.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let program = meta::Regex::builder()
            .configure(meta::Config::new().nfa_size_limit(Some(10 << 20)))
            .build(&format!("^(?s:{pattern})$"))
            .map_err(|error| RegexError {
                pattern: pattern.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            pattern: pattern.to_owned(),
            program,
        })
    }

    /// The expression as it was given.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the expression matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.program.is_match(text)
    }

    /// `template` with `$1`, `${1}` and `${name}` replaced by what the groups matched, as Go's
    /// `Regexp.Expand` does; nothing where the expression does not match the whole text.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = self.program.create_captures();
        self.program.captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        Some(captures.interpolate_string(text, template))
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.pattern)
    }
}
