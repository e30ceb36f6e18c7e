//! What a segment is written from: the head's rows of a window, or other segments.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::Labels;

use crate::index::{Line, Schema};
use crate::{Error, LineId};

/// Which group a body of rows is of, whatever its number: the same in all files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupKey {
    /// The group's labels; those of a single column are empty.
    pub(crate) labels: Labels,
    /// The line, where the group is a single column.
    pub(crate) single: Option<Line>,
    /// 0 for the main body, else the number of the side.
    pub(crate) side: u32,
}

/// A group of a source.
#[derive(Clone, Debug)]
pub(crate) struct SourceGroup {
    pub(crate) key: GroupKey,
    /// Its columns. Groups with the same ones share one allocation.
    pub(crate) schema: Arc<Schema>,
}

/// Takes the values of a column.
pub(crate) type EachColumn<'a> = dyn FnMut(usize, &[f64]) -> Result<(), Error> + 'a;

/// Rows that are to be written as a segment. They do not change while the segment is written.
///
/// The writer asks for the rows of all groups once, then goes over the values in passes: each takes
/// some rows of some lines from all groups.
pub(crate) trait Source {
    /// The groups that have rows. Each key stands once.
    fn groups(&self) -> &[SourceGroup];

    /// A line of the groups' schemas. The numbers are the source's own.
    fn line(&self, line: LineId) -> Option<Line>;

    /// Appends the times of all rows of a group, ascending, and their order of acceptance.
    fn rows(
        &mut self,
        group: usize,
        times: &mut Vec<i64>,
        sequences: &mut Vec<u64>,
    ) -> Result<(), Error>;

    /// Calls `each` with the place in `slots` and the values of these rows (a value for each row,
    /// the mark of none included), for each of the slots, in their order. A slot that has no value
    /// in these rows can be left out. `slots` are ascending.
    fn values(
        &mut self,
        group: usize,
        rows: Range<usize>,
        slots: &[usize],
        each: &mut EachColumn<'_>,
    ) -> Result<(), Error>;
}
