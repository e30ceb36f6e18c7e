//! Regular expressions of templates, which match anywhere in a text.

use regex_automata::meta::Regex;

/// An expression that is not anchored.
pub(super) struct Pattern(Regex);

impl Pattern {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(1 << 20)))
            .build(pattern)
            .map(Self)
            .map_err(|error| format!("expected a regular expression, found {pattern:?}: {error}"))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// `Regexp.ReplaceAllString`: `$1` and `${name}` stand for what the groups matched.
    pub(super) fn replace_all(&self, text: &str, replacement: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut last = 0;
        for captures in self.0.captures_iter(text) {
            let Some(found) = captures.get_match() else {
                continue;
            };
            out.push_str(text.get(last..found.start()).unwrap_or_default());
            captures.interpolate_string_into(text, replacement, &mut out);
            last = found.end();
        }
        out.push_str(text.get(last..).unwrap_or_default());
        out
    }
}
