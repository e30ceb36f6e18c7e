//! Reading a chunk of a [`Scan`](super::Scan): what its groups have is gathered first, encoded, and
//! then decoded series by series.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::absent_nan;

use super::plan::{Plan, Wanted};
use super::read::Readers;
use super::scan::{Need, Piece};
use super::stack::Columns;
use crate::column;
use crate::head::Sweep;
use crate::log::bytes::Malformed;
use crate::segment::{self, Fetched};
use crate::store::Store;
use crate::{Error, LineId, TimeRange};

/// Reads chunks, one after the other.
#[derive(Debug)]
pub struct ChunkReader<'a> {
    plan: &'a Plan,
    chunks: &'a [Range<usize>],
    need: Need,
    readers: Readers<'a>,
    units: Vec<Unit<'a>>,
    /// What was fetched from each segment.
    fetched: Vec<Fetched>,
    /// What was read from the head.
    heads: Sweep,
    /// The times of the last unit.
    times: Arc<[i64]>,
    all_times: Vec<i64>,
    /// The values of the last series.
    values: Vec<f64>,
}

/// A group that has rows.
#[derive(Debug)]
struct Unit<'a> {
    group: usize,
    times: Arc<[i64]>,
    parts: Vec<Part<'a>>,
}

/// The rows of a group in one source.
#[derive(Debug)]
struct Part<'a> {
    columns: &'a Columns,
    of: Source,
}

#[derive(Debug)]
enum Source {
    Sealed {
        segment: usize,
        rows: segment::Rows,
        /// The place among the groups that were fetched, and of each column's line among the lines.
        group: usize,
        lines: Arc<[u32]>,
    },
    Head(usize),
}

