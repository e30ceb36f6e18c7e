//! Blocks: finished rows of a group, column by column. A block never changes.

use crate::column::Encoded;

/// Finished rows of a group. Columns are numbered by the group's slots.
#[derive(Debug)]
pub(crate) struct Block {
    /// Ascending, never empty.
    times: Box<[i64]>,
    /// The order of acceptance of each row in the whole store.
    sequences: Box<[u64]>,
    columns: Box<[Encoded]>,
}

impl Block {
    /// A block; `columns` have as many values as there are times.
    pub(crate) fn new(times: Box<[i64]>, sequences: Box<[u64]>, columns: Box<[Encoded]>) -> Self {
        Self {
            times,
            sequences,
            columns,
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

    /// A column, nothing where the slot came later than the block.
    pub(crate) fn column(&self, slot: usize) -> &Encoded {
        self.columns.get(slot).unwrap_or(&Encoded::Absent)
    }

    /// Whether a slot has no value in the block.
    pub(crate) fn lacks(&self, slot: usize) -> bool {
        matches!(self.column(slot), Encoded::Absent)
    }

    /// How many bytes it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let columns = self.columns.iter().map(Encoded::size);
        size_of::<Self>() + self.times.len() * 16 + columns.sum::<usize>()
    }
}
