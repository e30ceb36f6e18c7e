//! Reads the samples of many series with bounded memory.
//!
//! Metric by metric, and within a metric some series at a time, in the order of their labels: so
//! many that their samples fit into the budget, one at the least.

use std::collections::{BTreeMap, BTreeSet};

use watchpost_model::{Labels, METRIC_NAME, MatchOp, Matcher};
use watchpost_tsdb::{Db, Error, Series, TimeRange};

/// How many samples are read at once.
const BUDGET: usize = 4 << 20;
/// How many series are read at once at the most.
const MAX_SERIES: usize = 256;

/// Why some series were not read.
enum ReadError {
    TooMuch,
    Store(Error),
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Gives all series that one of the selectors finds, each once, sorted, to `each`.
pub(super) fn each_series(
    db: &Db,
    range: TimeRange,
    selectors: &[Vec<Matcher>],
    mut each: impl FnMut(&Series) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    for matchers in selectors {
        names.extend(db.label_values(METRIC_NAME, range, matchers)?);
    }
    for name in names {
        let mut series = BTreeSet::new();
        for matchers in selectors {
            let mut matchers = matchers.clone();
            matchers.push(Matcher::new(MatchOp::Equal, METRIC_NAME, name.as_str())?);
            series.extend(db.series(range, &matchers)?);
        }
        let series: Vec<Labels> = series.into_iter().collect();
        each_of_metric(db, range, &series, &mut each)?;
    }
    Ok(())
}

fn each_of_metric(
    db: &Db,
    range: TimeRange,
    mut series: &[Labels],
    each: &mut impl FnMut(&Series) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut size = MAX_SERIES;
    while !series.is_empty() {
        let (some, rest) = series.split_at_checked(size).unwrap_or((series, &[]));
        match read(db, range, some) {
            Ok(found) => {
                for found in &found {
                    each(found)?;
                }
                series = rest;
                size = (size * 2).min(MAX_SERIES);
            }
            Err(ReadError::TooMuch) => size = some.len() / 2,
            Err(ReadError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads these series, which are sorted.
fn read(db: &Db, range: TimeRange, wanted: &[Labels]) -> Result<Vec<Series>, ReadError> {
    let mut samples = 0;
    let selection = db.select_within(range, &covering(wanted), |rows| {
        samples += rows;
        if samples > BUDGET && wanted.len() > 1 {
            return Err(ReadError::TooMuch);
        }
        Ok(())
    })?;
    let mut series = selection.series;
    series.retain(|series| wanted.binary_search(&series.labels).is_ok());
    Ok(series)
}

/// Matchers that these series pass, and as few others as matchers can tell apart from them.
fn covering(wanted: &[Labels]) -> Vec<Matcher> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, _) in wanted.iter().flatten() {
        values.entry(name).or_default();
    }
    for (name, values) in &mut values {
        values.extend(wanted.iter().map(|labels| labels.get(name)));
    }
    let matchers = values.iter().map(|(name, values)| {
        if let (1, Some(value)) = (values.len(), values.first()) {
            return Matcher::new(MatchOp::Equal, *name, *value);
        }
        let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
        Matcher::new(MatchOp::Regex, *name, values.join("|"))
    });
    // A matcher that cannot be made, as of very long values, is left out: others then pass too.
    matchers.filter_map(Result::ok).collect()
}

/// A regular expression that only this text matches.
fn literal(text: &str) -> String {
    let mut regex = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            regex.push('\\');
        }
        regex.push(c);
    }
    regex
}
