//! The inside of a store: what its parts share, and the order in which their locks are taken.
//!
//! Locks are taken in this order, and none is held while an earlier one is taken: the layouts, a
//! group's body, the log's files, the lines, the groups. The metadata and the exemplars stand alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};

use crate::directory::Directory;
use crate::disk::{Disk, ReadOnlyDisk, SystemDisk};
use crate::exemplars;
use crate::head::{
    Accepted, At, BlockCache, BlockTarget, Body, Change, Columns, Given, GroupState, HeadFiles,
    NO_SLOT, Slots, scan,
};
use crate::index::{GroupId, Groups, Layouts, Lines, Schema};
use crate::log::{Log, Replayed, SyncThread, Written, replay};
use crate::metadata::MetadataTable;
use crate::notes::Notes;
use crate::ring::{List, Ring, Sealed, Watermark};
use crate::segment::{Cache, SegmentIndex};
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
    pub(crate) exemplars: Mutex<exemplars::Ring>,
    pub(crate) notes: Notes,
    pub(crate) counters: Counters,
    /// Held by the one that drops for want of memory.
    pub(crate) pressure: Mutex<()>,
    pub(crate) disk: Arc<dyn Disk>,
    /// Blocks of head files that were read lately.
    pub(crate) blocks: Arc<BlockCache>,
    /// Nothing in a store without files, and until they are read.
    pub(crate) files: Option<Files>,
}

/// What a store with files has.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) log: Arc<Log>,
    pub(crate) head: Arc<HeadFiles>,
    pub(crate) ring: Ring,
    pub(crate) replayed: Replayed,
    /// Stops before the directory is let go.
    _sync: Option<SyncThread>,
    _directory: Directory,
}

impl Files {
    /// The bytes of the log and of the head's files.
    pub(crate) fn own_bytes(&self) -> u64 {
        self.head.bytes() + self.log.bytes()
    }
}

/// Takes new series for a group within the limit, and has the index know them.
pub(crate) struct NewSeries<'a> {
    store: &'a Store,
    group: GroupId,
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
        Ok(())
    }

    fn extend(&mut self, schema: &Arc<Schema>, new: &[LineId]) -> Arc<Schema> {
        let mut groups = self.store.groups.write();
        let schema = groups.schemas_mut().extend(schema, new);
        groups.set_schema(self.group, &schema);
        schema
    }
}

impl Store {
    /// An empty store.
    pub(crate) fn new(config: Config) -> Self {
        Self {
            exemplars: Mutex::new(exemplars::Ring::new(config.max_exemplars)),
            blocks: Arc::new(BlockCache::new(config.head_cache_size)),
            config,
            lines: RwLock::default(),
            groups: RwLock::default(),
            layouts: Mutex::default(),
            metadata: Mutex::default(),
            notes: Notes::default(),
            counters: Counters::default(),
            pressure: Mutex::default(),
            disk: Arc::new(SystemDisk),
            files: None,
        }
    }

    /// A store with files: takes the directory, reads the head files, replays the log and starts a
    /// new log file.
    pub(crate) fn open(config: Config, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        config.check()?;
        let directory = Directory::open(&config.path, &*disk)?;
        Self::load(config, disk, directory)
    }

    /// A store that is only read, whoever has its directory.
    pub(crate) fn open_read_only(config: Config) -> Result<Self, Error> {
        let directory = Directory::read_only(&config.path)?;
        Self::load(config, Arc::new(ReadOnlyDisk), directory)
    }

