//! Values in records: the change against the value before, bit-exact.
//!
//! ```text
//! whole   = number: zigzag(new - old) << 1                      both are whole numbers
//! xor     = byte: 1 | zeros << 2 | (length - 1) << 5, then length bytes of the XOR
//!           of the bits, without its `zeros` trailing zero bytes
//! decimal = number: zigzag(new - old) << 4 | power << 2 | 3     both are n / 10^k
//! ```
//!
//! `power` is the place of 10^k among hundredths, milli, micro and nano.

use super::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};
use crate::column::decimal::{POWERS, scaled, unscaled};

/// Appends a value as the change against another.
pub(crate) fn put_change(out: &mut Vec<u8>, old: f64, new: f64) {
    let difference = |power: f64| Some(scaled(new, power)? - scaled(old, power)?);
    if let Some(difference) = difference(POWERS[0]) {
        return put_number(out, zigzag(difference) << 1);
    }
    for (place, power) in (0_u64..).zip(&POWERS[1..]) {
        if let Some(difference) = difference(*power) {
            return put_number(out, zigzag(difference) << 4 | place << 2 | 3);
        }
    }
    put_xor(out, old.to_bits() ^ new.to_bits());
}

fn put_xor(out: &mut Vec<u8>, xor: u64) {
    let bytes = xor.to_le_bytes();
    let zeros = bytes[..7].iter().take_while(|byte| **byte == 0).count();
    let length = bytes[zeros..]
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(1, |last| last + 1);
    let header = 1 | zeros << 2 | (length - 1) << 5;
    out.extend(u8::try_from(header));
    out.extend_from_slice(&bytes[zeros..zeros + length]);
}

/// Reads a value as the change against another.
pub(crate) fn read_change(reader: &mut Reader<'_>, old: f64) -> Result<f64, Malformed> {
    let header = *reader.0.first().ok_or(Malformed)?;
    let change = |number: u64, power: f64| {
        let old = scaled(old, power).ok_or(Malformed)?;
        let new = old.checked_add(unzigzag(number)).ok_or(Malformed)?;
        Ok(unscaled(new, power))
    };
    if header & 1 == 0 {
        return change(reader.number()? >> 1, POWERS[0]);
    }
    if header & 2 != 0 {
        let power = POWERS[1 + usize::from(header >> 2 & 3)];
        return change(reader.number()? >> 4, power);
    }
    reader.byte()?;
    let zeros = usize::from(header >> 2 & 7);
    let length = usize::from(header >> 5) + 1;
    let mut bytes = [0; 8];
    let place = bytes.get_mut(zeros..zeros + length).ok_or(Malformed)?;
    place.copy_from_slice(reader.bytes(length)?);
    Ok(f64::from_bits(old.to_bits() ^ u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(old: f64, new: f64) -> usize {
        let mut out = Vec::new();
        put_change(&mut out, old, new);
        let read = read_change(&mut Reader(&out), old).unwrap();
        assert_eq!(read.to_bits(), new.to_bits(), "{old} {new}");
        out.len()
    }

    #[test]
    fn changes_are_short_where_values_are_plain() {
        assert_eq!(round_trip(1e9, 1e9 + 20.0), 1);
        assert_eq!(round_trip(1e9, 1e9 + 4_000.0), 2);
        assert_eq!(round_trip(8_123.45, 8_124.01), 2);
        assert_eq!(round_trip(0.000_123_456, 0.000_123_999), 3);
        assert_eq!(round_trip(0.0, 1.0), 1);
    }

    proptest::proptest! {
        #[test]
        fn every_pair_of_bits_comes_back(old: u64, new: u64) {
            round_trip(f64::from_bits(old), f64::from_bits(new));
        }

        #[test]
        fn every_pair_of_decimals_comes_back(old: i32, new: i32, places in 0_u8..11) {
            let power = 10_f64.powi(places.into());
            round_trip(f64::from(old) / power, f64::from(new) / power);
        }
    }
}
