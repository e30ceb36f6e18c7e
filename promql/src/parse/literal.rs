//! Numbers and strings, as Go writes them.

/// How many bytes at the start of a text can belong to a number.
pub(super) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let run = |from: usize, accept: fn(u8) -> bool| {
        bytes
            .iter()
            .skip(from)
            .take_while(|byte| accept(**byte))
            .count()
    };
    if at(0) == b'0' && matches!(at(1), b'x' | b'X') {
        return 2 + run(2, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let mut length = run(0, digits);
    if at(length) == b'.' {
        length += 1;
        length += run(length, digits);
    }
    if matches!(at(length), b'e' | b'E') {
        let sign = usize::from(matches!(at(length + 1), b'+' | b'-'));
        let exponent = run(length + 1 + sign, |byte| byte.is_ascii_digit());
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// The value of a number: hexadecimal after `0x`, octal after a leading `0` where all digits are
/// below 8 (as Go has it), else decimal. `_` may stand between digits.
pub(super) fn number(text: &str) -> Option<f64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let hexadecimal = plain.strip_prefix("0x").or(plain.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        return i64::from_str_radix(digits, 16)
            .ok()
            .map(|value| value as f64);
    }
    let octal = plain.len() > 1 && plain.starts_with('0');
    if octal && let Ok(value) = i64::from_str_radix(&plain, 8) {
        return Some(value as f64);
    }
    plain.parse().ok()
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

/// The string literal a text begins with, and how many bytes it takes.
pub(super) fn text(source: &str) -> Result<(String, usize), String> {
    let mut characters = source.char_indices();
    let quote = characters.next().map_or('"', |(_, quote)| quote);
    let mut bytes = Vec::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let value = String::from_utf8(bytes)
                .map_err(|_| "expected a string of valid UTF-8".to_owned())?;
            return Ok((value, at + 1));
        }
        match character {
            '\n' if quote != '`' => return Err("unterminated quoted string".to_owned()),
            '\\' if quote != '`' => escape(&mut characters, quote, &mut bytes)?,
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
    let Some((_, character)) = characters.next() else {
        return Err("escape sequence not terminated".to_owned());
    };
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
            return Err(format!(
                "unknown escape sequence U+{:04X} '{other}'",
                u32::from(other)
            ));
        }
    };
    let mut value = first;
    for _ in 0..digits {
        let Some((_, digit)) = characters.next() else {
            return Err("escape sequence not terminated".to_owned());
        };
        let Some(number) = digit.to_digit(radix) else {
            return Err(format!(
                "illegal character U+{:04X} '{digit}' in escape sequence",
                u32::from(digit)
            ));
        };
        value = value.wrapping_mul(radix).wrapping_add(number);
    }
    if matches!(character, 'u' | 'U') {
        let Some(scalar) = char::from_u32(value) else {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        };
        out.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
        return Ok(());
    }
    let byte = u8::try_from(value).map_err(|_| "octal escape value > 255".to_owned())?;
    out.push(byte);
    Ok(())
}