    fn load(config: Config, disk: Arc<dyn Disk>, directory: Directory) -> Result<Self, Error> {
        let mut store = Self::new(config);
        store.disk = Arc::clone(&disk);
        let ring = Ring::open(&directory, &store.config, Arc::clone(&disk))?;
        store.counters.raise_sequence(ring.next_sequence());
        store.counters.note_deletion(ring.newest_deletion());
        store.restore_watermarks(&ring)?;
        let mut replayed = Replayed::default();
        let head = scan(&store, &directory.head(), &mut replayed)?;
        let on_disk = Arc::clone(&disk);
        let cache = &store.blocks;
        let head = HeadFiles::new(&store.config, directory.head(), on_disk, head, cache);
        let finished = replay(&store, &directory.log(), &mut replayed)?;
        ring.count_set_aside(&directory)?;
        let log = Log::new(&store.config, directory.log(), disk, finished);
        let (log, head) = (Arc::new(log), Arc::new(head));
        let files = (Arc::clone(&log), Arc::clone(&head));
        let interval = store.config.sync_interval.as_std();
        let sync = directory
            .is_ours()
            .then(|| SyncThread::start(files, interval));
        store.files = Some(Files {
            log,
            head,
            ring,
            replayed,
            _sync: sync.transpose()?,
            _directory: directory,
        });
        store.finish_replay();
        Ok(store)
    }

