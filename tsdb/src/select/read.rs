//! Reading the values of stacks, a few at a time, so that what is decoded stays in the processor's
//! cache until it is copied to where it belongs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use watchpost_model::absent_nan;

use super::TimeRange;
use super::stack::{Rows, Stack};
use crate::histogram::Histograms;
use crate::index::GroupId;
use crate::ring::Sealed;
use crate::segment::{self, Fetched, Reader, SegmentIndex};
use crate::store::Store;
use crate::{Error, LineId};

/// How many values are decoded at a time, where one series does not have more.
pub(crate) const CELLS: usize = 1 << 17;

/// Reads the values of all series of some stacks: `each` gets the stack's place, the place of the
/// line in the plan, and the values.
pub(crate) fn read<E: From<Error>>(
    stacks: &[Stack],
    readers: &mut Readers<'_>,
    mut each: impl FnMut(usize, u32, &mut [f64]) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = 0;
    let mut cells = Vec::new();
    while let Some(stack) = stacks.get(from) {
        let mut to = from + 1;
        let mut total = stack.cells();
        while let Some(next) = stacks.get(to).filter(|next| total + next.cells() <= CELLS) {
            total += next.cells();
            to += 1;
        }
        let step = if total <= CELLS {
            usize::MAX
        } else {
            (CELLS / stack.rows.max(1)).max(1)
        };
        let mut line = 0;
        loop {
            let lines = line..step.saturating_add(line);
            let mut window = Window::new(stacks, from..to, lines, cells);
            window.fill(readers)?;
            let more = window.each(&mut each)?;
            cells = window.cells;
            if !more {
                break;
            }
            line += step;
        }
        from = to;
    }
    Ok(())
}

/// The values of some lines of some stacks.
struct Window<'a> {
    /// The stacks with their places.
    stacks: Vec<(usize, &'a Stack)>,
    /// Of the stacks' lines; all of them where there is more than one stack.
    lines: Range<usize>,
    /// Where each stack's values begin.
    starts: Vec<usize>,
    cells: Vec<f64>,
}

impl<'a> Window<'a> {
    fn new(
        stacks: &'a [Stack],
        places: Range<usize>,
        lines: Range<usize>,
        mut cells: Vec<f64>,
    ) -> Self {
        let of_window = stacks.iter().enumerate();
        let of_window = of_window.skip(places.start).take(places.len());
        let stacks: Vec<_> = of_window.collect();
        let mut starts = Vec::with_capacity(stacks.len());
        let mut total = 0;
        for (_, stack) in &stacks {
            starts.push(total);
            total += within(stack, &lines).len() * stack.rows;
        }
        cells.clear();
        cells.resize(total, absent_nan());
        Self {
            stacks,
            lines,
            starts,
            cells,
        }
    }

    fn fill(&mut self, readers: &mut Readers<'_>) -> Result<(), Error> {
        let mut sealed: BTreeMap<usize, Vec<OfSegment<'_>>> = BTreeMap::new();
        let mut values = Vec::new();
        for ((_, stack), start) in self.stacks.iter().zip(&self.starts) {
            let lines = within(stack, &self.lines);
            for part in &stack.parts {
                let series = |place: Option<u32>| {
                    let line = lines.binary_search(&place?).ok()?;
                    Some(start + line * stack.rows + part.start)
                };
                match &part.of {
                    Rows::Head(snapshot) => {
                        for (place, column) in snapshot.columns().iter().enumerate() {
                            if let Some(start) = series(part.columns.place(column.line)) {
                                values.clear();
                                snapshot.values(place, readers.list, &mut values)?;
                                put(&mut self.cells, start, &values);
                            }
                        }
                    }
                    Rows::Sealed(segment, rows) => {
                        let wanted = part.columns.lines.iter().zip(&*part.columns.places);
                        let wanted =
                            wanted.filter_map(|(line, place)| Some((*line, series(Some(*place))?)));
                        sealed.entry(*segment).or_default().push(OfSegment {
                            rows,
                            wanted: wanted.collect(),
                        });
                    }
                    Rows::Read(_) => {}
                }
            }
        }
        for (segment, parts) in sealed {
            readers.fill(segment, parts, &mut self.cells)?;
        }
        Ok(())
    }

