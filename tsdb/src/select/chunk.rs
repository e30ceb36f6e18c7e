//! Reading a chunk of a [`Scan`](super::Scan): what its groups have is gathered first, encoded, and
//! then decoded series by series. Over a long range that is done for a few groups at a time, or for a
//! few lines of a group.

use std::ops::Range;
use std::sync::Arc;

use watchpost_model::absent_nan;

use super::parts::{Part, Source, Unit, places_in, sealed, span};
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
    /// About how many values are gathered at a time.
    most_cells: usize,
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

impl<'a> ChunkReader<'a> {
    pub(super) fn new(
        store: &'a Store,
        plan: &'a Plan,
        (chunks, need, most_cells): (&'a [Range<usize>], Need, usize),
    ) -> Self {
        Self {
            plan,
            chunks,
            need,
            most_cells,
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
        let mut groups = groups.clone();
        while !groups.is_empty() {
            self.units.clear();
            self.heads.clear();
            match self.load(&mut groups) {
                Ok(true) => {}
                Ok(false) | Err(Error::Damaged { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            for (units, lines) in self.windows() {
                match self.fetch(&units, &lines) {
                    Ok(()) => {}
                    Err(Error::Damaged { .. }) => return Ok(false),
                    Err(error) => return Err(error.into()),
                }
                if !self.each(units, &lines, &mut each)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Takes the first groups, as many as may be gathered at a time. False where the sources of one
    /// overlap.
    fn load(&mut self, groups: &mut Range<usize>) -> Result<bool, Error> {
        let mut cells = 0;
        let wanted = self.plan.groups.iter().enumerate();
        for (group, wanted) in wanted.skip(groups.start).take(groups.len()) {
            groups.start = group + 1;
            let before = self.units.len();
            if !self.add(group, wanted)? {
                return Ok(false);
            }
            cells += self
                .units
                .iter()
                .skip(before)
                .map(Unit::cells)
                .sum::<usize>();
            if cells + self.heads.bytes() > self.most_cells {
                break;
            }
        }
        Ok(true)
    }

    /// The units, and the places among their lines, that are read together: all of them but for the
    /// last one where that is large.
    fn windows(&self) -> Vec<(Range<usize>, Range<usize>)> {
        let all = self.units.len();
        let large = self
            .units
            .last()
            .filter(|unit| unit.cells() > self.most_cells);
        let Some(large) = large else {
            return vec![(0..all, 0..usize::MAX)];
        };
        let step = (self.most_cells / large.times.len().max(1)).max(1);
        let starts = (0..large.lines.len()).step_by(step);
        let of_large = starts.map(|start| (all - 1..all, start..start + step));
        std::iter::once((0..all - 1, 0..usize::MAX))
            .chain(of_large)
            .collect()
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
                parts.push((first, last, Part::new(columns, of)));
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
                parts.push((first, last, Part::new(columns, of)));
            }
        }
        parts.sort_by_key(|(first, _, _)| *first);
        let overlap = |pair: &[(i64, i64, Part<'_>)]| matches!(pair, [a, b] if a.1 >= b.0);
        if parts.windows(2).any(overlap) {
            return Ok(false);
        }
        self.set_times(&parts);
        if !parts.is_empty() {
            let parts = parts.into_iter().map(|(_, _, part)| part).collect();
            self.units.push(Unit::new(group, &self.times, parts));
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

    /// Fetches the columns that segments have of some units, of some lines of each.
    fn fetch(&mut self, units: &Range<usize>, window: &Range<usize>) -> Result<(), Error> {
        for segment in 0..self.plan.segments.len() {
            self.fetch_from(segment, units, window)?;
        }
        Ok(())
    }

    fn fetch_from(
        &mut self,
        segment: usize,
        units: &Range<usize>,
        window: &Range<usize>,
    ) -> Result<(), Error> {
        let mut lines: Vec<LineId> = Vec::new();
        let mut last: Option<&Columns> = None;
        let mut found = Vec::new();
        for (unit, place) in sealed(&self.units, units, segment) {
            let (unit_lines, part) = (&self.units[unit].lines, &self.units[unit].parts[place]);
            if window.end < unit_lines.len() || window.start > 0 {
                lines.extend(part.lines(window.start..window.end.min(unit_lines.len())));
            } else if !last.is_some_and(|last| Arc::ptr_eq(&last.lines, &part.columns.lines)) {
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

    /// Decodes series of some units. False where one makes no sense.
    fn each<E: From<Error>>(
        &mut self,
        units: Range<usize>,
        window: &Range<usize>,
        each: &mut impl FnMut(&Piece<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut values = std::mem::take(&mut self.values);
        for unit in self.units.get(units).unwrap_or_default() {
            let lines = unit.lines.iter().copied().enumerate();
            for line in lines.skip(window.start).take(window.len()) {
                values.clear();
                if self.values(unit, line.0, &mut values).is_err()
                    || values.len() != unit.times.len()
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

    /// Decodes a series, by the place of its line in the unit.
    fn values(&self, unit: &Unit<'_>, place: usize, out: &mut Vec<f64>) -> Result<(), Malformed> {
        let decode = match self.need {
            Need::All => column::decode,
            Need::Presence => column::decode_presence,
        };
        for part in &unit.parts {
            let column = part.column(place);
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
