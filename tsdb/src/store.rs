//! The inside of a store: what its parts share, and the order in which their locks are taken.
//!
//! Locks are taken in this order, and none is held while an earlier one is taken: the layouts, a
//! group's body, the log's files, the lines, the groups. The metadata stand alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};
use tracing::warn;

use crate::directory::Directory;
use crate::disk::Disk;
use crate::head::{Accepted, Body, Change, Columns, GroupState};
use crate::index::{Groups, Layouts, Lines, Side};
use crate::log::{Log, Replayed, SyncThread, Written, replay};
use crate::metadata::MetadataTable;
use crate::stats::Counters;
use crate::{Appended, Config, Error, LineId, Refusal, Row};

/// How many side heads a group has at most: so often the clock may go back behind what it made the
/// time before, until it has caught up.
const MAX_SIDES: u32 = 8;

/// The inside of a store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: Config,
    pub(crate) lines: RwLock<Lines>,
    pub(crate) groups: RwLock<Groups>,
    pub(crate) layouts: Mutex<Layouts>,
    pub(crate) metadata: Mutex<MetadataTable>,
    pub(crate) counters: Counters,
    /// The time before which rows were dropped for want of memory.
    pub(crate) horizon: AtomicI64,
    /// Held by the one that drops for want of memory.
    pub(crate) pressure: Mutex<()>,
    /// Nothing in a store without files.
    pub(crate) files: Option<Files>,
}

/// What a store with files has.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) log: Arc<Log>,
    pub(crate) replayed: Replayed,
    /// Stops before the directory is let go.
    _sync: SyncThread,
    #[expect(dead_code, reason = "the segments are about to come")]
    pub(crate) directory: Directory,
}

/// Takes new series for a group within the limit, and notes them for the index.
struct NewSeries<'a> {
    store: &'a Store,
    lines: Vec<LineId>,
}