    /// Gives the series on. Whether there are more lines.
    fn each<E>(
        &mut self,
        each: &mut impl FnMut(usize, u32, &mut [f64]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut more = false;
        for ((place, stack), start) in self.stacks.iter().zip(&self.starts) {
            more |= stack.lines.len() > self.lines.end;
            let cells = self.cells.get_mut(*start..).unwrap_or_default();
            let series = cells.chunks_exact_mut(stack.rows.max(1));
            for (line, values) in within(stack, &self.lines).iter().zip(series) {
                each(*place, *line, values)?;
            }
        }
        Ok(more)
    }
}

fn within<'a>(stack: &'a Stack, lines: &Range<usize>) -> &'a [u32] {
    let end = lines.end.min(stack.lines.len());
    stack.lines.get(lines.start..end).unwrap_or_default()
}

fn put(cells: &mut [f64], start: usize, values: &[f64]) {
    if let Some(to) = cells.get_mut(start..start + values.len()) {
        to.copy_from_slice(values);
    }
}

/// The rows of a stack that are in a segment, and where the values of each line go.
struct OfSegment<'a> {
    rows: &'a segment::Rows,
    /// Ascending by line.
    wanted: Vec<(LineId, usize)>,
}

/// Readers of the plan's segments: of each one for rows and one for values, which stand apart.
#[derive(Debug)]
pub(crate) struct Readers<'a> {
    store: &'a Store,
    /// Where the histograms go.
    list: &'a Histograms,
    of_segments: Vec<(Reader<'a>, Reader<'a>)>,
}

impl<'a> Readers<'a> {
    pub(crate) fn new(
        store: &'a Store,
        segments: &'a [(Arc<Sealed>, Arc<SegmentIndex>)],
        list: &'a Histograms,
    ) -> Self {
        let readers = segments.iter().map(|(sealed, index)| {
            let reader = || Reader::new(&sealed.segment, Arc::clone(index));
            (reader(), reader())
        });
        Self {
            store,
            list,
            of_segments: readers.collect(),
        }
    }

    /// Goes on without what is damaged.
    pub(super) fn tolerate(&self, error: Error) -> Result<(), Error> {
        self.store.tolerate(error)
    }

    /// The rows of a group in a range, nothing where there are none.
    pub(crate) fn rows(
        &mut self,
        segment: usize,
        group: GroupId,
        range: TimeRange,
    ) -> Result<Option<segment::Rows>, Error> {
        let Some((reader, _)) = self.of_segments.get_mut(segment) else {
            return Ok(None);
        };
        match reader.rows(&[group], range) {
            Ok(mut rows) => Ok(rows.pop()),
            Err(error) => self.store.tolerate(error).map(|()| None),
        }
    }

    /// As [`rows`](Self::rows), but damage is an error.
    pub(super) fn plain_rows(
        &mut self,
        segment: usize,
        group: GroupId,
        range: TimeRange,
    ) -> Result<Option<segment::Rows>, Error> {
        let Some((reader, _)) = self.of_segments.get_mut(segment) else {
            return Ok(None);
        };
        reader.plain_rows(group, range)
    }

    /// Fetches columns of a segment.
    pub(super) fn fetch(
        &mut self,
        segment: usize,
        lines: &[LineId],
        rows: &[&segment::Rows],
        fetched: &mut Fetched,
    ) -> Result<(), Error> {
        match self.of_segments.get_mut(segment) {
            Some((_, reader)) => reader.fetch(lines, rows, fetched),
            None => Ok(()),
        }
    }

    /// Reads the values of some lines, line by line, as they stand in the segment.
    fn fill(
        &mut self,
        segment: usize,
        mut parts: Vec<OfSegment<'_>>,
        cells: &mut [f64],
    ) -> Result<(), Error> {
        let Some((_, reader)) = self.of_segments.get_mut(segment) else {
            return Ok(());
        };
        parts.sort_by_key(|part| part.rows.group());
        let rows: Vec<_> = parts.iter().map(|part| part.rows).collect();
        let lines = parts.iter().flat_map(|part| &part.wanted);
        let mut lines: Vec<LineId> = lines.map(|(line, _)| *line).collect();
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
            let mut take = |place: usize, first: usize, values: &[f64]| {
                let Some(part) = parts.get(place) else { return };
                let wanted = part.wanted.binary_search_by_key(&line, |(line, _)| *line);
                let start = wanted.ok().and_then(|place| part.wanted.get(place));
                if let Some((_, start)) = start {
                    put(cells, start + first, values);
                }
            };
            let Err(error) = reader.each_values((line, &rows), self.list, &mut take) else {
                continue;
            };
            self.store.tolerate(error)?;
            // Group by group, so that the damage costs no other one.
            for (place, rows) in rows.iter().enumerate() {
                let of_group = (line, std::slice::from_ref(rows));
                let read = reader.each_values(of_group, self.list, |_, first, values| {
                    take(place, first, values);
                });
                read.or_else(|error| self.store.tolerate(error))?;
            }
        }
        Ok(())
    }
}
