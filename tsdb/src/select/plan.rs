//! What a query has to read: the series that pass, by group, with the lines numbered anew.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::read::{CELLS, read};
use super::stack::{Columns, Part, Rows, Stack};
use crate::head::GroupState;
use crate::index::Line;
use crate::ring::Tombstones;
use crate::store::Store;
use crate::{Error, LineId};

/// What a query has to read.
#[derive(Debug)]
pub(crate) struct Plan {
    range: TimeRange,
    /// Each once.
    pub(crate) lines: Vec<Line>,
    groups: Vec<Wanted>,
    /// What is deleted in the range.
    pub(crate) stones: Tombstones,
}

/// The series of a group that pass.
#[derive(Debug)]
struct Wanted {
    labels: Labels,
    head: Option<(Arc<GroupState>, Columns)>,
}

/// Numbers the lines of all sources.
#[derive(Default)]
struct Numbers {
    lines: Vec<Line>,
    places: HashMap<Line, u32>,
}

impl Numbers {
    fn place(&mut self, line: &Line) -> u32 {
        if let Some(place) = self.places.get(line) {
            return *place;
        }
        let place = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        self.lines.push(line.clone());
        self.places.insert(line.clone(), place);
        place
    }

    /// Numbers lists of lines; most groups share theirs.
    fn columns<'a>(
        &mut self,
        lines: &Arc<[LineId]>,
        known: &mut HashMap<*const LineId, Columns>,
        get: impl Fn(LineId) -> Option<&'a Line>,
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
}

impl Plan {
    /// The series that pass all matchers.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "segments can fail, and are about to come"
    )]
    pub(crate) fn new(
        store: &Store,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Self, Error> {
        let mut numbers = Numbers::default();
        let mut known = HashMap::default();
        let found = store.matching(matchers);
        let lines = store.lines.read();
        let wanted = found.iter().map(|(group, ids)| Wanted {
            labels: group.labels.clone(),
            head: Some((
                Arc::clone(group),
                numbers.columns(ids, &mut known, |id| lines.get(id)),
            )),
        });
        Ok(Self {
            range,
            groups: wanted.collect(),
            lines: numbers.lines,
            stones: Tombstones::default(),
        })
    }

    /// Reads the series that pass: `each` gets the stack, its place, the place of the line and the
    /// values. Gives the stacks, with their times.
    pub(crate) fn read<E: From<Error>>(
        &self,
        mut each: impl FnMut(&Stack, usize, u32, &mut [f64]) -> Result<(), E>,
    ) -> Result<Vec<Stack>, E> {
        let mut stacks: Vec<Stack> = Vec::new();
        let mut done = 0;
        let mut cells = 0;
        let mut wanted = self.groups.iter().peekable();
        while let Some(group) = wanted.next() {
            let before = stacks.len();
            self.stack(group, &mut stacks)?;
            cells += stacks.iter().skip(before).map(Stack::cells).sum::<usize>();
            if cells >= CELLS || wanted.peek().is_none() {
                let (_, ready) = stacks.split_at_mut(done);
                read(ready, |place, line, values| {
                    let stack = ready.get(place);
                    stack.map_or(Ok(()), |stack| each(stack, done + place, line, values))
                })?;
                ready.iter_mut().for_each(Stack::let_go);
                (done, cells) = (stacks.len(), 0);
            }
        }
        Ok(stacks)
    }

    /// Adds the stacks of a group.
    fn stack(&self, wanted: &Wanted, stacks: &mut Vec<Stack>) -> Result<(), Error> {
        let before = stacks.len();
        if let Some((group, columns)) = &wanted.head {
            let mut snapshot = group.body.lock().snapshot(self.range, &columns.lines);
            snapshot.load()?;
            let times = snapshot.times();
            let part = Part {
                start: 0,
                rows: 0..times.len(),
                times,
                of: Rows::Head(Box::new(snapshot)),
                columns: columns.clone(),
            };
            put(part, &wanted.labels, stacks, before);
        }
        Ok(())
    }
}

/// Puts rows on the first of a group's stacks that ends before them, or on a new one.
fn put(part: Part, labels: &Labels, stacks: &mut Vec<Stack>, from: usize) {
    let Some(first) = part.own_times().first().copied() else {
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
