//! What a seal writes: the head's rows of a window.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::RwLock;
use watchpost_model::{Labels, absent_nan, is_absent};

use super::tombstones::{Hidden, Tombstones};
use crate::block::BlockView;
use crate::head::{GroupState, HeadBlock};
use crate::histogram::Histograms;
use crate::index::{Line, Lines, Schema, Schemas};
use crate::segment::{EachColumn, GroupKey, Pass, Source, SourceGroup};
use crate::select::hide;
use crate::{Error, LineId, TimeRange};

/// Rows of the head that become a segment.
#[derive(Debug)]
pub(super) struct HeadSource<'a> {
    lines: &'a RwLock<Lines>,
    schemas: Schemas,
    groups: Vec<SourceGroup>,
    bodies: Vec<BodyBlocks>,
    stones: Tombstones,
    pub(super) deleted: u64,
    /// What could not be read, and is left out.
    pub(super) damaged: Vec<Error>,
}

/// The finished blocks of a body, and which of their rows are wanted.
#[derive(Debug)]
struct BodyBlocks {
    blocks: Vec<HeadBlock>,
    range: TimeRange,
}

impl<'a> HeadSource<'a> {
    /// A source without rows.
    pub(super) fn new(lines: &'a RwLock<Lines>, stones: Tombstones) -> Self {
        Self {
            lines,
            schemas: Schemas::default(),
            groups: Vec::new(),
            bodies: Vec::new(),
            stones,
            deleted: 0,
            damaged: Vec::new(),
        }
    }

    /// Adds the rows of a group in a range, which are all in finished blocks, with the columns that have
    /// a value there. Gives the time of the last of the rows: the group may still take later ones of the
    /// range, which are not among them. Blocks that cannot be read are left out: they would hold up
    /// all others for good.
    pub(super) fn add(
        &mut self,
        state: &GroupState,
        range: TimeRange,
    ) -> Result<Option<i64>, Error> {
        let body = state.body.lock();
        let sealed = body.sealed_until().map(|sealed| sealed.saturating_add(1));
        let range = TimeRange {
            from_ms: range.from_ms.max(sealed.unwrap_or(i64::MIN)),
            to_ms: range.to_ms,
        };
        let blocks = body.blocks(range);
        if blocks.is_empty() {
            return Ok(None);
        }
        let schema = Arc::clone(body.schema());
        drop(body);
        let mut found = vec![false; schema.len()];
        let (mut last, mut lost, mut next) = (None, None, None);
        let mut readable = Vec::with_capacity(blocks.len());
        for block in blocks {
            match mark_columns(&block, range, &schema, &mut found) {
                Ok((last_here, after)) => {
                    last = last.max(last_here);
                    next = next.max(after);
                    readable.push(block);
                }
                Err(damage @ Error::Damaged { .. }) => {
                    lost = lost.max(Some(block.last_time().min(range.to_ms)));
                    self.damaged.push(damage);
                }
                Err(error) => return Err(error),
            }
        }
        let blocks = readable;
        if let Some(next) = next {
            state.body.lock().set_first_unsealed(next);
        }
        let Some(last) = last else {
            return Ok(lost);
        };
        let range = TimeRange::new(range.from_ms, last);
        let done = lost.max(Some(last));
        let lines = schema.lines().iter().zip(&found);
        let lines = lines.filter(|(_, found)| **found).map(|(line, _)| *line);
        let mut lines: Vec<LineId> = lines.collect();
        if !self.stones.0.is_empty() {
            lines = self.visible(&state.labels, lines, &blocks, range)?;
        }
        // A single column is known by its line: without it there is nothing to write.
        if lines.is_empty() && state.single.is_some() {
            return Ok(done);
        }
        let schema = self.schemas.intern(lines);
        let lines = self.lines.read();
        let single = state.single.and_then(|line| lines.get(line).cloned());
        self.groups.push(SourceGroup {
            key: GroupKey {
                labels: state.labels.clone(),
                single,
                side: state.side.map_or(0, |side| side.number),
            },
            schema,
        });
        self.bodies.push(BodyBlocks { blocks, range });
        Ok(done)
    }

