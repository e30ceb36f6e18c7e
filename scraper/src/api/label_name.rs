//! Names of labels in a path, which may be escaped: `U__http_2e_status`.
//!
//! After `U__`, `__` stands for `_`, and `_2e_` for the character with that number (hexadecimal).
//! A name that is escaped wrongly stands for itself. Source: Prometheus's proposal
//! 2023-08-21-utf8, "Text escaping".

use super::form;

/// What an escaped name starts with.
const ESCAPED: &str = "U__";
/// No character's number has more digits.
const MAX_DIGITS: usize = 6;

/// The name in a path, nothing where it is no name of a label.
pub(super) fn read(path: &str) -> Option<String> {
    let name = form::unescape(path.as_bytes(), false)?;
    let name = match name.strip_prefix(ESCAPED) {
        Some(escaped) => unescape(escaped).unwrap_or(name),
        None => name,
    };
    (!name.is_empty()).then_some(name)
}

fn unescape(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('_') {
        name.push_str(plain);
        if let Some(after) = after.strip_prefix('_') {
            name.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = after.split_once('_')?;
        if digits.len() > MAX_DIGITS {
            return None;
        }
        name.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        for (path, name) in [
            ("job", "job"),
            ("http.status", "http.status"),
            ("a%2Fb+c", "a/b+c"),
            ("U__http_2e_status__code", "http.status_code"),
            ("U__a_2F_b", "a/b"),
            ("U___e4_x", "\u{e4}x"),
            ("U__a_zz_b", "U__a_zz_b"),
            ("U__a_2e", "U__a_2e"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__a_1234567_", "U__a_1234567_"),
        ] {
            assert_eq!(read(path).as_deref(), Some(name), "{path}");
        }
        assert_eq!(read("%ff"), None);
        assert_eq!(read(""), None);
        assert_eq!(read("U__"), None);
    }
}
