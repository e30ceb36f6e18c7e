//! From series with their samples to rows: what a target has at one time.
//!
//! A request holds series by series; the store takes row by row. The samples of a target are
//! gathered by time until another target comes, and then go to the store in order of time. A target
//! of which only a few samples have come waits for more until the end of the request.

use watchpost_tsdb::LineId;

use super::message::Sample;

/// From how many samples on a target's rows are worth a visit to the store.
const WORTHWHILE: usize = 32;
/// How many rows of a target are gathered at the most.
const MAX_ROWS: usize = 4_096;
/// How many emptied rows are kept for their memory, and up to which size.
const MAX_SPARE: usize = 64;
const MAX_SPARE_CELLS: usize = 16_384;

/// What a target has at one time.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) time_ms: i64,
    pub(super) cells: Vec<(LineId, f64)>,
}

/// The rows of one target, in order of time.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) target: usize,
    pub(super) rows: Vec<Row>,
    samples: usize,
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
            });
            self.open.len() - 1
        });
        ready
    }

    /// Adds a sample of the series that has begun. Gives the target's rows where they have become
    /// too many.
    #[inline]
    pub(super) fn push(&mut self, line: LineId, sample: Sample) -> Option<Gathered> {
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
        let place = batch
            .rows
            .binary_search_by_key(&sample.time_ms, |row| row.time_ms)
            .unwrap_or_else(|place| {
                let mut row = self.spare.pop().unwrap_or_default();
                row.time_ms = sample.time_ms;
                batch.rows.insert(place, row);
                place
            });
        if let Some(row) = batch.rows.get_mut(place) {
            row.cells.push((line, sample.value));
        }
        self.cursor = place + 1;
        if batch.rows.len() < MAX_ROWS {
            return None;
        }
        self.cursor = 0;
        batch.samples = 0;
        Some(Gathered {
            target: batch.target,
            rows: std::mem::take(&mut batch.rows),
            samples: 0,
        })
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
                self.spare.push(row);
            }
        }
    }
}
