//! How many series each metric, label and value makes.

use roaring::RoaringBitmap;
use watchpost_model::METRIC_NAME;

use super::{GroupId, Index, Table};
use crate::LineId;

/// What makes most series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// All series; a label set that stands in several groups counts for each.
    pub series: u64,
    /// All pairs of a label's name and value.
    pub label_pairs: u64,
    /// Metrics by series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Labels by distinct values.
    pub values_by_label: Vec<(String, u64)>,
    /// Labels by the bytes of their values in all series.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Pairs of a label's name and value, as `name=value`, by series.
    pub series_by_pair: Vec<(String, u64)>,
}

/// Counts series; each list has its greatest entries, at most `top`.
pub(crate) fn cardinality(index: &impl Index, top: usize) -> Cardinality {
    let schemas = index.schemas().map(|schema| {
        index.schema_lines(schema).len() as u64 * index.schema_groups(schema).len() as u64
    });
    let mut counted = Cardinality {
        series: schemas.sum(),
        ..Cardinality::default()
    };
    let mut names: Vec<&str> = index
        .lines()
        .names()
        .chain(index.groups().names())
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (mut values, mut bytes) = (0, 0);
        for (value, series) in count_values(index, name) {
            values += 1;
            bytes += value.len() as u64 * series;
            if name == METRIC_NAME {
                counted.series_by_metric.push((value.to_owned(), series));
            }
            counted
                .series_by_pair
                .push((format!("{name}={value}"), series));
            // Now and then, so that a million values do not stand there at a time.
            if counted.series_by_pair.len() > 8 * top + 1_024 {
                keep(&mut counted.series_by_pair, top);
                keep(&mut counted.series_by_metric, top);
            }
        }
        counted.label_pairs += values;
        if values > 0 {
            counted.values_by_label.push((name.to_owned(), values));
            counted.bytes_by_label.push((name.to_owned(), bytes));
        }
    }
    for list in [
        &mut counted.series_by_metric,
        &mut counted.values_by_label,
        &mut counted.bytes_by_label,
        &mut counted.series_by_pair,
    ] {
        keep(list, top);
    }
    counted
}

/// Keeps the greatest, the first of equal ones.
fn keep(list: &mut Vec<(String, u64)>, top: usize) {
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(top);
}

/// The values of a label, and how many series have each.
fn count_values<'a>(index: &'a impl Index, name: &str) -> Vec<(&'a str, u64)> {
    let mut values = Vec::new();
    let mut carried = RoaringBitmap::new();
    for (value, lines) in index.lines().values(name) {
        let mut series = 0;
        lines.each(|line| series += series_of(index, LineId(line)));
        if !value.is_empty() && series > 0 {
            values.push((value, series));
        }
        lines.add_to(&mut carried);
    }
    for (value, groups) in index.groups().values(name) {
        let mut series = 0;
        groups.each(|group| series += showing(index, GroupId(group), &carried));
        if series > 0 {
            values.push((value, series));
        }
    }
    // A value that some lines carry, and some groups too, is one value.
    values.sort_unstable();
    values.dedup_by(|next, have| {
        let same = next.0 == have.0;
        if same {
            have.1 += next.1;
        }
        same
    });
    values
}

fn series_of(index: &impl Index, line: LineId) -> u64 {
    let mut series = 0;
    index
        .schemas_of(line)
        .each(|schema| series += index.schema_groups(schema).len() as u64);
    series
}

/// How many lines of a group do not carry the label themselves.
fn showing(index: &impl Index, group: GroupId, carried: &RoaringBitmap) -> u64 {
    let lines = index
        .schema_of(group)
        .map_or(&[][..], |schema| index.schema_lines(schema));
    if carried.is_empty() {
        return lines.len() as u64;
    }
    lines
        .iter()
        .filter(|line| !carried.contains(line.0))
        .count() as u64
}
