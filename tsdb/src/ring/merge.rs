//! What a merge writes: the rows of several segments, without those that are deleted.
//!
//! The rows of a body come one after the other, from one segment after the other. A row that stands in
//! two segments (a merge that was killed before it could remove what it had merged) is taken once.
//! Rows of one body that have a time in common and are not the same, which no body makes, would be
//! kept as those of another side, so that the order of acceptance still decides.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::is_absent;

use super::list::Sealed;
use super::tombstones::{Hidden, Tombstones};
use crate::histogram::Histograms;
use crate::index::{GroupId, Index, Line, Schemas};
use crate::segment::{Cache, EachColumn, GroupKey, Pass, Reader, Rows, Source, SourceGroup};
use crate::select::hide;
use crate::{Error, LineId, TimeRange};

/// Groups that are read together.
const GROUPS: usize = 64;
/// Rows that collide are those of a side with a number from here on.
const COLLIDED: u32 = 1 << 20;

/// Segments that become one.
#[derive(Debug)]
pub(super) struct MergeSource<'a> {
    segments: Vec<Reader<'a>>,
    lines: Vec<Line>,
    /// For each segment the numbers there of the lines here.
    own: Vec<HashMap<LineId, LineId>>,
    groups: Vec<SourceGroup>,
    /// Where each group's rows are.
    bodies: Vec<Body>,
    stones: Tombstones,
    pub(super) deleted: u64,
    /// Segments of which something cannot be read, and is left out.
    pub(super) damaged: Vec<PathBuf>,
}

/// Where the rows of a group are.
#[derive(Debug, Default)]
struct Body {
    /// The segments and the group's number there.
    parts: Vec<(usize, GroupId)>,
    /// Whether the parts' rows overlap, and so are brought in order row by row.
    overlaps: bool,
    /// Whether these are the rows that collide with others of the same body.
    collided: bool,
}

/// A row: its time and order, the part it is in, its place there.
type Row = (i64, u64, usize, usize);

impl<'a> MergeSource<'a> {
    /// The rows of some segments, oldest first, without what the tombstones hide.
    pub(super) fn new(
        sealed: &'a [Arc<Sealed>],
        cache: &Cache,
        stones: Tombstones,
    ) -> Result<Self, Error> {
        let mut this = Self {
            segments: Vec::new(),
            lines: Vec::new(),
            own: Vec::new(),
            groups: Vec::new(),
            bodies: Vec::new(),
            stones,
            deleted: 0,
            damaged: Vec::new(),
        };
        let mut schemas = Schemas::default();
        let mut lines: HashMap<Line, LineId> = HashMap::default();
        let mut keys: HashMap<GroupKey, usize> = HashMap::default();
        let mut known: HashMap<(usize, u32), Vec<LineId>> = HashMap::default();
        for (place, sealed) in sealed.iter().enumerate() {
            let index = sealed.segment.index(cache)?;
            let count = u32::try_from(index.line_count()).unwrap_or(u32::MAX);
            let numbers = (0..count).map(|line| {
                let line = index.line(LineId(line));
                let next = LineId(u32::try_from(lines.len()).unwrap_or(u32::MAX));
                *lines.entry(line.clone()).or_insert_with(|| {
                    this.lines.push(line);
                    next
                })
            });
            let numbers: Vec<LineId> = numbers.collect();
            let groups = u32::try_from(index.group_count()).unwrap_or(u32::MAX);
            for group in (0..groups).map(GroupId) {
                let key = index.group_key(group);
                let schema = index.schema_of(group).unwrap_or(u32::MAX);
                let of_group = known.entry((place, schema)).or_insert_with(|| {
                    let lines = index.schema_lines(schema).iter();
                    let lines = lines.filter_map(|line| numbers.get(line.0 as usize));
                    lines.copied().collect()
                });
                let at = *keys.entry(key.clone()).or_insert_with(|| {
                    this.groups.push(SourceGroup {
                        key,
                        schema: schemas.intern(Vec::new()),
                    });
                    this.bodies.push(Body::default());
                    this.groups.len() - 1
                });
                if let (Some(to), Some(body)) = (this.groups.get_mut(at), this.bodies.get_mut(at)) {
                    to.schema = schemas.extend(&to.schema, of_group);
                    body.parts.push((place, group));
                }
            }
            let own = numbers.iter().copied().zip((0..).map(LineId));
            this.own.push(own.collect());
            this.segments.push(Reader::new(&sealed.segment, index));
        }
        this.find_overlaps(sealed)?;
        if !this.stones.0.is_empty() {
            this.drop_deleted(&mut schemas)?;
        }
        Ok(this)
    }

