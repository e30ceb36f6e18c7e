//! Numbers, durations and strings, as Go and Prometheus write them.

use watchpost_model::{Duration, DurationError};

use super::quote;

/// What a text that begins with a digit begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    Number,
    Duration,
    Neither,
}

/// A place in bytes.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is(&self, wanted: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(wanted)
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        let found = self.is(wanted);
        self.at += usize::from(found);
        found
    }

    fn run(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.take(&wanted) {}
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes belong to the number or duration at the start of a text, and which it is. Of
/// what is neither, the bytes up to where that shows.
pub(super) fn scan_number(text: &str) -> (usize, Scanned) {
    let mut cursor = Cursor {
        bytes: text.as_bytes(),
        at: 0,
    };
    if scan_digits(&mut cursor) && !cursor.is(is_word) {
        return (cursor.at, Scanned::Number);
    }
    if scan_units(&mut cursor) {
        if !cursor.is(is_word) {
            return (cursor.at, Scanned::Duration);
        }
        cursor.at += 1;
    }
    (cursor.at, Scanned::Neither)
}

/// Digits with at most one point, one exponent, and underscores between them. Whether the number
/// is a good one shows when its value is taken.
fn scan_digits(cursor: &mut Cursor<'_>) -> bool {
    let hexadecimal =
        cursor.take(|byte| byte == b'0') && cursor.take(|byte| matches!(byte, b'x' | b'X'));
    if hexadecimal {
        cursor.take(|byte| byte == b'_');
    }
    let digit = |byte: u8| byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit());
    let (mut point, mut exponent) = (false, false);
    // A point at the very start is one that Prometheus does not count.
    cursor.take(|byte| byte == b'.');
    loop {
        cursor.run(digit);
        match cursor.peek() {
            Some(b'.') => {
                let again = std::mem::replace(&mut point, true);
                cursor.at += 1;
                if again || cursor.take(|byte| matches!(byte, b'_' | b'.')) || hexadecimal {
                    return false;
                }
            }
            Some(b'e' | b'E') => {
                let again = std::mem::replace(&mut exponent, true);
                cursor.at += 1;
                if again {
                    return false;
                }
                cursor.take(|byte| matches!(byte, b'+' | b'-'));
                let wrong = |byte: u8| matches!(byte, b'.' | b'_' | b'e' | b'E');
                if cursor.take(wrong) || cursor.peek().is_none() {
                    return false;
                }
            }
            Some(b'_') => {
                cursor.at += 1;
                let wrong = |byte: u8| matches!(byte, b'.' | b'_' | b'e' | b'E');
                if cursor.take(wrong) || cursor.peek().is_none() {
                    return false;
                }
            }
            _ => return true,
        }
    }
}

/// The rest of a duration after its first digits.
fn scan_units(cursor: &mut Cursor<'_>) -> bool {
    let second = |byte: u8| byte == b's';
    if !cursor.take(|byte| b"smhdwy".contains(&byte)) {
        return false;
    }
    cursor.take(second);
    while cursor.is(is_digit) {
        cursor.run(is_digit);
        if !cursor.take(|byte| b"smhdw".contains(&byte)) {
            return false;
        }
        cursor.take(second);
    }
    true
}

