//! Character classes: `[a-z]`, `\d`, `\pL`, `[[:alpha:]]`.

use super::escape::{after, escaped_character, push_literal};

/// Classes of one letter; the engine's own are Unicode's.
const PERL: [(char, &str); 6] = [
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('s', r"[\t\n\x0c\r ]"),
    ('S', r"[^\t\n\x0c\r ]"),
    ('w', "[0-9A-Za-z_]"),
    ('W', "[^0-9A-Za-z_]"),
];

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Translates the class that a text starts with; gives what follows it.
pub(super) fn translate<'t>(text: &'t str, out: &mut String) -> Result<&'t str, String> {
    let mut rest = after(text, '[');
    out.push('[');
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    loop {
        if let Some(end) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok(end);
        }
        first = false;
        rest = match posix(rest, out)? {
            Some(rest) => rest,
            None => match named(rest, out)? {
                Some(rest) => rest,
                None => range(rest, out)?,
            },
        };
    }
}

/// One character, or two with all between them.
fn range<'t>(text: &'t str, out: &mut String) -> Result<&'t str, String> {
    let (low, rest) = character(text)?;
    push_literal(out, low);
    let Some(upper) = rest.strip_prefix('-').filter(|it| !it.starts_with(']')) else {
        return Ok(rest);
    };
    let (high, rest) = character(upper)?;
    if high < low {
        return Err(format!(
            "expected the smaller character first, found `{low}-{high}`"
        ));
    }
    out.push('-');
    push_literal(out, high);
    Ok(rest)
}

fn character(text: &str) -> Result<(char, &str), String> {
    match text.chars().next() {
        None => Err("expected a closing `]`".to_owned()),
        Some('\\') if text.len() == 1 => Err("expected a closing `]`".to_owned()),
        Some('\\') => escaped_character(text),
        Some(c) => Ok((c, after(text, c))),
    }
}

/// `[:alpha:]`, `[:^alpha:]`
fn posix<'t>(text: &'t str, out: &mut String) -> Result<Option<&'t str>, String> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|it| it.split_once(":]")) else {
        return Ok(None);
    };
    if !POSIX.contains(&after(name, '^')) {
        return Err(format!("expected a class that RE2 has, found `[:{name}:]`"));
    }
    out.extend(["[:", name, ":]"]);
    Ok(Some(rest))
}

/// `\d`, `\pL`, `\p{Greek}` and their opposites: what follows them, or nothing where there is none.
pub(super) fn named<'t>(text: &'t str, out: &mut String) -> Result<Option<&'t str>, String> {
    let Some(escape) = text.strip_prefix('\\') else {
        return Ok(None);
    };
    let letter = escape.chars().next().unwrap_or_default();
    let rest = after(escape, letter);
    if let Some((_, class)) = PERL.iter().find(|(name, _)| *name == letter) {
        out.push_str(class);
        return Ok(Some(rest));
    }
    if letter == 'p' || letter == 'P' {
        return unicode(letter == 'P', rest, out).map(Some);
    }
    Ok(None)
}

/// A class of Unicode's, from after the `p`.
fn unicode<'t>(negated: bool, text: &'t str, out: &mut String) -> Result<&'t str, String> {
    let fault = || r"expected a Unicode class like `\pL` or `\p{Greek}`".to_owned();
    let (name, rest) = if let Some(text) = text.strip_prefix('{') {
        text.split_once('}').ok_or_else(fault)?
    } else {
        let length = text.chars().next().ok_or_else(fault)?.len_utf8();
        text.split_at(length)
    };
    let inverted = name.strip_prefix('^');
    let name = inverted.unwrap_or(name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(fault());
    }
    let escape = if negated == inverted.is_some() {
        r"\p{"
    } else {
        r"\P{"
    };
    out.extend([escape, name, "}"]);
    Ok(rest)
}
