//! What the log knows of a group, and how the group's changes become records.

use std::sync::Arc;

use super::bytes::put_number;
use super::record::{Cells, Kind, put, put_cells};
use super::row::{RowHeader, RowSink};
use crate::head::{OpenRows, RowKey};
use crate::histogram::OpenHistograms;
use crate::index::{GroupId, Schema};

/// After so many records of a group comes a full row.
const FULL_EVERY: u64 = 64;

/// What the current log file says of a group. It is kept with the group, under its lock.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    /// The number of the file that the rest is about, 0 for none.
    file: u64,
    /// The number of the next record.
    number: u64,
    /// The number from which on a row is a full one.
    full_from: u64,
    /// The columns as the file has them.
    schema: Option<Arc<Schema>>,
}

/// Records on their way to the file.
#[derive(Debug, Default)]
pub(crate) struct LogRecords {
    pub(crate) bytes: Vec<u8>,
    /// What has to be defined before them.
    pub(crate) define: Option<Define>,
    /// Whether every record could be written.
    pub(crate) whole: bool,
}

/// What the file has to say before a group's record.
#[derive(Debug)]
pub(crate) struct Define {
    /// Whether the group is new to the file.
    pub(crate) group: bool,
    pub(crate) schema: Arc<Schema>,
    /// The schema that the group had in the file before.
    pub(crate) before: Option<Arc<Schema>>,
}

/// A row to be logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogRow<'a> {
    pub(crate) group: GroupId,
    pub(crate) schema: &'a Arc<Schema>,
    pub(crate) key: RowKey,
    /// The time of the newest row before.
    pub(crate) before: i64,
    pub(crate) parts: bool,
}

impl Logged {
    /// Forgets what the file says: the group is defined anew before its next record.
    pub(crate) fn forget(&mut self) {
        self.file = 0;
    }

    fn begin(&mut self, file: u64, schema: &Arc<Schema>) -> (u64, Option<Define>) {
        let anew = self.file != file;
        if anew {
            *self = Self {
                file,
                ..Self::default()
            };
        }
        let number = self.number;
        self.number += 1;
        let same = |have: &Arc<Schema>| Arc::ptr_eq(have, schema);
        if self.schema.as_ref().is_some_and(same) {
            return (number, None);
        }
        let define = Define {
            group: anew,
            schema: Arc::clone(schema),
            before: self.schema.replace(Arc::clone(schema)),
        };
        (number, Some(define))
    }

    /// Adds a row to the open ones and makes its record in the same pass.
    pub(crate) fn push(
        &mut self,
        row: LogRow<'_>,
        open: &mut OpenRows,
        values: &[f64],
        histograms: &OpenHistograms,
    ) -> LogRecords {
        let (header, define) = self.header(row);
        if header.full {
            open.push(row.key, values, &mut ());
            return Self::full(row.group, (header, define), open.last(), histograms);
        }
        let width = open.width();
        let mut bytes = Vec::with_capacity(64 + 3 * width);
        let whole = put(&mut bytes, Kind::Row, |out| {
            put_number(out, row.group.0.into());
            let mut sink = RowSink::start(out, header, width);
            open.push(row.key, values, &mut sink);
            sink.finish(histograms);
        });
        LogRecords {
            bytes,
            define,
            whole,
        }
    }

    /// The record of the newest row, for a file that does not have it yet.
    pub(crate) fn newest(
        &mut self,
        row: LogRow<'_>,
        last: &[f64],
        histograms: &OpenHistograms,
    ) -> LogRecords {
        self.forget();
        let header = self.header(row);
        Self::full(row.group, header, last, histograms)
    }

    fn header(&mut self, row: LogRow<'_>) -> (RowHeader, Option<Define>) {
        let (number, define) = self.begin(row.key.file, row.schema);
        let full = number >= self.full_from;
        if full {
            self.full_from = number + FULL_EVERY;
        }
        let header = RowHeader {
            number,
            full,
            parts: row.parts,
            time: row.key.time,
            before: row.before,
            sequence: row.key.sequence,
        };
        (header, define)
    }

    fn full(
        group: GroupId,
        (header, define): (RowHeader, Option<Define>),
        values: &[f64],
        histograms: &OpenHistograms,
    ) -> LogRecords {
        let mut bytes = Vec::with_capacity(64 + 4 * values.len());
        let whole = put(&mut bytes, Kind::Row, |out| {
            put_number(out, group.0.into());
            let mut sink = RowSink::start(out, header, values.len());
            sink.full(values);
            sink.finish(histograms);
        });
        LogRecords {
            bytes,
            define,
            whole,
        }
    }

    /// The record of values that were put into a row.
    pub(crate) fn cells(
        &mut self,
        (file, group): (u64, GroupId),
        schema: &Arc<Schema>,
        cells: &Cells,
        histograms: &OpenHistograms,
    ) -> LogRecords {
        let (number, define) = self.begin(file, schema);
        let mut bytes = Vec::new();
        let whole = put_cells(&mut bytes, group, number, (cells, histograms));
        LogRecords {
            bytes,
            define,
            whole,
        }
    }
}
