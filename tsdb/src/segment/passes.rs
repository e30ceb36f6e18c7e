//! The columns of a part, line by line. The source may give them group by group, so they are
//! gathered encoded, as many lines at a time as the memory allows, and written in the file's order.

use std::ops::Range;

use super::extents::Packer;
use super::output::Output;
use super::plan::Plan;
use super::runs;
use super::source::{Pass, Source, Wanted};
use crate::Error;
use crate::column::Scratch;
use crate::histogram::Histograms;

/// How large a buffer of encoded columns grows before the next one is taken.
const BUFFER: usize = 1 << 20;
/// What a gathered column takes besides its bytes.
const PLACE_BYTES: u64 = size_of::<Place>() as u64;

/// Where the bytes of a gathered column are.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    buffer: u32,
    offset: u32,
    length: u32,
}

/// Gathers columns in any order.
#[derive(Debug, Default)]
struct Gathered {
    buffers: Vec<Vec<u8>>,
    /// The buffer that is being filled.
    current: usize,
    places: Vec<Place>,
    scratch: Scratch,
}

impl Gathered {
    /// Forgets all columns, and has room for so many.
    fn clear(&mut self, columns: usize) {
        self.buffers.iter_mut().for_each(Vec::clear);
        self.current = 0;
        self.places.clear();
        self.places.resize(columns, Place::default());
    }

    fn put(&mut self, column: usize, values: &[f64], list: &Histograms) -> Option<()> {
        if self
            .buffers
            .get(self.current)
            .is_some_and(|it| it.len() >= BUFFER)
        {
            self.current += 1;
        }
        if self.current >= self.buffers.len() {
            self.buffers.push(Vec::with_capacity(BUFFER + BUFFER / 8));
        }
        let buffer = self.buffers.get_mut(self.current)?;
        let start = buffer.len();
        runs::encode(values, list, &mut self.scratch, buffer);
        *self.places.get_mut(column)? = Place {
            buffer: u32::try_from(self.current).ok()?,
            offset: u32::try_from(start).ok()?,
            length: u32::try_from(buffer.len() - start).ok()?,
        };
        Some(())
    }

    fn get(&self, column: usize) -> &[u8] {
        let place = self.places.get(column).copied().unwrap_or_default();
        let start = place.offset as usize;
        let buffer = self.buffers.get(place.buffer as usize);
        let bytes = buffer.and_then(|it| it.get(start..start + place.length as usize));
        bytes.unwrap_or_default()
    }

    fn bytes(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.len() as u64).sum()
    }
}

/// Writes the columns of the parts of a segment.
#[derive(Debug)]
pub(super) struct Columns {
    gathered: Gathered,
    /// About how many bytes are gathered at a time.
    budget: u64,
    /// Bytes of 1,024 values, as is feared.
    rate: u64,
    /// Values that there are.
    pub(super) samples: u64,
}

/// The rows of a part: of each group of the source, and how many the groups of a schema have in all.
#[derive(Debug)]
pub(super) struct PartRows {
    pub(super) of_group: Vec<Range<usize>>,
    pub(super) of_schema: Vec<u64>,
    /// The times of the oldest and the newest one.
    pub(super) span: (i64, i64),
}

