//! From series with their samples to rows: what a target has at one time.
//!
//! A request holds series by series; the store takes row by row. The samples of a target are
//! gathered by time until another target comes, and then go to the store in order of time. A target
//! of which only a few samples have come waits for more until the end of the request.

use watchpost_model::histogram::{histogram_index, histogram_mark};
use watchpost_model::{Histogram, absent_nan};
use watchpost_tsdb::LineId;

use super::message::Sample;

/// From how many samples on a target's rows are worth a visit to the store.
const WORTHWHILE: usize = 32;
/// How many rows of a target are gathered at the most.
const MAX_ROWS: usize = 4_096;
/// What a native histogram takes besides its buckets, and how many bytes of them a target's rows have at
/// the most.
const HISTOGRAM_BYTES: usize = 256;
const MAX_HISTOGRAM_BYTES: usize = 8 << 20;
/// How many emptied rows are kept for their memory, and up to which size.
const MAX_SPARE: usize = 64;
const MAX_SPARE_CELLS: usize = 16_384;

/// What a target has at one time.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) time_ms: i64,
    pub(super) cells: Vec<(LineId, f64)>,
    /// What values that are marks stand for.
    pub(super) histograms: Vec<Histogram>,
}

/// The rows of one target, in order of time.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) target: usize,
    pub(super) rows: Vec<Row>,
    samples: usize,
    /// About how many bytes its histograms take.
    histogram_bytes: usize,
}

/// A sample that does not stand for a histogram of its row: who sends the bits of such a mark sends no
/// value.
#[inline]
fn unmarked(sample: Sample) -> Sample {
    if sample.value.is_nan() && histogram_index(sample.value).is_some() {
        let value = absent_nan();
        return Sample { value, ..sample };
    }
    sample
}

impl Gathered {
    /// The place of the row of a time, which is made where there is none.
    fn row(&mut self, time_ms: i64, spare: &mut Vec<Row>) -> usize {
        let place = self.rows.binary_search_by_key(&time_ms, |row| row.time_ms);
        place.unwrap_or_else(|place| {
            let mut row = spare.pop().unwrap_or_default();
            row.time_ms = time_ms;
            self.rows.insert(place, row);
            place
        })
    }

    /// Takes the rows, to be stored.
    fn take(&mut self) -> Self {
        (self.samples, self.histogram_bytes) = (0, 0);
        Self {
            target: self.target,
            rows: std::mem::take(&mut self.rows),
            samples: 0,
            histogram_bytes: 0,
        }
    }
}

/// The rows that are being gathered.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: Vec<Gathered>,
    /// The batch of the target that comes.
    current: usize,
    /// Where the series' next sample is likely to stand.
    cursor: usize,
    spare: Vec<Row>,
}

impl Batches {
    /// A series of a target begins. Gives the rows of the target before it, where they are
    /// worthwhile.
    #[inline]
    pub(super) fn begin(&mut self, target: usize) -> Option<Gathered> {
        self.cursor = 0;
        let current = self.open.get(self.current);
        if current.is_some_and(|batch| batch.target == target) {
            return None;
        }
        let ready = current
            .is_some_and(|batch| batch.samples >= WORTHWHILE)
            .then(|| self.open.swap_remove(self.current));
        let known = self.open.iter().position(|batch| batch.target == target);
        self.current = known.unwrap_or_else(|| {
            self.open.push(Gathered {
                target,
                rows: Vec::new(),
                samples: 0,
                histogram_bytes: 0,
            });
            self.open.len() - 1
        });
        ready
    }

    /// Adds a sample of the series that has begun. Gives the target's rows where they have become
    /// too many.
    #[inline]
    pub(super) fn push(&mut self, line: LineId, sample: Sample) -> Option<Gathered> {
        let sample = unmarked(sample);
        let batch = self.open.get_mut(self.current)?;
        batch.samples += 1;
        let likely = batch.rows.get_mut(self.cursor);
        if let Some(row) = likely.filter(|row| row.time_ms == sample.time_ms) {
            row.cells.push((line, sample.value));
            self.cursor += 1;
            return None;
        }
        self.push_elsewhere(line, sample)
    }

    fn push_elsewhere(&mut self, line: LineId, sample: Sample) -> Option<Gathered> {
        let batch = self.open.get_mut(self.current)?;
        let place = batch.row(sample.time_ms, &mut self.spare);
        if let Some(row) = batch.rows.get_mut(place) {
            row.cells.push((line, sample.value));
        }
        self.cursor = place + 1;
        if batch.rows.len() < MAX_ROWS {
            return None;
        }
        self.cursor = 0;
        Some(batch.take())
    }

    /// Adds a native histogram of the series that has begun. Gives the target's rows where they have
    /// become too many.
    pub(super) fn push_histogram(
        &mut self,
        line: LineId,
        time_ms: i64,
        histogram: Histogram,
    ) -> Option<Gathered> {
        let batch = self.open.get_mut(self.current)?;
        batch.samples += 1;
        batch.histogram_bytes += HISTOGRAM_BYTES + 8 * histogram.bucket_count();
        let place = batch.row(time_ms, &mut self.spare);
        if let Some(row) = batch.rows.get_mut(place)
            && let Ok(of_row) = u32::try_from(row.histograms.len())
        {
            row.cells.push((line, histogram_mark(of_row)));
            row.histograms.push(histogram);
        }
        self.cursor = place + 1;
        if batch.rows.len() < MAX_ROWS && batch.histogram_bytes < MAX_HISTOGRAM_BYTES {
            return None;
        }
        self.cursor = 0;
        Some(batch.take())
    }

    /// The rest at the end of a request.
    pub(super) fn end(&mut self) -> Vec<Gathered> {
        self.current = 0;
        std::mem::take(&mut self.open)
    }

    /// Takes rows back that are stored.
    pub(super) fn reuse(&mut self, rows: Vec<Row>) {
        for mut row in rows {
            if self.spare.len() < MAX_SPARE && row.cells.capacity() <= MAX_SPARE_CELLS {
                row.cells.clear();
                row.histograms.clear();
                self.spare.push(row);
            }
        }
    }
}
