//! Numbers as file systems write them for people: `2.05G`, where a G is 2^30.

/// The whole number that a text stands for.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let (digits, unit) = split(text.trim_ascii())?;
    Some((plain(digits)? * unit).trunc())
}

/// The whole number that a text of bcache stands for. What stands after its point is not a decimal
/// fraction but counts 1024ths, of which the kernel writes the first digits.
pub(super) fn bcache_number(text: &[u8]) -> Option<f64> {
    if let Some(text) = text.strip_prefix(b"-") {
        return bcache_number(text)
            .filter(|_| !text.starts_with(b"-"))
            .map(|n| -n);
    }
    let (digits, unit) = split(text)?;
    let number = plain(digits)?;
    let point = digits.iter().position(|c| *c == b'.');
    let Some(point) = point.filter(|_| unit > 1.0) else {
        return Some((number * unit).trunc());
    };
    let fraction = plain(digits.get(point + 1..)?)?;
    Some(((number.trunc() + fraction / 10.24) * unit).trunc())
}

/// A number without its unit, and what the unit stands for.
fn split(text: &[u8]) -> Option<(&[u8], f64)> {
    let (last, digits) = text.split_last()?;
    let exponent = match last {
        b'k' | b'K' => 10,
        b'm' | b'M' => 20,
        b'g' | b'G' => 30,
        b't' | b'T' => 40,
        b'p' | b'P' => 50,
        b'e' | b'E' => 60,
        b'z' | b'Z' => 70,
        b'y' | b'Y' => 80,
        _ => return Some((text, 1.0)),
    };
    Some((digits, 2_f64.powi(exponent)))
}

/// Digits, with a point or without, that are no more than the kernel can count.
fn plain(digits: &[u8]) -> Option<f64> {
    let is_plain = digits.iter().all(|c| c.is_ascii_digit() || *c == b'.')
        && digits.first().is_some_and(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_plain)?;
    let number: f64 = digits.parse().ok()?;
    (number <= u64::MAX as f64).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, value) in [
            ("0", 0.0),
            ("720", 720.0),
            (" 28.2k\n", 28_876.0),
            ("2.00M", 2_097_152.0),
            ("2.05G", 2_201_170_739.0),
            ("10.8T", 11_874_725_579_980.0),
        ] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text}");
        }
    }

    #[test]
    fn the_fractions_of_bcache_are_1024ths() {
        for (text, value) in [
            ("512", 512.0),
            ("427.5k", 437_748.0),
            ("1.1M", 1_150_976.0),
            ("20.4G", 21_894_266_880.0),
            ("-17.1M", -17_928_192.0),
            ("0.0k", 0.0),
        ] {
            assert_eq!(bcache_number(text.as_bytes()), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", "k", "-", "--1", "1.2.3", "inf", "nan", "1e5", "+1", ".5", "1 2",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
            assert_eq!(bcache_number(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            number(&text);
            bcache_number(&text);
        }

        #[test]
        fn integers_are_themselves(value: u32) {
            let text = value.to_string();
            proptest::prop_assert_eq!(number(text.as_bytes()), Some(f64::from(value)));
            proptest::prop_assert_eq!(bcache_number(text.as_bytes()), Some(f64::from(value)));
        }
    }
}