    /// Finds the bodies whose rows in one segment overlap those in another.
    fn find_overlaps(&mut self, sealed: &[Arc<Sealed>]) -> Result<(), Error> {
        let mut spans: Vec<_> = sealed
            .iter()
            .map(|sealed| {
                (
                    sealed.segment.info().min_time_ms,
                    sealed.segment.info().max_time_ms,
                )
            })
            .collect();
        spans.sort_unstable();
        if spans.is_sorted_by(|a, b| a.1 < b.0) {
            // The parts only have to stand in order of time.
            let first = |place: usize| sealed.get(place).map(|s| s.segment.info().min_time_ms);
            for body in &mut self.bodies {
                body.parts.sort_by_key(|(place, _)| first(*place));
            }
            return Ok(());
        }
        for at in 0..self.bodies.len() {
            if self.bodies.get(at).is_none_or(|body| body.parts.len() < 2) {
                continue;
            }
            let rows = self.read_rows(at, TimeRange::ALL)?;
            let mut bounds: Vec<_> = rows
                .iter()
                .zip(self.bodies.get(at).map_or(&[][..], |body| &body.parts))
                .map(|(rows, part)| {
                    let times = rows.as_ref().map_or(&[][..], |rows| &rows.times);
                    ((times.first().copied(), times.last().copied()), *part)
                })
                .collect();
            bounds.sort_by_key(|(span, _)| *span);
            let overlaps = !bounds.is_sorted_by(|((_, last), _), ((first, _), _)| last < first);
            let collides = overlaps && !arrange(&rows, true).is_empty();
            if let Some(body) = self.bodies.get_mut(at) {
                body.overlaps = overlaps;
                if !overlaps {
                    body.parts = bounds.into_iter().map(|(_, part)| part).collect();
                }
            }
            if collides {
                self.add_collided(at);
            }
        }
        Ok(())
    }

    /// Takes the columns away of which everything is deleted.
    fn drop_deleted(&mut self, schemas: &mut Schemas) -> Result<(), Error> {
        for at in 0..self.groups.len() {
            let Some(schema) = self.groups.get(at).map(|group| Arc::clone(&group.schema)) else {
                continue;
            };
            let mut rows = None;
            let mut kept = Vec::with_capacity(schema.len());
            for (slot, line) in schema.lines().iter().enumerate() {
                let hidden = self.hidden(at, slot);
                if hidden.is_empty() {
                    kept.push(*line);
                    continue;
                }
                if rows.is_none() {
                    rows = self.body_rows(at, 0..usize::MAX)?;
                }
                let Some(rows) = &rows else { continue };
                let mut values = self.column(at, *line, rows, &Histograms::default())?;
                let (times, sequences) = rows.keys();
                self.deleted += hide(&mut values, &times, &sequences, &hidden);
                if values.iter().any(|value| !is_absent(*value)) {
                    kept.push(*line);
                }
            }
            if let Some(group) = self.groups.get_mut(at)
                && kept.len() < schema.len()
            {
                group.schema = schemas.intern(kept);
            }
        }
        // A single column is known by its line: without it there is nothing to write.
        let is_kept = |group: &SourceGroup| group.key.single.is_none() || group.schema.len() > 0;
        let kept: Vec<_> = self.groups.iter().map(is_kept).collect();
        let mut of_groups = kept.iter();
        self.groups.retain(|_| of_groups.next() != Some(&false));
        let mut of_bodies = kept.iter();
        self.bodies.retain(|_| of_bodies.next() != Some(&false));
        Ok(())
    }

