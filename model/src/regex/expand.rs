//! Templates, as Go's `Regexp.Expand` reads them.

use regex_automata::util::captures::Captures;

use super::Regex;

impl Regex {
    /// `template` with `$1`, `${1}` and `${name}` replaced by what the groups matched, as Go's
    /// `Regexp.Expand` does; nothing where the expression does not match the whole text.
    ///
    /// A name is as long as possible: `$1x` is the group `1x`. A group that is not there is empty,
    /// `$$` is `$`, and a `$` without a name stands for itself.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = None;
        if let Some(engine) = &self.engine {
            let mut found = engine.create_captures();
            engine.captures(text, &mut found);
            if !found.is_match() {
                return None;
            }
            captures = Some(found);
        } else if !self.is_match(text) {
            return None;
        }
        Some(self.fill(text, template, captures.as_ref()))
    }

    fn fill(&self, text: &str, template: &str, captures: Option<&Captures>) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = group_name(rest) {
                out.push_str(self.group(name, text, captures).unwrap_or_default());
                rest = after;
            } else {
                out.push('$');
            }
        }
        out.push_str(rest);
        out
    }

    /// What a group matched.
    fn group<'t>(&self, name: &str, text: &'t str, captures: Option<&Captures>) -> Option<&'t str> {
        let named = || {
            let has_name = |have: &Option<String>| have.as_deref() == Some(name);
            self.groups.iter().position(has_name).map(|at| at + 1)
        };
        let index = group_number(name).or_else(named)?;
        if index == 0 {
            return Some(text);
        }
        text.get(captures?.get_group(index)?.range())
    }
}

/// The name after a `$`, in braces or not, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let start = braced.unwrap_or(text);
    let end = start
        .find(|c: char| !(c.is_alphabetic() || c.is_numeric() || c == '_'))
        .unwrap_or(start.len());
    let (name, rest) = start.split_at(end);
    if name.is_empty() {
        return None;
    }
    match braced {
        Some(_) => Some((name, rest.strip_prefix('}')?)),
        None => Some((name, rest)),
    }
}

fn group_number(name: &str) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    if leading_zero || name.len() > 8 || !name.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    name.parse().ok()
}
