//! Numbers as Go's `strconv.AppendFloat(f, 'g', -1, 64)` writes them, which is how every Go exporter
//! does: the shortest digits that read back the same, with an exponent below `0.0001` and from a
//! million on (`1e+06`).

use std::io::Write;

/// Appends a value to a page.
pub fn write_number(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value == 0.0 {
        out.push(b'0');
    } else if (1e-4..1e6).contains(&value.abs()) {
        write_all(out, format_args!("{value}"));
    } else {
        write_with_exponent(out, value);
    }
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
