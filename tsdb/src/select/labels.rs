//! Which series have a sample: their label sets, and the names and values of their labels.
//!
//! Most of it is known without reading values: a segment lists only series with a sample in it, and a
//! series that goes on has a value in its group's newest row.

use std::collections::BTreeSet;

use foldhash::HashSet;
use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::plan::Plan;
use crate::Error;
use crate::index::Line;
use crate::store::Store;

/// Tells the line and the group's labels of the series that pass all matchers and have a sample in the
/// range, some more than once.
fn each_series(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
    mut each: impl FnMut(&Line, &Labels),
) -> Result<(), Error> {
    let mut plan = Plan::new(store, range, matchers)?;
    if plan.stones.0.is_empty() {
        plan.take_known(&mut each);
    }
    plan.read(store, |stack, _, place, values| {
        if plan.has_samples(stack, place, values)
            && let Some(line) = plan.lines.get(place as usize)
        {
            each(line, &stack.labels);
        }
        Ok::<(), Error>(())
    })?;
    Ok(())
}

/// The label sets of the series that pass all matchers and have a sample in the range.
pub(crate) fn series(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<Vec<Labels>, Error> {
    let mut known: HashSet<Labels> = HashSet::default();
    each_series(store, range, matchers, |line, group| {
        known.insert(line.final_labels(group));
    })?;
    let mut series: Vec<_> = known.into_iter().collect();
    series.sort_unstable();
    Ok(series)
}

/// The names of the labels of such series.
pub(crate) fn label_names(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<BTreeSet<String>, Error> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    each_series(store, range, matchers, |line, group| {
        let of_group = group.iter().map(|(name, _)| name);
        let of_group = of_group.filter(|name| line.value(name).is_none());
        for name in of_group.chain(line.labels.iter().map(|(name, _)| name)) {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    })?;
    Ok(names)
}

/// The values of a label of such series.
pub(crate) fn label_values(
    store: &Store,
    name: &str,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<BTreeSet<String>, Error> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    each_series(store, range, matchers, |line, group| {
        let value = line.value(name).unwrap_or_else(|| group.get(name));
        if !value.is_empty() && !found.contains(value) {
            found.insert(value.to_owned());
        }
    })?;
    Ok(found)
}
