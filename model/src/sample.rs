//! Values, and the NaNs that mean something.

/// The bits of the NaN by which Prometheus marks the end of a series.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;
/// The bits of the NaN that stands for "not a number" on a page.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;
/// The bits of the NaN by which a column of the store says that it has no value in a row. It is
/// never a sample: it is not accepted from outside and not given out.
pub const ABSENT_NAN_BITS: u64 = 0x7ff0_0000_0000_0a05;

/// The stale marker.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// The mark of a row without a value.
pub fn absent_nan() -> f64 {
    f64::from_bits(ABSENT_NAN_BITS)
}

/// Whether a value is the stale marker.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// Whether a value is the mark of a row without a value.
pub fn is_absent(value: f64) -> bool {
    value.to_bits() == ABSENT_NAN_BITS
}

/// A value as Prometheus's API and Go's `strconv.FormatFloat(value, 'f', -1, 64)` write it:
/// the shortest digits that read back as the same number, never an exponent; `+Inf`, `-Inf`,
/// `NaN`.
pub fn format_value(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_api_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (stale_nan(), "NaN"),
        ] {
            assert_eq!(format_value(value), text);
        }
    }

    #[test]
    fn marks_are_told_apart_from_each_other_and_from_nan() {
        assert!(is_stale(stale_nan()) && !is_stale(f64::NAN) && !is_stale(absent_nan()));
        assert!(is_absent(absent_nan()) && !is_absent(f64::NAN) && !is_absent(stale_nan()));
    }
}
