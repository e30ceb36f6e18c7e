//! A block in memory.

use std::ops::Range;

use super::{BlockView, encode_block};

/// Finished rows of a group. Columns are numbered by the group's slots.
#[derive(Debug)]
pub(crate) struct Block {
    /// Ascending, never empty.
    times: Box<[i64]>,
    /// The order of acceptance of each row in the whole store.
    sequences: Box<[u64]>,
    bytes: Box<[u8]>,
}

impl Block {
    /// A block; `column` writes the values of a slot, one for each row.
    pub(crate) fn new(
        times: Box<[i64]>,
        sequences: Box<[u64]>,
        columns: usize,
        column: impl FnMut(usize, &mut Vec<f64>),
    ) -> Self {
        let mut bytes = Vec::new();
        encode_block(&times, &sequences, columns, column, &mut bytes);
        Self {
            times,
            sequences,
            bytes: bytes.into(),
        }
    }

    pub(crate) fn first_time(&self) -> Option<i64> {
        self.times.first().copied()
    }

    pub(crate) fn last_time(&self) -> Option<i64> {
        self.times.last().copied()
    }

    /// The times of the rows.
    pub(crate) fn times(&self) -> &[i64] {
        &self.times
    }

    /// The order of acceptance of the rows.
    pub(crate) fn sequences(&self) -> &[u64] {
        &self.sequences
    }

    /// Appends the values of some rows of a slot; none where it came later than the block.
    pub(crate) fn column(&self, slot: usize, rows: Range<usize>, out: &mut Vec<f64>) {
        let start = out.len();
        let count = rows.len();
        let read = BlockView::parse(&self.bytes).and_then(|view| view.column(slot, rows, out));
        if read.is_err() {
            out.truncate(start);
            out.resize(start + count, watchpost_model::absent_nan());
        }
    }

    /// Whether a slot has no value in the block.
    pub(crate) fn lacks(&self, slot: usize) -> bool {
        BlockView::parse(&self.bytes).is_ok_and(|view| view.lacks(slot))
    }

    /// How many bytes it takes in memory.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.times.len() * 16 + self.bytes.len()
    }
}
