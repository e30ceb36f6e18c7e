//! Blocks: finished rows of a group, column by column, in bytes. A block never changes.
//!
//! ```text
//! block     = rows: number | columns: number | times | sequences | offset u32* | column*
//! times     = step: signed | numbers        row i: number + i * step, modulo 2^64
//! sequences = the same
//! ```
//!
//! `numbers` and `column` are those of the module `column`. Offset `i` says where column
//! `16 * (i + 1)` begins, counted from the first column's first byte, so that reading one column does
//! not mean to walk over all. Columns are numbered by the slots of the group's schema; a slot that
//! came later than the block is not in it, and has no values.

#[cfg(test)]
mod recorded;
pub(crate) mod regular;
#[cfg(test)]
mod tests;
mod view;

pub use view::{BlockView, Columns};

use crate::column::{self, Scratch};
use crate::histogram::{Histograms, Marked};
use crate::log::bytes::put_number;

/// A column out of this many has an offset.
const STRIDE: usize = 16;

/// Appends a block. Each row has a time and a sequence; there is at least one row, and at most
/// 4,096. `column` writes the values of a slot into an empty buffer, one for each
/// row; rows that it leaves away have no value.
pub fn encode_block(
    times: &[i64],
    sequences: &[u64],
    columns: usize,
    column: impl FnMut(usize, &mut Vec<f64>),
    out: &mut Vec<u8>,
) {
    encode_marked_block(
        (times, sequences),
        columns,
        column,
        &Histograms::default(),
        out,
    );
}

/// As [`encode_block`]; some values may stand for histograms of a list.
pub(crate) fn encode_marked_block(
    (times, sequences): (&[i64], &[u64]),
    columns: usize,
    mut column: impl FnMut(usize, &mut Vec<f64>),
    list: &impl Marked,
    out: &mut Vec<u8>,
) {
    let rows = times.len();
    let mut scratch = Scratch::default();
    put_number(out, rows as u64);
    put_number(out, columns as u64);
    regular::put(times.iter().copied(), &mut scratch, out);
    let sequences = sequences.iter().map(|sequence| sequence.cast_signed());
    regular::put(sequences, &mut scratch, out);
    let offsets = out.len();
    out.resize(offsets + 4 * (columns.saturating_sub(1) / STRIDE), 0);
    let first = out.len();
    let mut values = Vec::with_capacity(rows);
    for slot in 0..columns {
        if slot > 0 && slot % STRIDE == 0 {
            let offset = u32::try_from(out.len() - first).unwrap_or(u32::MAX);
            let place = offsets + 4 * (slot / STRIDE - 1);
            out[place..place + 4].copy_from_slice(&offset.to_le_bytes());
        }
        values.clear();
        column(slot, &mut values);
        values.resize(rows, watchpost_model::absent_nan());
        column::encode_marked(&values, list, &mut scratch, out);
    }
}