impl Columns for NewSeries<'_> {
    fn take(&mut self, line: LineId) -> Result<(), Refusal> {
        if self.store.lines.read().get(line).is_none() {
            return Err(Refusal::ForgottenLine);
        }
        let limit = self.store.config.max_series;
        if !self.store.counters.take_series(limit) {
            return Err(Refusal::SeriesLimit);
        }
        self.lines.push(line);
        Ok(())
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
            horizon: AtomicI64::new(i64::MIN),
            pressure: Mutex::default(),
            files: None,
        }
    }

    /// A store with files: takes the directory, replays the log and starts a new log file.
    pub(crate) fn open(config: Config, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let directory = Directory::open(&config.path, &*disk)?;
        let mut store = Self::new(config);
        let (replayed, finished) = replay(&store, &directory.log())?;
        let log = Log::new(&store.config, directory.log(), disk, finished);
        let log = Arc::new(log);
        let sync = SyncThread::start(Arc::clone(&log), store.config.sync_interval.as_std())?;
        store.files = Some(Files {
            log,
            replayed,
            _sync: sync,
            directory,
        });
        Ok(store)
    }

    /// Appends a page to a group.
    pub(crate) fn append_row(
        &self,
        group: &GroupState,
        row: Row<'_>,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check(row, now_ms)?;
        let side = self.side(group, (row.time_ms, now_ms), Body::newest_page)?;
        let group = side.as_deref().unwrap_or(group);
        self.write(group, row.values.len(), |body, new| {
            body.append(row, self.counters.next_sequence(), new)
        })
    }

    /// Appends samples of one time to a group.
    pub(crate) fn append_samples(
        &self,
        group: &GroupState,
        (time_ms, now_ms): (i64, i64),
        samples: &[(LineId, f64)],
    ) -> Result<Appended, Error> {
        self.check_time(time_ms, now_ms, samples.len())?;
        let side = self.side(group, (time_ms, now_ms), Body::newest_closed)?;
        let group = side.as_deref().unwrap_or(group);
        self.write(group, samples.len(), |body, new| {
            let at = (time_ms, self.counters.next_sequence());
            body.append_samples(at, samples, new)
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
        let side = self.side(group, (time_ms, now_ms), Body::newest_row)?;
        let group = side.as_deref().unwrap_or(group);
        self.write(group, 1, |body, _| {
            body.end(time_ms, self.counters.next_sequence())
        })
    }

    /// The side head that takes what is of a time where the group has rows later than now, and so
    /// would refuse it: nothing where the group can have it itself. `newest` tells up to when a
    /// group takes nothing. Readers find the rows of both as one series.
    fn side(
        &self,
        group: &GroupState,
        (time_ms, now_ms): (i64, i64),
        newest: fn(&Body) -> Option<i64>,
    ) -> Result<Option<Arc<GroupState>>, Error> {
        let ahead = |group: &GroupState| {
            let newest = newest(&group.body.lock());
            newest.is_some_and(|newest| newest > now_ms && newest > time_ms)
        };
        if !ahead(group) {
            return Ok(None);
        }
        let mut found = None;
        for number in 1..=MAX_SIDES {
            let side = Side {
                of: group.id,
                number,
            };
            let known = self.groups.read().find_side(side).map(Arc::clone);
            let side = match known {
                Some(side) => side,
                None => self.groups.write().intern_side(group, number)?,
            };
            let fits = !ahead(&side);
            found = Some(side);
            if fits {
                break;
            }
        }
        if self.counters.count_side_row() == 0 {
            warn!(
                "there are rows later than now (a clock was ahead and went back): what comes is kept beside them"
            );
        }
        Ok(found)
    }

    fn write(
        &self,
        group: &GroupState,
        samples: usize,
        put: impl FnOnce(&mut Body, &mut NewSeries<'_>) -> Result<Accepted, Refusal>,
    ) -> Result<Appended, Error> {
        let mut new = NewSeries {
            store: self,
            lines: Vec::new(),
        };
        let mut body = group.body.lock();
        let accepted = put(&mut body, &mut new).map_err(|refusal| {
            self.counters.refuse(refusal, samples);
            Error::Refused(refusal)
        })?;
        self.index(group, &new.lines);
        self.write_log(group, &mut body, &accepted);
        self.seal(&mut body);
        drop(body);
        if self.counters.memory.load(Ordering::Relaxed) > self.config.max_memory {
            self.enforce_memory();
        }
        self.count(&accepted.appended);
        Ok(accepted.appended)
    }

    /// Makes new series of a group known to the index.
    fn index(&self, group: &GroupState, new: &[LineId]) {
        if new.is_empty() {
            return;
        }
        self.groups.write().add_columns(group.id, new);
    }

    /// Makes series of a group known that are there whatever the limit says.
    pub(crate) fn note_series(&self, group: &GroupState, new: &[LineId]) {
        self.counters.series.fetch_add(new.len(), Ordering::Relaxed);
        self.index(group, new);
    }

    /// Finishes a block of a group where it is time.
    pub(crate) fn seal(&self, body: &mut Body) {
        if let Some(block) = body.seal_if_full() {
            self.counters
                .memory
                .fetch_add(block.size(), Ordering::Relaxed);
        }
    }

    /// Writes what was accepted to the log. The group's lock is held: nobody sees the row before
    /// it is written. A row that the log cannot take stays in memory and is counted.
    fn write_log(&self, group: &GroupState, body: &mut Body, accepted: &Accepted) {
        let Some(files) = &self.files else { return };
        if matches!(accepted.change, Change::Nothing) {
            return;
        }
        let log = &files.log;
        loop {
            let file = log.current();
            if file == 0 {
                break;
            }
            let records = body.records(file, group, accepted);
            match log.write(file, &records, &self.lines) {
                Written::Yes if records.whole => return,
                Written::OtherFile => {}
                Written::Yes | Written::No => break,
            }
        }
        body.define_anew();
        log.count_not_logged();
    }

    fn count(&self, appended: &Appended) {
        let accepted = appended.samples + appended.ended;
        self.counters
            .samples
            .fetch_add(accepted as u64, Ordering::Relaxed);
        for (refusal, samples) in [
            (Refusal::SeriesLimit, appended.refused - appended.forgotten),
            (Refusal::ForgottenLine, appended.forgotten),
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
