//! Reading rows and columns of a segment.

use std::borrow::Borrow;
use std::ops::Range;
use std::sync::Arc;

use watchpost_model::{absent_nan, is_absent};

use super::extents::{self, Extents};
use super::file::Segment;
use super::index::SegmentIndex;
use super::{rows, runs};
use crate::histogram::Histograms;
use crate::index::GroupId;
use crate::log::bytes::Malformed;
use crate::{Error, LineId, TimeRange};

/// The most bytes that are read at a time, where an extent is not larger.
const READ_BYTES: u64 = 1 << 20;

/// The rows of a group in a range of time.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) group: u32,
    pub(crate) times: Arc<[i64]>,
    /// The order of acceptance.
    pub(crate) sequences: Arc<[u64]>,
    spans: Vec<Span>,
}

/// The rows of a group in one part.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) part: usize,
    /// How many there are.
    pub(super) rows: usize,
    /// Those in the range.
    pub(super) range: Range<usize>,
    /// How many rows in the range there are in the parts before.
    first: usize,
}

/// Reads rows and columns. It keeps the extents that it read last: reading in the order of the file
/// is cheapest.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    segment: &'a Segment,
    index: Arc<SegmentIndex>,
    loaded: Loaded,
    /// The times of the last rows.
    times: Arc<[i64]>,
}

/// Which list of extents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Rows(usize),
    Columns(usize),
}

/// Extents of one list that stand together.
#[derive(Debug, Default)]
struct Loaded {
    list: Option<List>,
    extents: Range<usize>,
    bytes: Vec<u8>,
    /// The first item.
    first: u64,
    /// Where each item starts and ends in `bytes`.
    items: Vec<(usize, usize)>,
}

impl Loaded {
    fn item(&self, item: u64) -> Option<&[u8]> {
        let place = usize::try_from(item.checked_sub(self.first)?).ok()?;
        let (start, end) = self.items.get(place)?;
        self.bytes.get(*start..*end)
    }
}

impl<'a> Reader<'a> {
    /// A reader of a segment, with its index.
    pub(crate) fn new(segment: &'a Segment, index: Arc<SegmentIndex>) -> Self {
        Self {
            segment,
            index,
            loaded: Loaded::default(),
            times: Arc::default(),
        }
    }

    /// The rows of groups, ascending, in a range of time. Groups without rows there are left out.
    pub(crate) fn rows(
        &mut self,
        groups: &[GroupId],
        range: TimeRange,
    ) -> Result<Vec<Rows>, Error> {
        self.rows_with(groups, range, true)
    }

    /// The rows of a group in a range of time, without their order of acceptance. Nothing where there
    /// are none.
    pub(crate) fn plain_rows(
        &mut self,
        group: GroupId,
        range: TimeRange,
    ) -> Result<Option<Rows>, Error> {
        Ok(self.rows_with(&[group], range, false)?.pop())
    }

    fn rows_with(
        &mut self,
        groups: &[GroupId],
        range: TimeRange,
        sequences: bool,
    ) -> Result<Vec<Rows>, Error> {
        let gathered = |_| Gathered {
            has_sequences: sequences,
            ..Gathered::default()
        };
        let mut found: Vec<Gathered> = groups.iter().map(gathered).collect();
        for part in 0..self.index.parts.len() {
            let overlaps = self
                .index
                .parts
                .get(part)
                .is_some_and(|part| part.span.0 <= range.to_ms && part.span.1 >= range.from_ms);
            if !overlaps {
                continue;
            }
            let wanted: Vec<_> = groups
                .iter()
                .map(|group| u64::from(group.0))
                .zip(0..)
                .collect();
            self.each_item(List::Rows(part), &wanted, |place, bytes| {
                found
                    .get_mut(place)
                    .map_or(Err(Malformed), |rows| rows.add(part, bytes, range))
            })?;
        }
        let rows = groups
            .iter()
            .zip(found)
            .filter(|(_, rows)| !rows.times.is_empty());
        Ok(rows
            .map(|(group, rows)| {
                // Groups that are written together have the same times.
                if *self.times != *rows.times {
                    self.times = rows.times.into();
                }
                Rows {
                    group: group.0,
                    times: Arc::clone(&self.times),
                    sequences: rows.sequences.into(),
                    spans: rows.spans,
                }
            })
            .collect())
    }

    /// The values of a line in groups whose rows were read before, ascending: one for each row, the
    /// mark of none included; the histograms go to a list. Nothing for a group where it has none in any of the parts.
    pub(crate) fn values(
        &mut self,
        line: LineId,
        rows: &[Rows],
        list: &Histograms,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let mut all: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
        self.each_values((line, rows), list, |place, first, values| {
            if let (Some(out), Some(rows)) = (all.get_mut(place), rows.get(place)) {
                out.reserve_exact(rows.times.len() - out.len());
                out.resize(first, absent_nan());
                out.extend_from_slice(values);
            }
        })?;
        for (values, rows) in all.iter_mut().zip(rows) {
            if values.iter().all(|value| is_absent(*value)) {
                values.clear();
            } else {
                values.resize(rows.times.len(), absent_nan());
            }
        }
        Ok(all)
    }

