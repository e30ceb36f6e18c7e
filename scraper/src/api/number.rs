//! Numbers and times in answers, as Prometheus's JSON has them.

use watchpost_model::format_value;
use watchpost_model::text::write_number;

/// Whole numbers below this are written digit by digit; all of them are exact.
const WHOLE: f64 = 1e15;
/// Between these the shortest digits are written without an exponent by the fast writer as well.
const PLAIN: std::ops::Range<f64> = 1e-3..1e15;
/// Outside of these an exponent is written.
const WITHOUT_EXPONENT: std::ops::Range<f64> = 1e-6..1e21;

/// The shortest digits that read back the same, with an exponent only below 1e-6 and from 1e21 on.
pub(super) fn put_number(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if size == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        });
    } else if size < WHOLE && value.fract() == 0.0 {
        if value < 0.0 {
            out.push(b'-');
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number below 1e15 that is not negative"
        )]
        put_whole(out, size as u64);
    } else if PLAIN.contains(&size) {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if size.is_finite() && !WITHOUT_EXPONENT.contains(&size) {
        write_number(out, value);
    } else {
        out.extend_from_slice(format_value(value).as_bytes());
    }
}

/// Seconds, with three decimals where they are not whole.
pub(super) fn put_time(out: &mut Vec<u8>, time_ms: i64) {
    if time_ms < 0 {
        out.push(b'-');
    }
    let millis = time_ms.unsigned_abs();
    put_whole(out, millis / 1_000);
    let rest = millis % 1_000;
    if rest > 0 {
        // The digits of a thousand more, with the point for the first of them.
        let start = out.len();
        put_whole(out, 1_000 + rest);
        if let Some(first) = out.get_mut(start) {
            *first = b'.';
        }
    }
}

fn put_whole(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        length += 1;
        if value == 0 {
            break;
        }
    }
    let start = digits.len() - length;
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: f64) -> String {
        let mut out = Vec::new();
        put_number(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_and_values_are_written_as_prometheus_writes_them() {
        for (time_ms, text) in [
            (1_435_781_451_781, "1435781451.781"),
            (1_000, "1"),
            (1_050, "1.050"),
            (-1_500, "-1.500"),
            (-3, "-0.003"),
            (0, "0"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            let mut out = Vec::new();
            put_time(&mut out, time_ms);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        for (value, text) in [
            (1.0, "1"),
            (-0.25, "-0.25"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (1e21, "1e+21"),
            (1.5e20, "150000000000000000000"),
            (986_906_816_531_734.0 + 0.25, "986906816531734.2"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (1e-7, "1e-07"),
            (0.000_001, "0.000001"),
            (-0.0, "-0"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    proptest! {
        #[test]
        fn the_fast_ways_write_as_few_digits_as_the_slow_one(
            bits: u64, whole: i32, small in -1e7..1e7,
        ) {
            for value in [f64::from_bits(bits), f64::from(whole), small, small * 1e-6, small * 1e8] {
                let text = number(value);
                if value.is_nan() {
                    prop_assert_eq!(text, "NaN");
                    continue;
                }
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                if WITHOUT_EXPONENT.contains(&value.abs()) {
                    // Where two of the shortest are as near, Go takes the even one, the slow way the
                    // larger one.
                    prop_assert_eq!(text.len(), format_value(value).len());
                }
            }
        }
    }
}
