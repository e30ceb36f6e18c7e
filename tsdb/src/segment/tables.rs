//! Which lines the groups of a segment have, and what is known of each group.
//!
//! Groups are numbered so that those with the same lines stand in a row: a schema is a list of lines
//! and a range of groups.

use std::ops::Range;

use super::lists::Lists;
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

/// What is known of a group besides its labels and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupFacts {
    /// Whether it is a single column.
    pub(super) single: bool,
    /// 0 for the main body, else the number of the side.
    pub(super) side: u32,
    /// The time of its newest row.
    pub(super) newest_ms: i64,
}

/// Appends the facts of all groups.
pub(super) fn encode_facts(facts: &[GroupFacts], newest_ms: i64, out: &mut Vec<u8>) {
    for group in facts {
        put_number(out, u64::from(group.side) << 1 | u64::from(group.single));
        put_number(out, zigzag(newest_ms.wrapping_sub(group.newest_ms)));
    }
}

/// Reads the facts of all groups.
pub(super) fn read_facts(
    reader: &mut Reader<'_>,
    groups: usize,
    newest_ms: i64,
) -> Result<Vec<GroupFacts>, Malformed> {
    if groups > reader.0.len() {
        return Err(Malformed);
    }
    let fact = |_| {
        let kind = reader.number()?;
        Ok(GroupFacts {
            single: kind & 1 == 1,
            side: u32::try_from(kind >> 1).map_err(|_| Malformed)?,
            newest_ms: newest_ms.wrapping_sub(unzigzag(reader.number()?)),
        })
    };
    (0..groups).map(fact).collect()
}

/// The schemas of a segment.
#[derive(Debug, Default)]
pub(super) struct SchemaTable {
    /// The lines of each schema, ascending.
    pub(super) lines: Lists,
    /// The first group of each schema, and the count of groups.
    first_group: Vec<u32>,
    /// The schemas that have each line, ascending.
    pub(super) of_line: Lists,
    /// The number of the first column of each line, and the count of columns. The columns of a line
    /// are in the order of their groups.
    first_column: Vec<u64>,
}

impl SchemaTable {
    /// Reads the schemas. `most` is how many columns there can be.
    pub(super) fn read(
        bytes: &[u8],
        (lines, groups): (usize, usize),
        most: u64,
    ) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let mut table = Self::default();
        let (mut group, mut columns) = (0_u32, 0_u64);
        for _ in 0..reader.count()? {
            table.first_group.push(group);
            let members = reader.id()?;
            group = group.checked_add(members).ok_or(Malformed)?;
            let runs = reader.count()?;
            let mut next = 0_u64;
            for _ in 0..runs {
                let from = next.checked_add(reader.number()?).ok_or(Malformed)?;
                let length = reader.number()?;
                next = from.checked_add(length).ok_or(Malformed)?;
                let more = length.checked_mul(u64::from(members)).ok_or(Malformed)?;
                columns = columns.checked_add(more).ok_or(Malformed)?;
                if members == 0 || length == 0 || next > lines as u64 || columns > most {
                    return Err(Malformed);
                }
                let (from, to) = (u32::try_from(from), u32::try_from(next));
                for line in from.map_err(|_| Malformed)?..to.map_err(|_| Malformed)? {
                    table.lines.push(line);
                }
            }
            table.lines.finish()?;
        }
        if !reader.0.is_empty() || group as usize != groups {
            return Err(Malformed);
        }
        table.first_group.push(group);
        table.of_line = table.lines.inverted(lines);
        table.count_columns();
        Ok(table)
    }

    fn count_columns(&mut self) {
        let mut column = 0;
        for line in 0..self.of_line.len() {
            self.first_column.push(column);
            let of_line = self.of_line.get(line).iter();
            column += of_line
                .map(|schema| self.groups(*schema).len() as u64)
                .sum::<u64>();
        }
        self.first_column.push(column);
    }

    /// How many schemas there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The groups that have a schema.
    pub(super) fn groups(&self, schema: u32) -> Range<u32> {
        let first = |place: usize| self.first_group.get(place).copied().unwrap_or_default();
        first(schema as usize)..first(schema as usize + 1)
    }

    /// The schema of a group.
    pub(super) fn of_group(&self, group: u32) -> Option<u32> {
        let after = self.first_group.partition_point(|first| *first <= group);
        let schema = after.checked_sub(1).filter(|schema| *schema < self.len())?;
        u32::try_from(schema).ok()
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> u64 {
        self.first_column.last().copied().unwrap_or_default()
    }

    /// The columns that some groups, ascending, have of a line: their numbers, ascending, each with
    /// the place of its group in the list.
    pub(super) fn columns_of(&self, line: u32, groups: &[u32]) -> Vec<(u64, usize)> {
        let mut columns = Vec::with_capacity(groups.len());
        let mut column = self
            .first_column
            .get(line as usize)
            .copied()
            .unwrap_or_default();
        let mut place = 0;
        for schema in self.of_line.get(line as usize) {
            let range = self.groups(*schema);
            let rest = groups.get(place..).unwrap_or_default();
            place += rest.partition_point(|group| *group < range.start);
            while let Some(group) = groups.get(place).filter(|group| **group < range.end) {
                columns.push((column + u64::from(group - range.start), place));
                place += 1;
            }
            column += range.len() as u64;
        }
        columns
    }

    /// Bytes of heap.
    pub(super) fn size(&self) -> usize {
        let firsts = self.first_group.capacity() * 4 + self.first_column.capacity() * 8;
        self.lines.size() + self.of_line.size() + firsts
    }
}

