//! The series of a query.

use std::sync::Arc;

use watchpost_model::{Histogram, Labels, Matcher};

use super::TimeRange;
use super::join::{Source, has_histograms, has_samples, hide, is_dense, join};
use super::plan::Plan;
use super::stack::Stack;
use crate::Error;
use crate::histogram::Histograms;
use crate::store::Store;

/// A series of a selection.
#[derive(Clone, Debug)]
pub struct Series {
    /// The final label set.
    pub labels: Labels,
    /// The times, ascending, ms; one allocation for all series of the same group. `Arc::ptr_eq`
    /// tells that two series share them.
    pub times: Arc<[i64]>,
    /// The values, one for each of the times. A stale marker (`is_stale`) ends the series; a row without
    /// a value of this series holds the absent mark (`is_absent`), which is no sample; the mark of a
    /// place (`histogram_index`) stands for a native histogram.
    pub values: Arc<[f64]>,
    /// Whether `values` holds floats only, and no stale markers nor absent marks.
    pub dense: bool,
    /// The histograms that values stand for, where one does.
    pub histograms: Option<Arc<Histograms>>,
}

impl Series {
    /// The native histogram of a row; nothing where it has a float, or none.
    pub fn histogram(&self, row: usize) -> Option<Arc<Histogram>> {
        let list = self.histograms.as_ref()?;
        list.get(*self.values.get(row)?)
    }
}

/// The result of a select.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The series, sorted by labels, each label set once.
    pub series: Vec<Series>,
}

/// A series of one stack.
struct Found {
    labels: Labels,
    /// The place of its line in the plan.
    line: u32,
    stack: usize,
    values: Arc<[f64]>,
}

/// Reads the series that pass all matchers and have a sample in the range. `admit` gets the number
/// of rows of each before it is taken into memory.
pub(crate) fn select<E: From<Error>>(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<Selection, E> {
    let plan = Plan::new(store, range, matchers)?;
    let mut found = Vec::new();
    let stacks = plan.read(store, |stack, place, line, values| -> Result<(), E> {
        let Some(labels) = plan.labels(stack, line, values) else {
            return Ok(());
        };
        // A histogram counts as much as it is large, in samples of a time and a value.
        admit(values.len() + plan.histograms.take_added() / 16)?;
        found.push(Found {
            labels,
            line,
            stack: place,
            values: Arc::from(&*values),
        });
        Ok(())
    })?;
    order(&mut found, &plan, &stacks);
    Ok(fold(found, &stacks, &plan.histograms))
}

impl Plan {
    /// The labels of a series, nothing where it has no sample.
    pub(crate) fn labels(&self, stack: &Stack, line: u32, values: &mut [f64]) -> Option<Labels> {
        let there = self.has_samples(stack, line, values);
        let line = self.lines.get(line as usize).filter(|_| there);
        line.map(|line| line.final_labels(&stack.labels))
    }

    /// Takes what is deleted out of the values of a series. Whether any sample is left.
    pub(crate) fn has_samples(&self, stack: &Stack, line: u32, values: &mut [f64]) -> bool {
        if self.stones.0.is_empty() || !has_samples(values) {
            return has_samples(values);
        }
        let line = self.lines.get(line as usize);
        let labels = line.map(|line| line.final_labels(&stack.labels));
        let hidden = labels.map_or_else(Vec::new, |labels| self.stones.hidden(&labels));
        if !hidden.is_empty() {
            hide(values, &stack.times(), &stack.sequences(), &hidden);
        }
        has_samples(values)
    }
}

/// Sorts by labels. By lines and groups the series are nearly in order already, and the sort by labels,
/// which finds what is in order, makes hardly more than one comparison a series.
fn order(found: &mut [Found], plan: &Plan, stacks: &[Stack]) {
    let lines = ranks(plan.lines.iter().map(|line| &line.labels));
    let groups = ranks(stacks.iter().map(|stack| &stack.labels));
    let rank = |ranks: &[u32], place: usize| ranks.get(place).copied().unwrap_or(0);
    let by_groups = is_by_groups(found);
    found.sort_by_cached_key(|series| {
        let line = rank(&lines, series.line as usize);
        let group = rank(&groups, series.stack);
        let (first, second) = if by_groups {
            (group, line)
        } else {
            (line, group)
        };
        (first, second, series.stack)
    });
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
}

/// Whether another group makes more of a difference in the order than another line, as where all lines
/// are of one metric and differ by a label that comes after the groups'.
fn is_by_groups(found: &[Found]) -> bool {
    let Some(first) = found.first() else {
        return false;
    };
    let mut others = found.iter();
    let line = others.find(|other| other.stack == first.stack && other.line != first.line);
    let mut others = found.iter();
    let group = others.find(|other| other.line == first.line && other.labels != first.labels);
    let (Some(line), Some(group)) = (line, group) else {
        return false;
    };
    (first.labels < line.labels) == (line.labels < group.labels)
        && (first.labels < line.labels) == (first.labels < group.labels)
}

/// For each label set how many there are before it.
fn ranks<'a>(sets: impl Iterator<Item = &'a Labels>) -> Vec<u32> {
    let mut order: Vec<(&Labels, usize)> = sets.zip(0..).collect();
    order.sort();
    let mut ranks = vec![0; order.len()];
    for ((_, place), rank) in order.iter().zip(0..) {
        if let Some(to) = ranks.get_mut(*place) {
            *to = rank;
        }
    }
    ranks
}

/// Joins the series with equal labels.
fn fold(found: Vec<Found>, stacks: &[Stack], list: &Arc<Histograms>) -> Selection {
    let no_histograms = list.is_empty();
    let mut selection = Selection {
        series: Vec::with_capacity(found.len()),
    };
    let mut shared: Option<Arc<[i64]>> = None;
    let mut found = found.into_iter().peekable();
    while let Some(first) = found.next() {
        let mut others = Vec::new();
        while let Some(next) = found.next_if(|next| next.labels == first.labels) {
            others.push(next);
        }
        let (times, values) = if others.is_empty() {
            let stack = stacks.get(first.stack);
            (stack.map_or_else(Arc::default, Stack::times), first.values)
        } else {
            let all = std::iter::once((first.stack, first.values));
            let all = all.chain(others.into_iter().map(|other| (other.stack, other.values)));
            let sources = all.filter_map(|(place, values)| {
                let stack = stacks.get(place)?;
                Some(Source {
                    times: stack.times(),
                    sequences: stack.sequences(),
                    values,
                })
            });
            let (times, values) = join(&sources.collect::<Vec<_>>(), list);
            // The series of one group that goes on beside another are joined alike.
            let known = shared.take().filter(|known| **known == *times);
            let times = known.unwrap_or_else(|| times.into());
            shared = Some(Arc::clone(&times));
            (times, values.into())
        };
        selection.series.push(Series {
            labels: first.labels,
            times,
            dense: is_dense(&values),
            histograms: (!no_histograms && has_histograms(&values)).then(|| Arc::clone(list)),
            values,
        });
    }
    selection
}
