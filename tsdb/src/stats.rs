//! Figures of the store.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::Refusal;

/// Figures of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Series of the head; one of which samples came late counts again.
    pub series: u64,
    /// Groups.
    pub groups: u64,
    /// Distinct lines.
    pub lines: u64,
    /// Samples appended since the start, stale markers included.
    pub samples_appended: u64,
    /// Samples refused since the start, by reason; reasons that did not occur are not there.
    pub refused: Vec<(Refusal, u64)>,
    /// Rows that came since the start while their group had rows later than now: a clock was ahead
    /// and went back.
    pub side_rows: u64,
    /// Bytes of finished blocks in memory, and of the native histograms in open rows.
    pub memory_bytes: u64,
    /// Blocks dropped before the end of the retention, for want of memory.
    pub dropped_blocks: u64,
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the head's files.
    pub head_bytes: u64,
    /// Bytes of the segments.
    pub segment_bytes: u64,
    /// Bytes of the tombstones.
    pub tombstone_bytes: u64,
    /// Bytes of the files that were set aside.
    pub set_aside_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Samples in segments; what is in two of them counts twice.
    pub segment_samples: u64,
    /// Blocks in the head.
    pub head_blocks: u64,
    /// Deletions whose samples are not all gone yet.
    pub tombstones: u64,
    /// What the ring did since the start.
    pub ring: RingStats,
    /// Time of the oldest row, ms.
    pub min_time_ms: Option<i64>,
    /// Time of the newest row, ms.
    pub max_time_ms: Option<i64>,
    /// Whether rows reach the log. Always false in a store without files.
    pub durable: bool,
    /// Rows that the log could not take since the start: they are in memory only.
    pub rows_not_logged: u64,
    /// Log files given up after a failed write or a failed sync, since the start.
    pub log_failures: u64,
    /// Records replayed at the start.
    pub replayed_records: u64,
    /// Records that the replay could not use: damaged, or after a damaged one of their group.
    pub damaged_records: u64,
    /// Files set aside because they could not be read.
    pub quarantined_files: u64,
}

/// What the ring of segments did since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RingStats {
    /// Segments written from the head.
    pub seals: u64,
    /// Of these, such as were written before their window was over, for want of room.
    pub early_seals: u64,
    /// Segments written from others.
    pub merges: u64,
    /// Seals and merges that failed.
    pub failures: u64,
    /// How long the seals took.
    pub seal_time: Duration,
    /// How long the merges took.
    pub merge_time: Duration,
    /// Segments dropped at the end of the retention.
    pub dropped_by_time: u64,
    /// Segments dropped to stay below the size limit.
    pub dropped_by_size: u64,
    /// Samples left out of new segments because they were deleted.
    pub deleted_samples: u64,
}

/// An immutable file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentStatus {
    /// The file's name without its ending; a segment written later has another one.
    pub name: String,
    /// The first millisecond of its window.
    pub from_ms: i64,
    /// The first millisecond after its window.
    pub to_ms: i64,
    /// The time of the oldest row, ms.
    pub min_time_ms: i64,
    /// The time of the newest row, ms.
    pub max_time_ms: i64,
    /// Values, stale markers included.
    pub samples: u64,
    /// Series.
    pub series: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What the store counts as it goes.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Columns of all groups.
    pub(crate) series: AtomicUsize,
    /// Samples accepted.
    pub(crate) samples: AtomicU64,
    /// Samples refused, in the order of [`Refusal::ALL`].
    refused: [AtomicU64; Refusal::ALL.len()],
    /// Bytes of finished blocks.
    pub(crate) memory: AtomicUsize,
    /// Blocks dropped for want of memory.
    pub(crate) dropped_blocks: AtomicU64,
    /// Rows for side heads.
    pub(crate) side_rows: AtomicU64,
    /// The number of the last accepted row.
    sequence: AtomicU64,
    /// Rows with lower numbers may be deleted.
    deleted: AtomicU64,
}

impl Counters {
    /// Counts refused samples.
    pub(crate) fn refuse(&self, refusal: Refusal, samples: usize) {
        if let Some(place) = Refusal::ALL.iter().position(|have| *have == refusal) {
            self.refused[place].fetch_add(samples as u64, Ordering::Relaxed);
        }
    }

    /// The refusals that occurred.
    pub(crate) fn refused(&self) -> Vec<(Refusal, u64)> {
        Refusal::ALL
            .into_iter()
            .zip(&self.refused)
            .map(|(refusal, count)| (refusal, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Counts a row for a side head. Gives how many there were before.
    pub(crate) fn count_side_row(&self) -> u64 {
        self.side_rows.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes the number of a row that was accepted before the start.
    pub(crate) fn note_sequence(&self, sequence: u64) {
        self.sequence
            .fetch_max(sequence.saturating_add(1), Ordering::Relaxed);
    }

    /// A number that is higher than that of every row accepted before.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Has all rows that come be later than some that are there.
    pub(crate) fn raise_sequence(&self, next: u64) {
        self.sequence.fetch_max(next, Ordering::Relaxed);
    }

    /// Notes that rows with lower numbers may be deleted.
    pub(crate) fn note_deletion(&self, sequence: u64) {
        self.deleted.fetch_max(sequence, Ordering::Relaxed);
    }

    /// The number below which rows may be deleted.
    pub(crate) fn deleted(&self) -> u64 {
        self.deleted.load(Ordering::Relaxed)
    }

    /// The number that the next accepted row has.
    pub(crate) fn coming_sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// Takes a place for a new series, where the limit leaves one.
    pub(crate) fn take_series(&self, limit: usize) -> bool {
        let limit = if limit == 0 { usize::MAX } else { limit };
        self.series
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| {
                (have < limit).then_some(have + 1)
            })
            .is_ok()
    }
}