    /// The lines of which not everything is deleted.
    fn visible(
        &self,
        group: &Labels,
        lines: Vec<LineId>,
        blocks: &[HeadBlock],
        range: TimeRange,
    ) -> Result<Vec<LineId>, Error> {
        let mut visible = Vec::with_capacity(lines.len());
        for id in lines {
            let labels = self.line(id).map(|line| line.final_labels(group));
            let hidden = labels.map_or_else(Vec::new, |labels| self.stones.hidden(&labels));
            let mut is_visible = hidden.is_empty();
            let mut values = Vec::new();
            for block in blocks.iter().filter(|_| !hidden.is_empty()) {
                let Some(slot) = block.schema().slot(id).filter(|_| !is_visible) else {
                    continue;
                };
                let loaded = load(block, range)?;
                values.clear();
                let read = BlockView::parse(&loaded.bytes)
                    .and_then(|view| view.column(slot, loaded.rows.clone(), &mut values));
                read.map_err(|_| block.malformed())?;
                let times = loaded.times.get(loaded.rows.clone()).unwrap_or_default();
                let sequences = loaded.sequences.get(loaded.rows).unwrap_or_default();
                hide(&mut values, times, sequences, &hidden);
                is_visible = values.iter().any(|value| !is_absent(*value));
            }
            visible.extend(is_visible.then_some(id));
        }
        Ok(visible)
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
}

/// Marks the slots of a schema that have a value in a block's rows in a range. Gives the times of the
/// last of the rows, and of the first one after them.
fn mark_columns(
    block: &HeadBlock,
    range: TimeRange,
    schema: &Schema,
    found: &mut [bool],
) -> Result<(Option<i64>, Option<i64>), Error> {
    let loaded = load(block, range)?;
    let view = BlockView::parse(&loaded.bytes).map_err(|_| block.malformed())?;
    let whole = loaded.rows.len() == loaded.times.len();
    let mut values = Vec::new();
    for (slot, line) in block.schema().lines().iter().enumerate() {
        let place = if schema.line(slot) == Some(*line) {
            Some(slot)
        } else {
            schema.slot(*line)
        };
        let Some(found) = place.and_then(|place| found.get_mut(place)) else {
            continue;
        };
        if *found || view.lacks(slot) {
            continue;
        }
        if !whole {
            values.clear();
            let read = view.column(slot, loaded.rows.clone(), &mut values);
            read.map_err(|_| block.malformed())?;
        }
        *found = whole || values.iter().any(|value| !is_absent(*value));
    }
    let next = loaded.times.get(loaded.rows.end).copied();
    let rows = loaded.times.get(loaded.rows).unwrap_or_default();
    Ok((rows.last().copied(), next))
}

/// The bytes of a block, with its times and orders of acceptance in the range.
struct Loaded<B> {
    bytes: B,
    times: Vec<i64>,
    sequences: Vec<u64>,
    /// The rows in the range.
    rows: Range<usize>,
}

/// Reads a block.
fn load(
    block: &HeadBlock,
    range: TimeRange,
) -> Result<Loaded<impl std::ops::Deref<Target = [u8]>>, Error> {
    let bytes = block.read()?;
    let (mut times, mut sequences) = (Vec::new(), Vec::new());
    let read = BlockView::parse(&bytes).and_then(|view| {
        view.times(&mut times)?;
        view.sequences(&mut sequences)
    });
    read.map_err(|_| block.malformed())?;
    let from = times.partition_point(|time| *time < range.from_ms);
    let to = times.partition_point(|time| *time <= range.to_ms).max(from);
    Ok(Loaded {
        bytes,
        times,
        sequences,
        rows: from..to,
    })
}

impl Source for HeadSource<'_> {
    fn groups(&self) -> &[SourceGroup] {
        &self.groups
    }

    fn line(&self, line: LineId) -> Option<Line> {
        self.lines.read().get(line).cloned()
    }

    fn rows(
        &mut self,
        group: usize,
        times: &mut Vec<i64>,
        sequences: &mut Vec<u64>,
    ) -> Result<(), Error> {
        let Some(body) = self.bodies.get(group) else {
            return Ok(());
        };
        for block in &body.blocks {
            let loaded = load(block, body.range)?;
            times.extend_from_slice(loaded.times.get(loaded.rows.clone()).unwrap_or_default());
            let sequences_in = loaded.sequences.get(loaded.rows).unwrap_or_default();
            sequences.extend_from_slice(sequences_in);
        }
        Ok(())
    }

    fn values(&mut self, pass: &Pass<'_>, each: &mut EachColumn<'_>) -> Result<(), Error> {
        for group in 0..self.groups.len() {
            self.group_values(group, pass, each)?;
        }
        Ok(())
    }
}

impl HeadSource<'_> {
    fn group_values(
        &mut self,
        group: usize,
        pass: &Pass<'_>,
        each: &mut EachColumn<'_>,
    ) -> Result<(), Error> {
        let (wanted, columns) = (pass.rows(group), pass.columns(group));
        let Some(body) = self.bodies.get(group).filter(|_| !columns.is_empty()) else {
            return Ok(());
        };
        let schema = self
            .groups
            .get(group)
            .map(|group| Arc::clone(&group.schema));
        let Some(schema) = schema.filter(|_| !wanted.is_empty()) else {
            return Ok(());
        };
        // The blocks with wanted rows, and where these start in the group's rows.
        let (mut blocks, mut start) = (Vec::new(), 0);
        for block in &body.blocks {
            if start >= wanted.end {
                break;
            }
            // A block has no more rows in the range than it has.
            if start + block.rows() <= wanted.start && is_within(block, body.range) {
                start += block.rows();
                continue;
            }
            let loaded = load(block, body.range)?;
            let rows = loaded.rows.clone();
            let from = wanted.start.saturating_sub(start).min(rows.len());
            let to = wanted.end.saturating_sub(start).min(rows.len());
            start += rows.len();
            if from < to {
                blocks.push((block.clone(), loaded, rows.start + from..rows.start + to));
            }
        }
        let (mut times, mut sequences) = (Vec::new(), Vec::new());
        for (_, loaded, rows) in &blocks {
            times.extend_from_slice(loaded.times.get(rows.clone()).unwrap_or_default());
            sequences.extend_from_slice(loaded.sequences.get(rows.clone()).unwrap_or_default());
        }
        let mut values = Vec::with_capacity(times.len());
        let list = Histograms::default();
        let mut deleted = 0;
        for column in columns {
            let Some(line) = schema.line(column.slot) else {
                continue;
            };
            values.clear();
            list.clear();
            for (block, loaded, rows) in &blocks {
                let read = BlockView::parse(&loaded.bytes).and_then(|view| {
                    if let Some(slot) = block.schema().slot(line) {
                        return view.marked_column(slot, rows.clone(), &list, &mut values);
                    }
                    values.resize(values.len() + rows.len(), absent_nan());
                    Ok(())
                });
                read.map_err(|_| block.malformed())?;
            }
            let hidden = self.hidden(group, column.slot);
            deleted += hide(&mut values, &times, &sequences, &hidden);
            each(group, column.place, (&values, &list))?;
        }
        self.deleted += deleted;
        Ok(())
    }
}

/// Whether all rows of a block are in a range.
fn is_within(block: &HeadBlock, range: TimeRange) -> bool {
    range.has(block.first_time()) && range.has(block.last_time())
}
