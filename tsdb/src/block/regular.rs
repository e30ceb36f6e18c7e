//! Times and sequences: numbers that rise by about the same step. What is left after the step is
//! taken away is a few milliseconds of jitter, and where rows are missing, a few greater steps.

use crate::column::{Scratch, numbers_length, put_numbers, read_numbers};
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

/// Appends numbers, at least one.
pub(crate) fn put(numbers: impl Iterator<Item = i64>, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let mut numbers: Vec<i64> = numbers.collect();
    let step = usual_step(&numbers);
    put_number(out, zigzag(step));
    let mut regular = 0_i64;
    for number in &mut numbers {
        *number = number.wrapping_sub(regular);
        regular = regular.wrapping_add(step);
    }
    put_numbers(&numbers, scratch, out);
}

/// The step in the middle of all.
fn usual_step(numbers: &[i64]) -> i64 {
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    let mut steps: Vec<i64> = pairs.map(|(a, b)| b.wrapping_sub(*a)).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return 0;
    }
    *steps.select_nth_unstable(middle).1
}

/// Takes numbers from the front without reading them; gives their bytes and the rest.
pub(crate) fn split(bytes: &[u8], rows: usize) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader(bytes);
    reader.number()?;
    let length = numbers_length(reader.0, rows)?;
    reader.bytes(length)?;
    Ok(bytes.split_at(bytes.len() - reader.0.len()))
}

/// Appends the numbers.
pub(crate) fn read(bytes: &[u8], rows: usize, out: &mut Vec<i64>) -> Result<(), Malformed> {
    let mut reader = Reader(bytes);
    let step = unzigzag(reader.number()?);
    let start = out.len();
    read_numbers(reader.0, rows, out)?;
    let mut regular = 0_i64;
    for number in &mut out[start..] {
        *number = number.wrapping_add(regular);
        regular = regular.wrapping_add(step);
    }
    Ok(())
}