    /// As [`values`](Self::values), but calls a function with the place of the group, that of a row
    /// in the group's, and the values from there on; what it is not called for has no value.
    pub(crate) fn each_values(
        &mut self,
        (line, rows): (LineId, &[impl Borrow<Rows>]),
        list: &Histograms,
        mut each: impl FnMut(usize, usize, &[f64]),
    ) -> Result<(), Error> {
        let groups: Vec<_> = rows.iter().map(|rows| rows.borrow().group).collect();
        let columns = self.index.schemas.columns_of(line.0, &groups);
        let spans = |place: usize| rows.get(place).map_or(&[][..], |rows| &rows.borrow().spans);
        let mut parts: Vec<_> = columns
            .iter()
            .flat_map(|(_, place)| spans(*place).iter().map(|span| span.part))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        let span = |place: usize, part: usize| {
            let spans = spans(place);
            let found = spans.binary_search_by_key(&part, |span| span.part).ok()?;
            spans.get(found)
        };
        let (mut wanted, mut values) = (Vec::with_capacity(columns.len()), Vec::new());
        for part in parts {
            wanted.clear();
            let in_part = columns
                .iter()
                .filter(|(_, place)| span(*place, part).is_some());
            wanted.extend(in_part);
            self.each_item(List::Columns(part), &wanted, |place, bytes| {
                let span = span(place, part).filter(|_| !bytes.is_empty());
                if let Some(span) = span {
                    values.clear();
                    runs::decode(bytes, span.rows, span.range.clone(), list, &mut values)?;
                    each(place, span.first, &values);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The columns that some groups, ascending, have of a line, each with the place of its group.
    pub(super) fn columns_of(&self, line: LineId, groups: &[u32]) -> Vec<(u64, usize)> {
        self.index.schemas.columns_of(line.0, groups)
    }

    /// Calls a function with each wanted item, ascending, and what stands beside its number.
    pub(super) fn each_item(
        &mut self,
        list: List,
        wanted: &[(u64, usize)],
        mut each: impl FnMut(usize, &[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Error> {
        let mut rest = wanted;
        while let Some(((item, beside), after)) = rest.split_first() {
            if self.loaded.list != Some(list) || self.loaded.item(*item).is_none() {
                self.load(list, rest)?;
            }
            let bytes = self.loaded.item(*item);
            let done = bytes.map_or(Err(Malformed), |bytes| each(*beside, bytes));
            done.map_err(|Malformed| self.segment.damaged(list.name()))?;
            rest = after;
        }
        Ok(())
    }

    /// Reads the extent of the first wanted item, and those after it that are wanted, too.
    fn load(&mut self, list: List, wanted: &[(u64, usize)]) -> Result<(), Error> {
        self.loaded.list = None;
        let damaged = || self.segment.damaged(list.name());
        let extents = self.index.extents(list).ok_or_else(damaged)?;
        let first = wanted.first().map_or(0, |(item, _)| extents.find(*item));
        let (item, offset) = extents.start(first);
        let mut last = first;
        for (item, _) in wanted {
            let extent = extents.find(*item);
            let (_, end) = extents.start(extent + 1);
            if extent > last + 1 || (extent > first && end - offset > READ_BYTES) {
                break;
            }
            last = extent;
        }
        let (_, end) = extents.start(last + 1);
        let length = usize::try_from(end - offset).map_err(|_| damaged())?;
        self.loaded.bytes.resize(length, 0);
        self.segment.fill(offset, &mut self.loaded.bytes)?;
        self.loaded
            .open(extents, first..last + 1)
            .map_err(|Malformed| damaged())?;
        self.loaded.list = Some(list);
        self.loaded.first = item;
        Ok(())
    }
}

impl Loaded {
    /// Checks the extents and finds their items.
    fn open(&mut self, extents: &Extents, range: Range<usize>) -> Result<(), Malformed> {
        self.items.clear();
        let (_, offset) = extents.start(range.start);
        let mut ends = Vec::new();
        for extent in range {
            let ((first, start), (after, end)) = (extents.start(extent), extents.start(extent + 1));
            let place = |at: u64| usize::try_from(at - offset).map_err(|_| Malformed);
            let (start, end) = (place(start)?, place(end)?);
            let bytes = self.bytes.get(start..end).ok_or(Malformed)?;
            ends.clear();
            let mut item = extents::open(bytes, after - first, &mut ends)? + start;
            for end in &ends {
                self.items.push((item, end + start));
                item = end + start;
            }
        }
        Ok(())
    }
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Rows(_) => "rows",
            Self::Columns(_) => "columns",
        }
    }
}

impl SegmentIndex {
    fn extents(&self, list: List) -> Option<&Extents> {
        match list {
            List::Rows(part) => self.parts.get(part).map(|part| &part.rows),
            List::Columns(part) => self.parts.get(part).map(|part| &part.columns),
        }
    }
}

impl Rows {
    /// The group.
    pub(crate) fn group(&self) -> GroupId {
        GroupId(self.group)
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }
}

/// The rows of a group, as they are read.
#[derive(Debug, Default)]
struct Gathered {
    times: Vec<i64>,
    /// Empty where they are not wanted.
    sequences: Vec<u64>,
    has_sequences: bool,
    spans: Vec<Span>,
}

impl Gathered {
    fn add(&mut self, part: usize, bytes: &[u8], range: TimeRange) -> Result<(), Malformed> {
        let start = self.times.len();
        let sequences = self.has_sequences.then_some(&mut self.sequences);
        rows::decode(bytes, &mut self.times, sequences)?;
        let new = self.times.get(start..).unwrap_or_default();
        let count = new.len();
        let from = new.partition_point(|time| *time < range.from_ms);
        let to = new.partition_point(|time| *time <= range.to_ms).max(from);
        let ascending =
            start == 0 || new.first() > start.checked_sub(1).and_then(|at| self.times.get(at));
        if !ascending && count > 0 {
            return Err(Malformed);
        }
        self.times.truncate(start + to);
        self.times.drain(start..start + from);
        if self.has_sequences {
            self.sequences.truncate(start + to);
            self.sequences.drain(start..start + from);
        }
        if from < to {
            self.spans.push(Span {
                part,
                rows: count,
                range: from..to,
                first: start,
            });
        }
        Ok(())
    }
}
