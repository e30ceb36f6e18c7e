//! What a query reads.

mod join;

use std::sync::Arc;

use watchpost_model::{Labels, Matcher};

use self::join::{Source, is_dense, merge};
use crate::head::Snapshot;
use crate::store::Store;

/// A span of time, both ends inclusive, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first millisecond.
    pub from_ms: i64,
    /// The last millisecond.
    pub to_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        from_ms: i64::MIN,
        to_ms: i64::MAX,
    };

    /// From one millisecond to another, both included.
    pub const fn new(from_ms: i64, to_ms: i64) -> Self {
        Self { from_ms, to_ms }
    }

    /// Whether a time lies in it.
    pub(crate) fn has(&self, time_ms: i64) -> bool {
        self.from_ms <= time_ms && time_ms <= self.to_ms
    }

    /// Whether it has a time in common with another one.
    pub(crate) fn touches(&self, other: Self) -> bool {
        self.from_ms <= other.to_ms && other.from_ms <= self.to_ms
    }
}

/// The values of a series, one for each of its times.
#[derive(Clone, Debug)]
pub enum Column {
    /// Floats. A stale marker (`is_stale`) ends the series; a row without a value of this series
    /// holds the absent mark (`is_absent`), which is no sample.
    Float(Arc<[f64]>),
    /// Native histograms in the store's own encoding; `None` is a row without one.
    Histogram(Arc<[Option<Arc<[u8]>>]>),
}

/// A series of a selection.
#[derive(Clone, Debug)]
pub struct Series {
    /// The final label set.
    pub labels: Labels,
    /// The times, ascending, ms; one allocation for all series of the same group. `Arc::ptr_eq`
    /// tells that two series share them.
    pub times: Arc<[i64]>,
    /// The values.
    pub column: Column,
    /// Whether `column` holds neither stale markers nor absent marks.
    pub dense: bool,
}

/// The result of a select.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The series, sorted by labels, each label set once.
    pub series: Vec<Series>,
}

/// A column that was read, before equal label sets are folded.
struct Read {
    labels: Labels,
    source: Source,
}

/// Reads the series that pass all matchers and have a sample in the range. `admit` gets the number
/// of rows of each before they are read.
pub(crate) fn select<E>(
    store: &Store,
    range: TimeRange,
    matchers: &[Matcher],
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<Selection, E> {
    let mut columns = Vec::new();
    for (group, lines) in store.matching(matchers) {
        let snapshot = group.body.lock().snapshot(range, &lines);
        read_group(store, (&group.labels, &snapshot), &mut admit, &mut columns)?;
    }
    columns.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut series = Vec::with_capacity(columns.len());
    let mut columns = columns.into_iter().peekable();
    while let Some(first) = columns.next() {
        let mut sources = vec![first.source];
        while let Some(next) = columns.next_if(|next| next.labels == first.labels) {
            sources.push(next.source);
        }
        series.push(finish(first.labels, sources));
    }
    Ok(Selection { series })
}

fn read_group<E>(
    store: &Store,
    (group, snapshot): (&Labels, &Snapshot),
    admit: &mut impl FnMut(usize) -> Result<(), E>,
    columns: &mut Vec<Read>,
) -> Result<(), E> {
    let times = snapshot.times();
    let sequences = snapshot.sequences();
    for column in snapshot.columns() {
        if !snapshot.has_samples(column) {
            continue;
        }
        admit(times.len())?;
        let lines = store.lines.read();
        let Some(line) = lines.get(column.line) else {
            continue;
        };
        columns.push(Read {
            labels: line.final_labels(group),
            source: Source {
                times: Arc::clone(&times),
                sequences: Arc::clone(&sequences),
                values: snapshot.values(column),
            },
        });
    }
    Ok(())
}

fn finish(labels: Labels, mut sources: Vec<Source>) -> Series {
    let (times, values) = match sources.pop() {
        Some(only) if sources.is_empty() => (only.times, only.values),
        last => {
            sources.extend(last);
            merge(&sources)
        }
    };
    Series {
        labels,
        times,
        dense: is_dense(&values),
        column: Column::Float(values.into()),
    }
}
