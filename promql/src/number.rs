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

/// Seconds of a time in ms.
pub(crate) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// Whether two numbers are the same by IEEE 754: NaN is not itself, and -0 is 0.
#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
pub(crate) fn same(a: f64, b: f64) -> bool {
    a == b
}
