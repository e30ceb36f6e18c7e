//! The index of a segment, decoded.

use watchpost_model::Labels;

use super::extents::Extents;
use super::format::{SECTIONS, SegmentInfo};
use super::labels::LabelTable;
use super::source::GroupKey;
use super::tables::{GroupFacts, SchemaTable, read_facts};
use crate::LineId;
use crate::index::{GroupId, Index, Line, Set, Table};
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

/// The lines, groups and extents of a segment. Numbers of lines and groups are the segment's own.
#[derive(Debug)]
pub(crate) struct SegmentIndex {
    lines: LabelTable,
    groups: LabelTable,
    facts: Vec<GroupFacts>,
    pub(super) schemas: SchemaTable,
    /// The lines of each schema once more, as the matching wants them.
    schema_lines: Vec<Box<[LineId]>>,
    pub(super) parts: Vec<PartIndex>,
}

/// Where a part is.
#[derive(Debug)]
pub(super) struct PartIndex {
    /// The times of its oldest and newest row.
    pub(super) span: (i64, i64),
    /// An item is a group's rows.
    pub(super) rows: Extents,
    /// An item is a column.
    pub(super) columns: Extents,
}

impl SegmentIndex {
    /// Decodes the index from the bytes of its sections; `end` is where the data end. The error
    /// names the section.
    pub(super) fn read(
        sections: [&[u8]; SECTIONS.len()],
        info: &SegmentInfo,
        end: u64,
    ) -> Result<Self, &'static str> {
        let [lines, groups, schemas, extents] = sections;
        let [lines_name, groups_name, schemas_name, extents_name] = SECTIONS;
        let lines = LabelTable::read(lines).map_err(|_| lines_name)?;
        let (groups, facts) = read_groups(groups, info.max_time_ms).map_err(|_| groups_name)?;
        // Each column has at least the byte of its length in each part.
        let schemas = SchemaTable::read(schemas, (lines.len(), groups.len()), info.bytes)
            .map_err(|_| schemas_name)?;
        let mut index = Self {
            lines,
            groups,
            facts,
            schema_lines: Vec::new(),
            schemas,
            parts: Vec::new(),
        };
        index.schema_lines = (0..index.schemas.len())
            .map(|schema| {
                index
                    .schemas
                    .lines
                    .get(schema)
                    .iter()
                    .copied()
                    .map(LineId)
                    .collect()
            })
            .collect();
        index.check_facts().map_err(|_| groups_name)?;
        index.read_parts(extents, end).map_err(|_| extents_name)?;
        Ok(index)
    }

    /// A single column has one line and no labels of its own.
    fn check_facts(&self) -> Result<(), Malformed> {
        let wrong = |(group, facts): (u32, &GroupFacts)| {
            let lines = self
                .schemas
                .of_group(group)
                .map(|it| self.schemas.lines.get(it as usize));
            let one = lines.is_some_and(|lines| lines.len() == 1);
            facts.single && !(one && self.groups.get(group).next().is_none())
        };
        let any = (0..).zip(&self.facts).any(wrong);
        if any { Err(Malformed) } else { Ok(()) }
    }

    fn read_parts(&mut self, bytes: &[u8], end: u64) -> Result<(), Malformed> {
        let mut reader = Reader(bytes);
        let mut offset = super::format::HEADER as u64;
        for _ in 0..reader.count()? {
            let first = unzigzag(reader.number()?);
            let last = first
                .checked_add_unsigned(reader.number()?)
                .ok_or(Malformed)?;
            let part = PartIndex {
                span: (first, last),
                rows: Extents::read(&mut reader, &mut offset)?,
                columns: Extents::read(&mut reader, &mut offset)?,
            };
            let all_rows = part.rows.items() == self.facts.len() as u64;
            if !all_rows || part.columns.items() != self.schemas.columns() {
                return Err(Malformed);
            }
            self.parts.push(part);
        }
        let ascending = self.parts.is_sorted_by(|a, b| a.span.1 < b.span.0);
        if reader.0.is_empty() && offset == end && ascending {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// How many groups there are.
    pub(crate) fn group_count(&self) -> usize {
        self.facts.len()
    }

    /// How many lines there are.
    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// A line.
    pub(crate) fn line(&self, line: LineId) -> Line {
        let labels = self.lines.get(line.0);
        let removed: Vec<_> = labels
            .filter(|(_, value)| value.is_empty())
            .map(|(name, _)| name)
            .collect();
        Line::new(&Labels::from_pairs(self.lines.get(line.0)), &removed)
    }

    /// The labels of a group.
    pub(crate) fn labels_of(&self, group: GroupId) -> Labels {
        Labels::from_pairs(self.groups.get(group.0))
    }

    /// What a group is in all files.
    pub(crate) fn group_key(&self, group: GroupId) -> GroupKey {
        let facts = self.facts.get(group.0 as usize);
        let schema = self
            .schema_of(group)
            .map_or(&[][..], |schema| self.schema_lines(schema));
        let line = schema
            .first()
            .filter(|_| facts.is_some_and(|facts| facts.single));
        GroupKey {
            labels: self.labels_of(group),
            single: line.map(|line| self.line(*line)),
            side: facts.map_or(0, |facts| facts.side),
        }
    }

    /// The time of the newest row of each group.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (GroupId, i64)> {
        (0..)
            .zip(&self.facts)
            .map(|(group, facts)| (GroupId(group), facts.newest_ms))
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        let tables = self.lines.size() + self.groups.size() + self.schemas.size();
        let extents = self
            .parts
            .iter()
            .map(|part| part.rows.size() + part.columns.size());
        let lines = self
            .schema_lines
            .iter()
            .map(|lines| 16 + size_of_val(&**lines));
        let facts = self.facts.capacity() * size_of::<GroupFacts>();
        size_of::<Self>() + tables + extents.sum::<usize>() + lines.sum::<usize>() + facts
    }
}

fn read_groups(bytes: &[u8], newest_ms: i64) -> Result<(LabelTable, Vec<GroupFacts>), Malformed> {
    let mut reader = Reader(bytes);
    let length = reader.count()?;
    let table = LabelTable::read(reader.bytes(length)?)?;
    let facts = read_facts(&mut reader, table.len(), newest_ms)?;
    if reader.0.is_empty() {
        Ok((table, facts))
    } else {
        Err(Malformed)
    }
}

/// Appends the span of a part; its lists of extents follow.
pub(super) fn put_span((first, last): (i64, i64), out: &mut Vec<u8>) {
    put_number(out, zigzag(first));
    put_number(out, last.abs_diff(first));
}

impl Index for SegmentIndex {
    fn lines(&self) -> &impl Table {
        &self.lines
    }

    fn groups(&self) -> &impl Table {
        &self.groups
    }

    fn line_labels(&self, line: LineId) -> impl Iterator<Item = (&str, &str)> {
        self.lines.get(line.0)
    }

    fn group_labels(&self, group: GroupId) -> impl Iterator<Item = (&str, &str)> {
        self.groups.get(group.0)
    }

    fn schemas(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.schema_lines).map(|(schema, _)| schema)
    }

    fn schemas_of(&self, line: LineId) -> Set<'_> {
        Set::Few(self.schemas.of_line.get(line.0 as usize))
    }

    fn schema_of(&self, group: GroupId) -> Option<u32> {
        self.schemas.of_group(group.0)
    }

    fn schema_lines(&self, schema: u32) -> &[LineId] {
        self.schema_lines
            .get(schema as usize)
            .map_or(&[], |lines| lines)
    }

    fn schema_groups(&self, schema: u32) -> Set<'_> {
        Set::Range(self.schemas.groups(schema))
    }
}
