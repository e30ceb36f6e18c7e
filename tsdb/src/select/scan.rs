//! A selection that is read piece by piece, by several threads if the caller likes: each series is
//! decoded, given on, and let go.
//!
//! Labels stay what the store has: a series is a line of a group, and its final label set is made by
//! who needs it. That is right only where no two pairs of a line and a group are one series to a
//! reader, so a selection is *plain* or it is none of these: no label is carried by a line and a
//! group both, no line takes labels away, groups with equal labels share no line, each group's sources follow
//! each other in time, nothing is deleted, nothing is damaged, and no value is a native histogram. [`Db::select`](crate::Db::select)
//! reads what is not plain.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt as _};
use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::chunk::ChunkReader;
use super::plan::{Plan, Wanted};
use crate::Error;
use crate::store::Store;

/// About how many series are read at a time: of the groups of one chunk a segment has a line's columns
/// in an extent or two.
const CHUNK_SERIES: usize = 16_384;
/// How many groups at the most: chunks are what threads share out.
const CHUNK_GROUPS: usize = 128;
/// About how many values, and bytes of the head, a reader gathers at a time, whatever the range is: some
/// 20 MB.
const MOST_CELLS: usize = 1 << 24;

/// The series that pass some matchers, before they are read.
#[derive(Debug)]
pub struct Scan {
    store: Arc<Store>,
    plan: Plan,
    chunks: Vec<Range<usize>>,
    series: usize,
    need: Need,
    most_cells: usize,
}

/// What of the values is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    All,
    /// Whether there is one: any number may stand in place of a value.
    Presence,
}

/// One series with its rows.
#[derive(Debug)]
pub struct Piece<'a> {
    /// The place of its group.
    pub group: usize,
    /// The place of its line.
    pub line: usize,
    /// The times of the rows, ascending. One allocation for all series of a group that have the same
    /// sources, and for groups after each other that have the same times.
    pub times: &'a Arc<[i64]>,
    /// The values, one a row: stale markers and absent marks may be among them.
    pub values: &'a [f64],
}

impl Scan {
    /// Nothing where the selection is not plain.
    pub(crate) fn new(
        store: &Arc<Store>,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Option<Self>, Error> {
        let mut plan = Plan::new(store, range, matchers)?;
        if !plan.stones.0.is_empty() || !is_plain(&plan) {
            return Ok(None);
        }
        if !plan.groups.is_sorted_by(|a, b| a.labels <= b.labels) {
            plan.groups.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        let mut equal = plan.groups.chunk_by(|a, b| a.labels == b.labels);
        if equal.any(share_lines) {
            return Ok(None);
        }
        let (mut chunks, mut all) = (Vec::new(), 0);
        let (mut from, mut series) = (0, 0);
        for (place, group) in plan.groups.iter().enumerate() {
            let more = group.series();
            all += more;
            if place > from && (series + more > CHUNK_SERIES || place - from >= CHUNK_GROUPS) {
                chunks.push(from..place);
                (from, series) = (place, 0);
            }
            series += more;
        }
        if from < plan.groups.len() {
            chunks.push(from..plan.groups.len());
        }
        Ok(Some(Self {
            store: Arc::clone(store),
            plan,
            chunks,
            series: all,
            need: Need::All,
            most_cells: MOST_CELLS,
        }))
    }

    /// The same selection for a reader that wants to know where series have values, and not which:
    /// where a header tells that they have one in each row, any number stands for it.
    #[must_use]
    pub fn presence(mut self) -> Self {
        self.need = Need::Presence;
        self
    }

    /// Gathers so many values at a time.
    #[cfg(test)]
    pub(crate) fn gathering(self, most_cells: usize) -> Self {
        Self { most_cells, ..self }
    }

    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.plan.lines.len()
    }

    /// The labels of a line: of its series' labels those that its group does not have.
    pub fn line(&self, line: usize) -> Option<&Labels> {
        self.plan.lines.get(line).map(|line| &line.labels)
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.plan.groups.len()
    }

    /// The labels of a group. Groups are sorted by them.
    pub fn group(&self, group: usize) -> Option<&Labels> {
        self.plan.groups.get(group).map(|group| &group.labels)
    }

    /// How many series there are at the most.
    pub fn series(&self) -> usize {
        self.series
    }

    /// How many chunks there are: groups after each other that are read together.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// A reader of chunks; each thread needs its own.
    pub fn reader(&self) -> ChunkReader<'_> {
        let how = (&*self.chunks, self.need, self.most_cells);
        ChunkReader::new(&self.store, &self.plan, how)
    }
}

/// Whether groups with equal labels have a line in common.
fn share_lines(groups: &[Wanted]) -> bool {
    let mut known = HashSet::new();
    groups.len() > 1
        && groups.iter().any(|group| {
            let head = group.head.iter().map(|(_, columns)| columns);
            let sealed = group.sealed.iter().map(|(_, _, columns)| columns);
            let places = sealed.chain(head).flat_map(|columns| &*columns.places);
            let own: HashSet<u32> = places.copied().collect();
            own.into_iter().any(|place| !known.insert(place))
        })
}

/// Whether each pair of a line and of labels of a group is a series of its own.
fn is_plain(plan: &Plan) -> bool {
    let mut names = HashSet::new();
    let mut last: Option<&Labels> = None;
    for group in &plan.groups {
        // Most groups have the same names.
        let of_last = last
            .into_iter()
            .flat_map(|last| last.iter().map(|(name, _)| name));
        if last.is_none() || !of_last.eq(group.labels.iter().map(|(name, _)| name)) {
            names.extend(group.labels.iter().map(|(name, _)| name));
        }
        last = Some(&group.labels);
    }
    let plain = |line: &crate::index::Line| {
        line.removed.is_empty() && line.labels.iter().all(|(name, _)| !names.contains(name))
    };
    plan.lines.iter().all(plain)
}
