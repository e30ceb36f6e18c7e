//! Overlapping sources: columns that are one series to a reader.

use std::sync::Arc;

use watchpost_model::{is_absent, is_stale};

/// One source of a series.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) times: Arc<[i64]>,
    /// The order of acceptance of each row in the whole store.
    pub(crate) sequences: Arc<[u64]>,
    pub(crate) values: Vec<f64>,
}

/// Folds sources into one: at each time the value that was accepted first wins. Rows that no
/// source has a value for are left out. Of columns of one row (lines of one page with equal final
/// labels) a value wins over the end of its twin, else the lesser bits: the order in which columns
/// stand is not the same before and after a restart, a seal or a merge, and what is read must be.
pub(crate) fn merge(sources: &[Source]) -> (Arc<[i64]>, Vec<f64>) {
    let mut rows: Vec<(i64, u64, f64)> = sources
        .iter()
        .flat_map(|source| {
            let rows = source.times.iter().zip(&*source.sequences);
            rows.zip(&source.values)
                .map(|((time, sequence), value)| (*time, *sequence, *value))
        })
        .filter(|(_, _, value)| !is_absent(*value))
        .collect();
    rows.sort_unstable_by_key(|(time, sequence, value)| {
        (*time, *sequence, is_stale(*value), value.to_bits())
    });
    rows.dedup_by_key(|(time, _, _)| *time);
    let times = rows.iter().map(|(time, _, _)| *time).collect();
    (times, rows.iter().map(|(_, _, value)| *value).collect())
}

/// Whether a column holds neither stale markers nor marks of none.
pub(crate) fn is_dense(values: &[f64]) -> bool {
    values
        .iter()
        .all(|value| !is_absent(*value) && !is_stale(*value))
}
