//! The values of one column in a part: runs of up to 240 rows, one after the other, each encoded by
//! itself.

use std::ops::Range;

use watchpost_model::{absent_nan, is_absent};

use crate::log::bytes::Malformed;

/// The most rows of a run.
pub(super) const RUN_ROWS: usize = 240;

/// How many rows each run has but the last, which has the rest.
fn run_rows(rows: usize) -> usize {
    let runs = rows.div_ceil(RUN_ROWS).max(1);
    rows.div_ceil(runs).max(1)
}

/// Appends the runs of a column; nothing where it has no value.
pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) {
    if values.iter().all(|value| is_absent(*value)) {
        return;
    }
    for run in values.chunks(run_rows(values.len())) {
        encode_run(run, out);
    }
}

/// Appends the values of some rows. `rows` is how many there are in the part.
pub(super) fn decode(
    mut bytes: &[u8],
    rows: usize,
    range: Range<usize>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    if range.start > range.end || range.end > rows {
        return Err(Malformed);
    }
    if bytes.is_empty() {
        out.resize(out.len() + range.len(), absent_nan());
        return Ok(());
    }
    let step = run_rows(rows);
    let mut first = 0;
    while first < range.end {
        let length = step.min(rows - first);
        let (run, rest) = split_run(bytes, length)?;
        let (from, to) = (range.start.max(first), range.end.min(first + length));
        if from < to {
            decode_run(run, length, from - first..to - first, out)?;
        }
        bytes = rest;
        first += length;
    }
    Ok(())
}

fn encode_run(values: &[f64], out: &mut Vec<u8>) {
    for value in values {
        out.extend(value.to_bits().to_le_bytes());
    }
}

fn split_run(bytes: &[u8], rows: usize) -> Result<(&[u8], &[u8]), Malformed> {
    bytes.split_at_checked(rows * 8).ok_or(Malformed)
}

fn decode_run(
    run: &[u8],
    rows: usize,
    range: Range<usize>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let (values, _) = run.as_chunks::<8>();
    let values = values.get(range).filter(|_| values.len() == rows);
    let values = values.ok_or(Malformed)?.iter();
    out.extend(values.map(|bytes| f64::from_bits(u64::from_le_bytes(*bytes))));
    Ok(())
}
