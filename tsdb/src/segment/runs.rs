//! The values of one column in a part: runs of up to 240 rows, one after the other, each encoded by
//! itself.

use std::ops::Range;

use watchpost_model::{absent_nan, is_absent};

use crate::column::{self, Decode, Scratch};
use crate::histogram::Histograms;
use crate::log::bytes::Malformed;

/// The most rows of a run.
const RUN_ROWS: usize = 240;

/// How many rows each run has but the last, which has the rest.
fn run_rows(rows: usize) -> usize {
    let runs = rows.div_ceil(RUN_ROWS).max(1);
    rows.div_ceil(runs).max(1)
}

/// Appends the runs of a column; nothing where it has no value.
pub(super) fn encode(values: &[f64], list: &Histograms, scratch: &mut Scratch, out: &mut Vec<u8>) {
    if values.iter().all(|value| is_absent(*value)) {
        return;
    }
    for run in values.chunks(run_rows(values.len())) {
        column::encode_marked(run, list, scratch, out);
    }
}

/// Appends the values of some rows; the histograms go to a list. `rows` is how many there are in the
/// part.
pub(super) fn decode(
    bytes: &[u8],
    rows: usize,
    range: Range<usize>,
    list: &Histograms,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    each_run((bytes, rows), range, out, |run, rows, range, out| {
        column::decode_marked(run, rows, range, list, out)
    })
}

/// As [`decode`], with what decodes a run; histograms are refused.
pub(super) fn decode_floats(
    column: (&[u8], usize),
    range: Range<usize>,
    decode: Decode,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    each_run(column, range, out, decode)
}

fn each_run(
    (mut bytes, rows): (&[u8], usize),
    range: Range<usize>,
    out: &mut Vec<f64>,
    decode: impl Fn(&[u8], usize, Range<usize>, &mut Vec<f64>) -> Result<(), Malformed>,
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
        let (from, to) = (range.start.max(first), range.end.min(first + length));
        if from < to {
            decode(bytes, length, from - first..to - first, out)?;
        }
        first += length;
        if first < range.end {
            let run = column::length_marked(bytes, length)?;
            bytes = bytes.get(run..).ok_or(Malformed)?;
        }
    }
    Ok(())
}
