//! What of groups is read at a time, and where it is.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::stack::Columns;
use crate::{LineId, segment};

/// A group that has rows.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) group: usize,
    pub(super) times: Arc<[i64]>,
    pub(super) parts: Vec<Part<'a>>,
    /// The places of its lines among the plan's.
    pub(super) lines: Arc<[u32]>,
}

/// The rows of a group in one source.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) columns: &'a Columns,
    pub(super) of: Source,
    /// The column of each line of the unit; nothing where they are the unit's lines.
    of_lines: Option<Box<[Option<u32>]>>,
}

#[derive(Debug)]
pub(super) enum Source {
    Sealed {
        segment: usize,
        rows: segment::Rows,
        /// The place among the groups that were fetched, and of each column's line among the lines.
        group: usize,
        lines: Arc<[u32]>,
    },
    Head(usize),
}

impl<'a> Unit<'a> {
    pub(super) fn new(group: usize, times: &Arc<[i64]>, mut parts: Vec<Part<'a>>) -> Self {
        let lines = lines_of(&parts);
        for part in &mut parts {
            part.set_lines(&lines);
        }
        Self {
            group,
            times: Arc::clone(times),
            parts,
            lines,
        }
    }

    /// How many values it has.
    pub(super) fn cells(&self) -> usize {
        self.times.len() * self.lines.len()
    }
}

impl<'a> Part<'a> {
    pub(super) fn new(columns: &'a Columns, of: Source) -> Self {
        Self {
            columns,
            of,
            of_lines: None,
        }
    }

    fn set_lines(&mut self, lines: &[u32]) {
        if *self.columns.places == *lines {
            return;
        }
        let columns: HashMap<u32, u32> = self.columns.places.iter().copied().zip(0..).collect();
        let of_lines = lines.iter().map(|line| columns.get(line).copied());
        self.of_lines = Some(of_lines.collect());
    }

    /// The column of a line, by its place among the unit's.
    pub(super) fn column(&self, place: usize) -> Option<usize> {
        match &self.of_lines {
            None => Some(place),
            Some(of_lines) => of_lines.get(place).copied().flatten().map(|at| at as usize),
        }
    }

    /// The ids of some lines, by their places among the unit's; those that it has.
    pub(super) fn lines(&self, places: Range<usize>) -> impl Iterator<Item = LineId> {
        let columns = places.filter_map(|place| self.column(place));
        columns.filter_map(|column| self.columns.lines.get(column).copied())
    }
}

/// The units of some, and their parts, that are in a segment.
pub(super) fn sealed(units: &[Unit<'_>], of: &Range<usize>, wanted: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (number, unit) in units.iter().enumerate().skip(of.start).take(of.len()) {
        for (place, part) in unit.parts.iter().enumerate() {
            if matches!(part.of, Source::Sealed { segment, .. } if segment == wanted) {
                found.push((number, place));
            }
        }
    }
    found
}

pub(super) fn span(times: &[i64]) -> Option<(i64, i64)> {
    Some((*times.first()?, *times.last()?))
}

/// Where lines stand among others, ascending.
pub(super) fn places_in(all: &[LineId], lines: &[LineId]) -> Arc<[u32]> {
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
    let mut known: HashSet<u32> = all.iter().copied().collect();
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
