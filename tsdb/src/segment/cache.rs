//! The decoded indexes of segments that were used last, within a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::index::SegmentIndex;

/// Keeps decoded indexes, shared by all segments. The one that was not used for longest goes when
/// there is no room; one that is larger than the whole cache is not kept.
#[derive(Debug)]
pub(crate) struct Cache {
    capacity: usize,
    kept: Mutex<Kept>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    /// In the order of use, the last one at the end.
    indexes: Vec<(Arc<()>, Arc<SegmentIndex>)>,
    bytes: usize,
}

/// What a cache holds and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    pub(crate) bytes: usize,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Cache {
    /// A cache of so many bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What it holds and did.
    pub(crate) fn stats(&self) -> CacheStats {
        CacheStats {
            bytes: self.kept.lock().bytes,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// The index of a segment, read where it is not kept. Two that miss the same one at a time both
    /// read it.
    pub(super) fn get<E>(
        &self,
        segment: &Arc<()>,
        read: impl FnOnce() -> Result<SegmentIndex, E>,
    ) -> Result<Arc<SegmentIndex>, E> {
        if let Some(index) = self.kept.lock().touch(segment) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(index);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let index = Arc::new(read()?);
        self.kept.lock().put(segment, &index, self.capacity);
        Ok(index)
    }

    /// Forgets the index of a segment that is gone.
    pub(super) fn forget(&self, segment: &Arc<()>) {
        self.kept.lock().remove(segment);
    }
}

impl Kept {
    fn touch(&mut self, segment: &Arc<()>) -> Option<Arc<SegmentIndex>> {
        let place = self
            .indexes
            .iter()
            .position(|(have, _)| Arc::ptr_eq(have, segment))?;
        self.indexes.get_mut(place..)?.rotate_left(1);
        self.indexes.last().map(|(_, index)| Arc::clone(index))
    }

    fn put(&mut self, segment: &Arc<()>, index: &Arc<SegmentIndex>, capacity: usize) {
        self.remove(segment);
        let size = index.size();
        if size > capacity {
            return;
        }
        self.bytes += size;
        self.indexes.push((Arc::clone(segment), Arc::clone(index)));
        while self.bytes > capacity
            && let Some((oldest, _)) = self.indexes.first()
        {
            let oldest = Arc::clone(oldest);
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, segment: &Arc<()>) {
        if let Some(place) = self
            .indexes
            .iter()
            .position(|(have, _)| Arc::ptr_eq(have, segment))
        {
            let (_, index) = self.indexes.remove(place);
            self.bytes -= index.size();
        }
    }
}