/// The value of a number: hexadecimal after `0x`, octal after a leading `0` where all digits are
/// below 8 (as Go has it), else decimal. `_` may stand between digits.
pub(super) fn number(text: &str) -> Result<f64, String> {
    if text.eq_ignore_ascii_case("inf") {
        return Ok(f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let wrong = |why: &str| {
        let text = quote::text(text);
        format!("error parsing number: strconv.ParseFloat: parsing {text}: {why}")
    };
    if !underscores_separate_digits(text) {
        return Err(wrong("invalid syntax"));
    }
    let plain = text.replace('_', "");
    let hexadecimal = plain.strip_prefix("0x").or(plain.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        return i64::from_str_radix(digits, 16)
            .map(|value| value as f64)
            .map_err(|_| wrong("invalid syntax"));
    }
    let octal = plain.len() > 1 && plain.starts_with('0');
    if octal && let Ok(value) = i64::from_str_radix(&plain, 8) {
        return Ok(value as f64);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(wrong("value out of range")),
        Err(_) => Err(wrong("invalid syntax")),
    }
}

/// Whether each `_` stands between two digits, or between `0x` and one.
fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| {
        let neighbour = |index: Option<usize>| {
            index
                .and_then(|index| bytes.get(index))
                .is_some_and(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X'))
        };
        *byte != b'_' || (neighbour(at.checked_sub(1)) && neighbour(Some(at + 1)))
    })
}

/// The milliseconds of a duration.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    match text.parse::<Duration>() {
        Ok(duration) => Ok(duration.as_millis()),
        Err(DurationError::TooLong(_)) => Err("duration out of range".to_owned()),
        Err(DurationError::Syntax(_)) => {
            let mut units = text
                .split(|byte: char| byte.is_ascii_digit())
                .filter(|unit| !unit.is_empty());
            let known = |unit: &str| ["y", "w", "d", "h", "m", "s", "ms"].contains(&unit);
            let text = quote::text(text);
            Err(match units.find(|unit| !known(unit)) {
                Some(unit) => format!("unknown unit {} in duration {text}", quote::text(unit)),
                None => format!("not a valid duration string: {text}"),
            })
        }
    }
}

/// How many bytes the string literal takes that a text begins with.
pub(super) fn text_length(source: &str) -> Result<usize, String> {
    let mut ignored = Vec::new();
    read_text(source, &mut ignored)
}

/// The value of a string literal with its quotes. Bytes that are not UTF-8 (`"\xff"`) match nothing
/// that is stored; they are read as the replacement character.
pub(super) fn text(source: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    read_text(source, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_text(source: &str, bytes: &mut Vec<u8>) -> Result<usize, String> {
    let mut characters = source.char_indices();
    let quote = characters.next().map_or('"', |(_, quote)| quote);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Ok(at + 1);
        }
        match character {
            '\n' if quote != '`' => return Err("unterminated quoted string".to_owned()),
            '\\' if quote != '`' => escape(&mut characters, quote, bytes)?,
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(if quote == '`' {
        "unterminated raw string".to_owned()
    } else {
        "unterminated quoted string".to_owned()
    })
}

/// Reads what stands after a backslash.
fn escape(
    characters: &mut std::str::CharIndices<'_>,
    quote: char,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let not_terminated = || "escape sequence not terminated".to_owned();
    let (_, character) = characters.next().ok_or_else(not_terminated)?;
    let simple = match character {
        'a' => Some(0x07),
        'b' => Some(0x08),
        'f' => Some(0x0c),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(0x0b),
        '\\' => Some(b'\\'),
        same if same == quote => u8::try_from(same).ok(),
        _ => None,
    };
    if let Some(byte) = simple {
        out.push(byte);
        return Ok(());
    }
    let (digits, radix, first) = match character {
        'x' => (2, 16, 0),
        'u' => (4, 16, 0),
        'U' => (8, 16, 0),
        octal @ '0'..='7' => (2, 8, octal.to_digit(8).unwrap_or_default()),
        other => {
            let other = quote::code_point(other);
            return Err(format!("unknown escape sequence {other}"));
        }
    };
    let mut value: u32 = first;
    for _ in 0..digits {
        let (_, digit) = characters.next().ok_or_else(not_terminated)?;
        let Some(number) = digit.to_digit(radix) else {
            let digit = quote::code_point(digit);
            return Err(format!("illegal character {digit} in escape sequence"));
        };
        value = value.wrapping_mul(radix).wrapping_add(number);
    }
    let invalid = || "escape sequence is an invalid Unicode code point".to_owned();
    if matches!(character, 'u' | 'U') {
        let scalar = char::from_u32(value).ok_or_else(invalid)?;
        out.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
        return Ok(());
    }
    out.push(u8::try_from(value).map_err(|_| invalid())?);
    Ok(())
}
