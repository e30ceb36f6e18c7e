//! Columns that are one series to a reader, folded into one: at each time the value that was accepted
//! first stands.

use std::cmp::Ordering;
use std::sync::Arc;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{is_absent, is_stale};

use crate::histogram::{Histograms, encode};
use crate::ring::Hidden;

/// One source of a series: a value a row, with the row's time and its order of acceptance in the
/// whole store. Times ascend.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) times: Arc<[i64]>,
    pub(crate) sequences: Arc<[u64]>,
    pub(crate) values: Arc<[f64]>,
}

/// Folds sources into one. Rows that no source has a value for are left out. Of columns of one row
/// (lines of one page with equal final labels) a value wins over the end of its twin, else the lesser
/// bits: the order in which columns stand is not the same before and after a restart, a seal or a
/// merge, and what is read must be. Bits of histograms are those that they are stored in.
pub(crate) fn join(sources: &[Source], list: &Histograms) -> (Vec<i64>, Vec<f64>) {
    let mut rows: Vec<(i64, u64, f64)> = Vec::new();
    for source in sources {
        let keys = source.times.iter().zip(&*source.sequences);
        let cells = keys.zip(&*source.values);
        rows.extend(
            cells
                .filter(|(_, value)| !is_absent(**value))
                .map(|((time, sequence), value)| (*time, *sequence, *value)),
        );
    }
    // A stable sort finds the sources' own order.
    rows.sort_by(|(time, sequence, value), other| {
        let first = (*time, *sequence, is_stale(*value));
        let first = first.cmp(&(other.0, other.1, is_stale(other.2)));
        first.then_with(|| order(*value, other.2, list))
    });
    rows.dedup_by_key(|(time, _, _)| *time);
    rows.iter().map(|(time, _, value)| (*time, *value)).unzip()
}

/// The order of two values by their bits.
fn order(one: f64, other: f64, list: &Histograms) -> Ordering {
    let stored = |value: f64| {
        let mut encoded = Vec::new();
        encode(&*list.get(value)?, None, &mut encoded);
        Some(encoded)
    };
    if is_histogram(one) && is_histogram(other) {
        return stored(one).cmp(&stored(other));
    }
    one.to_bits().cmp(&other.to_bits())
}

fn is_histogram(value: f64) -> bool {
    histogram_index(value).is_some()
}

/// Puts marks of none in place of what is hidden. Gives how many samples that were.
pub(crate) fn hide(values: &mut [f64], times: &[i64], sequences: &[u64], hidden: &[Hidden]) -> u64 {
    let mut samples = 0;
    for stone in hidden {
        let from = times.partition_point(|time| *time < stone.range.from_ms);
        let rows = times
            .iter()
            .zip(sequences)
            .zip(values.iter_mut())
            .skip(from);
        for ((time, sequence), value) in rows {
            if *time > stone.range.to_ms {
                break;
            }
            if stone.hides(*time, *sequence) && !is_absent(*value) {
                *value = watchpost_model::absent_nan();
                samples += 1;
            }
        }
    }
    samples
}

/// Whether a column holds floats only, and neither stale markers nor marks of none.
pub(crate) fn is_dense(values: &[f64]) -> bool {
    // Without any NaN, as nearly always, this is one pass without a branch.
    let nans = values.iter().fold(false, |nan, value| nan | value.is_nan());
    let plain = |value: &f64| !is_absent(*value) && !is_stale(*value) && !is_histogram(*value);
    !nans || values.iter().all(plain)
}

/// Whether a value stands for a histogram.
pub(crate) fn has_histograms(values: &[f64]) -> bool {
    values.iter().any(|value| is_histogram(*value))
}

/// Whether a column has a sample.
pub(crate) fn has_samples(values: &[f64]) -> bool {
    values.iter().any(|value| !is_absent(*value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use watchpost_model::{absent_nan, stale_nan};

    use super::*;
    use crate::TimeRange;

    fn source(rows: &BTreeMap<i64, (u64, Option<u8>)>) -> Source {
        let value = |value: &Option<u8>| match value {
            None => absent_nan(),
            Some(0) => stale_nan(),
            Some(value) => f64::from(*value),
        };
        Source {
            times: rows.keys().copied().collect(),
            sequences: rows.values().map(|(sequence, _)| *sequence).collect(),
            values: rows.values().map(|(_, cell)| value(cell)).collect(),
        }
    }

    proptest! {
        #[test]
        fn at_each_time_the_value_that_was_accepted_first_stands(
            sources in vec(btree_map(0_i64..40, (0_u64..1_000_000, any::<Option<u8>>()), 0..30), 1..5),
            hidden in vec((0_i64..40, 0_i64..20, 0_u64..1_000_000), 0..3),
        ) {
            let hidden: Vec<_> = hidden
                .iter()
                .map(|(from, length, sequence)| Hidden {
                    range: TimeRange::new(*from, from + length),
                    sequence: *sequence,
                })
                .collect();
            let mut expected: BTreeMap<i64, (u64, bool, u64)> = BTreeMap::new();
            let mut read = Vec::new();
            for rows in &sources {
                let mut source = source(rows);
                for ((time, sequence), value) in source.times.iter().zip(&*source.sequences).zip(&*source.values) {
                    if is_absent(*value) || hidden.iter().any(|stone| stone.hides(*time, *sequence)) {
                        continue;
                    }
                    let rank = (*sequence, is_stale(*value), value.to_bits());
                    let first = expected.entry(*time).or_insert(rank);
                    *first = rank.min(*first);
                }
                let mut values = source.values.to_vec();
                hide(&mut values, &source.times, &source.sequences, &hidden);
                source.values = values.into();
                read.push(source);
            }
            let (times, values) = join(&read, &Histograms::default());
            let found: Vec<_> = times.iter().zip(&values).map(|(time, value)| (*time, value.to_bits())).collect();
            let expected: Vec<_> = expected.iter().map(|(time, (_, _, value))| (*time, *value)).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(is_dense(&values), values.iter().all(|value| !is_stale(*value)));
        }
    }
}
