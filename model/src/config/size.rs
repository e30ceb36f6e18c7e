//! Sizes in bytes as Prometheus writes them: `512MB`, `10GiB`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes. All units are powers of 1,024, as in Prometheus: `1KB` is 1,024 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [&str; 7] = ["B", "K", "M", "G", "T", "P", "E"];

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a size like `512MB` or `10GiB`, found `{0}`")]
pub struct ByteSizeError(String);

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let fault = || ByteSizeError(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fault())?;
        if text == "0" {
            return Ok(Self(0));
        }
        let letter = unit
            .strip_suffix("iB")
            .or_else(|| unit.strip_suffix('B'))
            .unwrap_or(unit);
        let power = match letter {
            "" if unit == "B" => 0,
            letter => UNITS
                .iter()
                .position(|have| *have == letter && *have != "B")
                .ok_or_else(fault)?,
        };
        let factor = 1_u64 << (10 * power);
        number.checked_mul(factor).map(Self).ok_or_else(fault)
    }
}

/// The largest unit that divides the size: `10GiB`, `1536B`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut power = 0;
        let mut rest = self.0;
        while power < 6 && rest >= 1_024 && rest.is_multiple_of(1_024) {
            rest /= 1_024;
            power += 1;
        }
        match UNITS.get(power) {
            Some(unit) if power > 0 => write!(f, "{rest}{unit}iB"),
            _ => write!(f, "{rest}B"),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("0", 0, "0B"),
            ("512B", 512, "512B"),
            ("1KB", 1_024, "1KiB"),
            ("512MB", 512 << 20, "512MiB"),
            ("10GiB", 10 << 30, "10GiB"),
            ("2G", 2 << 30, "2GiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size, ByteSize(bytes), "{text}");
            assert_eq!(size.to_string(), printed, "{text}");
        }
        for text in ["", "1", "MB", "1.5GB", "-1MB", "1XB", "20EB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
