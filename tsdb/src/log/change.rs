//! Values in records: the change against the value before, bit-exact.
//!
//! ```text
//! change  = short | ff, then 8 bytes: the XOR of both values' bits
//! short   = n bytes, 1 to 8: of the little-endian number they are, the low n bits are n - 1 ones
//!           and a zero, and the rest is x
//! x       = zigzag(new - old) << 1           both are whole numbers below 2^53
//!         | xor << 4 | zeros << 1 | 1        the XOR of both values' bits without its `zeros`
//!                                            trailing zero bytes
//! ```
//!
//! Where the value before is a NaN (also the mark of none), zero stands in its place. The length
//! stands in front (as in "prefix varint" codes), so that a value is one store and one load.

use super::bytes::{Malformed, Reader, unzigzag, zigzag};

/// The longest change.
pub(crate) const MAX_CHANGE: usize = 9;
/// Numbers from here on are not written as whole ones.
const WHOLE: u64 = 1 << 53;
/// What fits in a short change.
const SHORT_BITS: u32 = 56;

/// What a change is against.
fn base(old: f64) -> f64 {
    if old.is_nan() { 0.0 } else { old }
}

/// A number that is whole and not too great.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what does not come back is not whole"
)]
fn whole(value: f64) -> Option<i64> {
    let number = value as i64;
    let back = number as f64;
    (back.to_bits() == value.to_bits() && number.unsigned_abs() < WHOLE).then_some(number)
}

/// Writes a change to the start of a place. Gives its length.
pub(crate) fn write_change(out: &mut [u8; MAX_CHANGE], old: f64, new: f64) -> usize {
    let old = base(old);
    let number = if let (Some(old), Some(new)) = (whole(old), whole(new)) {
        zigzag(new - old) << 1
    } else {
        let xor = old.to_bits() ^ new.to_bits();
        let zeros = (xor.trailing_zeros() / 8).min(7);
        let rest = xor >> (8 * zeros);
        if rest.leading_zeros() < 64 - SHORT_BITS + 4 {
            out[0] = 0xff;
            out[1..].copy_from_slice(&xor.to_le_bytes());
            return MAX_CHANGE;
        }
        rest << 4 | u64::from(zeros) << 1 | 1
    };
    let bits = 64 - (number | 1).leading_zeros();
    let length = bits.div_ceil(7);
    let bytes = number << length | ((1 << (length - 1)) - 1);
    out[..8].copy_from_slice(&bytes.to_le_bytes());
    length as usize
}

/// Appends a change.
pub(crate) fn put_change(out: &mut Vec<u8>, old: f64, new: f64) {
    let mut bytes = [0; MAX_CHANGE];
    let length = write_change(&mut bytes, old, new);
    out.extend_from_slice(&bytes[..length]);
}

/// Reads a value as the change against another.
pub(crate) fn read_change(reader: &mut Reader<'_>, old: f64) -> Result<f64, Malformed> {
    let old = base(old);
    let first = *reader.0.first().ok_or(Malformed)?;
    let length = first.trailing_ones() as usize + 1;
    if length == MAX_CHANGE {
        let bytes = reader.bytes(MAX_CHANGE)?;
        let xor = bytes.last_chunk::<8>().ok_or(Malformed)?;
        return Ok(f64::from_bits(old.to_bits() ^ u64::from_le_bytes(*xor)));
    }
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(reader.bytes(length)?);
    let number = u64::from_le_bytes(bytes) >> length;
    if number & 1 == 0 {
        let old = whole(old).ok_or(Malformed)?;
        let new = old.checked_add(unzigzag(number >> 1)).ok_or(Malformed)?;
        return Ok(new as f64);
    }
    let zeros = 8 * (number >> 1 & 7);
    let xor = (number >> 4) << zeros;
    Ok(f64::from_bits(old.to_bits() ^ xor))
}

#[cfg(test)]
mod tests {
    use watchpost_model::{absent_nan, stale_nan};

    use super::*;

    fn round_trip(old: f64, new: f64) -> usize {
        let mut out = Vec::new();
        put_change(&mut out, old, new);
        let mut reader = Reader(&out);
        let read = read_change(&mut reader, old).unwrap();
        assert_eq!(read.to_bits(), new.to_bits(), "{old} {new}");
        assert!(reader.0.is_empty());
        out.len()
    }

    #[test]
    fn changes_are_short_where_values_are_plain() {
        assert_eq!(round_trip(1e9, 1e9 + 20.0), 1);
        assert_eq!(round_trip(1e9, 1e9 - 4_000.0), 2);
        assert_eq!(round_trip(0.5, 0.75), 2);
        assert_eq!(round_trip(absent_nan(), 1.0), 1);
        assert_eq!(round_trip(1.0, stale_nan()), 9);
        assert_eq!(round_trip(8_123.45, 8_124.01), 7);
    }

    proptest::proptest! {
        #[test]
        fn every_pair_of_bits_comes_back(old: u64, new: u64) {
            round_trip(f64::from_bits(old), f64::from_bits(new));
        }

        #[test]
        fn every_pair_of_numbers_comes_back(old: i64, new: i64, shift in 0..60, places in 0_u8..11) {
            let power = 10_f64.powi(places.into());
            round_trip((old >> shift) as f64, (new >> shift) as f64);
            round_trip((old >> shift) as f64 / power, (new >> shift) as f64 / power);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..12), old: f64) {
            let mut reader = Reader(&bytes);
            if read_change(&mut reader, old).is_ok() {
                proptest::prop_assert!(reader.0.len() < bytes.len());
            }
        }
    }
}
