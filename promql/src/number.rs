//! Conversions between number types that saturate instead of failing.

/// The integer part; the nearest end of the range where it does not fit, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the conversion saturates, and the fraction is meant to go"
)]
pub(crate) fn to_i64(value: f64) -> i64 {
    value as i64
}

/// The integer part as a place in a list; 0 below zero and for NaN.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and the fraction is meant to go"
)]
pub(crate) fn to_usize(value: f64) -> usize {
    value as usize
}

/// A number as Go's `%g` has it.
pub(crate) fn short(value: f64) -> String {
    let mut text = Vec::with_capacity(24);
    watchpost_model::text::write_number(&mut text, value);
    String::from_utf8(text).unwrap_or_default()
}

/// A number as Go's `%.2g` has it.
pub(crate) fn two_digits(value: f64) -> String {
    let rounded = format!("{value:.1e}").parse().unwrap_or(value);
    if rounded.abs() >= 100.0 && rounded.abs() < 1e6 {
        // With two digits even a hundred has an exponent.
        let text = format!("{rounded:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{digits}e+0{exponent}");
    }
    short(rounded)
}

/// Seconds of a time in ms.
pub(crate) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// Whether two numbers are the same by IEEE 754: NaN is not itself, and -0 is 0.
#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
pub(crate) fn same(a: f64, b: f64) -> bool {
    a == b
}
