//! Which series there are: lines, groups, and the series that pass matchers.
//!
//! A series is a pair of a line and a group that has it. Its final labels are the group's, with the
//! line's laid over them and the names the line removes taken away. A matcher on a label tests the
//! line's value where the line carries or removes the label, and the group's where it does not.
//!
//! Which groups have a line is told by schemas: the columns of a group, shared by all groups with
//! the same ones. [`matching`](matching()) works on anything that is an [`Index`]: the store's own
//! tables, or those of a segment.

mod cardinality;
mod filter;
mod groups;
mod labels;
mod layouts;
mod lines;
mod matching;
mod postings;
mod schemas;
mod sets;
#[cfg(test)]
mod tests;

use crate::LineId;
pub use cardinality::Cardinality;
pub(crate) use cardinality::cardinality;
pub(crate) use groups::{GroupId, Groups, Side};
pub(crate) use labels::{Found, all_names, all_values, label_names, label_values};
pub(crate) use layouts::Layouts;
pub(crate) use lines::{Line, Lines};
pub(crate) use matching::{Match, matching};
pub(crate) use schemas::{Schema, Schemas};
pub(crate) use sets::Set;

/// The labels of lines or of groups, by value.
pub(crate) trait Table {
    /// All names of labels.
    fn names(&self) -> impl Iterator<Item = &str>;

    /// Whether any entry carries the label. A line carries a label that it takes away, too, with
    /// the empty value.
    fn has_name(&self, name: &str) -> bool;

    /// The values of a label, and the entries that carry it with them.
    fn values(&self, name: &str) -> impl Iterator<Item = (&str, Set<'_>)>;

    /// The entries that carry a label with this value.
    fn with(&self, name: &str, value: &str) -> Option<Set<'_>>;
}

/// Lines, groups, and which group has which lines.
pub(crate) trait Index {
    /// The labels of the lines.
    fn lines(&self) -> &impl Table;

    /// The labels of the groups.
    fn groups(&self) -> &impl Table;

    /// The labels of a line, with the empty value those that it takes away.
    fn line_labels(&self, line: LineId) -> impl Iterator<Item = (&str, &str)>;

    /// The labels of a group.
    fn group_labels(&self, group: GroupId) -> impl Iterator<Item = (&str, &str)>;

    /// The schemas that groups have.
    fn schemas(&self) -> impl Iterator<Item = u32>;

    /// The schemas that have a line.
    fn schemas_of(&self, line: LineId) -> Set<'_>;

    /// The schema of a group.
    fn schema_of(&self, group: GroupId) -> Option<u32>;

    /// The lines of a schema, each once.
    fn schema_lines(&self, schema: u32) -> &[LineId];

    /// The groups that have a schema.
    fn schema_groups(&self, schema: u32) -> Set<'_>;
}

/// The store's lines and groups, as they are now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) lines: &'a Lines,
    pub(crate) groups: &'a Groups,
}

impl Index for Head<'_> {
    fn lines(&self) -> &impl Table {
        self.lines.postings()
    }

    fn groups(&self) -> &impl Table {
        self.groups.postings()
    }

    fn line_labels(&self, line: LineId) -> impl Iterator<Item = (&str, &str)> {
        let line = self.lines.get(line);
        let removed = line.map_or(&[][..], |line| &line.removed).iter();
        let own = line.into_iter().flat_map(|line| &line.labels);
        own.chain(removed.map(|name| (&**name, "")))
    }

    fn group_labels(&self, group: GroupId) -> impl Iterator<Item = (&str, &str)> {
        let group = self.groups.get(group).into_iter();
        group.flat_map(|group| &group.labels)
    }

    fn schemas(&self) -> impl Iterator<Item = u32> {
        self.groups.schemas().numbers()
    }

    fn schemas_of(&self, line: LineId) -> Set<'_> {
        self.groups.schemas().of_line(line)
    }

    fn schema_of(&self, group: GroupId) -> Option<u32> {
        self.groups.schema_number(group)
    }

    fn schema_lines(&self, schema: u32) -> &[LineId] {
        let schema = self.groups.schemas().get(schema);
        schema.map_or(&[], |schema| schema.lines())
    }

    fn schema_groups(&self, schema: u32) -> Set<'_> {
        self.groups.schemas().groups(schema)
    }
}
