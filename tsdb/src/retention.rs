//! Dropping what is old.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::HashSet;

use crate::Error;
use crate::head::{Body, GroupState};
use crate::store::Store;

/// So many log files there may be before the rows that hold the oldest are finished.
const MOST_LOG_FILES: usize = 3;

impl Store {
    /// Drops rows before a time, the series that have no row left, and empty groups.
    pub(crate) fn drop_before(&self, cutoff_ms: i64) {
        let groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        for group in &groups {
            let mut body = group.body.lock();
            let dropped = body.drop_before(cutoff_ms);
            self.counters.memory.fetch_sub(dropped, Ordering::Relaxed);
            self.drop_gone(group, &mut body);
        }
        drop(groups);
        // A group that nobody holds is locked by nobody, so this lock is not waited for.
        self.groups
            .write()
            .prune(|group| group.body.lock().is_empty());
        let alive: HashSet<_> = self.groups.read().iter().map(|group| group.id).collect();
        self.metadata.lock().prune(|group| alive.contains(&group));
    }

    /// Forgets the lines that nobody needs any more.
    pub(crate) fn forget_lines(&self) {
        // Held to the end: a layout that is made meanwhile would need its lines.
        let mut layouts = self.layouts.lock();
        let in_use = layouts.lines_in_use();
        let mut lines = self.lines.write();
        let groups = self.groups.read();
        let schemas = groups.schemas();
        // A single column is known by its line, also when all of its rows are in segments.
        lines.prune(|line| {
            in_use.contains(&line) || schemas.has_line(line) || groups.find_single(line).is_some()
        });
    }

    /// Takes the columns of series that have no row left from a group.
    fn drop_gone(&self, group: &GroupState, body: &mut Body) {
        let gone: HashSet<_> = body.gone().into_iter().collect();
        if gone.is_empty() {
            return;
        }
        let lines = body.schema().lines().iter();
        let kept = lines.filter(|line| !gone.contains(*line)).copied();
        let mut groups = self.groups.write();
        let schema = groups.schemas_mut().intern(kept.collect());
        groups.set_schema(group.id, &schema);
        drop(groups);
        body.renumber(schema);
        self.counters
            .series
            .fetch_sub(gone.len(), Ordering::Relaxed);
    }

    /// Lets go of the files that nothing is needed of any more: writes the blocks that could not be
    /// written before, finishes the blocks of groups whose rows hold old log files, and removes the
    /// files.
    pub(crate) fn release_files(&self) -> Result<(), Error> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        // Without a file that is written, rows that come are in none.
        let is_written = files.log.current() != 0;
        let current = files.log.newest();
        let groups = self.all_groups();
        let mut oldest = current;
        for group in &groups {
            let mut body = group.body.lock();
            let target = self.block_target(group);
            let freed = body.write_blocks(target);
            self.counters.memory.fetch_sub(freed, Ordering::Relaxed);
            let of_group = body.oldest_file();
            let holds = of_group < current && files.log.files_from(of_group) > MOST_LOG_FILES;
            // Rows that the log missed are to be in a file at last.
            if holds || (is_written && body.has_unlogged()) {
                let bytes = body.close(target);
                self.count_memory(bytes);
            }
            oldest = oldest.min(body.oldest_file());
        }
        if files.head.oldest_log_file() < oldest {
            files.head.sync()?;
        }
        let oldest = oldest.min(files.head.oldest_log_file());
        files
            .log
            .remove_before(oldest.min(self.oldest_noted_file()))?;
        files.head.remove_unused()
    }

    /// Drops the oldest blocks in memory of all groups until there is some room below the limit.
    pub(crate) fn enforce_memory(&self) {
        let Some(_only_one) = self.pressure.try_lock() else {
            return;
        };
        let have = self.counters.memory.load(Ordering::Relaxed);
        if have <= self.config.max_memory {
            return;
        }
        let excess = have - self.config.max_memory / 16 * 15;
        let groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        let mut blocks = Vec::new();
        for group in &groups {
            group.body.lock().list_blocks(&mut blocks);
        }
        drop(groups);
        blocks.sort_unstable();
        let mut bytes = 0;
        let dropped = blocks.iter().take_while(|(_, size)| {
            let more = bytes < excess;
            bytes += size;
            more
        });
        let Some((newest, _)) = dropped.last() else {
            return;
        };
        let cutoff = newest.saturating_add(1);
        let count = blocks.partition_point(|(last, _)| *last < cutoff);
        self.counters
            .dropped_blocks
            .fetch_add(count as u64, Ordering::Relaxed);
        if self.files.is_none() {
            return self.drop_before(cutoff);
        }
        for group in self.all_groups() {
            let freed = group.body.lock().drop_unwritten(cutoff);
            self.counters.memory.fetch_sub(freed, Ordering::Relaxed);
        }
    }
}
