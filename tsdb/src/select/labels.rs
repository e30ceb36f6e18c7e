//! Which series have a sample: their label sets, and the names and values of their labels.

use std::collections::BTreeSet;

use watchpost_model::{Labels, Matcher};

use super::TimeRange;
use super::plan::Plan;
use crate::Error;
use crate::store::Store;

/// The label sets of the series that pass all matchers and have a sample in the range.
pub(crate) fn series(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<BTreeSet<Labels>, Error> {
    let plan = Plan::new(store, range, matchers)?;
    let mut series = BTreeSet::new();
    plan.read(|stack, _, line, values| {
        series.extend(plan.labels(stack, line, values)?);
        Ok::<(), Error>(())
    })?;
    Ok(series)
}

/// The names of the labels of such series.
pub(crate) fn label_names(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
) -> Result<BTreeSet<String>, Error> {
    let plan = Plan::new(store, range, matchers)?;
    let mut names = BTreeSet::new();
    plan.read(|stack, _, line, values| {
        let there = plan.has_samples(stack, line, values)?;
        if let Some(line) = plan.lines.get(line as usize).filter(|_| there) {
            let of_group = stack.labels.iter().map(|(name, _)| name);
            let of_group = of_group.filter(|name| line.value(name).is_none());
            for name in of_group.chain(line.labels.iter().map(|(name, _)| name)) {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        Ok::<(), Error>(())
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
    let plan = Plan::new(store, range, matchers)?;
    let mut found = BTreeSet::new();
    plan.read(|stack, _, line, values| {
        let of_line = plan
            .lines
            .get(line as usize)
            .and_then(|line| line.value(name));
        let value = of_line.unwrap_or_else(|| stack.labels.get(name));
        // Most series have a value that is known already.
        if !value.is_empty() && !found.contains(value) && plan.has_samples(stack, line, values)? {
            found.insert(value.to_owned());
        }
        Ok::<(), Error>(())
    })?;
    Ok(found)
}