impl Columns {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            gathered: Gathered::default(),
            budget: budget as u64,
            rate: 9 << 10,
            samples: 0,
        }
    }

    /// Writes the columns of a part.
    pub(super) fn write(
        &mut self,
        plan: &Plan,
        source: &mut impl Source,
        rows: &PartRows,
        (packer, output): (&mut Packer, &mut Output<'_>),
    ) -> Result<(), Error> {
        let mut line = 0;
        while line < plan.lines.len() {
            let (lines, values) = self.fitting(plan, rows, line);
            let pass = Numbering::new(plan, lines.clone());
            self.gathered.clear(pass.columns);
            self.gather(plan, &pass, source, rows)?;
            pass.each_column(plan, |column| {
                if packer.push(self.gathered.get(column)) {
                    output.append_with(|out| packer.finish(out))?;
                }
                Ok(())
            })?;
            // Twice what it was now, in case that the next metrics are noisier.
            let seen = (self.gathered.bytes() << 11) / values.max(1);
            self.rate = seen.clamp(512, 9 << 10);
            line = lines.end;
        }
        output.append_with(|out| packer.finish(out))
    }

    /// The lines from one on that fit into the memory, at least one, and how many values they have.
    fn fitting(&self, plan: &Plan, rows: &PartRows, first: usize) -> (Range<usize>, u64) {
        let (mut bytes, mut values) = (0_u64, 0_u64);
        let mut line = first;
        while line < plan.lines.len() {
            let mut more = 0;
            for schema in plan.of_line.get(line) {
                let schema = *schema as usize;
                more += rows.of_schema.get(schema).copied().unwrap_or_default();
                let groups = plan
                    .schemas
                    .get(schema)
                    .map_or(0, |it| it.groups.len() as u64);
                bytes += groups * PLACE_BYTES;
            }
            bytes = bytes.saturating_add(more.saturating_mul(self.rate) >> 10);
            if bytes > self.budget && line > first {
                break;
            }
            values += more;
            line += 1;
        }
        (first..line, values)
    }

    fn gather(
        &mut self,
        plan: &Plan,
        numbering: &Numbering,
        source: &mut impl Source,
        rows: &PartRows,
    ) -> Result<(), Error> {
        let pass = Pass {
            lines: plan
                .line_ids
                .get(numbering.lines.clone())
                .unwrap_or_default(),
            rows: &rows.of_group,
            lists: &numbering.lists,
            columns: &numbering.wanted,
        };
        let mut wrong = false;
        source.values(&pass, &mut |group, place, (values, list)| {
            let expected = rows.of_group.get(group).map_or(0, Range::len);
            let column = numbering
                .column(group, place)
                .filter(|_| values.len() == expected);
            let put = column.and_then(|column| self.gathered.put(column, values, list));
            wrong |= put.is_none();
            let there = values
                .iter()
                .filter(|value| !watchpost_model::is_absent(**value));
            self.samples += there.count() as u64;
            Ok(())
        })?;
        if wrong {
            return Err(Error::Full(
                "bytes of a column, or a source that gives what was not asked for",
            ));
        }
        Ok(())
    }
}

/// The columns of some lines, numbered by group.
#[derive(Debug)]
struct Numbering {
    lines: Range<usize>,
    /// For each group of the source its schema.
    lists: Vec<usize>,
    /// For each schema the wanted columns, by slot.
    wanted: Vec<Vec<Wanted>>,
    /// For each schema the places of its lines, ascending.
    places: Vec<Vec<usize>>,
    /// The first column of each group of the source.
    first: Vec<usize>,
    columns: usize,
}

impl Numbering {
    fn new(plan: &Plan, lines: Range<usize>) -> Self {
        let mut wanted = Vec::with_capacity(plan.schemas.len());
        let mut places = Vec::with_capacity(plan.schemas.len());
        for schema in &plan.schemas {
            let from = schema
                .members
                .partition_point(|(line, _)| (*line as usize) < lines.start);
            let to = schema
                .members
                .partition_point(|(line, _)| (*line as usize) < lines.end);
            let members = schema.members.get(from..to).unwrap_or_default();
            let place = |line: u32| line as usize - lines.start;
            let mut of_schema: Vec<_> = members
                .iter()
                .map(|(line, slot)| Wanted {
                    slot: *slot,
                    place: place(*line),
                })
                .collect();
            places.push(of_schema.iter().map(|wanted| wanted.place).collect());
            of_schema.sort_unstable();
            wanted.push(of_schema);
        }
        let groups = plan
            .groups
            .iter()
            .map(|(group, _)| group + 1)
            .max()
            .unwrap_or_default();
        let mut pass = Self {
            lines,
            lists: vec![usize::MAX; groups],
            wanted,
            places,
            first: vec![0; groups],
            columns: 0,
        };
        for ((group, _), schema) in plan.groups.iter().zip(&plan.schema_of) {
            pass.lists[*group] = *schema;
            pass.first[*group] = pass.columns;
            pass.columns += pass.wanted[*schema].len();
        }
        pass
    }

    /// The number of the column of a line, by its place, in a group of the source.
    fn column(&self, group: usize, place: usize) -> Option<usize> {
        let places = self.places.get(*self.lists.get(group)?)?;
        Some(self.first.get(group)? + places.binary_search(&place).ok()?)
    }

    /// Calls a function for each column, line by line, in the order of the file's groups.
    fn each_column(
        &self,
        plan: &Plan,
        mut each: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for line in self.lines.clone() {
            for schema in plan.of_line.get(line) {
                let schema = *schema as usize;
                let (Some(places), Some(of)) = (self.places.get(schema), plan.schemas.get(schema))
                else {
                    continue;
                };
                let Ok(rank) = places.binary_search(&(line - self.lines.start)) else {
                    continue;
                };
                for (group, _) in plan.groups.get(of.groups.clone()).unwrap_or_default() {
                    each(
                        self.first
                            .get(*group)
                            .map_or(usize::MAX, |first| first + rank),
                    )?;
                }
            }
        }
        Ok(())
    }
}
