//! What a segment is written from: the head's rows of a window, or other segments.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::Labels;

use crate::histogram::Histograms;
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

/// The values of a column, one for each row, the mark of none included, and the histograms that some
/// stand for.
pub(crate) type ColumnValues<'a> = (&'a [f64], &'a Histograms);

/// Takes the values of a column: the place of the group, the place of the line in the pass, the
/// values.
pub(crate) type EachColumn<'a> =
    dyn FnMut(usize, usize, ColumnValues<'_>) -> Result<(), Error> + 'a;

/// Rows that are to be written as a segment. They do not change while the segment is written.
///
/// The writer asks for the rows of each group, then for the values in passes: each takes some rows
/// of some lines from all groups.
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

    /// Calls `each` once for each column of a pass, group by group or line by line, as suits the
    /// source. A column that has no value in these rows can be left out.
    fn values(&mut self, pass: &Pass<'_>, each: &mut EachColumn<'_>) -> Result<(), Error>;
}

/// Which values the writer wants in one go.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    pub(super) lines: &'a [LineId],
    pub(super) rows: &'a [Range<usize>],
    /// For each group the place of its list in `columns`.
    pub(super) lists: &'a [usize],
    pub(super) columns: &'a [Vec<Wanted>],
}

/// A column that is wanted of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    /// The slot in the group's schema.
    pub(crate) slot: usize,
    /// The place of its line in the pass.
    pub(crate) place: usize,
}

impl Pass<'_> {
    /// The lines, in the order of the file: by metric, then by their other labels.
    pub(crate) fn lines(&self) -> &[LineId] {
        self.lines
    }

    /// The rows of a group that are wanted.
    pub(crate) fn rows(&self, group: usize) -> Range<usize> {
        self.rows.get(group).cloned().unwrap_or_default()
    }

    /// The columns of a group that are wanted, by slot.
    pub(crate) fn columns(&self, group: usize) -> &[Wanted] {
        let list = self
            .lists
            .get(group)
            .and_then(|list| self.columns.get(*list));
        list.map_or(&[], Vec::as_slice)
    }
}
