//! Which series have a sample: their label sets, and the names and values of their labels.
//!
//! Most of it is known without reading values: a segment lists only series with a sample in it, and a
//! series that goes on has a value in its group's newest row. Names and values of labels are told from
//! the index of a segment, without a look at each series.

use foldhash::HashSet;
use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::plan::Plan;
use crate::Error;
use crate::index::{self, Found, Line, matching};
use crate::segment::SegmentIndex;
use crate::store::Store;

/// Takes what is known of series.
trait Teller {
    /// All series of a segment that pass have a sample. Whether it could make use of that.
    fn segment(&mut self, index: &SegmentIndex, matchers: &[Matcher]) -> bool;

    /// A series has a sample. Some are told more than once.
    fn series(&mut self, line: &Line, group: &Labels);
}

/// Tells the series that pass all matchers and have a sample in the range.
fn tell(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
    teller: &mut impl Teller,
) -> Result<(), Error> {
    let mut plan = Plan::of_others(store, range, matchers, |index| {
        teller.segment(index, matchers)
    })?;
    if plan.stones.0.is_empty() {
        plan.take_known(|line, group| teller.series(line, group));
    }
    plan.read(store, |stack, _, place, values| {
        if plan.has_samples(stack, place, values)
            && let Some(line) = plan.lines.get(place as usize)
        {
            teller.series(line, &stack.labels);
        }
        Ok::<(), Error>(())
    })?;
    Ok(())
}

/// Gathers label sets.
#[derive(Default)]
struct Sets(HashSet<Labels>);

impl Teller for Sets {
    fn segment(&mut self, _: &SegmentIndex, _: &[Matcher]) -> bool {
        false
    }

    fn series(&mut self, line: &Line, group: &Labels) {
        self.0.insert(line.final_labels(group));
    }
}

/// Gathers names of labels.
struct Names(Found);

impl Teller for Names {
    fn segment(&mut self, index: &SegmentIndex, matchers: &[Matcher]) -> bool {
        if matchers.is_empty() {
            index::all_names(index, &mut self.0);
        } else {
            index::label_names(index, &matching(index, matchers), &mut self.0);
        }
        true
    }

    fn series(&mut self, line: &Line, group: &Labels) {
        let of_group = group.iter().map(|(name, _)| name);
        let of_group = of_group.filter(|name| line.value(name).is_none());
        for name in of_group.chain(line.labels.iter().map(|(name, _)| name)) {
            self.0.add(name);
        }
    }
}

/// Gathers the values of a label.
struct Values<'a>(&'a str, Found);

impl Teller for Values<'_> {
    fn segment(&mut self, index: &SegmentIndex, matchers: &[Matcher]) -> bool {
        if matchers.is_empty() {
            index::all_values(index, self.0, &mut self.1);
        } else {
            index::label_values(index, self.0, &matching(index, matchers), &mut self.1);
        }
        true
    }

    fn series(&mut self, line: &Line, group: &Labels) {
        let value = line.value(self.0).unwrap_or_else(|| group.get(self.0));
        if !value.is_empty() {
            self.1.add(value);
        }
    }
}

/// The label sets of the series that pass all matchers and have a sample in the range, sorted.
pub(crate) fn series(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<Vec<Labels>, Error> {
    let mut sets = Sets::default();
    tell(store, range, matchers, &mut sets)?;
    let mut series: Vec<_> = sets.0.into_iter().collect();
    series.sort_unstable();
    Ok(series)
}

/// The names of the labels of such series, sorted: the first ones, where there is a limit.
pub(crate) fn label_names(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
    limit: usize,
) -> Result<(Vec<String>, bool), Error> {
    let mut names = Names(Found::new(limit));
    tell(store, range, matchers, &mut names)?;
    Ok(names.0.finish())
}

/// The values of a label of such series, sorted: the first ones, where there is a limit.
pub(crate) fn label_values(
    store: &Store,
    name: &str,
    (range, limit): (TimeRange, usize),
    matchers: &[Matcher],
) -> Result<(Vec<String>, bool), Error> {
    let mut values = Values(name, Found::new(limit));
    tell(store, range, matchers, &mut values)?;
    Ok(values.1.finish())
}
