//! Values as whole numbers: how a float was computed from one, found by computing it again. What a
//! program prints is mostly a count of some unit; the bits depend on whether it divided by a power
//! of ten, multiplied by one over it, or divided twice (`us / 1000 / 1000`), so all are tried, as
//! ALP (SIGMOD 2024) does with the first.
//!
//! ```text
//! form = operation | place << 2        place: the power of ten, 0 for none
//! ```

/// Operations on a whole number `n`.
const DIVIDE: u8 = 0;
const MULTIPLY: u8 = 1;
const DIVIDE_TWICE: u8 = 2;
/// The bits of the float as a whole number.
const BITS: u8 = 3;

/// Whole numbers as they are.
pub(super) const WHOLE: u8 = DIVIDE;

const POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
const PARTS: [f64; 16] = [
    1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14,
    1e-15,
];

/// Forms that are tried, in this order.
const FORMS: [u8; 21] = [
    form(DIVIDE, 1),
    form(DIVIDE, 2),
    form(DIVIDE, 3),
    form(MULTIPLY, 3),
    form(DIVIDE, 4),
    form(DIVIDE, 5),
    form(DIVIDE, 6),
    form(MULTIPLY, 6),
    form(DIVIDE_TWICE, 6),
    form(DIVIDE, 7),
    form(DIVIDE, 8),
    form(DIVIDE, 9),
    form(MULTIPLY, 9),
    form(MULTIPLY, 1),
    form(MULTIPLY, 2),
    form(MULTIPLY, 4),
    form(DIVIDE, 10),
    form(DIVIDE, 11),
    form(DIVIDE, 12),
    form(DIVIDE, 13),
    form(DIVIDE, 14),
];

const fn form(operation: u8, place: u8) -> u8 {
    operation | place << 2
}

/// Adding and taking away this number rounds to a whole one.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Whole numbers up to this are rounded exactly.
const LIMIT: f64 = 2_251_799_813_685_248.0;

/// Writes the values as whole numbers into a buffer and tells their form.
pub(super) fn to_whole(values: &[f64], numbers: &mut Vec<i64>) -> u8 {
    let Some(mut value) = convert(values, numbers, whole) else {
        return WHOLE;
    };
    for form in FORMS {
        let operation = Operation::new(form);
        if operation.to_whole(value).is_none() {
            continue;
        }
        let odd = match operation {
            Operation::Divide(power) => convert(values, numbers, |value| divided(value, power)),
            _ => convert(values, numbers, |value| operation.to_whole(value)),
        };
        match odd {
            None => return form,
            Some(odd) => value = odd,
        }
    }
    to_bits(values, numbers);
    form(BITS, 0)
}

/// The whole number that gives the value when divided by a power of ten.
#[inline]
fn divided(value: f64, power: f64) -> Option<i64> {
    exact(value, value * power, |rounded| rounded / power)
}

/// The whole number next to a scaled value, where computing back from it gives the value's bits.
#[inline]
fn exact(value: f64, scaled: f64, again: impl Fn(f64) -> f64) -> Option<i64> {
    let rounded = (scaled + ROUNDER) - ROUNDER;
    let exact = rounded.abs() < LIMIT && again(rounded).to_bits() == value.to_bits();
    exact.then(|| truncated(rounded))
}

/// Writes the values' bits into a buffer.
pub(super) fn to_bits(values: &[f64], numbers: &mut Vec<i64>) {
    numbers.clear();
    numbers.extend(values.iter().map(|value| value.to_bits().cast_signed()));
}

/// How many values are converted before it is asked whether all could be.
const AT_ONCE: usize = 16;

/// Converts all values, or gives one that cannot be.
#[inline]
fn convert(
    values: &[f64],
    numbers: &mut Vec<i64>,
    convert: impl Fn(f64) -> Option<i64>,
) -> Option<f64> {
    numbers.clear();
    for values in values.chunks(AT_ONCE) {
        let mut all = true;
        numbers.extend(values.iter().map(|value| {
            let number = convert(*value);
            all &= number.is_some();
            number.unwrap_or_default()
        }));
        if !all {
            return values
                .iter()
                .copied()
                .find(|value| convert(*value).is_none());
        }
    }
    None
}

