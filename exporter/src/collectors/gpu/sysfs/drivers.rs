//! The drivers that are known, and what a line of their tables may say.

use super::super::family::Family;
use super::rows::{AMDGPU, I915, SENSORS, XE};

/// A driver that is known.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) name: &'static str,
    pub(super) vendor: &'static str,
    /// What its cards are called that have no name.
    pub(super) cards: &'static str,
    /// A row of which an earlier one has the family and labels stands in for it where its file is
    /// missing.
    pub(super) rows: &'static [Row],
}

/// A file that may be there.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) file: &'static str,
    pub(super) family: &'static Family,
    pub(super) label: Label,
    pub(super) unit: Unit,
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Card,
    Device,
    Hwmon,
    /// In the folder of each of the GPU's parts: `gt/gt0`, `device/tile0/gt0`.
    Part,
}

/// What tells the figures of a family apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    None,
    Is(&'static str, &'static str),
    /// The clock of a part: `graphics` is the first's.
    PartClock,
    /// The part.
    Part,
    /// The reason, and the part.
    Reason(&'static str),
}

/// What the kernel counts in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    One,
    Percent,
    Milli,
    Micro,
    Mega,
    /// 255 is full speed.
    Pwm,
    /// A number behind this word: `ce: 3`.
    Named(&'static str),
}

use Unit::{Mega, Micro, Milli, Named, One, Percent, Pwm};

/// All drivers.
pub(super) const DRIVERS: &[Driver] = &[
    driver("amdgpu", "amd", "AMD", AMDGPU),
    driver("radeon", "amd", "AMD", SENSORS),
    driver("i915", "intel", "Intel", I915),
    driver("xe", "intel", "Intel", XE),
    driver("nouveau", "nvidia", "NVIDIA", SENSORS),
];

const fn driver(
    name: &'static str,
    vendor: &'static str,
    cards: &'static str,
    rows: &'static [Row],
) -> Driver {
    Driver {
        name,
        vendor,
        cards,
        rows,
    }
}

impl Unit {
    /// The value in the family's unit; none where the text is not all of a number. The kernel ends
    /// each with a new line, so that one that was cut is none.
    pub(super) fn value(self, text: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
        let number = match self {
            Named(name) => text
                .lines()
                .find_map(|line| line.trim_start().strip_prefix(name))?,
            _ => text,
        };
        let number = number.trim().parse::<i64>().ok()? as f64;
        Some(match self {
            One | Named(_) => number,
            Percent => number / 100.0,
            Milli => number / 1_000.0,
            Micro => number / 1_000_000.0,
            Mega => number * 1_000_000.0,
            Pwm => number / 255.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_number_in_the_kernels_unit_or_nothing() {
        for (unit, text, value) in [
            (One, "12\n", Some(12.0)),
            (Milli, "-5500\n", Some(-5.5)),
            (Percent, "100\n", Some(1.0)),
            (Micro, "70500000\n", Some(70.5)),
            (Mega, "1200\n", Some(1.2e9)),
            (Pwm, "51\n", Some(0.2)),
            (Named("ce:"), "ue: 1\nce: 23\n", Some(23.0)),
            (Named("ue:"), "ue: 1\nce: 23\n", Some(1.0)),
            (Named("ce:"), "ue: 1\n", None),
            (One, "", None),
            (One, "\n", None),
            (One, "12", None),
            (One, "N/A\n", None),
            (One, "99999999999999999999\n", None),
        ] {
            assert_eq!(unit.value(text.as_bytes()), value, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            for unit in [One, Percent, Named("ce:")] {
                unit.value(&text);
            }
        }

        #[test]
        fn a_number_that_was_cut_is_none(number: i64) {
            let text = format!("{number}\n");
            for end in 0..text.len() {
                proptest::prop_assert_eq!(One.value(&text.as_bytes()[..end]), None);
            }
            proptest::prop_assert_eq!(One.value(text.as_bytes()), Some(number as f64));
        }
    }
}
