//! Characters and texts in quotes, as Go's `%q` writes them.

/// Whether Go prints a character as it is: letters, marks, digits, punctuation, symbols, and of
/// all spaces the ASCII one.
fn is_printable(character: char) -> bool {
    let mut written = character.escape_debug();
    character == '"' || character == '\'' || {
        let first = written.next();
        // Marks are printed by Go and escaped by Rust.
        first == Some(character) || is_mark(character)
    }
}

fn is_mark(character: char) -> bool {
    let escaped: String = character.escape_debug().collect();
    let combining = matches!(u32::from(character), 0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x64b..=0x65f | 0x900..=0x903 | 0x93a..=0x94d | 0x1ab0..=0x1aff | 0x20d0..=0x20f0 | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f);
    combining && escaped.starts_with("\\u")
}

fn push(out: &mut String, character: char, quote: char) {
    match character {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        same if same == quote => out.extend(['\\', same]),
        control if control.is_ascii_control() => {
            escape(out, 'x', control, 2);
        }
        plain if is_printable(plain) => out.push(plain),
        other if u32::from(other) < 0x1_0000 => {
            escape(out, 'u', other, 4);
        }
        other => escape(out, 'U', other, 8),
    }
}

/// A backslash, a letter, and the character's code in hexadecimal.
pub(super) fn escape(out: &mut String, letter: char, character: char, digits: u32) {
    out.extend(['\\', letter]);
    let code = u32::from(character);
    out.extend(
        (0..digits)
            .rev()
            .filter_map(|place| char::from_digit((code >> (4 * place)) & 0xf, 16)),
    );
}

/// A character in single quotes.
pub(super) fn character(character: char) -> String {
    let mut out = String::from("'");
    push(&mut out, character, '\'');
    out.push('\'');
    out
}

/// A text in double quotes.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        push(&mut out, character, '"');
    }
    out.push('"');
    out
}

/// A text in double quotes, cut after ten characters where it has more than ten bytes.
pub(super) fn short(whole: &str) -> String {
    if whole.len() <= 10 {
        return text(whole);
    }
    let start: String = whole.chars().take(10).collect();
    format!("{}...", text(&start))
}

/// A character as Go's `%#U` writes it.
pub(super) fn code_point(character: char) -> String {
    let code = u32::from(character);
    if is_printable(character) && !character.is_ascii_control() {
        format!("U+{code:04X} '{character}'")
    } else {
        format!("U+{code:04X}")
    }
}
