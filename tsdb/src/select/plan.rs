//! What a query has to read: the series that pass, by group, with the lines numbered anew.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::read::{CELLS, Readers, read};
use super::stack::{Columns, Part, Rows, Stack};
use crate::head::GroupState;
use crate::histogram::Histograms;
use crate::index::{GroupId, Line, Lines, matching};
use crate::ring::{List, Sealed, Tombstones};
use crate::segment::{GroupKey, SegmentIndex};
use crate::store::Store;
use crate::{Error, LineId};

/// What a query has to read.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) range: TimeRange,
    /// Each once.
    pub(crate) lines: Vec<Line>,
    pub(super) groups: Vec<Wanted>,
    /// The segments in the range, with their indexes.
    pub(super) segments: Vec<(Arc<Sealed>, Arc<SegmentIndex>)>,
    /// What there is while this is read.
    pub(super) list: Arc<List>,
    /// What is deleted in the range.
    pub(crate) stones: Tombstones,
    /// The histograms that values which are read stand for.
    pub(crate) histograms: Arc<Histograms>,
}

/// The series of a group that pass.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) labels: Labels,
    /// The segments' places, the group's numbers and its columns there.
    pub(super) sealed: Vec<(usize, GroupId, Columns)>,
    pub(super) head: Option<(Arc<GroupState>, Columns)>,
}

impl Wanted {
    /// How many series it has at the least: those of the source that has most.
    pub(super) fn series(&self) -> usize {
        let head = self.head.iter().map(|(_, columns)| columns);
        let all = self
            .sealed
            .iter()
            .map(|(_, _, columns)| columns)
            .chain(head);
        all.map(|columns| columns.lines.len()).max().unwrap_or(0)
    }
}

/// Numbers the lines of all sources, and gathers their groups.
#[derive(Default)]
struct Gathering {
    lines: Vec<Line>,
    places: HashMap<Line, u32>,
    groups: Vec<Wanted>,
    /// Kept only where there are segments.
    keys: HashMap<GroupKey, usize>,
}

impl Gathering {
    fn place(&mut self, line: Line) -> u32 {
        let next = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        *self.places.entry(line).or_insert_with_key(|line| {
            self.lines.push(line.clone());
            next
        })
    }

    /// Numbers a list of lines; most groups share theirs.
    fn columns(
        &mut self,
        lines: &Arc<[LineId]>,
        known: &mut HashMap<*const LineId, Columns>,
        get: impl Fn(LineId) -> Option<Line>,
    ) -> Columns {
        if let Some(columns) = known.get(&lines.as_ptr()) {
            return columns.clone();
        }
        let found = lines.iter().filter_map(|id| Some((*id, get(*id)?)));
        let (ids, places): (Vec<_>, Vec<_>) =
            found.map(|(id, line)| (id, self.place(line))).unzip();
        let columns = Columns {
            lines: if ids.len() == lines.len() {
                Arc::clone(lines)
            } else {
                ids.into()
            },
            places: places.into(),
        };
        known.insert(lines.as_ptr(), columns.clone());
        columns
    }

    /// The series of a segment that pass.
    fn add_sealed(&mut self, segment: usize, index: &SegmentIndex, matchers: &[Matcher]) {
        let mut known = HashMap::default();
        for found in matching(index, matchers) {
            let columns = self.columns(&found.lines, &mut known, |line| Some(index.line(line)));
            for group in found.groups {
                let key = index.group_key(group);
                let labels = key.labels.clone();
                let at = *self.keys.entry(key).or_insert(self.groups.len());
                if at == self.groups.len() {
                    self.groups.push(Wanted {
                        labels,
                        sealed: Vec::new(),
                        head: None,
                    });
                }
                if let Some(wanted) = self.groups.get_mut(at) {
                    wanted.sealed.push((segment, group, columns.clone()));
                }
            }
        }
    }

