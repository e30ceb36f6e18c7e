//! Spans of time as `node_exporter`'s flags and files have them.

use std::time::Duration;

/// A span of time as Go writes it: `1s`, `1m30s`, `1.5s`, `100ms`, `0`; none below zero.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 6] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3_600.0),
    ];
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .bytes()
            .take_while(|c| c.is_ascii_digit() || *c == b'.');
        let (number, tail) = rest.split_at_checked(digits.count())?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_go() {
        for (text, millis) in [
            ("0", Some(0)),
            ("1s", Some(1_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("100ms", Some(100)),
            ("3.46608s", Some(3_466)),
            ("1", None),
            ("", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
        ] {
            let found = parse(text).map(|duration| duration.as_millis());
            assert_eq!(found, millis, "{text}");
        }
    }
}
