//! Single characters: as RE2 writes them, and as the engine reads them.

use std::fmt::Write;

/// What follows a character that the text starts with.
pub(super) fn after(text: &str, c: char) -> &str {
    text.strip_prefix(c).unwrap_or(text)
}

/// A character that stands for itself.
pub(super) fn push_literal(out: &mut String, c: char) {
    if c.is_alphanumeric() || c == '_' {
        out.push(c);
    } else {
        let written = write!(out, "\\x{{{:x}}}", u32::from(c));
        debug_assert!(written.is_ok(), "a String takes every write");
    }
}

/// The character of an escape that stands for one, and what follows it.
pub(super) fn escaped_character(text: &str) -> Result<(char, &str), String> {
    let escape = after(text, '\\');
    let c = escape.chars().next().unwrap_or_default();
    let rest = after(escape, c);
    let plain = match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(rest),
        '0'..='7' => return octal(c, escape),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '\0' => c,
        c => return Err(format!("expected an escape that RE2 has, found `\\{c}`")),
    };
    Ok((plain, rest))
}

/// `\x7f` or `\x{10ffff}`, from after the `x`.
fn hexadecimal(text: &str) -> Result<(char, &str), String> {
    let parts = match text.strip_prefix('{') {
        Some(text) => text.split_once('}'),
        None => text.split_at_checked(2),
    };
    parts
        .filter(|(digits, _)| digits.bytes().all(|c| c.is_ascii_hexdigit()))
        .and_then(|(digits, rest)| {
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((c, rest))
        })
        .ok_or_else(|| r"expected `\x7f` or `\x{10ffff}`".to_owned())
}

/// `\0` or two to three octal digits; one other digit would refer back to a group.
fn octal(first: char, text: &str) -> Result<(char, &str), String> {
    let length = text
        .bytes()
        .take(3)
        .take_while(|c| matches!(c, b'0'..=b'7'))
        .count();
    if length == 1 && first != '0' {
        return Err(format!(
            "expected no reference to a group, found `\\{first}`"
        ));
    }
    let (digits, rest) = text.split_at(length);
    u32::from_str_radix(digits, 8)
        .ok()
        .and_then(char::from_u32)
        .map(|c| (c, rest))
        .ok_or_else(|| format!("expected an octal number, found `\\{digits}`"))
}