impl<'a> ChunkReader<'a> {
    pub(super) fn new(
        store: &'a Store,
        plan: &'a Plan,
        (chunks, need): (&'a [Range<usize>], Need),
    ) -> Self {
        Self {
            plan,
            chunks,
            need,
            readers: Readers::new(store, &plan.segments, &plan.histograms),
            units: Vec::new(),
            fetched: plan.segments.iter().map(|_| Fetched::default()).collect(),
            values: Vec::new(),
            heads: Sweep::default(),
            times: Arc::default(),
            all_times: Vec::new(),
        }
    }

    /// Reads a chunk: `each` gets its series, group by group. Whether it is plain.
    pub fn read<E: From<Error>>(
        &mut self,
        chunk: usize,
        mut each: impl FnMut(&Piece<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(groups) = self.chunks.get(chunk) else {
            return Ok(true);
        };
        self.units.clear();
        self.heads.clear();
        match self.load(groups.clone()) {
            Ok(true) => self.each(&mut each),
            Ok(false) | Err(Error::Damaged { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what is encoded. False where the sources of a group overlap.
    fn load(&mut self, groups: Range<usize>) -> Result<bool, Error> {
        let wanted = self.plan.groups.iter().enumerate();
        for (group, wanted) in wanted.skip(groups.start).take(groups.len()) {
            if !self.add(group, wanted)? {
                return Ok(false);
            }
        }
        for segment in 0..self.plan.segments.len() {
            self.fetch(segment)?;
        }
        Ok(true)
    }

    /// Adds the rows of a group.
    fn add(&mut self, group: usize, wanted: &'a Wanted) -> Result<bool, Error> {
        let mut parts: Vec<(i64, i64, Part<'a>)> = Vec::with_capacity(wanted.sealed.len() + 1);
        for (segment, id, columns) in &wanted.sealed {
            let rows = self.readers.plain_rows(*segment, *id, self.plan.range)?;
            let Some(rows) = rows else { continue };
            if let Some((first, last)) = span(&rows.times) {
                let of = Source::Sealed {
                    segment: *segment,
                    rows,
                    group: 0,
                    lines: Arc::default(),
                };
                parts.push((first, last, Part { columns, of }));
            }
        }
        if let Some((state, columns)) = &wanted.head {
            let moved = self.plan.list.moved.get(&state.id).copied();
            let range = TimeRange {
                from_ms: self.plan.range.from_ms.max(moved.unwrap_or(i64::MIN)),
                to_ms: self.plan.range.to_ms,
            };
            let body = state.body.lock();
            let unread = body.sweep(range, &columns.lines, &mut self.heads);
            drop(body);
            if let Some(head) = self.heads.load(unread, &columns.lines)?
                && let Some((first, last)) = span(self.heads.times(head))
            {
                let of = Source::Head(head);
                parts.push((first, last, Part { columns, of }));
            }
        }
        parts.sort_by_key(|(first, _, _)| *first);
        let overlap = |pair: &[(i64, i64, Part<'_>)]| matches!(pair, [a, b] if a.1 >= b.0);
        if parts.windows(2).any(overlap) {
            return Ok(false);
        }
        self.set_times(&parts);
        if !parts.is_empty() {
            self.units.push(Unit {
                group,
                times: Arc::clone(&self.times),
                parts: parts.into_iter().map(|(_, _, part)| part).collect(),
            });
        }
        Ok(true)
    }

    /// Takes the times of all parts.
    fn set_times(&mut self, parts: &[(i64, i64, Part<'_>)]) {
        if let [(_, _, part)] = parts
            && let Source::Sealed { rows, .. } = &part.of
        {
            self.times = Arc::clone(&rows.times);
            return;
        }
        self.all_times.clear();
        for (_, _, part) in parts {
            self.all_times.extend_from_slice(match &part.of {
                Source::Sealed { rows, .. } => &rows.times,
                Source::Head(head) => self.heads.times(*head),
            });
        }
        if *self.times != *self.all_times {
            self.times = self.all_times.as_slice().into();
        }
    }

    /// Fetches the columns that a segment has of the groups.
    fn fetch(&mut self, segment: usize) -> Result<(), Error> {
        let mut lines: Vec<LineId> = Vec::new();
        let mut last: Option<&Columns> = None;
        let mut found = Vec::new();
        for (unit, place) in sealed(&self.units, segment) {
            let part = &self.units[unit].parts[place];
            if !last.is_some_and(|last| Arc::ptr_eq(&last.lines, &part.columns.lines)) {
                lines.extend_from_slice(&part.columns.lines);
            }
            last = Some(part.columns);
            if let Source::Sealed { rows, .. } = &part.of {
                found.push((rows.group(), unit, place));
            }
        }
        lines.sort_unstable();
        lines.dedup();
        found.sort_unstable();
        let rows: Vec<&segment::Rows> = found
            .iter()
            .filter_map(
                |(_, unit, place)| match &self.units[*unit].parts[*place].of {
                    Source::Sealed { rows, .. } => Some(rows),
                    Source::Head(_) => None,
                },
            )
            .collect();
        if let Some(fetched) = self.fetched.get_mut(segment) {
            self.readers.fetch(segment, &lines, &rows, fetched)?;
        }
        let mut known: Option<(*const LineId, Arc<[u32]>)> = None;
        for (number, (_, unit, place)) in found.iter().enumerate() {
            let part = &mut self.units[*unit].parts[*place];
            let of = &part.columns.lines;
            let places = match &known {
                Some((pointer, places)) if *pointer == of.as_ptr() => Arc::clone(places),
                _ => places_in(&lines, of),
            };
            known = Some((of.as_ptr(), Arc::clone(&places)));
            if let Source::Sealed { group, lines, .. } = &mut part.of {
                (*group, *lines) = (number, places);
            }
        }
        Ok(())
    }

    /// Decodes the series. False where one makes no sense.
    fn each<E: From<Error>>(
        &mut self,
        each: &mut impl FnMut(&Piece<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut values = std::mem::take(&mut self.values);
        for unit in &self.units {
            let all = lines_of(&unit.parts);
            for line in all.iter().copied().enumerate() {
                values.clear();
                if self.values(unit, line, &mut values).is_err() || values.len() != unit.times.len()
                {
                    return Ok(false);
                }
                each(&Piece {
                    group: unit.group,
                    line: line.1 as usize,
                    times: &unit.times,
                    values: &values,
                })?;
            }
        }
        self.values = values;
        Ok(true)
    }

    /// Decodes a series, by the place of its line in the first part and in the plan.
    fn values(
        &self,
        unit: &Unit<'_>,
        (first, line): (usize, u32),
        out: &mut Vec<f64>,
    ) -> Result<(), Malformed> {
        let decode = match self.need {
            Need::All => column::decode,
            Need::Presence => column::decode_presence,
        };
        for part in &unit.parts {
            let column = if part.columns.places.get(first) == Some(&line) {
                Some(first)
            } else {
                part.columns.places.iter().position(|place| *place == line)
            };
            match (&part.of, column) {
                (Source::Head(head), Some(column)) => {
                    self.heads.values((*head, column), decode, out)?;
                }
                (Source::Head(head), None) => {
                    out.resize(out.len() + self.heads.times(*head).len(), absent_nan());
                }
                (Source::Sealed { rows, .. }, None) => {
                    out.resize(out.len() + rows.times.len(), absent_nan());
                }
                (
                    Source::Sealed {
                        segment,
                        rows,
                        group,
                        lines,
                    },
                    Some(column),
                ) => {
                    let fetched = self.fetched.get(*segment).ok_or(Malformed)?;
                    let line = *lines.get(column).ok_or(Malformed)? as usize;
                    fetched.values((*group, rows), line, decode, out)?;
                }
            }
        }
        Ok(())
    }
}

/// The units, and their parts, that are in a segment.
fn sealed(units: &[Unit<'_>], wanted: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        for (place, part) in unit.parts.iter().enumerate() {
            if matches!(part.of, Source::Sealed { segment, .. } if segment == wanted) {
                found.push((number, place));
            }
        }
    }
    found
}

fn span(times: &[i64]) -> Option<(i64, i64)> {
    Some((*times.first()?, *times.last()?))
}

/// Where lines stand among others, ascending.
fn places_in(all: &[LineId], lines: &[LineId]) -> Arc<[u32]> {
    let place = |line| all.partition_point(|other| other < line);
    let places = lines.iter().map(place);
    places
        .map(|place| u32::try_from(place).unwrap_or(u32::MAX))
        .collect()
}

/// The lines of all parts, those of the first one in front.
fn lines_of(parts: &[Part<'_>]) -> Arc<[u32]> {
    let [first, others @ ..] = parts else {
        return Arc::default();
    };
    let first = &first.columns.places;
    if others.iter().all(|part| *part.columns.places == **first) {
        return Arc::clone(first);
    }
    let mut all = first.to_vec();
    let mut known: foldhash::HashSet<u32> = all.iter().copied().collect();
    for part in others {
        all.extend(
            part.columns
                .places
                .iter()
                .filter(|place| known.insert(**place)),
        );
    }
    all.into()
}