    /// The series of the head that pass.
    fn add_head(&mut self, found: Vec<(Arc<GroupState>, Arc<[LineId]>)>, lines: &Lines) {
        let mut known = HashMap::default();
        for (group, ids) in found {
            let columns = self.columns(&ids, &mut known, |id| lines.get(id).cloned());
            let at = if self.keys.is_empty() {
                None
            } else {
                let single = group.single.and_then(|line| lines.get(line).cloned());
                let key = GroupKey {
                    labels: group.labels.clone(),
                    single,
                    side: group.side.map_or(0, |side| side.number),
                };
                self.keys.get(&key).copied()
            };
            if let Some(wanted) = at.and_then(|at| self.groups.get_mut(at)) {
                wanted.head = Some((group, columns));
            } else {
                self.groups.push(Wanted {
                    labels: group.labels.clone(),
                    sealed: Vec::new(),
                    head: Some((group, columns)),
                });
            }
        }
    }
}

impl Plan {
    /// The series that pass all matchers.
    pub(crate) fn new(
        store: &Store,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Self, Error> {
        Self::of_others(store, range, matchers, |_| false)
    }

    /// As [`new`](Self::new), without the segments of which `told` says that it knows enough. It is
    /// asked of those that have nothing deleted and lie in the range as a whole.
    pub(crate) fn of_others(
        store: &Store,
        range: TimeRange,
        matchers: &[Matcher],
        mut told: impl FnMut(&SegmentIndex) -> bool,
    ) -> Result<Self, Error> {
        let mut gathering = Gathering::default();
        // Before the head: what leaves it later is in a segment that this list may lack, and so
        // stays there as long as this list is held.
        let list = store.list();
        let stones = list.stones.within(range);
        let mut segments = Vec::new();
        for sealed in &list.segments {
            let info = sealed.segment.info();
            if range.touches(TimeRange::new(info.min_time_ms, info.max_time_ms)) {
                let index = match store.segment_index(sealed) {
                    Ok(index) => index,
                    Err(error) => {
                        store.tolerate(error)?;
                        continue;
                    }
                };
                let whole = range.has(info.min_time_ms) && range.has(info.max_time_ms);
                if whole && stones.0.is_empty() && told(&index) {
                    continue;
                }
                gathering.add_sealed(segments.len(), &index, matchers);
                segments.push((Arc::clone(sealed), index));
            }
        }
        let found = store.matching(matchers);
        gathering.add_head(found, &store.lines.read());
        Ok(Self {
            range,
            groups: gathering.groups,
            lines: gathering.lines,
            segments,
            stones,
            list,
            histograms: Arc::default(),
        })
    }

    /// Reads the series that pass: `each` gets the stack, its place, the place of the line and the
    /// values. Gives the stacks, with their times.
    pub(crate) fn read<E: From<Error>>(
        &self,
        store: &Store,
        mut each: impl FnMut(&Stack, usize, u32, &mut [f64]) -> Result<(), E>,
    ) -> Result<Vec<Stack>, E> {
        let mut readers = Readers::new(store, &self.segments, &self.histograms);
        let mut stacks: Vec<Stack> = Vec::new();
        let (mut done, mut cells) = (0, 0);
        let mut wanted = self.groups.iter().peekable();
        while let Some(group) = wanted.next() {
            let before = stacks.len();
            self.stack(group, &mut readers, &mut stacks)?;
            cells += stacks.iter().skip(before).map(Stack::cells).sum::<usize>();
            if cells >= CELLS || wanted.peek().is_none() {
                let (_, ready) = stacks.split_at_mut(done);
                read(ready, &mut readers, |place, line, values| {
                    let stack = ready.get(place);
                    stack.map_or(Ok(()), |stack| each(stack, done + place, line, values))
                })?;
                ready.iter_mut().for_each(Stack::let_go);
                (done, cells) = (stacks.len(), 0);
            }
        }
        Ok(stacks)
    }

    /// Tells the series that are known to have a sample without reading them, by their lines and the
    /// labels of their groups, and forgets them: those in segments that lie in the range as a whole, and those with a
    /// value in the head's newest row.
    pub(crate) fn take_known(&mut self, mut each: impl FnMut(&Line, &Labels)) {
        let whole: Vec<bool> = self
            .segments
            .iter()
            .map(|(sealed, _)| {
                let info = sealed.segment.info();
                self.range.has(info.min_time_ms) && self.range.has(info.max_time_ms)
            })
            .collect();
        for wanted in &mut self.groups {
            let mut tell = |place: u32| {
                if let Some(line) = self.lines.get(place as usize) {
                    each(line, &wanted.labels);
                }
            };
            wanted.sealed.retain(|(segment, _, columns)| {
                let known = whole.get(*segment).copied().unwrap_or(false);
                if known {
                    columns.places.iter().for_each(|place| tell(*place));
                }
                !known
            });
            if let Some((group, columns)) = &mut wanted.head {
                let there = newest_row(group, columns, self.range);
                there
                    .iter()
                    .filter_map(|line| columns.place(*line))
                    .for_each(tell);
                *columns = columns.without(&there);
            }
        }
        self.groups.retain(|wanted| {
            let head = wanted.head.as_ref();
            !wanted.sealed.is_empty() || head.is_some_and(|(_, columns)| !columns.lines.is_empty())
        });
    }

    /// Adds the stacks of a group.
    fn stack(
        &self,
        wanted: &Wanted,
        readers: &mut Readers<'_>,
        stacks: &mut Vec<Stack>,
    ) -> Result<(), Error> {
        let before = stacks.len();
        let mut parts = Vec::with_capacity(wanted.sealed.len() + 1);
        for (segment, group, columns) in &wanted.sealed {
            if let Some(rows) = readers.rows(*segment, *group, self.range)? {
                parts.push(Part {
                    start: 0,
                    times: Arc::clone(&rows.times),
                    of: Rows::Sealed(*segment, rows),
                    columns: columns.clone(),
                });
            }
        }
        if let Some((group, columns)) = &wanted.head {
            let moved = self.list.moved.get(&group.id).copied();
            let range = TimeRange {
                from_ms: self.range.from_ms.max(moved.unwrap_or(i64::MIN)),
                to_ms: self.range.to_ms,
            };
            let mut snapshot = group.body.lock().snapshot(range, &columns.lines);
            snapshot.load(|error| readers.tolerate(error))?;
            parts.push(Part {
                start: 0,
                times: snapshot.times(),
                of: Rows::Head(Box::new(snapshot)),
                columns: columns.clone(),
            });
        }
        parts.sort_by_key(|part| part.times.first().copied());
        for part in parts {
            put(part, &wanted.labels, stacks, before);
        }
        Ok(())
    }
}

/// The columns of a group with a value in its newest row, where that is in the range; ascending.
fn newest_row(group: &GroupState, columns: &Columns, range: TimeRange) -> Vec<LineId> {
    let body = group.body.lock();
    let newest = body.time_span().map(|(_, newest)| newest);
    let Some(newest) = newest.filter(|newest| range.has(*newest)) else {
        return Vec::new();
    };
    let snapshot = body.snapshot(TimeRange::new(newest, newest), &columns.lines);
    drop(body);
    snapshot.in_open_rows()
}

/// Puts rows on the first of a group's stacks that ends before them, or on a new one.
fn put(part: Part, labels: &Labels, stacks: &mut Vec<Stack>, from: usize) {
    let Some(first) = part.times.first().copied() else {
        return;
    };
    let mut of_group = stacks.iter_mut().skip(from);
    if let Some(stack) = of_group.find(|stack| stack.takes(first)) {
        stack.push(part);
    } else {
        let mut stack = Stack::new(labels.clone());
        stack.push(part);
        stacks.push(stack);
    }
}