    fn add_collided(&mut self, at: usize) {
        let (Some(group), Some(body)) = (self.groups.get(at), self.bodies.get(at)) else {
            return;
        };
        let mut key = group.key.clone();
        key.side = key.side.saturating_add(COLLIDED);
        while self.groups.iter().any(|group| group.key == key) {
            key.side = key.side.saturating_add(1);
        }
        let group = SourceGroup {
            key,
            schema: Arc::clone(&group.schema),
        };
        let body = Body {
            parts: body.parts.clone(),
            overlaps: true,
            collided: true,
        };
        self.groups.push(group);
        self.bodies.push(body);
    }

    /// The rows of a body in each of its parts.
    fn read_rows(&mut self, at: usize, range: TimeRange) -> Result<Vec<Option<Rows>>, Error> {
        let parts = self.bodies.get(at).map_or(&[][..], |body| &body.parts);
        let mut all = Vec::with_capacity(parts.len());
        for (place, group) in parts {
            let rows = match self.segments.get_mut(*place) {
                Some(reader) => reader
                    .rows(&[*group], range)
                    .or_else(|error| tolerate(&mut self.damaged, error))?,
                None => Vec::new(),
            };
            all.push(rows.into_iter().next());
        }
        Ok(all)
    }

    /// Those of a body's rows that a pass wants.
    fn body_rows(&mut self, at: usize, rows: Range<usize>) -> Result<Option<BodyRows>, Error> {
        let collided = self.bodies.get(at).is_some_and(|body| body.collided);
        let parts = self.read_rows(at, TimeRange::ALL)?;
        let all = arrange(&parts, collided);
        if rows.len() >= all.len() {
            return Ok(Some(BodyRows { parts, wanted: all }));
        }
        let wanted = all.get(rows).unwrap_or_default();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(None);
        };
        let parts = self.read_rows(at, TimeRange::new(first.0, last.0))?;
        let wanted = arrange(&parts, collided);
        Ok(Some(BodyRows { parts, wanted }))
    }

    /// What is hidden of a group's column.
    fn hidden(&self, group: usize, slot: usize) -> Vec<Hidden> {
        if self.stones.0.is_empty() {
            return Vec::new();
        }
        let Some(group) = self.groups.get(group) else {
            return Vec::new();
        };
        let line = group.schema.line(slot).and_then(|line| self.line(line));
        let labels = line.map(|line| line.final_labels(&group.key.labels));
        labels.map_or_else(Vec::new, |labels| self.stones.hidden(&labels))
    }

    fn column(
        &mut self,
        at: usize,
        line: LineId,
        rows: &BodyRows,
        list: &Histograms,
    ) -> Result<Vec<f64>, Error> {
        let mut values = vec![watchpost_model::absent_nan(); rows.wanted.len()];
        let parts = self.bodies.get(at).map_or(&[][..], |body| &body.parts);
        for (part, ((place, _), of_part)) in parts.iter().zip(&rows.parts).enumerate() {
            let (Some(of_part), Some(own)) = (of_part, self.own_line(*place, line)) else {
                continue;
            };
            let Some(reader) = self.segments.get_mut(*place) else {
                continue;
            };
            let read = reader
                .values(own, std::slice::from_ref(of_part), list)
                .or_else(|error| tolerate(&mut self.damaged, error))?;
            let Some(read) = read.first().filter(|read| !read.is_empty()) else {
                continue;
            };
            for (to, row) in values.iter_mut().zip(&rows.wanted) {
                if row.2 == part {
                    *to = read.get(row.3).copied().unwrap_or(*to);
                }
            }
        }
        Ok(values)
    }

    /// The number that a line has in a segment.
    fn own_line(&self, place: usize, line: LineId) -> Option<LineId> {
        self.own.get(place)?.get(&line).copied()
    }
}

/// Leaves out what is damaged, and notes where that is. Any other error stands.
fn tolerate<T: Default>(damaged: &mut Vec<PathBuf>, error: Error) -> Result<T, Error> {
    let Error::Damaged { path, .. } = error else {
        return Err(error);
    };
    if !damaged.contains(&path) {
        damaged.push(path);
    }
    Ok(T::default())
}

