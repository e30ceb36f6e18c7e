//! The blocks of head files that were read lately, within a bound: what dashboards and rules look at
//! is mostly the same few hours.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use parking_lot::Mutex;

/// Parts with a lock each, so that readers seldom wait for each other.
const SHARDS: usize = 16;
/// About what a block takes besides its bytes.
const OVERHEAD: usize = 96;

/// A block: the number of its file and where its record starts.
type Key = (u64, u64);

/// Keeps the bytes of records. Those that came first go first when there is no room.
#[derive(Debug)]
pub(crate) struct BlockCache {
    /// How many bytes each shard may hold.
    capacity: usize,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    kept: HashMap<Key, Arc<[u8]>>,
    /// In the order in which they came.
    order: VecDeque<Key>,
    bytes: usize,
}

impl BlockCache {
    /// A cache of so many bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity / SHARDS,
            shards: Default::default(),
        }
    }

    /// How many bytes it holds.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().bytes).sum()
    }

    fn shard(&self, (file, offset): Key) -> &Mutex<Shard> {
        // Offsets of records spread well but for their lowest bits.
        let mixed = (file ^ offset).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        let place = usize::try_from(mixed).unwrap_or_default();
        &self.shards[place % SHARDS]
    }

    /// A record that is kept.
    pub(super) fn get(&self, key: Key) -> Option<Arc<[u8]>> {
        self.shard(key).lock().kept.get(&key).map(Arc::clone)
    }

    /// Keeps a record, if it is not larger than all that may be kept.
    pub(super) fn put(&self, key: Key, record: &Arc<[u8]>) {
        let size = record.len() + OVERHEAD;
        if size > self.capacity {
            return;
        }
        let mut shard = self.shard(key).lock();
        if shard.kept.insert(key, Arc::clone(record)).is_some() {
            return;
        }
        shard.order.push_back(key);
        shard.bytes += size;
        while shard.bytes > self.capacity {
            let Some(oldest) = shard.order.pop_front() else {
                break;
            };
            if let Some(gone) = shard.kept.remove(&oldest) {
                shard.bytes -= gone.len() + OVERHEAD;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_within_the_bound_and_the_newest_is_there() {
        let cache = BlockCache::new(SHARDS * 10 * (OVERHEAD + 100));
        for offset in 0..10_000 {
            let record: Arc<[u8]> = vec![1; 100].into();
            cache.put((3, offset), &record);
            cache.put((3, offset), &record);
            assert_eq!(cache.get((3, offset)), Some(record));
            assert!(cache.bytes() <= SHARDS * 10 * (OVERHEAD + 100));
        }
        assert_eq!(cache.get((3, 0)), None);
        cache.put((4, 0), &vec![0; 10_000].into());
        assert_eq!(cache.get((4, 0)), None);
    }
}
