//! Durations as Prometheus writes them: `1h30m`, `15s`, `250ms`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time of whole milliseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    millis: u64,
}

/// Units in falling order, with their milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration, as in Go: 2^63 - 1 nanoseconds.
const MAX_MILLIS: u64 = 9_223_372_036_854;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self { millis: 0 };

    /// From whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1_000),
        }
    }

    /// In milliseconds.
    pub fn as_millis(self) -> i64 {
        i64::try_from(self.millis).unwrap_or(i64::MAX)
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.millis as f64 / 1_000.0
    }

    /// As the standard library's type.
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis)
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.as_std()
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not follow the grammar.
    #[error(
        "expected a duration like `30s` or `1h30m` (units y, w, d, h, m, s, ms, each at most once and in this order), found `{0}`"
    )]
    Syntax(String),
    /// It is longer than 2^63 - 1 nanoseconds.
    #[error("expected a duration of at most 292y, found `{0}`")]
    TooLong(String),
}

impl FromStr for Duration {
    type Err = DurationError;

    /// Reads `[0-9]+(y|w|d|h|m|s|ms)` parts in falling order of unit, each unit at most once, or
    /// the single character `0`.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let syntax = || DurationError::Syntax(text.to_owned());
        let too_long = || DurationError::TooLong(text.to_owned());
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut units = UNITS.as_slice();
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            if number.is_empty() {
                return Err(syntax());
            }
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let place = units
                .iter()
                .position(|(name, _)| *name == unit)
                .ok_or_else(syntax)?;
            let (_, factor) = units.get(place).ok_or_else(syntax)?;
            units = units.get(place + 1..).unwrap_or_default();
            rest = tail;
            let number: u64 = number.parse().map_err(|_| too_long())?;
            millis = number
                .checked_mul(*factor)
                .and_then(|part| millis.checked_add(part))
                .filter(|sum| *sum <= MAX_MILLIS)
                .ok_or_else(too_long)?;
        }
        if text.is_empty() {
            Err(syntax())
        } else {
            Ok(Self { millis })
        }
    }
}

/// The shortest form that reads back as the same duration, as Prometheus prints it: years, weeks
/// and days only where they fit without a rest.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, factor) in UNITS {
            let exact_only = matches!(unit, "y" | "w" | "d");
            if rest / factor > 0 && (!exact_only || rest.is_multiple_of(factor)) {
                write!(f, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_prometheus_and_print_back() {
        for (text, millis, printed) in [
            ("0", 0, "0s"),
            ("0w", 0, "0s"),
            ("324ms", 324, "324ms"),
            ("3s", 3_000, "3s"),
            ("5m", 300_000, "5m"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("4d", 345_600_000, "4d"),
            ("4d1h", 349_200_000, "97h"),
            ("14d", 1_209_600_000, "2w"),
            ("3w2d1h", 1_990_800_000, "553h"),
            ("10y", 315_360_000_000, "10y"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", "1", "-1w", "1.5d", "d", "1m1h", "1s1s", "1 s", "1M", "294y",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