/// The rows of a body that a pass wants.
struct BodyRows {
    parts: Vec<Option<Rows>>,
    wanted: Vec<Row>,
}

impl BodyRows {
    /// The times and orders of acceptance.
    fn keys(&self) -> (Vec<i64>, Vec<u64>) {
        self.wanted.iter().map(|row| (row.0, row.1)).unzip()
    }
}

/// The rows of a body in order, each once; or those that collide with one of these.
fn arrange(parts: &[Option<Rows>], collided: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (part, of_part) in parts.iter().enumerate() {
        let Some(of_part) = of_part else { continue };
        let keys = of_part.times.iter().zip(&*of_part.sequences);
        rows.extend(
            keys.zip(0..)
                .map(|((time, sequence), row)| (*time, *sequence, part, row)),
        );
    }
    rows.sort_by_key(|(time, sequence, ..)| (*time, *sequence));
    rows.dedup_by_key(|(time, sequence, ..)| (*time, *sequence));
    let mut before = None;
    rows.retain(|(time, ..)| (before.replace(*time) == Some(*time)) == collided);
    if collided {
        // Of three with one time the last cannot be kept; nothing makes three.
        rows.dedup_by_key(|(time, ..)| *time);
    }
    rows
}

impl Source for MergeSource<'_> {
    fn groups(&self) -> &[SourceGroup] {
        &self.groups
    }

    fn line(&self, line: LineId) -> Option<Line> {
        self.lines.get(line.0 as usize).cloned()
    }

    fn rows(
        &mut self,
        group: usize,
        times: &mut Vec<i64>,
        sequences: &mut Vec<u64>,
    ) -> Result<(), Error> {
        let rows = self.read_rows(group, TimeRange::ALL)?;
        let Some(body) = self.bodies.get(group) else {
            return Ok(());
        };
        if body.overlaps {
            for (time, sequence, ..) in arrange(&rows, body.collided) {
                times.push(time);
                sequences.push(sequence);
            }
            return Ok(());
        }
        for rows in rows.into_iter().flatten() {
            times.extend_from_slice(&rows.times);
            sequences.extend_from_slice(&rows.sequences);
        }
        Ok(())
    }

    fn values(&mut self, pass: &Pass<'_>, each: &mut EachColumn<'_>) -> Result<(), Error> {
        let count = self.groups.len();
        let mut from = 0;
        while from < count {
            let chunk = from..(from + GROUPS).min(count);
            self.chunk(chunk.clone(), pass, each)?;
            from = chunk.end;
        }
        Ok(())
    }
}

impl MergeSource<'_> {
    /// Gives the columns of some groups, line by line: so they stand in the segments.
    fn chunk(
        &mut self,
        groups: Range<usize>,
        pass: &Pass<'_>,
        each: &mut EachColumn<'_>,
    ) -> Result<(), Error> {
        let mut wanted: Vec<(usize, usize, usize)> = Vec::new();
        let mut bodies = Vec::with_capacity(groups.len());
        for group in groups.clone() {
            let rows = pass.rows(group);
            if rows.is_empty() {
                bodies.push(None);
                continue;
            }
            let columns = pass.columns(group).iter();
            wanted.extend(columns.map(|column| (column.place, group, column.slot)));
            bodies.push(self.body_rows(group, rows)?);
        }
        wanted.sort_unstable();
        let list = Histograms::default();
        for (place, group, slot) in wanted {
            let rows = bodies.get(group - groups.start).and_then(Option::as_ref);
            let line = self
                .groups
                .get(group)
                .and_then(|group| group.schema.line(slot));
            let (Some(rows), Some(line)) = (rows, line) else {
                continue;
            };
            list.clear();
            let mut values = self.column(group, line, rows, &list)?;
            let hidden = self.hidden(group, slot);
            if !hidden.is_empty() {
                let (times, sequences) = rows.keys();
                hide(&mut values, &times, &sequences, &hidden);
            }
            each(group, place, (&values, &list))?;
        }
        Ok(())
    }
}
