//! The inside of a store: what its parts share, and the order in which their locks are taken.
//!
//! Locks are taken in this order, and none is held while an earlier one is taken: a group's body,
//! the lines, the groups, a group's list of lines. The metadata stand alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};

use crate::group::{Columns, GroupState};
use crate::index::{Groups, Layouts, Lines};
use crate::metadata::MetadataTable;
use crate::stats::Counters;
use crate::{Appended, Config, Error, LineId, Refusal, Row};

/// The inside of a store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: Config,
    pub(crate) lines: RwLock<Lines>,
    pub(crate) groups: RwLock<Groups>,
    pub(crate) layouts: Mutex<Layouts>,
    pub(crate) metadata: Mutex<MetadataTable>,
    pub(crate) counters: Counters,
}

/// Takes new series for a group within the limit, and notes them for the index.
struct NewSeries<'a> {
    store: &'a Store,
    lines: Vec<LineId>,
}

impl Columns for NewSeries<'_> {
    fn take(&mut self, line: LineId) -> bool {
        let taken = self
            .store
            .counters
            .take_series(self.store.config.max_series);
        if taken {
            self.lines.push(line);
        }
        taken
    }
}

impl Store {
    /// An empty store.
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            lines: RwLock::default(),
            groups: RwLock::default(),
            layouts: Mutex::default(),
            metadata: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Appends a page to a group.
    pub(crate) fn append_row(
        &self,
        group: &GroupState,
        row: Row<'_>,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check(row, now_ms)?;
        self.write(group, row.values.len(), |body, new| {
            body.append(row, self.counters.next_sequence(), new)
        })
    }

    /// Appends a part of a row to a group.
    pub(crate) fn append_part(
        &self,
        group: &GroupState,
        row: Row<'_>,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check(row, now_ms)?;
        self.write(group, row.values.len(), |body, new| {
            body.append_part(row, self.counters.next_sequence(), new)
        })
    }

    /// Ends all series of a group.
    pub(crate) fn end_group(
        &self,
        group: &GroupState,
        time_ms: i64,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check_time(time_ms, now_ms, 1)?;
        self.write(group, 1, |body, _| {
            body.end(time_ms, self.counters.next_sequence())
        })
    }

    fn write(
        &self,
        group: &GroupState,
        samples: usize,
        put: impl FnOnce(&mut crate::group::Body, &mut NewSeries<'_>) -> Result<Appended, Refusal>,
    ) -> Result<Appended, Error> {
        let mut new = NewSeries {
            store: self,
            lines: Vec::new(),
        };
        let mut body = group.body.lock();
        let appended = put(&mut body, &mut new).map_err(|refusal| {
            self.counters.refuse(refusal, samples);
            Error::Refused(refusal)
        })?;
        if !new.lines.is_empty() {
            let mut lines = self.lines.write();
            for line in &new.lines {
                lines.add_group(*line, group.id);
            }
            group.lines.lock().extend(&new.lines);
        }
        if let Some(block) = body.seal_if_full() {
            self.counters
                .memory
                .fetch_add(block.size(), Ordering::Relaxed);
        }
        drop(body);
        self.count(&appended);
        Ok(appended)
    }

    fn count(&self, appended: &Appended) {
        let accepted = appended.samples + appended.ended;
        self.counters
            .samples
            .fetch_add(accepted as u64, Ordering::Relaxed);
        for (refusal, samples) in [
            (Refusal::SeriesLimit, appended.refused),
            (Refusal::Duplicate, appended.conflicts),
            (Refusal::AbsentMark, appended.marks),
        ] {
            if samples > 0 {
                self.counters.refuse(refusal, samples);
            }
        }
    }

    fn check(&self, row: Row<'_>, now_ms: i64) -> Result<(), Error> {
        let (expected, found) = (row.layout.lines().len(), row.values.len());
        if expected != found {
            return Err(Error::RowShape { expected, found });
        }
        self.check_time(row.time_ms, now_ms, found)
    }

    fn check_time(&self, time_ms: i64, now_ms: i64, samples: usize) -> Result<(), Error> {
        let newest = now_ms.saturating_add(self.config.max_future.as_millis());
        let refusal = if time_ms > newest {
            Refusal::TooFarAhead
        } else if time_ms < self.cutoff(now_ms) {
            Refusal::TooOld
        } else {
            return Ok(());
        };
        self.counters.refuse(refusal, samples);
        Err(Error::Refused(refusal))
    }

    /// The time before which nothing is kept.
    pub(crate) fn cutoff(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.config.retention.as_millis())
    }

    /// The group of a single column.
    pub(crate) fn single(&self, line: LineId) -> Result<Arc<GroupState>, Error> {
        if let Some(group) = self.groups.read().find_single(line) {
            return Ok(Arc::clone(group));
        }
        self.groups.write().intern_single(line)
    }
}
