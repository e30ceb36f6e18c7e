//! Go's `printf` verbs.

use super::value::{Value, print_float};

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `-`: at the left.
    minus: bool,
    /// `0`: filled up with zeros.
    zero: bool,
    /// `#`: with `0x`.
    alternate: bool,
    /// `+` or a space: what stands before a number that is not negative.
    sign: Option<char>,
    width: usize,
    precision: Option<usize>,
}

/// The widest field and the most digits that a template may ask for.
const MAX_WIDTH: usize = 1_000;

/// `fmt.Sprintf`: what does not fit a verb is printed as Go prints it, `%!d(float64=1.5)`.
pub(super) fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let flags = read_flags(&mut chars);
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match arguments.next() {
                None => out.extend(["%!", &verb.to_string(), "(MISSING)"]),
                Some(value) => out.push_str(&pad(one(verb, flags, value), flags)),
            },
        }
    }
    let extra: Vec<String> = arguments
        .map(|value| format!("{}={}", value.type_name(), value.print()))
        .collect();
    if !extra.is_empty() {
        out.extend(["%!(EXTRA ", &extra.join(", "), ")"]);
    }
    out
}

fn read_flags(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Flags {
    let mut flags = Flags::default();
    while let Some(c) = chars.peek() {
        match c {
            '-' => flags.minus = true,
            '+' => flags.sign = Some('+'),
            '0' => flags.zero = true,
            ' ' => flags.sign = flags.sign.or(Some(' ')),
            '#' => flags.alternate = true,
            _ => break,
        }
        chars.next();
    }
    flags.width = read_count(chars).unwrap_or_default();
    if chars.next_if_eq(&'.').is_some() {
        flags.precision = Some(read_count(chars).unwrap_or_default());
    }
    flags
}

fn read_count(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut count = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        let digit = usize::try_from(digit).unwrap_or_default();
        count = Some((count.unwrap_or(0) * 10 + digit).min(MAX_WIDTH));
        chars.next();
    }
    count
}

fn one(verb: char, flags: Flags, value: &Value) -> String {
    let done = match (verb, value) {
        ('v', Value::Float(number)) => Some(match flags.precision {
            Some(digits) => general(*number, digits),
            None => signed(print_float(*number), flags),
        }),
        ('v' | 'd', Value::Int(number)) => Some(signed(number.to_string(), flags)),
        ('s', Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Nil) => None,
        ('v' | 's', other) => Some(cut(&other.print(), flags)),
        ('q', Value::Str(text)) => Some(format!("{:?}", cut(text, flags))),
        ('t', Value::Bool(truth)) => Some(truth.to_string()),
        ('c', Value::Int(code)) => u32::try_from(*code)
            .ok()
            .and_then(char::from_u32)
            .map(String::from),
        ('x' | 'X' | 'o' | 'b', Value::Int(number)) => Some(radix(verb, *number, flags)),
        ('x', Value::Str(text)) => Some(hex(text)),
        ('X', Value::Str(text)) => Some(hex(text).to_ascii_uppercase()),
        ('f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Float(number)) => {
            Some(signed(float(verb, *number, flags), flags))
        }
        _ => None,
    };
    done.unwrap_or_else(|| match value {
        Value::Nil => format!("%!{verb}(<nil>)"),
        _ => format!("%!{verb}({}={})", value.type_name(), value.print()),
    })
}

fn hex(text: &str) -> String {
    let nibbles = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

fn radix(verb: char, number: i64, flags: Flags) -> String {
    let size = number.unsigned_abs();
    let (digits, prefix) = match verb {
        'x' => (format!("{size:x}"), "0x"),
        'X' => (format!("{size:X}"), "0X"),
        'o' => (format!("{size:o}"), "0"),
        _ => (format!("{size:b}"), "0b"),
    };
    let sign = if number < 0 { "-" } else { "" };
    let prefix = if flags.alternate { prefix } else { "" };
    signed(format!("{sign}{prefix}{digits}"), flags)
}

fn float(verb: char, number: f64, flags: Flags) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match verb {
        'f' | 'F' => format!("{number:.*}", flags.precision.unwrap_or(6)),
        'e' | 'E' => go_exponent(&format!("{number:.*e}", flags.precision.unwrap_or(6))),
        _ => match flags.precision {
            Some(digits) => general(number, digits),
            None => print_float(number),
        },
    };
    if verb.is_ascii_uppercase() {
        text.to_ascii_uppercase()
    } else {
        text
    }
}

/// `%.Ng`: so many digits that mean something, without zeros at the end.
pub(crate) fn general(number: f64, digits: usize) -> String {
    if number.is_nan() || number.is_infinite() {
        return float('f', number, Flags::default());
    }
    let digits = digits.max(1);
    let scientific = format!("{number:.*e}", digits - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let places = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= places {
        return go_exponent(&format!("{}e{exponent}", without_zeros(mantissa)));
    }
    let decimals = usize::try_from(places - 1 - exponent).unwrap_or_default();
    without_zeros(&format!("{number:.decimals$}")).to_owned()
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// Rust writes `1.5e7` where Go writes `1.5e+07`.
fn go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn signed(text: String, flags: Flags) -> String {
    match text.chars().next() {
        Some('-' | '+') => text,
        _ => match flags.sign {
            Some(sign) => format!("{sign}{text}"),
            None => text,
        },
    }
}

fn cut(text: &str, flags: Flags) -> String {
    match flags.precision {
        Some(length) => text.chars().take(length).collect(),
        None => text.to_owned(),
    }
}

fn pad(text: String, flags: Flags) -> String {
    let missing = flags.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if flags.minus {
        return text + &" ".repeat(missing);
    }
    if !flags.zero {
        return " ".repeat(missing) + &text;
    }
    let signs = usize::from(text.starts_with(['-', '+']));
    let (sign, digits) = text.split_at(signs);
    format!("{sign}{}{digits}", "0".repeat(missing))
}
