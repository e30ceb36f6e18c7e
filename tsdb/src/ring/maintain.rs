//! Keeping the ring: sealing, merging, dropping.

use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;
use tracing::{error, info};

use super::list::{Ring, Sealed, Work};
use super::merge::MergeSource;
use super::name::{SegmentName, UNFINISHED};
use super::seal::HeadSource;
use super::tombstones::{self, Tombstones};
use crate::head::GroupState;
use crate::index::GroupId;
use crate::segment::{self, Segment, Source};
use crate::store::{Files, Store};
use crate::{Error, TimeRange};

/// About how many bytes of encoded columns a seal or a merge gathers at a time.
pub(super) const MEMORY: usize = 32 << 20;
/// So much of a window a window waits after it is past, for what comes a little late.
const WAIT_PART: i64 = 24;
/// And so long at the least, ms.
const LEAST_WAIT: i64 = 60_000;
/// So long at the least, ms, a group is remembered of which nothing comes.
const LEAST_IDLE: i64 = 3_600_000;
/// Late rows of windows that are sealed already are sealed so many times a window.
const LATE_SEALS: i64 = 4;
/// At most this part of the size limit is for the head and the log.
const HEAD_PART: u64 = 4;

/// What was found worth doing, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The window is past.
    Past,
    /// The head takes too much room.
    Room,
}

