//! The families of bcache, by what has them.

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::Series;

use super::super::attributes::Attribute;
use super::super::{human, text};

/// What a file's number is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Number,
    Nanoseconds,
    /// Nothing where it is zero: newer kernels do not count it.
    NotZero,
}
use Unit::{Nanoseconds, NotZero, Number};

/// A cache set, `/sys/fs/bcache/UUID`.
#[rustfmt::skip]
pub(super) const SET: &[Attribute<Unit>] = &[
    ("node_bcache_average_key_size_sectors", "Average data per key in the btree (sectors).", Gauge, "average_key_size", Number),
    ("node_bcache_btree_cache_size_bytes", "Amount of memory currently used by the btree cache.", Gauge, "btree_cache_size", Number),
    ("node_bcache_cache_available_percent", "Percentage of cache device without dirty data, usable for writeback (may contain clean cached data).", Gauge, "cache_available_percent", Number),
    ("node_bcache_congested", "Congestion.", Gauge, "congested", Number),
    ("node_bcache_root_usage_percent", "Percentage of the root btree node in use (tree depth increases if too high).", Gauge, "root_usage_percent", Number),
    ("node_bcache_tree_depth", "Depth of the btree.", Gauge, "tree_depth", Number),
    ("node_bcache_active_journal_entries", "Number of journal entries that are newer than the index.", Gauge, "internal/active_journal_entries", Number),
    ("node_bcache_btree_nodes", "Total nodes in the btree.", Gauge, "internal/btree_nodes", Number),
    ("node_bcache_btree_read_average_duration_seconds", "Average btree read duration.", Gauge, "internal/btree_read_average_duration_us", Nanoseconds),
    ("node_bcache_cache_read_races_total", "Counts instances where while data was being read from the cache, the bucket was reused and invalidated - i.e. where the pointer was stale after the read completed.", Counter, "internal/cache_read_races", Number),
];

/// A device that is cached, `bdevN` of a set.
#[rustfmt::skip]
pub(super) const BACKING: &[Attribute<Unit>] = &[
    ("node_bcache_dirty_data_bytes", "Amount of dirty data for this backing device in the cache.", Gauge, "dirty_data", Number),
    ("node_bcache_bypassed_bytes_total", "Amount of IO (both reads and writes) that has bypassed the cache.", Counter, "stats_total/bypassed", Number),
    ("node_bcache_cache_hits_total", "Hits counted per individual IO as bcache sees them.", Counter, "stats_total/cache_hits", Number),
    ("node_bcache_cache_misses_total", "Misses counted per individual IO as bcache sees them.", Counter, "stats_total/cache_misses", Number),
    ("node_bcache_cache_bypass_hits_total", "Hits for IO intended to skip the cache.", Counter, "stats_total/cache_bypass_hits", Number),
    ("node_bcache_cache_bypass_misses_total", "Misses for IO intended to skip the cache.", Counter, "stats_total/cache_bypass_misses", Number),
    ("node_bcache_cache_miss_collisions_total", "Instances where data insertion from cache miss raced with write (data already present).", Counter, "stats_total/cache_miss_collisions", Number),
    ("node_bcache_cache_readaheads_total", "Count of times readahead occurred.", Counter, "stats_total/cache_readaheads", NotZero),
];

/// A device that caches, `cacheN` of a set.
#[rustfmt::skip]
pub(super) const CACHE: &[Attribute<Unit>] = &[
    ("node_bcache_io_errors", "Number of errors that have occurred, decayed by io_error_halflife.", Gauge, "io_errors", Number),
    ("node_bcache_metadata_written_bytes_total", "Sum of all non data writes (btree writes and all other metadata).", Counter, "metadata_written", Number),
    ("node_bcache_written_bytes_total", "Sum of all data that has been written to the cache.", Counter, "written", Number),
];

/// Name and help of a gauge, and what its line begins with.
pub(super) type Line = (&'static str, &'static str, &'static [u8]);

/// The lines of a backing device's `writeback_rate_debug`.
#[rustfmt::skip]
pub(super) const RATE: &[Line] = &[
    ("node_bcache_dirty_target_bytes", "Current dirty data target threshold for this backing device in bytes.", b"target:"),
    ("node_bcache_writeback_rate", "Current writeback rate for this backing device in bytes.", b"rate:"),
    ("node_bcache_writeback_rate_proportional_term", "Current result of proportional controller, part of writeback rate", b"proportional:"),
    ("node_bcache_writeback_rate_integral_term", "Current result of integral controller, part of writeback rate", b"integral:"),
    ("node_bcache_writeback_change", "Last writeback rate change step for this backing device.", b"change:"),
];

/// The lines of a cache device's `priority_stats`.
#[rustfmt::skip]
pub(super) const PRIORITY: &[Line] = &[
    ("node_bcache_priority_stats_unused_percent", "The percentage of the cache that doesn't contain any data.", b"Unused:"),
    ("node_bcache_priority_stats_metadata_percent", "Bcache's metadata overhead.", b"Metadata:"),
];

/// Ends a series with what a file says.
pub(super) fn put(text: &[u8], unit: Unit, series: Series<'_>) -> Option<()> {
    match unit {
        Number if text::is_integer(text) => series.digits(text),
        Number => series.value(human::bcache_number(text)?),
        Nanoseconds => text::put_fraction(series, text::integer(text)?, 9),
        NotZero => {
            let number = human::bcache_number(text)?;
            if number > 0.0 {
                series.value(number);
            }
        }
    }
    Some(())
}
