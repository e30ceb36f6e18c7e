//! Reading a group: what a reader takes with it when it lets go of the lock.

use std::ops::Range;
use std::sync::Arc;

use super::Body;
use crate::block::Block;
use crate::{LineId, TimeRange};

/// The rows of a group in a range, for some of its lines.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Finished blocks that overlap the range, with the rows that lie in it.
    blocks: Vec<(Arc<Block>, Range<usize>)>,
    /// Open rows in the range: time, order of acceptance.
    open: Vec<(i64, u64)>,
    columns: Vec<SnapshotColumn>,
}

/// A column of a snapshot.
#[derive(Debug)]
pub(crate) struct SnapshotColumn {
    pub(crate) line: LineId,
    slot: usize,
    /// The values of the open rows.
    open: Vec<f64>,
}

impl Body {
    /// Copies what a reader of some lines needs.
    pub(crate) fn snapshot(&self, range: TimeRange, lines: &[LineId]) -> Snapshot {
        let from = self
            .sealed
            .partition_point(|block| block.last_time().is_some_and(|last| last < range.from_ms));
        let blocks = self
            .sealed
            .range(from..)
            .take_while(|block| block.first_time().is_some_and(|first| first <= range.to_ms))
            .map(|block| (Arc::clone(block), rows_within(block.times(), range)))
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        let from = self.open.partition_point(|row| row.time < range.from_ms);
        let to = self.open.partition_point(|row| row.time <= range.to_ms);
        let open = from..to.max(from);
        let columns = lines
            .iter()
            .filter_map(|line| Some((*line, *self.slots.get(line)?)))
            .map(|(line, slot)| SnapshotColumn {
                line,
                slot,
                open: self
                    .open
                    .range(open.clone())
                    .map(|row| row.get(slot))
                    .collect(),
            })
            .collect();
        Snapshot {
            blocks,
            open: self
                .open
                .range(open)
                .map(|row| (row.time, row.sequence))
                .collect(),
            columns,
        }
    }
}

impl Snapshot {
    pub(crate) fn columns(&self) -> &[SnapshotColumn] {
        &self.columns
    }

    /// The times of all rows.
    pub(crate) fn times(&self) -> Arc<[i64]> {
        let sealed = self
            .blocks
            .iter()
            .flat_map(|(block, rows)| &block.times()[rows.clone()]);
        let open = self.open.iter().map(|(time, _)| time);
        sealed.chain(open).copied().collect()
    }

    /// The order of acceptance of all rows.
    pub(crate) fn sequences(&self) -> Arc<[u64]> {
        let sealed = self
            .blocks
            .iter()
            .flat_map(|(block, rows)| &block.sequences()[rows.clone()]);
        let open = self.open.iter().map(|(_, sequence)| sequence);
        sealed.chain(open).copied().collect()
    }

    /// The values of a column, one a row; marks where it has none.
    pub(crate) fn values(&self, column: &SnapshotColumn) -> Vec<f64> {
        let sealed: usize = self.blocks.iter().map(|(_, rows)| rows.len()).sum();
        let mut values = Vec::with_capacity(sealed + column.open.len());
        for (block, rows) in &self.blocks {
            block.column(column.slot, rows.clone(), &mut values);
        }
        values.extend_from_slice(&column.open);
        values
    }
}

/// The rows whose times lie in a range.
fn rows_within(times: &[i64], range: TimeRange) -> Range<usize> {
    let from = times.partition_point(|time| *time < range.from_ms);
    let to = times.partition_point(|time| *time <= range.to_ms);
    from..to.max(from)
}
