//! Matchers: tests on the value of one label.

use std::fmt;

use crate::labels::write_quoted;
use crate::{Regex, RegexError, is_label_name};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`: the value is the same.
    Equal,
    /// `!=`: the value differs.
    NotEqual,
    /// `=~`: the expression matches the whole value.
    Regex,
    /// `!~`: the expression does not match the whole value.
    NotRegex,
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

/// A test on the value of one label. A label that a series lacks has the empty value.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
}

impl Matcher {
    /// A matcher; fails where `op` needs an expression and `value` is none.
    pub fn new(
        op: MatchOp,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, RegexError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Regex::new(&value)?),
        };
        Ok(Self {
            name: name.into(),
            op,
            value,
            regex,
        })
    }

    /// The matcher `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
        }
    }

    /// The name of the label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// What it compares with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The compiled expression of `=~` and `!~`.
    pub fn regex(&self) -> Option<&Regex> {
        self.regex.as_ref()
    }

    /// Whether a value passes.
    pub fn matches(&self, value: &str) -> bool {
        let by_regex = || {
            self.regex
                .as_ref()
                .is_some_and(|regex| regex.is_match(value))
        };
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Regex => by_regex(),
            MatchOp::NotRegex => !by_regex(),
        }
    }

    /// Whether a series without the label passes.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.op, &self.value).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_label_name(&self.name) {
            f.write_str(&self.name)?;
        } else {
            write_quoted(f, &self.name)?;
        }
        write!(f, "{}", self.op)?;
        write_quoted(f, &self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(op: MatchOp, value: &str) -> Matcher {
        Matcher::new(op, "a", value).unwrap()
    }

    #[test]
    fn each_operator_tests_the_whole_value() {
        for (op, value, passing, failing) in [
            (MatchOp::Equal, "x", "x", "xx"),
            (MatchOp::NotEqual, "x", "", "x"),
            (MatchOp::Regex, "x.", "xy", "xyz"),
            (MatchOp::NotRegex, "x.", "xyz", "xy"),
        ] {
            let matcher = matcher(op, value);
            assert!(matcher.matches(passing), "{matcher} {passing}");
            assert!(!matcher.matches(failing), "{matcher} {failing}");
        }
    }

    #[test]
    fn a_missing_label_has_the_empty_value() {
        assert!(matcher(MatchOp::Equal, "").matches_empty());
        assert!(matcher(MatchOp::Regex, "x*").matches_empty());
        assert!(matcher(MatchOp::NotRegex, "x+").matches_empty());
        assert!(!matcher(MatchOp::NotEqual, "").matches_empty());
    }

    #[test]
    fn a_matcher_prints_as_promql_reads_it() {
        let text = matcher(MatchOp::NotRegex, "x\"\u{200b}\n").to_string();
        assert_eq!(text, "a!~\"x\\\"\u{200b}\\n\"");
        assert_eq!(Matcher::equal("a b", "c").to_string(), "\"a b\"=\"c\"");
    }
}
