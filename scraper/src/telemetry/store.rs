//! The figures of the store.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use watchpost_tsdb::{Refusal, Stats};

use super::Figure;
use crate::remote_write::Reason;

/// All figures of the store but those by reason.
pub(super) fn figures(stats: &Stats) -> Vec<Figure> {
    [troubles(stats), contents(stats), files(stats), ring(stats)].concat()
}

/// The samples that were refused, by reason.
pub(super) fn encode_refused(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "watchpost_tsdb_samples_refused_total",
        "Samples that the store refused",
        None,
        MetricType::Counter,
    )?;
    for refusal in Refusal::ALL {
        let found = stats.refused.iter().find(|(have, _)| *have == refusal);
        let count = found.map_or(0, |(_, count)| *count);
        let labels = [("reason", Reason::Store(refusal).label())];
        ConstGauge::new(count as f64).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// What is stored.
fn contents(stats: &Stats) -> Vec<Figure> {
    vec![
        (
            "watchpost_tsdb_series",
            "Series in memory",
            stats.series as f64,
        ),
        (
            "watchpost_tsdb_groups",
            "Groups of series that share their times",
            stats.groups as f64,
        ),
        (
            "watchpost_tsdb_lines",
            "Distinct lines over all groups",
            stats.lines as f64,
        ),
        (
            "watchpost_tsdb_samples_appended_total",
            "Samples that the store took",
            stats.samples_appended as f64,
        ),
        (
            "watchpost_tsdb_memory_bytes",
            "Bytes of finished blocks in memory",
            stats.memory_bytes as f64,
        ),
        (
            "watchpost_tsdb_head_blocks",
            "Finished blocks that are in no segment yet",
            stats.head_blocks as f64,
        ),
        ("watchpost_tsdb_segments", "Segments", stats.segments as f64),
        (
            "watchpost_tsdb_segment_samples",
            "Samples in segments; what is in two of them counts twice",
            stats.segment_samples as f64,
        ),
        (
            "watchpost_tsdb_tombstones",
            "Deletions of which not all samples are gone from the files yet",
            stats.tombstones as f64,
        ),
    ]
}

/// What the files take.
fn files(stats: &Stats) -> Vec<Figure> {
    vec![
        (
            "watchpost_tsdb_disk_bytes",
            "Bytes of the store's files",
            stats.disk_bytes as f64,
        ),
        (
            "watchpost_tsdb_log_bytes",
            "Bytes of the log",
            stats.log_bytes as f64,
        ),
        (
            "watchpost_tsdb_head_bytes",
            "Bytes of the files of what is in no segment yet",
            stats.head_bytes as f64,
        ),
        (
            "watchpost_tsdb_segment_bytes",
            "Bytes of the segments",
            stats.segment_bytes as f64,
        ),
        (
            "watchpost_tsdb_tombstone_bytes",
            "Bytes of the files that tell what is deleted",
            stats.tombstone_bytes as f64,
        ),
        (
            "watchpost_tsdb_set_aside_bytes",
            "Bytes of the files set aside because they could not be read",
            stats.set_aside_bytes as f64,
        ),
    ]
}

/// What became of segments since the start.
fn ring(stats: &Stats) -> Vec<Figure> {
    vec![
        (
            "watchpost_tsdb_seals_total",
            "Segments written from the head",
            stats.ring.seals as f64,
        ),
        (
            "watchpost_tsdb_early_seals_total",
            "Of these, such as were written before their time for want of room",
            stats.ring.early_seals as f64,
        ),
        (
            "watchpost_tsdb_merges_total",
            "Segments written from others",
            stats.ring.merges as f64,
        ),
        (
            "watchpost_tsdb_ring_failures_total",
            "Segments that could not be written",
            stats.ring.failures as f64,
        ),
        (
            "watchpost_tsdb_seal_seconds_total",
            "How long writing segments from the head took",
            stats.ring.seal_time.as_secs_f64(),
        ),
        (
            "watchpost_tsdb_merge_seconds_total",
            "How long writing segments from others took",
            stats.ring.merge_time.as_secs_f64(),
        ),
        (
            "watchpost_tsdb_segments_dropped_by_time_total",
            "Segments dropped at the end of the retention",
            stats.ring.dropped_by_time as f64,
        ),
        (
            "watchpost_tsdb_segments_dropped_by_size_total",
            "Segments dropped to stay below the size limit",
            stats.ring.dropped_by_size as f64,
        ),
        (
            "watchpost_tsdb_deleted_samples_total",
            "Deleted samples left out of new segments",
            stats.ring.deleted_samples as f64,
        ),
    ]
}

/// What tells that something is wrong: all of it is 0 (and `durable` 1) on a good day.
fn troubles(stats: &Stats) -> Vec<Figure> {
    vec![
        (
            "watchpost_tsdb_durable",
            "Whether what is stored reaches the disk",
            f64::from(u8::from(stats.durable)),
        ),
        (
            "watchpost_tsdb_rows_not_logged_total",
            "Rows that are in memory only, since the log could not take them",
            stats.rows_not_logged as f64,
        ),
        (
            "watchpost_tsdb_log_failures_total",
            "Log files given up after a failed write or sync",
            stats.log_failures as f64,
        ),
        (
            "watchpost_tsdb_damaged_records",
            "Records of the log that the start could not use",
            stats.damaged_records as f64,
        ),
        (
            "watchpost_tsdb_quarantined_files",
            "Files set aside because they could not be read",
            stats.quarantined_files as f64,
        ),
        (
            "watchpost_tsdb_blocks_dropped_early_total",
            "Blocks dropped before the end of the retention, for want of memory",
            stats.dropped_blocks as f64,
        ),
        (
            "watchpost_tsdb_rows_behind_clock_total",
            "Rows that came while there were rows later than now: a clock was ahead and went back",
            stats.side_rows as f64,
        ),
    ]
}
