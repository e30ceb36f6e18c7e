//! Dropping what is old.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::HashSet;

use crate::LineId;
use crate::group::GroupState;
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

    fn forget(&self, group: &GroupState, bytes: usize, gone: &[LineId]) {
        self.counters.memory.fetch_sub(bytes, Ordering::Relaxed);
        self.counters
            .series
            .fetch_sub(gone.len(), Ordering::Relaxed);
        if !gone.is_empty() {
            let mut lines = self.lines.write();
            for line in gone {
                lines.remove_group(*line, group.id);
            }
            group.lines.lock().retain(|line| !gone.contains(line));
        }
    }
}