impl Store {
    /// Seals, merges and drops what is due. One thread at a time does; another one does nothing.
    pub(crate) fn maintain_ring(&self, now_ms: i64) -> Result<(), Error> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        let Some(mut work) = files.ring.work.try_lock() else {
            return Ok(());
        };
        let mut first = None;
        let mut note = |result: Result<(), Error>| {
            if let Err(error) = result {
                error!(%error, "the store could not be maintained; it is tried again");
                files.ring.counts.lock().failures += 1;
                first.get_or_insert(error);
            }
        };
        files.ring.remove_files(&mut work);
        files.ring.drop_past(self.cutoff(now_ms), &mut work);
        self.let_go_of_moved(files, &mut work);
        self.forget_idle(now_ms);
        note(self.seal_due(files, now_ms, &mut work));
        files
            .ring
            .make_room(files.own_bytes(), 0, &self.config, &mut work);
        note(files.ring.merge_due(now_ms, self, &mut work));
        note(self.drop_tombstones(files, &mut work));
        first.map_or(Ok(()), Err)
    }

    /// Seals the windows that are past, and what has to leave the head for want of room.
    fn seal_due(&self, files: &Files, now_ms: i64, work: &mut Work) -> Result<(), Error> {
        let window = self.config.window.as_millis().max(1);
        let past = now_ms
            .saturating_sub((window / WAIT_PART).max(LEAST_WAIT))
            .div_euclid(window)
            .saturating_mul(window);
        let head_bytes = files.own_bytes();
        let is_late = work.sealed_until.is_some_and(|until| past <= until);
        let wait = window / LATE_SEALS;
        let is_soon = work
            .sealed_at
            .is_some_and(|at| now_ms.saturating_sub(at) < wait);
        let most = self.most_head_bytes();
        let until = if is_late && is_soon && head_bytes <= most / 2 {
            i64::MIN
        } else {
            past
        };
        let sealed = self.seal_until(files, until, Reason::Past, work)?;
        if sealed || self.oldest_row().is_none_or(|oldest| oldest >= past) {
            work.sealed_until = work.sealed_until.max(Some(past));
            work.sealed_at = work.sealed_at.max(sealed.then_some(now_ms));
        }
        if files.own_bytes() > most {
            let until = now_ms.saturating_sub(window / WAIT_PART);
            self.seal_until(files, until, Reason::Room, work)?;
        }
        work.head_bytes = files.own_bytes();
        Ok(())
    }

    /// Forgets the groups of which nothing came for a while: their rows are in segments.
    fn forget_idle(&self, now_ms: i64) {
        let idle = (2 * self.config.window.as_millis()).max(LEAST_IDLE);
        for group in self.all_groups() {
            let mut body = group.body.lock();
            body.forget_idle(now_ms.saturating_sub(idle));
        }
    }

    /// How many bytes the head and the log may take.
    fn most_head_bytes(&self) -> u64 {
        let of_size = self.config.max_size / HEAD_PART;
        let limits = [self.config.max_head_size, of_size];
        let limits = limits.into_iter().filter(|limit| *limit > 0);
        limits.min().unwrap_or(u64::MAX)
    }

    /// The time of the oldest row in the head.
    pub(super) fn oldest_row(&self) -> Option<i64> {
        let groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        let spans = groups
            .iter()
            .filter_map(|group| group.body.lock().time_span());
        spans.map(|(first, _)| first).min()
    }

    /// Seals all windows with rows before a time, oldest first. Whether there were any.
    fn seal_until(
        &self,
        files: &Files,
        until_ms: i64,
        reason: Reason,
        work: &mut Work,
    ) -> Result<bool, Error> {
        let mut any = false;
        let (mut after, mut again) = (i64::MIN, 0);
        while let Some(oldest) = self.oldest_row().filter(|oldest| *oldest < until_ms) {
            if !files.ring.list().moved.is_empty() {
                // Readers still read rows in the head that are in a segment.
                break;
            }
            let (from_ms, to_ms) = files.ring.spans.window(oldest);
            again = if to_ms <= after { again + 1 } else { 0 };
            if again > 1 {
                // Rows of that window come while it is sealed; they wait for the next time.
                break;
            }
            after = to_ms;
            let span = (from_ms, to_ms, to_ms.min(until_ms));
            self.seal_window(files, span, reason, work)?;
            self.let_go_of_moved(files, work);
            any = true;
        }
        if any {
            // What has only sealed rows can go: at the next window that is all from before.
            files.log.rotate();
            files.head.rotate();
        }
        Ok(any)
    }

    /// Writes the rows of a window that are before a time as a segment.
    fn seal_window(
        &self,
        files: &Files,
        (from_ms, to_ms, until_ms): (i64, i64, i64),
        reason: Reason,
        work: &mut Work,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let ring = &files.ring;
        let list = ring.list();
        // Rows of windows before this one are sealed already, but for such as came since.
        let range = TimeRange::new(i64::MIN, until_ms.saturating_sub(1));
        let mut source = HeadSource::new(&self.lines, list.stones.within(range));
        let mut moved: HashMap<GroupId, i64> = HashMap::default();
        for group in self.all_groups() {
            self.flush_group(&group, until_ms);
            if let Some(last) = source.add(&group, range)? {
                moved.insert(group.id, last.saturating_add(1));
            }
        }
        for damage in &source.damaged {
            ring.note_damage(damage);
        }
        if moved.is_empty() {
            return Ok(());
        }
        ring.make_room(files.own_bytes(), files.own_bytes(), &self.config, work);
        let name = SegmentName {
            from_ms,
            to_ms,
            number: work.next_number(),
        };
        let sealed = ring.write(name, &mut source)?;
        let deleted = source.deleted;
        let mut list = list.changed(&[], sealed.into_iter().collect());
        list.moved = Arc::new(moved);
        ring.publish(list, work);
        let mut counts = ring.counts.lock();
        counts.seals += 1;
        counts.early_seals += u64::from(reason == Reason::Room);
        counts.deleted_samples += deleted;
        counts.seal_time += start.elapsed();
        info!(segment = %name, took = ?start.elapsed(), "sealed a window of the head");
        Ok(())
    }

    /// All groups, oldest first: so files are written in the same order each time.
    pub(crate) fn all_groups(&self) -> Vec<Arc<GroupState>> {
        let mut groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        groups.sort_unstable_by_key(|group| group.id);
        groups
    }

    /// Makes blocks of a group's open rows before a time.
    pub(super) fn flush_group(&self, group: &GroupState, until_ms: i64) {
        let mut body = group.body.lock();
        let bytes = body.flush(until_ms, self.block_target(group));
        drop(body);
        self.count_memory(bytes);
    }

    /// Takes the rows out of the head that are in a segment, as soon as no reader needs them there.
    pub(super) fn let_go_of_moved(&self, files: &Files, work: &mut Work) {
        let list = files.ring.list();
        if list.moved.is_empty() || work.has_old_readers() {
            return;
        }
        for group in self.all_groups() {
            if let Some(until) = list.moved.get(&group.id) {
                let freed = group.body.lock().sealed(*until);
                self.counters
                    .memory
                    .fetch_sub(freed, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let mut list = list.changed(&[], Vec::new());
        list.moved = Arc::default();
        files.ring.publish(list, work);
    }

    /// Forgets the tombstones of which nothing is left that they hide.
    pub(super) fn drop_tombstones(&self, files: &Files, work: &mut Work) -> Result<(), Error> {
        let list = files.ring.list();
        if list.stones.0.is_empty() {
            return Ok(());
        }
        let oldest = self.oldest_row();
        let outside = |stone: &tombstones::Tombstone| {
            let in_head = oldest.is_some_and(|oldest| oldest <= stone.range.to_ms);
            let mut segments = list.segments.iter();
            let in_segments = segments.any(|sealed| {
                let info = sealed.segment.info();
                let span = TimeRange::new(info.min_time_ms, info.max_time_ms);
                sealed.name.number < stone.segment && stone.range.touches(span)
            });
            in_head || in_segments
        };
        let mut kept = Vec::new();
        for stone in &list.stones.0 {
            let is_kept =
                !work.to_remove.is_empty() || outside(stone) || in_files(stone, files, work);
            kept.extend(is_kept.then(|| stone.clone()));
        }
        if kept.len() == list.stones.0.len() {
            return Ok(());
        }
        let keys: Vec<_> = kept
            .iter()
            .map(|stone| (stone.sequence, stone.range))
            .collect();
        work.last_files.retain(|key, _| keys.contains(key));
        files.ring.set_stones(Tombstones(kept), work)
    }
}

/// Whether a log file or a head file may still have what a tombstone hides: a start reads it again,
/// for where all of a group is hidden no segment tells that its rows were sealed.
fn in_files(stone: &tombstones::Tombstone, files: &Files, work: &mut Work) -> bool {
    let (log, head) = (files.log.span(), files.head.span());
    let last = work.last_files.entry((stone.sequence, stone.range));
    let (of_log, of_head) = *last.or_insert_with(|| {
        files.log.rotate();
        files.head.rotate();
        (log.1, head.1)
    });
    log.0 <= of_log || head.0.is_some_and(|oldest| oldest <= of_head)
}

impl Ring {
    /// Writes a segment, and opens it. Nothing where the source has no rows.
    pub(super) fn write(
        &self,
        name: SegmentName,
        source: &mut impl Source,
    ) -> Result<Option<Arc<Sealed>>, Error> {
        let path = name.path(&self.directory);
        let written = segment::write(&*self.disk, &path, source, MEMORY);
        let opened = match written {
            Ok(None) => return Ok(None),
            Ok(Some(_)) => Segment::open(&path),
            Err(error) => Err(error),
        };
        let segment = opened.inspect_err(|_| {
            // What is left of the first is removed at the next start where it cannot be now. The
            // other may be there already; nobody would know of it until then.
            let unfinished = path.with_extension(format!("seg.{UNFINISHED}"));
            self.disk.remove(&unfinished).ok();
            self.disk.remove(&path).ok();
        })?;
        Ok(Some(Arc::new(Sealed { name, segment })))
    }

    /// Writes the tombstones, and has readers see them.
    pub(super) fn set_stones(&self, stones: Tombstones, work: &mut Work) -> Result<(), Error> {
        tombstones::write(&*self.disk, &self.root, &stones)?;
        let mut list = self.list().changed(&[], Vec::new());
        list.stones = Arc::new(stones);
        self.publish(list, work);
        Ok(())
    }

    /// Merges the segments of the spans that are over.
    fn merge_due(&self, now_ms: i64, store: &Store, work: &mut Work) -> Result<(), Error> {
        let window = store.config.window.as_millis();
        let until = now_ms.saturating_sub(window / WAIT_PART);
        self.repair(store, work)?;
        while let Some(merge) = self.spans.merge(&self.list().parts(), until) {
            let bounds = (merge.from_ms, merge.to_ms);
            if !self.merge(bounds, &merge.numbers, store, work)? {
                break;
            }
        }
        Ok(())
    }

    /// Writes segments anew as one. False where there is no room for it.
    pub(super) fn merge(
        &self,
        (from_ms, to_ms): (i64, i64),
        numbers: &[u64],
        store: &Store,
        work: &mut Work,
    ) -> Result<bool, Error> {
        let start = Instant::now();
        let list = self.list();
        let of_merge = list.segments.iter();
        let of_merge = of_merge.filter(|sealed| numbers.contains(&sealed.name.number));
        let (sealed, lost): (Vec<Arc<Sealed>>, Vec<_>) = of_merge.cloned().partition(|sealed| {
            !matches!(
                sealed.segment.index(&self.cache),
                Err(Error::Damaged { .. })
            )
        });
        let bytes = sealed
            .iter()
            .map(|sealed| sealed.segment.info().bytes)
            .sum();
        if let Some(files) = &store.files
            && !self.has_room(files.own_bytes(), bytes, &store.config)
        {
            return Ok(false);
        }
        let stones = Tombstones::clone(&list.stones);
        let written = MergeSource::new(&sealed, &self.cache, stones).and_then(|mut source| {
            let name = SegmentName {
                from_ms,
                to_ms,
                number: work.next_number(),
            };
            let new = self.write(name, &mut source)?;
            Ok((new, source.deleted, std::mem::take(&mut source.damaged)))
        });
        let (new, deleted, damaged) = written?;
        self.publish(list.changed(numbers, new.into_iter().collect()), work);
        for old in sealed.iter().chain(&lost) {
            let path = old.segment.path();
            let is_lost = lost.iter().any(|lost| lost.segment.path() == path);
            if is_lost || damaged.iter().any(|damaged| damaged == path) {
                self.set_aside(path)?;
            } else {
                self.remove(old, work);
            }
        }
        let mut counts = self.counts.lock();
        counts.merges += 1;
        counts.deleted_samples += deleted;
        counts.merge_time += start.elapsed();
        info!(segments = numbers.len(), from_ms, to_ms, took = ?start.elapsed(), "merged segments");
        Ok(true)
    }

    /// Writes what is good of damaged segments anew, and sets these aside.
    fn repair(&self, store: &Store, work: &mut Work) -> Result<(), Error> {
        let damaged = self.damaged.lock().clone();
        if damaged.is_empty() {
            return Ok(());
        }
        for sealed in &self.list().segments {
            if damaged.contains(sealed.segment.path()) {
                let bounds = (sealed.name.from_ms, sealed.name.to_ms);
                self.merge(bounds, &[sealed.name.number], store, work)?;
            }
        }
        Ok(())
    }
}
