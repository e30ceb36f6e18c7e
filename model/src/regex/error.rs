//! Why a text is not a regular expression.

/// Why a text is not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a regular expression in RE2 syntax, found `{pattern}`: {reason}")]
pub struct RegexError {
    pattern: String,
    reason: String,
}

impl RegexError {
    pub(super) fn new(pattern: &str, reason: String) -> Self {
        Self {
            pattern: pattern.to_owned(),
            reason,
        }
    }
}
