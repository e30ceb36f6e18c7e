//! The order of a segment: lines by metric and labels, groups by schema, time cut into parts.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMap;

use super::lists::Lists;
use super::source::Source;
use crate::index::Line;
use crate::{Error, LineId};

/// About how many rows a series has in a part: two runs.
pub(super) const PART_ROWS: u64 = 480;
/// The most parts of a segment.
const MOST_PARTS: u64 = 256;

/// What the rows of a group are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) rows: usize,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    pub(super) sequences: (u64, u64),
}

/// The columns of some groups.
#[derive(Debug)]
pub(super) struct PlanSchema {
    /// Lines, ascending in the file's numbers, and their slots in the source's schema.
    pub(super) members: Vec<(u32, usize)>,
    /// The groups, in the file's numbers.
    pub(super) groups: Range<usize>,
}

/// The order of a segment.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The source's number of each line of the file.
    pub(super) line_ids: Vec<LineId>,
    pub(super) lines: Vec<Line>,
    /// The place in the source of each group of the file, and what its rows are.
    pub(super) groups: Vec<(usize, Extent)>,
    /// The schema of each group of the file.
    pub(super) schema_of: Vec<usize>,
    pub(super) schemas: Vec<PlanSchema>,
    /// The schemas that have each line.
    pub(super) of_line: Lists,
}

impl Plan {
    /// Looks at all rows once.
    pub(super) fn new(source: &mut impl Source) -> Result<Self, Error> {
        let mut plan = Self::default();
        let (mut times, mut sequences) = (Vec::new(), Vec::new());
        for group in 0..source.groups().len() {
            times.clear();
            sequences.clear();
            source.rows(group, &mut times, &mut sequences)?;
            let (Some(first), Some(last)) = (times.first(), times.last()) else {
                continue;
            };
            let low = sequences.iter().min().copied().unwrap_or_default();
            let high = sequences.iter().max().copied().unwrap_or_default();
            let extent = Extent {
                rows: times.len(),
                first_ms: *first,
                last_ms: *last,
                sequences: (low, high),
            };
            plan.groups.push((group, extent));
        }
        let schemas = plan.order_groups(source);
        let numbers = plan.order_lines(source, &schemas)?;
        plan.place_schemas(&schemas, &numbers);
        let invert = || {
            let mut lists = Lists::default();
            for schema in &plan.schemas {
                schema
                    .members
                    .iter()
                    .for_each(|(line, _)| lists.push(*line));
                lists.finish()?;
            }
            Ok(lists.inverted(plan.lines.len()))
        };
        plan.of_line = invert()
            .map_err(|_: crate::log::bytes::Malformed| Error::Full("columns of a segment"))?;
        Ok(plan)
    }

    /// Has groups with the same columns stand in a row. Gives the columns of each schema.
    fn order_groups(&mut self, source: &impl Source) -> Vec<Arc<crate::index::Schema>> {
        let groups = source.groups();
        let mut by_address = HashMap::default();
        let mut by_lines: HashMap<&[LineId], usize> = HashMap::default();
        let mut schemas = Vec::new();
        let mut keyed = Vec::with_capacity(self.groups.len());
        for (place, extent) in &self.groups {
            let Some(group) = groups.get(*place) else {
                continue;
            };
            let number = *by_address
                .entry(Arc::as_ptr(&group.schema))
                .or_insert_with(|| {
                    *by_lines.entry(group.schema.lines()).or_insert_with(|| {
                        schemas.push(Arc::clone(&group.schema));
                        schemas.len() - 1
                    })
                });
            keyed.push((number, &group.key, *place, *extent));
        }
        keyed.sort_by(|a, b| {
            let by_labels = || a.1.labels.cmp(&b.1.labels).then(a.1.side.cmp(&b.1.side));
            a.0.cmp(&b.0).then_with(by_labels)
        });
        self.groups = keyed
            .iter()
            .map(|(_, _, place, extent)| (*place, *extent))
            .collect();
        self.schema_of = keyed.iter().map(|(schema, ..)| *schema).collect();
        schemas
    }

    /// Sorts the lines by metric, then by their other labels. Gives their numbers in the file.
    fn order_lines(
        &mut self,
        source: &impl Source,
        schemas: &[Arc<crate::index::Schema>],
    ) -> Result<HashMap<LineId, u32>, Error> {
        let mut ids: Vec<_> = schemas
            .iter()
            .flat_map(|it| it.lines().iter().copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let mut lines: Vec<_> = ids
            .into_iter()
            .filter_map(|id| Some((source.line(id)?, id)))
            .collect();
        lines.sort_by(|(a, _), (b, _)| order(a, b));
        if u32::try_from(lines.len()).is_err() || u32::try_from(self.groups.len()).is_err() {
            return Err(Error::Full("lines or groups of a segment"));
        }
        self.line_ids = lines.iter().map(|(_, id)| *id).collect();
        self.lines = lines.into_iter().map(|(line, _)| line).collect();
        Ok(self.line_ids.iter().copied().zip(0..).collect())
    }

    fn place_schemas(
        &mut self,
        schemas: &[Arc<crate::index::Schema>],
        numbers: &HashMap<LineId, u32>,
    ) {
        let mut first = 0;
        for (number, schema) in schemas.iter().enumerate() {
            let slots = schema.lines().iter().zip(0..);
            let mut members: Vec<_> = slots
                .filter_map(|(line, slot)| Some((*numbers.get(line)?, slot)))
                .collect();
            members.sort_unstable();
            let end = self.schema_of.partition_point(|schema| *schema <= number);
            self.schemas.push(PlanSchema {
                members,
                groups: first..end,
            });
            first = end;
        }
    }

    /// The times at which parts begin, the first one's aside.
    pub(super) fn cuts(&self, part_rows: u64) -> Vec<i64> {
        let columns = |group: usize| {
            let schema = self
                .schema_of
                .get(group)
                .and_then(|it| self.schemas.get(*it));
            schema.map_or(0, |schema| schema.members.len() as u64)
        };
        let (mut series, mut samples) = (0_u64, 0_u64);
        for (group, (_, extent)) in self.groups.iter().enumerate() {
            series += columns(group);
            samples = samples.saturating_add(columns(group).saturating_mul(extent.rows as u64));
        }
        let (first, last) = self.span();
        let parts = samples
            .div_ceil(series.max(1))
            .div_ceil(part_rows)
            .clamp(1, MOST_PARTS);
        let width = last.abs_diff(first) / parts + 1;
        (1..parts)
            .filter_map(|part| first.checked_add_unsigned(width.checked_mul(part)?))
            .collect()
    }

    /// The times of the oldest and the newest row.
    pub(super) fn span(&self) -> (i64, i64) {
        let firsts = self.groups.iter().map(|(_, extent)| extent.first_ms);
        let lasts = self.groups.iter().map(|(_, extent)| extent.last_ms);
        (
            firsts.min().unwrap_or_default(),
            lasts.max().unwrap_or_default(),
        )
    }
}

/// By metric, then by all labels, then by what is taken away.
fn order(a: &Line, b: &Line) -> Ordering {
    let by_metric = a.labels.metric_name().cmp(b.labels.metric_name());
    by_metric
        .then_with(|| a.labels.cmp(&b.labels))
        .then_with(|| a.removed.cmp(&b.removed))
}
