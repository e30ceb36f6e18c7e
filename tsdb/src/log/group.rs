//! What the log knows of a group, and how the group's changes become records.

use super::bytes::put_number;
use super::record::{Kind, put, put_group, put_part};
use super::row::RowCoder;
use crate::LineId;
use crate::head::{Accepted, Change, GroupState};

/// What the current log file says of a group. It is kept with the group, under its lock.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    /// The number of the file that the rest is about, 0 for none.
    file: u64,
    rows: RowCoder,
    /// Which columns the file defines.
    defined: Vec<bool>,
}

/// Records on their way to the file.
#[derive(Debug, Default)]
pub(crate) struct LogRecords {
    pub(crate) bytes: Vec<u8>,
    /// The lines of the columns that are used for the first time in the file; they have to be
    /// defined before these records.
    pub(crate) lines: Vec<LineId>,
    /// The newest time of the rows.
    pub(crate) time: i64,
    /// Whether every record could be written.
    pub(crate) whole: bool,
}

impl Logged {
    /// Forgets what the file says: the group is defined anew before its next row.
    pub(crate) fn forget(&mut self) {
        self.file = 0;
    }

    /// The records of a change. `values` are those of the newest open row, and `line` tells the
    /// line of a column.
    pub(crate) fn records(
        &mut self,
        file: u64,
        group: &GroupState,
        (accepted, values): (&Accepted, &[f64]),
        line: impl Fn(usize) -> Option<LineId>,
    ) -> LogRecords {
        let mut records = LogRecords {
            time: accepted.time,
            whole: true,
            ..LogRecords::default()
        };
        if self.file != file {
            *self = Self {
                file,
                ..Self::default()
            };
            records.whole &= put_group(&mut records.bytes, group);
        }
        let (time, id) = (accepted.time, u64::from(group.id.0));
        let mut row = Vec::new();
        let mut columns = Vec::new();
        match &accepted.change {
            Change::Nothing => {}
            Change::NewestRow => self.put_row(id, (time, values), &mut row, &mut columns),
            Change::Page(values) => self.put_row(id, (time, values), &mut row, &mut columns),
            Change::Part(cells) => {
                records.whole &= put_part(&mut row, group, time, cells);
                let used = cells.iter().map(|(column, _)| *column);
                columns.extend(used.filter(|column| first_use(&mut self.defined, *column)));
            }
        }
        if !columns.is_empty() {
            records.whole &= put(&mut records.bytes, Kind::Columns, |out| {
                put_number(out, id);
                for column in columns {
                    if let Some(line) = line(column) {
                        put_number(out, column as u64);
                        put_number(out, line.0.into());
                        records.lines.push(line);
                    }
                }
            });
        }
        records.whole &= !row.is_empty() || matches!(accepted.change, Change::Nothing);
        records.bytes.extend_from_slice(&row);
        records
    }

    fn put_row(
        &mut self,
        id: u64,
        (time, values): (i64, &[f64]),
        out: &mut Vec<u8>,
        columns: &mut Vec<usize>,
    ) {
        let (rows, defined) = (&mut self.rows, &mut self.defined);
        put(out, Kind::Row, |out| {
            put_number(out, id);
            rows.encode(time, values, out, |column| {
                if first_use(defined, column) {
                    columns.push(column);
                }
            });
        });
    }
}

/// Whether a column was not defined before; it is from now on.
fn first_use(defined: &mut Vec<bool>, column: usize) -> bool {
    if defined.len() <= column {
        defined.resize(column + 1, false);
    }
    !std::mem::replace(&mut defined[column], true)
}
