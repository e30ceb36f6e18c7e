//! The families of bcachefs whose names are known beforehand; the others are those of its counters.

use watchpost_model::MetricType::{self, Counter, Gauge};

use super::super::attributes::Attribute;

/// A file system, `/sys/fs/bcachefs/UUID`.
pub(super) const FILESYSTEM: &[Attribute<()>] = &[(
    "node_bcachefs_btree_cache_size_bytes",
    "Btree cache memory usage in bytes.",
    Gauge,
    "btree_cache_size",
    (),
)];

/// A device, `dev-N` of a file system.
#[rustfmt::skip]
pub(super) const DEVICE: &[Attribute<()>] = &[
    ("node_bcachefs_device_bucket_size_bytes", "Bucket size in bytes.", Gauge, "bucket_size", ()),
    ("node_bcachefs_device_buckets", "Total number of buckets.", Gauge, "nbuckets", ()),
    ("node_bcachefs_device_durability", "Device durability setting.", Gauge, "durability", ()),
];

/// A file with a name and numbers on each line.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: &'static str,
    /// How many lines at its beginning are headings.
    pub(super) headings: usize,
    /// The label that the names are of.
    pub(super) label: &'static str,
    /// Name, help and type for each of the numbers.
    pub(super) families: &'static [(&'static str, &'static str, MetricType)],
}

pub(super) const TABLES: [Table; 3] = [
    Table {
        file: "compression_stats",
        headings: 1,
        label: "algorithm",
        families: &[
            (
                "node_bcachefs_compression_compressed_bytes",
                "Compressed size by algorithm.",
                Gauge,
            ),
            (
                "node_bcachefs_compression_uncompressed_bytes",
                "Uncompressed size by algorithm.",
                Gauge,
            ),
        ],
    },
    Table {
        file: "btree_write_stats",
        headings: 1,
        label: "type",
        families: &[
            (
                "node_bcachefs_btree_writes_total",
                "Number of btree writes by type.",
                Counter,
            ),
            (
                "node_bcachefs_btree_write_average_size_bytes",
                "Average btree write size by type.",
                Gauge,
            ),
        ],
    },
    // Behind a number there is the time of the error, with nothing between where both are long.
    Table {
        file: "errors",
        headings: 0,
        label: "error_type",
        families: &[(
            "node_bcachefs_errors_total",
            "Error count by error type.",
            Counter,
        )],
    },
];