    /// Counts bytes of finished blocks that are in memory.
    pub(crate) fn count_memory(&self, bytes: isize) {
        // Adding wraps: fewer than none takes away.
        let bytes = bytes.cast_unsigned();
        self.counters.memory.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The segments there are; none in a store without files.
    pub(crate) fn list(&self) -> Arc<List> {
        let files = self.files.as_ref();
        files.map_or_else(Arc::default, |files| files.ring.list())
    }

    /// The index of a segment.
    pub(crate) fn segment_index(&self, sealed: &Sealed) -> Result<Arc<SegmentIndex>, Error> {
        match &self.files {
            Some(files) => sealed.segment.index(&files.ring.cache),
            None => sealed.segment.index(&Cache::new(0)),
        }
    }

    /// Goes on without what is damaged in a segment; it is told and counted. Any other error stands.
    pub(crate) fn tolerate(&self, error: Error) -> Result<(), Error> {
        match (error, &self.files) {
            (damage @ Error::Damaged { .. }, Some(files)) => {
                files.ring.note_damage(&damage);
                Ok(())
            }
            (other, _) => Err(other),
        }
    }

    /// Notes of each group up to when its rows are in the newest segments: a crash may have left them
    /// in the head, too. Of older segments the head has nothing.
    fn restore_watermarks(&self, ring: &Ring) -> Result<(), Error> {
        for Watermark { key, rows } in ring.newest_watermarks()? {
            let mut groups = self.groups.write();
            let mut state = match key.single {
                Some(line) => groups.intern_single(self.lines.write().intern(line)?)?,
                None => groups.intern(&key.labels)?,
            };
            if key.side > 0 {
                state = groups.intern_side(&state, key.side)?;
            }
            drop(groups);
            let mut body = state.body.lock();
            for (time, sequence) in rows {
                body.restore_sealed(time, sequence);
            }
        }
        Ok(())
    }

    /// Appends a page to a group.
    pub(crate) fn append_row(
        &self,
        group: &GroupState,
        (row, given): (Row<'_>, &Given),
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check(row, now_ms)?;
        let side = self.side(group, (row.time_ms, now_ms), Body::newest_page)?;
        let group = side.as_deref().unwrap_or(group);
        self.write(group, (row.time_ms, row.values.len()), |body, at, new| {
            body.append((row, given), at, new)
        })
    }

    /// Judges and puts what `put` does, and writes it to the log.
    pub(crate) fn write(
        &self,
        group: &GroupState,
        (time, samples): (i64, usize),
        put: impl FnOnce(&mut Body, At, &mut NewSeries<'_>) -> Result<Accepted, Refusal>,
    ) -> Result<Appended, Error> {
        let mut new = NewSeries {
            store: self,
            group: group.id,
        };
        let mut body = group.body.lock();
        let at = At {
            time,
            sequence: self.counters.next_sequence(),
            file: self.files.as_ref().map_or(0, |files| files.log.current()),
            group: group.id,
            deleted: self.counters.deleted(),
        };
        let accepted = put(&mut body, at, &mut new).map_err(|refusal| {
            self.counters.refuse(refusal, samples);
            Error::Refused(refusal)
        })?;
        self.write_log(group, &mut body, at.file, &accepted);
        self.seal(group, &mut body);
        drop(body);
        if self.counters.memory.load(Ordering::Relaxed) > self.config.max_memory {
            self.enforce_memory();
        }
        self.count(&accepted.appended);
        Ok(accepted.appended)
    }

    /// Gives a group columns that it has whatever the limit says: those of the schema of a file. Gives
    /// the group's slot of each.
    pub(crate) fn take_columns(&self, group: &GroupState, schema: &Arc<Schema>) -> Slots {
        let mut body = group.body.lock();
        if !body.schema().lines().starts_with(schema.lines()) {
            let lines = self.lines.read();
            let new =
                |line: &&LineId| body.slot_of(**line).is_none() && lines.get(**line).is_some();
            let new: Vec<_> = schema.lines().iter().filter(new).copied().collect();
            drop(lines);
            if !new.is_empty() {
                let mut series = NewSeries {
                    store: self,
                    group: group.id,
                };
                let grown = series.extend(body.schema(), &new);
                self.counters.series.fetch_add(new.len(), Ordering::Relaxed);
                body.grow(grown);
            }
        }
        let slots = schema.lines().iter().map(|line| body.slot_of(*line));
        let slots = slots.map(|slot| slot.and_then(|slot| u32::try_from(slot).ok()));
        Slots::new(slots.map(|slot| slot.unwrap_or(NO_SLOT)).collect())
    }

    /// Where the blocks of a group go.
    pub(crate) fn block_target<'a>(&'a self, group: &'a GroupState) -> BlockTarget<'a> {
        BlockTarget {
            group,
            files: self.files.as_ref().map(|files| &*files.head),
            lines: &self.lines,
        }
    }

    /// Finishes a block of a group where it is time.
    pub(crate) fn seal(&self, group: &GroupState, body: &mut Body) {
        while let Some(bytes) = body.seal_if_full(self.block_target(group)) {
            self.count_memory(bytes);
        }
    }

    /// Makes a block of rows of a group where the log has given very many.
    pub(crate) fn seal_replayed(&self, group: &GroupState, body: &mut Body) {
        let bytes = body.seal_replayed(self.block_target(group));
        self.count_memory(bytes);
    }

    /// Finishes what the replay has left in the groups.
    fn finish_replay(&self) {
        let groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        for group in groups {
            let mut body = group.body.lock();
            let bytes = body.restore_lost();
            self.counters.memory.fetch_add(bytes, Ordering::Relaxed);
            let freed = body.write_blocks(self.block_target(&group));
            self.counters.memory.fetch_sub(freed, Ordering::Relaxed);
            self.seal(&group, &mut body);
            body.note_ended();
            body.forget_restored();
        }
        self.enforce_memory();
    }

    /// Writes what was accepted to the log. The group's lock is held: nobody sees the row before
    /// it is written. A row that the log cannot take stays in memory and is counted.
    fn write_log(&self, group: &GroupState, body: &mut Body, file: u64, accepted: &Accepted) {
        let Some(files) = &self.files else { return };
        if matches!(accepted.change, Change::Nothing) {
            return;
        }
        let log = &files.log;
        let mut file = file;
        let mut anew;
        let mut records = &accepted.records;
        while file != 0 {
            match log.write(file, group, records, &self.lines) {
                Written::Yes => return,
                Written::OtherFile => {}
                Written::InPart | Written::No => break,
            }
            file = log.current();
            anew = body.records(file, group, &accepted.change);
            records = &anew;
        }
        body.not_logged(&accepted.change);
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
            (Refusal::OutOfOrder, appended.out_of_order),
            (Refusal::TooOld, appended.too_old),
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

    /// Refuses what is too old or too far ahead.
    pub(crate) fn check_time(
        &self,
        time_ms: i64,
        now_ms: i64,
        samples: usize,
    ) -> Result<(), Error> {
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
