//! Dropping what is old.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::HashSet;

use crate::LineId;
use crate::head::GroupState;
use crate::store::Store;

impl Store {
    /// Drops rows before a time, the series that have no row left, and empty groups.
    pub(crate) fn drop_before(&self, cutoff_ms: i64) {
        let groups: Vec<_> = self.groups.read().iter().map(Arc::clone).collect();
        for group in &groups {
            let mut body = group.body.lock();
            let dropped = body.drop_before(cutoff_ms);
            let gone = body.drop_empty_columns();
            self.forget(group, dropped, &gone);
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
        lines.prune(|line| in_use.contains(&line) || schemas.has_line(line));
    }

    fn forget(&self, group: &GroupState, bytes: usize, gone: &[LineId]) {
        self.counters.memory.fetch_sub(bytes, Ordering::Relaxed);
        self.counters
            .series
            .fetch_sub(gone.len(), Ordering::Relaxed);
        if !gone.is_empty() {
            self.groups.write().remove_columns(group.id, gone);
        }
    }

    /// Drops the oldest blocks of all groups until there is some room below the limit.
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
        self.horizon.fetch_max(cutoff, Ordering::Relaxed);
        self.drop_before(cutoff);
    }
}
