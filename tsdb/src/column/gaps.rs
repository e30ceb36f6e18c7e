//! Columns that lack values in some rows: which rows have one, as runs or as a bitmap.
//!
//! ```text
//! run = (length - 1) << 2 | what: number        what: 0 values, 1 absent, 2 stale, 3 normal NaN
//! ```
//!
//! The runs end when they have all rows.

use watchpost_model::{ABSENT_NAN_BITS, NORMAL_NAN_BITS, STALE_NAN_BITS, absent_nan};

use super::moves::{Bitmap, put_bitmap};
use super::{HOLES, RUNS};
use crate::log::bytes::{Malformed, Reader, put_number};

const VALUES: u64 = 0;
const ABSENT: u64 = 1;
const STALE: u64 = 2;
const NORMAL_NAN: u64 = 3;

/// Whether a value is none of those that stand in a column, but one that a run says.
pub(super) fn is_mark(value: f64) -> bool {
    what(value) != VALUES
}

/// Appends the tag and where the values are.
pub(super) fn put(values: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(RUNS);
    for run in values.chunk_by(|a, b| what(*a) == what(*b)) {
        let what = run.first().map_or(VALUES, |value| what(*value));
        put_number(out, (run.len() as u64 - 1) << 2 | what);
    }
    let bitmap = values.len().div_ceil(8);
    if out.len() - start > 1 + bitmap
        && values
            .iter()
            .all(|value| matches!(what(*value), VALUES | ABSENT))
    {
        out.truncate(start);
        out.push(HOLES);
        put_bitmap(values, out, |value| !is_mark(value));
    }
}

fn what(value: f64) -> u64 {
    match value.to_bits() {
        ABSENT_NAN_BITS => ABSENT,
        STALE_NAN_BITS => STALE,
        NORMAL_NAN_BITS => NORMAL_NAN,
        _ => VALUES,
    }
}

/// Runs that were checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs<'a> {
    runs: &'a [u8],
    /// How many rows have a value.
    pub(super) values: usize,
}

impl<'a> Runs<'a> {
    /// Takes runs from the front, and gives the rest.
    pub(super) fn parse(bytes: &'a [u8], rows: usize) -> Result<(Self, &'a [u8]), Malformed> {
        let mut reader = Reader(bytes);
        let (mut seen, mut values) = (0_usize, 0);
        while seen < rows {
            let (what, length) = read_run(&mut reader)?;
            if length > rows - seen {
                return Err(Malformed);
            }
            seen += length;
            if what == VALUES {
                values += length;
            }
        }
        let (runs, rest) = bytes.split_at(bytes.len() - reader.0.len());
        Ok((Self { runs, values }, rest))
    }

    /// Spreads the values at the front of some rows: each moves to its row, marks to the others.
    pub(super) fn spread(self, rows: &mut [f64]) -> Result<(), Malformed> {
        // The last run comes first, so that no value is overwritten before it has moved.
        let mut starts = Vec::new();
        let mut reader = Reader(self.runs);
        let (mut row, mut place) = (0, 0);
        while row < rows.len() {
            let (what, length) = read_run(&mut reader)?;
            starts.push((what, row..row + length, place));
            row += length;
            place += if what == VALUES { length } else { 0 };
        }
        for (what, run, place) in starts.into_iter().rev() {
            match what {
                VALUES => rows.copy_within(place..place + run.len(), run.start),
                ABSENT => rows[run].fill(absent_nan()),
                STALE => rows[run].fill(f64::from_bits(STALE_NAN_BITS)),
                _ => rows[run].fill(f64::from_bits(NORMAL_NAN_BITS)),
            }
        }
        Ok(())
    }
}

fn read_run(reader: &mut Reader<'_>) -> Result<(u64, usize), Malformed> {
    let run = reader.number()?;
    let length = usize::try_from(run >> 2).map_err(|_| Malformed)?;
    Ok((run & 3, length + 1))
}

/// Spreads the values at the front of some rows to the rows of a bitmap; the others have none.
pub(super) fn spread_holes(bitmap: Bitmap<'_>, rows: &mut [f64]) {
    let mut next = bitmap.count();
    for row in (0..rows.len()).rev() {
        let value = if bitmap.get(row) {
            next = next.saturating_sub(1);
            rows.get(next).copied()
        } else {
            None
        };
        rows[row] = value.unwrap_or_else(absent_nan);
    }
}