/// Appends schemas: for each its lines, ascending, and how many groups have it.
pub(super) fn encode_schemas<'a>(
    schemas: impl ExactSizeIterator<Item = (&'a [u32], u32)>,
    out: &mut Vec<u8>,
) {
    put_number(out, schemas.len() as u64);
    for (lines, groups) in schemas {
        put_number(out, u64::from(groups));
        let runs = lines.chunk_by(|a, b| a + 1 == *b);
        put_number(out, runs.clone().count() as u64);
        let mut next = 0;
        for run in runs {
            let Some(first) = run.first() else { continue };
            put_number(out, u64::from(first - next));
            put_number(out, run.len() as u64);
            next = first + u32::try_from(run.len()).unwrap_or(u32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn schemas_come_back_and_columns_are_numbered_by_line_then_group(
            schemas in vec((btree_set(0..20_u32, 0..8), 1..4_u32), 0..6),
            wanted in btree_set(0..20_u32, 0..6),
        ) {
            let schemas: Vec<(Vec<u32>, u32)> = schemas
                .into_iter()
                .map(|(lines, groups)| (lines.into_iter().collect(), groups))
                .collect();
            let mut out = Vec::new();
            encode_schemas(schemas.iter().map(|(lines, groups)| (&**lines, *groups)), &mut out);
            let groups: u32 = schemas.iter().map(|(_, groups)| groups).sum();
            let table = SchemaTable::read(&out, (20, groups as usize), 1_000).unwrap();
            let mut has = BTreeSet::new();
            let mut group = 0;
            for (number, (lines, count)) in (0..).zip(&schemas) {
                prop_assert_eq!(table.lines.get(number as usize), lines.as_slice());
                prop_assert_eq!(table.groups(number), group..group + count);
                for group in group..group + count {
                    prop_assert_eq!(table.of_group(group), Some(number));
                    has.extend(lines.iter().map(|line| (*line, group)));
                }
                group += count;
            }
            prop_assert_eq!(table.columns(), has.len() as u64);
            let wanted: Vec<_> = wanted.into_iter().collect();
            for line in 0..20 {
                let plain: Vec<_> = (0..)
                    .zip(&has)
                    .filter(|(_, series)| series.0 == line)
                    .filter_map(|(column, (_, group))| Some((column, wanted.binary_search(group).ok()?)))
                    .collect();
                prop_assert_eq!(table.columns_of(line, &wanted), plain);
            }
            for length in 0..out.len() {
                prop_assert!(SchemaTable::read(&out[..length], (20, groups as usize), 1_000).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..60), groups in 0..300_usize) {
            if let Ok(table) = SchemaTable::read(&bytes, (40, groups), 10_000) {
                prop_assert!(table.columns() <= 10_000);
            }
        }
    }
}
