//! Numbers as Go's `strconv.AppendFloat(f, 'g', -1, 64)` writes them, which is how every Go exporter
//! does: the shortest digits that read back the same, with an exponent below `0.0001` and from a
//! million on (`1e+06`).

use std::io::Write;

use crate::NORMAL_NAN_BITS;

/// Appends a value to a page.
pub fn write_number(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value.fract() == 0.0 && value.abs() < WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        write_whole(out, value as i64);
    } else if (1e-4..1e6).contains(&value.abs()) {
        write_all(out, format_args!("{value}"));
    } else {
        write_with_exponent(out, value);
    }
}

/// Reads a value as Prometheus does: Go's decimal numbers, `Inf` and `NaN` in any case, no hex, no
/// underscores, nothing beyond the range. Every NaN is the normal one.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    if let Some((value, length)) = parse_exact(text)
        && length == text.len()
    {
        return Some(value);
    }
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let in_letters = unsigned.starts_with(|c: char| c.is_ascii_alphabetic());
    if value.is_nan() {
        return (unsigned.len() == text.len()).then_some(f64::from_bits(NORMAL_NAN_BITS));
    }
    (value.is_finite() || in_letters).then_some(value)
}

/// Powers of ten that a value holds exactly.
pub(super) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The number that a text starts with, and its length, where its digits and its power of ten are
/// both exact values, so that one multiplication or division rounds it correctly (Clinger, 1990).
/// That is nearly every number of a page; others are left to the standard library.
#[inline]
pub(super) fn parse_exact(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (mantissa, whole) = parse_digits(text.get(sign..)?, 0);
    let mut length = sign + whole;
    let (mut mantissa, mut digits, mut power) = (mantissa, whole, 0_i32);
    if text.get(length) == Some(&b'.') {
        let (all, decimals) = parse_digits(text.get(length + 1..)?, mantissa);
        mantissa = all;
        digits += decimals;
        length += 1 + decimals;
        power = -i32::try_from(decimals).ok()?;
    }
    if text.get(length) == Some(&b'e') {
        let (exponent, characters) = parse_exponent(text.get(length + 1..)?)?;
        power += exponent;
        length += 1 + characters;
    }
    // 19 digits fit in the mantissa; more may have wrapped around.
    if digits == 0 || digits > 19 || mantissa > 1 << 53 {
        return None;
    }
    let mut value = mantissa as f64;
    if power != 0 {
        let factor = POWERS.get(usize::try_from(power.unsigned_abs()).ok()?)?;
        value = if power < 0 {
            value / factor
        } else {
            value * factor
        };
    }
    Some((if sign == 1 { -value } else { value }, length))
}

/// The digits that a text starts with, added to those before, and how many they are.
#[inline]
fn parse_digits(text: &[u8], before: u64) -> (u64, usize) {
    let mut number = before;
    let mut length = 0;
    for c in text {
        let digit = c.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    (number, length)
}

/// What follows an `e`, with or without a sign, and its length.
fn parse_exponent(text: &[u8]) -> Option<(i32, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let (exponent, length) = parse_digits(text.get(sign..)?, 0);
    if length == 0 || length > 3 {
        return None;
    }
    let exponent = i32::try_from(exponent).ok()?;
    let negative = text.first() == Some(&b'-');
    Some((if negative { -exponent } else { exponent }, sign + length))
}

/// Below it, whole numbers are exact, and their digits the shortest that read back the same.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A whole number, which most numbers of a page are, without the library.
fn write_whole(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut rest = value.unsigned_abs();
    let from = out.len();
    loop {
        let digit = u8::try_from(rest % 10).unwrap_or_default();
        out.push(b'0' + digit);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(from..) {
        digits.reverse();
    }
    let exponent = out.len() - from - 1;
    if exponent < 6 {
        return;
    }
    while out.len() > from + 1 && out.last() == Some(&b'0') {
        out.pop();
    }
    if out.len() > from + 1 {
        out.insert(from + 1, b'.');
    }
    // Such a number has at most 16 digits.
    let (tens, ones) = if exponent < 10 {
        (b'0', exponent)
    } else {
        (b'1', exponent - 10)
    };
    let ones = b'0' + u8::try_from(ones).unwrap_or_default();
    out.extend_from_slice(&[b'e', b'+', tens, ones]);
}

/// Rust writes `1.5e6` and `1e-7` where Go writes `1.5e+06` and `1e-07`.
fn write_with_exponent(out: &mut Vec<u8>, value: f64) {
    let from = out.len();
    write_all(out, format_args!("{value:e}"));
    let Some(place) = out.iter().skip(from).position(|c| *c == b'e') else {
        return;
    };
    let exponent = out.split_off(from + place + 1);
    let (sign, digits) = match exponent.split_first() {
        Some((b'-', digits)) => (b'-', digits),
        _ => (b'+', exponent.as_slice()),
    };
    out.push(sign);
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Writing to memory cannot fail.
fn write_all(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whole_numbers_are_written_as_all_others(value in -(1_i64 << 53)..1 << 53, shift in 0..53) {
            let value = (value >> shift) as f64;
            let (mut quick, mut slow) = (Vec::new(), Vec::new());
            write_number(&mut quick, value);
            if value.abs() < 1e6 {
                write_all(&mut slow, format_args!("{value}"));
            } else {
                write_with_exponent(&mut slow, value);
            }
            proptest::prop_assert_eq!(quick, slow);
        }

        #[test]
        fn exact_numbers_are_those_of_the_standard_library(
            text in "[-+]?[0-9]{0,20}([.][0-9]{0,8})?(e[-+]?[0-9]{0,3})?",
        ) {
            let expected = text.parse::<f64>().ok().filter(|value| value.is_finite());
            let read = parse_number(text.as_bytes());
            proptest::prop_assert_eq!(read.map(f64::to_bits), expected.map(f64::to_bits));
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("123456789012345", 123_456_789_012_345.0),
            ("12345678901234567", 12_345_678_901_234_568.0),
            ("-1.5", -1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1E3", 1e3),
            ("1e-400", 0.0),
            ("Inf", f64::INFINITY),
            ("+inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_number(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["NaN", "nan"] {
            let bits = parse_number(text.as_bytes()).map(f64::to_bits);
            assert_eq!(bits, Some(NORMAL_NAN_BITS));
        }
        for text in [
            "", ".", "1_2", "0x1", "0x1p3", "1e400", "+NaN", "1 ", "e5", "1\r", "in", "\u{661}",
        ] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456.0, "123456"),
            (-1e15, "-1e+15"),
            (9_007_199_254_740_991.0, "9.007199254740991e+15"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (1e21, "1e+21"),
            (999_999.5, "999999.5"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (-1.5e100, "-1.5e+100"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut out = Vec::new();
            write_number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