/// The whole number with the same value and bits.
#[expect(clippy::cast_possible_truncation, reason = "the result is compared")]
fn whole(value: f64) -> Option<i64> {
    let number = value as i64;
    ((number as f64).to_bits() == value.to_bits()).then_some(number)
}

/// How a float comes from a whole number.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Whole,
    Divide(f64),
    Multiply(f64, f64),
    DivideTwice(f64),
    Bits,
}

impl Operation {
    fn new(form: u8) -> Self {
        let place = usize::from(form >> 2 & 15);
        let (power, part) = (POWERS[place], PARTS[place]);
        match form & 3 {
            DIVIDE if place == 0 => Self::Whole,
            DIVIDE => Self::Divide(power),
            MULTIPLY => Self::Multiply(power, part),
            DIVIDE_TWICE => Self::DivideTwice(POWERS[place / 2]),
            _ => Self::Bits,
        }
    }

    fn to_whole(self, value: f64) -> Option<i64> {
        match self {
            Self::Whole => whole(value),
            Self::Divide(power) => divided(value, power),
            Self::Multiply(power, part) => exact(value, value * power, |rounded| rounded * part),
            Self::DivideTwice(half) => exact(value, value * (half * half), |rounded| {
                rounded / half / half
            }),
            Self::Bits => Some(value.to_bits().cast_signed()),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number below 2^51 fits"
)]
fn truncated(rounded: f64) -> i64 {
    rounded as i64
}

/// Gives what makes floats of whole numbers to a reader of numbers, once for each operation, so that
/// its loop is compiled for it.
pub(super) trait Reading {
    type Result;
    fn read(self, convert: impl Fn(i64) -> f64) -> Self::Result;
}

/// Reads numbers of a form.
pub(super) fn with_form<R: Reading>(form: u8, reading: R) -> R::Result {
    match Operation::new(form) {
        Operation::Whole => reading.read(|number| number as f64),
        Operation::Divide(power) => reading.read(|number| number as f64 / power),
        Operation::Multiply(_, part) => reading.read(|number| number as f64 * part),
        Operation::DivideTwice(half) => reading.read(|number| number as f64 / half / half),
        Operation::Bits => reading.read(|number| f64::from_bits(number.cast_unsigned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(i64);

    impl Reading for One {
        type Result = f64;
        fn read(self, convert: impl Fn(i64) -> f64) -> f64 {
            convert(self.0)
        }
    }

    fn form_of(values: &[f64]) -> (u8, u8) {
        let mut numbers = Vec::new();
        let form = to_whole(values, &mut numbers);
        let again: Vec<_> = numbers
            .iter()
            .map(|number| with_form(form, One(*number)).to_bits())
            .collect();
        let bits: Vec<_> = values.iter().map(|value| value.to_bits()).collect();
        assert_eq!(again, bits);
        (form & 3, form >> 2)
    }

    #[test]
    fn values_are_told_by_how_they_were_computed() {
        assert_eq!(form_of(&[1.0, -5.0, 9e15, 2_f64.powi(62)]), (DIVIDE, 0));
        assert_eq!(form_of(&[1.5, 1234.56]), (DIVIDE, 2));
        let milli: Vec<_> = (1..2_000).map(|n| f64::from(n) * 0.001).collect();
        assert_eq!(form_of(&milli), (MULTIPLY, 3));
        let micro: Vec<_> = (1..2_000).map(|n| f64::from(n * 77) / 1e3 / 1e3).collect();
        assert_eq!(form_of(&micro), (DIVIDE_TWICE, 6));
        assert_eq!(form_of(&[2.4534e-5, 0.000_107_533]), (DIVIDE, 9));
        for value in [
            -0.0,
            f64::NAN,
            f64::INFINITY,
            1e300,
            f64::MIN_POSITIVE,
            std::f64::consts::PI,
        ] {
            assert_eq!(form_of(&[1.0, value]).0, BITS, "{value}");
        }
    }
}
