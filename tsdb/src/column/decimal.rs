//! Decimal numbers as whole numbers: a value that is `n / 10^k` exactly, checked by dividing back
//! (as ALP does, SIGMOD 2024).

/// The powers of ten that are tried: whole numbers, hundredths, milli, micro, nano.
pub(crate) const POWERS: [f64; 5] = [1.0, 1e2, 1e3, 1e6, 1e9];

/// Adding and taking away this number rounds to a whole one.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Whole numbers up to this are rounded exactly.
const LIMIT: f64 = 2_251_799_813_685_248.0;

/// The whole number that gives the value's bits when divided by the power.
pub(crate) fn scaled(value: f64, power: f64) -> Option<i64> {
    let rounded = (value * power + ROUNDER) - ROUNDER;
    if rounded.abs() < LIMIT && (rounded / power).to_bits() == value.to_bits() {
        Some(whole(rounded))
    } else {
        None
    }
}

/// The value of a whole number and a power.
pub(crate) fn unscaled(whole: i64, power: f64) -> f64 {
    whole as f64 / power
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number below 2^51 fits"
)]
fn whole(rounded: f64) -> i64 {
    rounded as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_decimals_are_scaled() {
        assert_eq!(scaled(1234.56, 1e2), Some(123_456));
        assert_eq!(scaled(-0.25, 1e2), Some(-25));
        assert_eq!(scaled(0.1 + 0.2, 1e9), None);
        for value in [-0.0, f64::NAN, f64::INFINITY, 1e300, f64::MIN_POSITIVE] {
            assert_eq!(scaled(value, 1.0), None, "{value}");
        }
        assert_eq!(scaled(9e15, 1.0), None);
    }
}
