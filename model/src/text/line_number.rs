//! The number at the end of a line.
//!
//! Nearly all numbers of a page have at most 16 characters, so that two machine words hold one
//! whole. Where the line ends is found first and alone: nothing of the next line waits for the value
//! of this one. Then the dot is taken out, the digits are checked all at once, and neighbours, pairs
//! and fours are added up (Lemire, "Number parsing at a gigabyte per second", 2021). There is hardly
//! a branch in it that could be guessed wrongly.

use super::number::{POWERS, parse_number};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The number that the line has up to its end, and its length without the end of the line.
#[inline]
pub(super) fn line_number(text: &[u8]) -> Option<(f64, usize)> {
    if let [digit @ b'0'..=b'9', b'\n', ..] = text {
        return Some((f64::from(digit - b'0'), 1));
    }
    if let Some(eight) = text.first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let ends = zero_bytes(word ^ (ONES * 0x0a));
        if ends != 0 {
            let length = ends.trailing_zeros() / 8;
            if let Some(value) = of_eight(word, length) {
                return Some((value, length as usize));
            }
        } else if let Some((value, length)) = of_sixteen(text, word) {
            return Some((value, length));
        }
    }
    let length = memchr::memchr(b'\n', text)?;
    let value = parse_number(text.get(..length)?)?;
    Some((value, length))
}

/// A high bit for each byte that is zero, up to the first of them.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The number that the first `length` bytes of a word are, up to eight.
#[inline]
fn of_eight(word: u64, length: u32) -> Option<f64> {
    let (length, power) = if length > 4 {
        exponent(word >> (8 * (length - 4)), length)?
    } else {
        (length, 0)
    };
    // The characters go to the end of the word; zeros come before them.
    let word = (word ^ (ONES * 0x30)).checked_shl(64 - 8 * length)?;
    let (word, decimals) = without_dot(word);
    let others = (word.wrapping_add(ONES * 0x76) | word) & HIGH;
    if others != 0 || length <= u32::from(decimals.is_some()) {
        return None;
    }
    scaled(eight_digits(word), power - decimals.unwrap_or(0))
}

/// The number that a text of nine to sixteen bytes is, of which eight are `first`, and its length.
#[inline]
fn of_sixteen(text: &[u8], first: u64) -> Option<(f64, usize)> {
    let last = u64::from_le_bytes(*text.get(8..)?.first_chunk()?);
    let ends = zero_bytes(last ^ (ONES * 0x0a));
    if ends == 0 {
        return None;
    }
    let whole = ends.trailing_zeros() / 8 + 8;
    let both = u128::from(last) << 64 | u128::from(first);
    #[expect(clippy::cast_possible_truncation, reason = "four bytes are looked at")]
    let end = (both >> (8 * (whole - 4))) as u64;
    let (length, power) = exponent(end, whole)?;
    let wide = (both ^ (u128::from(ONES * 0x30) << 64 | u128::from(ONES * 0x30)))
        .checked_shl(128 - 8 * length)?;
    #[expect(clippy::cast_possible_truncation, reason = "the halves are taken")]
    let (low, high) = (wide as u64, (wide >> 64) as u64);
    // A dot in the first half makes room for the last digit of it from nowhere: the digits before
    // it move up by one.
    let (high_digits, high_dot) = without_dot(high);
    let (low, high, decimals) = match high_dot {
        Some(decimals) => {
            let carried = (low >> 56) & 0xff;
            (low << 8, high_digits | carried, decimals)
        }
        None => match without_dot(low) {
            (digits, Some(decimals)) => (digits, high, decimals + 8),
            (digits, None) => (digits, high, 0),
        },
    };
    let others =
        (low.wrapping_add(ONES * 0x76) | low | high.wrapping_add(ONES * 0x76) | high) & HIGH;
    if others != 0 || length < 2 {
        return None;
    }
    let mantissa = eight_digits(low) * 100_000_000 + eight_digits(high);
    Some((scaled(mantissa, power - decimals)?, whole as usize))
}

/// The length without an exponent of two digits, and the exponent. `end` begins with the last four
/// bytes. Nothing where there is another kind of exponent.
#[inline]
fn exponent(end: u64, length: u32) -> Option<(u32, i32)> {
    let [b'e', sign, tens, ones, ..] = end.to_le_bytes() else {
        return Some((length, 0));
    };
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    let exponent = i32::from(tens) * 10 + i32::from(ones);
    match sign {
        _ if tens > 9 || ones > 9 => None,
        b'+' => Some((length - 4, exponent)),
        b'-' => Some((length - 4, -exponent)),
        _ => None,
    }
}

/// The characters of a word, each less `0`, with those before the first dot moved up by one, and how
/// many stand after it.
#[inline]
fn without_dot(word: u64) -> (u64, Option<i32>) {
    let dots = zero_bytes(word ^ (ONES * u64::from(b'.' ^ b'0')));
    if dots == 0 {
        return (word, None);
    }
    let dot = dots & dots.wrapping_neg();
    let before = (dot >> 7).wrapping_sub(1) & word;
    let after = !(dot << 1).wrapping_sub(1) & word;
    let place = dots.trailing_zeros() / 8;
    (before << 8 | after, i32::try_from(7 - place).ok())
}

/// A whole number times a power of ten, where both are exact, so that the one operation rounds
/// correctly (Clinger, 1990).
#[inline]
fn scaled(mantissa: u64, power: i32) -> Option<f64> {
    let value = mantissa as f64;
    if power == 0 && mantissa <= 1 << 53 {
        return Some(value);
    }
    let factor = *POWERS.get(usize::try_from(power.unsigned_abs()).ok()?)?;
    let scaled = if power < 0 {
        value / factor
    } else {
        value * factor
    };
    (mantissa <= 1 << 53).then_some(scaled)
}

/// The number that eight digits are, the first in the lowest byte.
#[inline]
fn eight_digits(word: u64) -> u64 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_number_of_a_line_is_what_it_is_without_the_line(
            number in prop_oneof![
                "[-+]?[0-9]{0,18}([.][0-9]{0,12})?(e[-+]?[0-9]{0,3})?",
                "[0-9]{1,3}|[0-9]{1,6}[.][0-9]{1,6}|[0-9][.][0-9]{1,12}e[-+][0-9]{2}",
                "[-+0-9.e Nainf_x/:;\u{b0}\r]{0,17}",
            ],
            rest in "(a 1\n|\n|b_c 7\n){0,6}",
        ) {
            let text = format!("{number}\n{rest}");
            let expected = parse_number(number.as_bytes()).map(f64::to_bits);
            let read = line_number(text.as_bytes());
            prop_assert_eq!(read.map(|(value, _)| value.to_bits()), expected);
            if let Some((_, length)) = read {
                prop_assert_eq!(length, number.len());
            }
        }
    }
}
