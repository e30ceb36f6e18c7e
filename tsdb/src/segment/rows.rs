//! The rows of a group in a part: their times and their order of acceptance.
//!
//! Both are told by their differences, which are written like the values of a column: they are equal
//! or near each other, as a rule.

use super::runs;
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

/// Differences are written as a column.
const COLUMN: u8 = 0;
/// Differences are written one by one: some are too great for the values of a column.
const NUMBERS: u8 = 1;

/// Appends the rows; nothing where there are none.
pub(super) fn encode(times: &[i64], sequences: &[u64], out: &mut Vec<u8>) {
    if times.is_empty() {
        return;
    }
    put_number(out, times.len() as u64);
    let mut encoded = Vec::new();
    put_series(times.iter().copied(), &mut encoded);
    put_number(out, encoded.len() as u64);
    out.append(&mut encoded);
    put_series(sequences.iter().map(|sequence| sequence.cast_signed()), out);
}

/// How many rows there are.
pub(super) fn count(bytes: &[u8]) -> Result<usize, Malformed> {
    if bytes.is_empty() {
        return Ok(0);
    }
    usize::try_from(Reader(bytes).number()?).map_err(|_| Malformed)
}

/// Appends the times and the order of acceptance of all rows.
pub(super) fn decode(
    bytes: &[u8],
    times: &mut Vec<i64>,
    sequences: &mut Vec<u64>,
) -> Result<(), Malformed> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut reader = Reader(bytes);
    let rows = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
    // A run has at least one byte.
    if rows == 0 || rows > bytes.len().saturating_mul(runs::RUN_ROWS) {
        return Err(Malformed);
    }
    let length = reader.count()?;
    let mut encoded = Reader(reader.bytes(length)?);
    let start = times.len();
    read_series(&mut encoded, rows, |time| times.push(time))?;
    read_series(&mut reader, rows, |number| {
        sequences.push(number.cast_unsigned());
    })?;
    let ascending = times
        .get(start..)
        .is_some_and(|new| new.is_sorted_by(|a, b| a < b));
    if ascending { Ok(()) } else { Err(Malformed) }
}

fn put_series(mut numbers: impl Iterator<Item = i64> + Clone, out: &mut Vec<u8>) {
    let Some(first) = numbers.next() else { return };
    let mut before = first;
    let differences: Vec<i64> = numbers
        .map(|number| number.wrapping_sub(std::mem::replace(&mut before, number)))
        .collect();
    let exact = |difference: &i64| difference.unsigned_abs() < 1 << 53;
    let as_column = differences.iter().all(exact);
    out.push(if as_column { COLUMN } else { NUMBERS });
    put_number(out, zigzag(first));
    if as_column {
        #[expect(clippy::cast_precision_loss, reason = "they are below 2^53")]
        let values: Vec<f64> = differences.iter().map(|it| *it as f64).collect();
        runs::encode(&values, out);
    } else {
        for difference in differences {
            put_number(out, zigzag(difference));
        }
    }
}

fn read_series(
    reader: &mut Reader<'_>,
    count: usize,
    mut each: impl FnMut(i64),
) -> Result<(), Malformed> {
    let kind = reader.byte()?;
    let mut number = unzigzag(reader.number()?);
    each(number);
    match kind {
        COLUMN => {
            if count > 1 && reader.0.is_empty() {
                return Err(Malformed);
            }
            let mut values = Vec::new();
            runs::decode(reader.0, count - 1, 0..count - 1, &mut values)?;
            for value in values {
                number = number.wrapping_add(whole(value)?);
                each(number);
            }
        }
        NUMBERS => {
            for _ in 1..count {
                number = number.wrapping_add(unzigzag(reader.number()?));
                each(number);
            }
        }
        _ => return Err(Malformed),
    }
    Ok(())
}

/// The whole number that a value is.
fn whole(value: f64) -> Result<i64, Malformed> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is looked at whether it is the same"
    )]
    let number = value as i64;
    let same = (number as f64).to_bits() == value.to_bits();
    if same && number.unsigned_abs() < 1 << 53 {
        Ok(number)
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back(
            times in prop_oneof![
                btree_set(any::<i64>(), 0..500),
                btree_set(0..10_000_000_i64, 0..500),
            ],
            numbers in vec(any::<u64>(), 500),
            near in any::<bool>(),
        ) {
            let times: Vec<_> = times.into_iter().collect();
            let sequences: Vec<_> = numbers.iter().take(times.len())
                .map(|number| if near { number >> 40 } else { *number })
                .collect();
            let mut out = Vec::new();
            encode(&times, &sequences, &mut out);
            prop_assert_eq!(count(&out), Ok(times.len()));
            let (mut new_times, mut new_sequences) = (Vec::new(), Vec::new());
            decode(&out, &mut new_times, &mut new_sequences).unwrap();
            prop_assert_eq!(new_times, times);
            prop_assert_eq!(new_sequences, sequences);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let (mut times, mut sequences) = (Vec::new(), Vec::new());
            if decode(&bytes, &mut times, &mut sequences).is_ok() {
                prop_assert!(times.len() <= 240 * bytes.len() && times.len() == sequences.len());
            }
        }
    }
}
