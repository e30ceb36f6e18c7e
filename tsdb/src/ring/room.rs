//! Room: which segments go for age and for size, and the removal of their files.

use tracing::{info, warn};

use super::list::{List, Ring, Sealed, Work};
use super::plan;
use crate::directory::io;

impl Ring {
    /// Drops the segments that are past the retention.
    pub(super) fn drop_past(&self, cutoff_ms: i64, work: &mut Work) {
        let list = self.list();
        let gone = plan::past(&list.parts(), cutoff_ms);
        self.drop_segments(&list, &gone, work);
        self.counts.lock().dropped_by_time += gone.len() as u64;
    }

    /// Drops the oldest segments so that there is room for what the head has, and for a file of so
    /// many bytes.
    pub(super) fn make_room(
        &self,
        head: u64,
        coming: u64,
        config: &crate::Config,
        work: &mut Work,
    ) {
        if config.max_size == 0 {
            return;
        }
        let list = self.list();
        let growth = head.saturating_sub(work.head_bytes).saturating_mul(2);
        let other = self.other_bytes() + head + coming + growth;
        let gone = plan::above_size(&list.parts(), config.max_size.saturating_sub(other));
        self.drop_segments(&list, &gone, work);
        self.counts.lock().dropped_by_size += gone.len() as u64;
        if !gone.is_empty() {
            info!(
                segments = gone.len(),
                limit = config.max_size,
                "dropped the oldest segments to stay below the size limit"
            );
        }
        if other > config.max_size && !std::mem::replace(&mut work.told, true) {
            warn!(
                limit = config.max_size,
                needed = other.saturating_mul(2),
                "the size limit is too small for what comes in: not even one window is kept"
            );
        }
    }

    /// Whether there is room for a file of so many bytes beside all that is there.
    pub(super) fn has_room(&self, head: u64, coming: u64, config: &crate::Config) -> bool {
        let all = self.list().bytes() + self.other_bytes() + head.saturating_mul(2) + coming;
        config.max_size == 0 || all <= config.max_size
    }

    /// The bytes of tombstones and of files that were set aside or could not be removed.
    pub(crate) fn other_bytes(&self) -> u64 {
        let (aside, _) = *self.set_aside.lock();
        aside + self.tombstone_bytes()
    }

    fn drop_segments(&self, list: &List, gone: &[u64], work: &mut Work) {
        if gone.is_empty() {
            return;
        }
        self.publish(list.changed(gone, Vec::new()), work);
        let dropped = list.segments.iter();
        for old in dropped.filter(|sealed| gone.contains(&sealed.name.number)) {
            self.remove(old, work);
        }
    }

    /// Takes the file of a segment away that is in no list any more.
    pub(super) fn remove(&self, sealed: &Sealed, work: &mut Work) {
        sealed.segment.forget(&self.cache);
        work.to_remove.push(sealed.segment.path().to_owned());
        self.remove_files(work);
    }

    /// Removes the files that are not needed any more; those that cannot be are tried again.
    pub(super) fn remove_files(&self, work: &mut Work) {
        let before = work.to_remove.len();
        work.to_remove.retain(|path| match self.disk.remove(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                warn!(error = %io("remove", path, source), "a segment that is not needed any more stays; it is tried again");
                true
            }
            _ => false,
        });
        if work.to_remove.len() < before
            && let Err(source) = self.disk.sync_directory(&self.directory)
        {
            warn!(error = %io("sync", &self.directory, source), "removed segments may come back after a power cut");
        }
    }
}
