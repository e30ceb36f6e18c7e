//! The rows of a group in a part: their times and their order of acceptance, written as in a block.

use crate::block::regular;
use crate::column::{MOST_ROWS, Scratch};
use crate::log::bytes::{Malformed, Reader, put_number};

/// Appends the rows; nothing where there are none.
pub(super) fn encode(times: &[i64], sequences: &[u64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    if times.is_empty() {
        return;
    }
    put_number(out, times.len() as u64);
    for (times, sequences) in times.chunks(MOST_ROWS).zip(sequences.chunks(MOST_ROWS)) {
        regular::put(times.iter().copied(), scratch, out);
        let sequences = sequences.iter().map(|sequence| sequence.cast_signed());
        regular::put(sequences, scratch, out);
    }
}

/// Appends the times of all rows, and their order of acceptance where it is wanted.
pub(super) fn decode(
    bytes: &[u8],
    times: &mut Vec<i64>,
    mut sequences: Option<&mut Vec<u64>>,
) -> Result<(), Malformed> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut reader = Reader(bytes);
    let mut left = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
    if left == 0 {
        return Err(Malformed);
    }
    let start = times.len();
    let mut numbers = Vec::new();
    while left > 0 {
        let rows = left.min(MOST_ROWS);
        let (of_times, rest) = regular::split(reader.0, rows)?;
        let (of_sequences, rest) = regular::split(rest, rows)?;
        regular::read(of_times, rows, times)?;
        if let Some(sequences) = &mut sequences {
            numbers.clear();
            regular::read(of_sequences, rows, &mut numbers)?;
            sequences.extend(numbers.iter().map(|number| number.cast_unsigned()));
        }
        reader.0 = rest;
        left -= rows;
    }
    let new = times.get(start..).unwrap_or_default();
    if reader.0.is_empty() && new.is_sorted_by(|a, b| a < b) {
        Ok(())
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
                (0..1_000_i64, 4_000..9_000_i64).prop_map(|(from, rows)| (0..rows).map(|row| from + row * 7 + row % 2).collect()),
                btree_set(0..10_000_000_i64, 0..500),
            ],
            numbers in vec(any::<u64>(), 1..500),
            near in any::<bool>(),
        ) {
            let times: Vec<_> = times.into_iter().collect();
            let sequences: Vec<_> = numbers.iter().cycle().take(times.len())
                .map(|number| if near { number >> 40 } else { *number })
                .collect();
            let mut out = Vec::new();
            encode(&times, &sequences, &mut Scratch::default(), &mut out);
            let (mut new_times, mut new_sequences) = (Vec::new(), Vec::new());
            decode(&out, &mut new_times, Some(&mut new_sequences)).unwrap();
            prop_assert_eq!(new_times, times);
            prop_assert_eq!(new_sequences, sequences);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let (mut times, mut sequences) = (Vec::new(), Vec::new());
            if decode(&bytes, &mut times, Some(&mut sequences)).is_ok() {
                prop_assert!(times.len() <= MOST_ROWS * bytes.len() && times.len() == sequences.len());
            }
        }
    }
}
