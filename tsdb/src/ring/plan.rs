//! What to seal, merge and drop: decisions from names, sizes and times alone.
//!
//! # Spans
//!
//! A segment lies in one *span*: an aligned piece of time that is a window, or four or twelve of them
//! (2 h, 8 h and a day). A segment of a longer span is what the segments of the shorter ones in it were merged to, so
//! that a sample is written three times at most while nothing comes late. Spans nest, so all that
//! overlaps a segment lies in the same longest span, and a merge takes all of a span.

use super::name::SegmentName;

/// How many windows a span has, shortest first.
const WINDOWS_PER_SPAN: [i64; 3] = [1, 4, 12];
/// A span is at most this part of the retention, so that dropping one is not felt.
const SPANS_PER_RETENTION: i64 = 10;
/// A segment is written again only with others that have at least this part of its size.
const WORTH_MERGING: u64 = 8;
/// So many segments of one span are merged whatever their sizes are.
const MANY: usize = 6;

/// A segment, for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: SegmentName,
    /// The time of its newest sample.
    pub(crate) newest_ms: i64,
    pub(crate) bytes: u64,
}

/// The lengths of the spans, ms, shortest first; the first one is the window.
#[derive(Clone, Debug)]
pub(crate) struct Spans(Vec<i64>);

impl Spans {
    /// The spans for a window and a retention.
    pub(crate) fn new(window_ms: i64, retention_ms: i64) -> Self {
        let window = window_ms.max(1);
        let longest = retention_ms / SPANS_PER_RETENTION;
        let spans = WINDOWS_PER_SPAN.iter().map(|n| window.saturating_mul(*n));
        Self(
            spans
                .enumerate()
                .take_while(|(place, span)| *place == 0 || *span <= longest)
                .map(|(_, span)| span)
                .collect(),
        )
    }

    /// The bounds of the window that has a time: the first millisecond, and the first after it.
    pub(crate) fn window(&self, time_ms: i64) -> (i64, i64) {
        bounds(time_ms, self.0.first().copied().unwrap_or(1))
    }

    /// The segments to merge next, the newest span first, and the bounds of their span. Spans that
    /// end after `until_ms` are not over yet.
    pub(crate) fn merge(&self, parts: &[Part], until_ms: i64) -> Option<Merge> {
        for span in self.0.iter().rev() {
            let mut starts: Vec<i64> = parts
                .iter()
                .map(|part| bounds(part.name.from_ms, *span).0)
                .collect();
            starts.sort_unstable();
            starts.dedup();
            for from_ms in starts.into_iter().rev() {
                let to_ms = from_ms.saturating_add(*span);
                let within: Vec<Part> = parts
                    .iter()
                    .filter(|part| part.name.lies_in(from_ms, to_ms))
                    .copied()
                    .collect();
                if to_ms <= until_ms && is_worth_merging(&within) {
                    let numbers = within.iter().map(|part| part.name.number).collect();
                    return Some(Merge {
                        from_ms,
                        to_ms,
                        numbers,
                    });
                }
            }
        }
        None
    }
}

/// Segments that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// Their numbers.
    pub(crate) numbers: Vec<u64>,
}

fn bounds(time_ms: i64, span: i64) -> (i64, i64) {
    let from = time_ms.div_euclid(span).saturating_mul(span);
    (from, from.saturating_add(span))
}

fn is_worth_merging(parts: &[Part]) -> bool {
    let total: u64 = parts.iter().map(|part| part.bytes).sum();
    let largest = parts.iter().map(|part| part.bytes).max().unwrap_or(0);
    parts.len() >= MANY
        || (parts.len() > 1 && (total - largest).saturating_mul(WORTH_MERGING) >= largest)
}

/// The numbers of the segments that have nothing newer than a time.
pub(crate) fn past(parts: &[Part], cutoff_ms: i64) -> Vec<u64> {
    let past = parts.iter().filter(|part| part.newest_ms < cutoff_ms);
    past.map(|part| part.name.number).collect()
}

/// The numbers of the segments to drop, oldest first, so that the others have at most so many bytes.
pub(crate) fn above_size(parts: &[Part], room: u64) -> Vec<u64> {
    let mut parts = parts.to_vec();
    parts.sort_unstable_by_key(|part| (part.newest_ms, part.name));
    let mut total: u64 = parts.iter().map(|part| part.bytes).sum();
    let mut dropped = Vec::new();
    for part in parts {
        if total <= room {
            break;
        }
        total -= part.bytes;
        dropped.push(part.name.number);
    }
    dropped
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn part(from_hour: i64, hours: i64, number: u64, bytes: u64) -> Part {
        Part {
            name: SegmentName {
                from_ms: from_hour * HOUR,
                to_ms: (from_hour + hours) * HOUR,
                number,
            },
            newest_ms: (from_hour + hours) * HOUR - 1,
            bytes,
        }
    }

    #[test]
    fn spans_grow_to_a_day_and_at_most_a_tenth_of_the_retention() {
        let spans = |days: i64| Spans::new(2 * HOUR, days * 24 * HOUR).0;
        assert_eq!(spans(1), [2 * HOUR]);
        assert_eq!(spans(5), [2 * HOUR, 8 * HOUR]);
        assert_eq!(spans(15), [2 * HOUR, 8 * HOUR, 24 * HOUR]);
        assert_eq!(spans(3_650), [2 * HOUR, 8 * HOUR, 24 * HOUR]);
        let window = Spans::new(2 * HOUR, 0).window(-1);
        assert_eq!(window, (-2 * HOUR, 0));
    }

    #[test]
    fn spans_that_are_over_are_merged_and_the_running_one_is_not() {
        let spans = Spans::new(2 * HOUR, 15 * 24 * HOUR);
        let parts: Vec<_> = (0..5_u8)
            .map(|n| part(2 * i64::from(n), 2, u64::from(n), 100))
            .collect();
        assert_eq!(spans.merge(&parts, 8 * HOUR - 1), None);
        let merge = spans.merge(&parts, 10 * HOUR).unwrap();
        assert_eq!((merge.from_ms, merge.to_ms), (0, 8 * HOUR));
        assert_eq!(merge.numbers, [0, 1, 2, 3]);
    }

    #[test]
    fn a_little_late_data_does_not_write_a_day_again() {
        let spans = Spans::new(2 * HOUR, 15 * 24 * HOUR);
        let mut parts = vec![part(0, 24, 1, 1_000), part(2, 2, 2, 10)];
        assert_eq!(spans.merge(&parts, 48 * HOUR), None);
        parts.push(part(4, 2, 3, 200));
        let merge = spans.merge(&parts, 48 * HOUR).unwrap();
        assert_eq!(merge.numbers, [1, 2, 3], "with all that overlaps");
    }

    #[test]
    fn the_oldest_goes_first() {
        let parts = [part(4, 2, 1, 50), part(0, 2, 3, 50), part(2, 2, 2, 50)];
        assert_eq!(above_size(&parts, 150), []);
        assert_eq!(above_size(&parts, 149), [3]);
        assert_eq!(above_size(&parts, 0), [3, 2, 1]);
        assert_eq!(past(&parts, 4 * HOUR), [3, 2]);
    }

    proptest! {
        /// The merging comes to an end, never takes a part of an overlap, and keeps to its spans.
        #[test]
        fn merging_ends_with_nothing_left_that_overlaps_alike(
            windows in vec((0_i64..40, 1_u64..1_000), 0..60),
            days in 1_i64..40,
        ) {
            let spans = Spans::new(2 * HOUR, days * 24 * HOUR);
            let mut parts: Vec<_> = windows
                .iter()
                .zip(0..)
                .map(|((window, bytes), number)| part(window * 2, 2, number, *bytes))
                .collect();
            let mut number = 1_000;
            while let Some(merge) = spans.merge(&parts, 80 * HOUR) {
                let (gone, left): (Vec<_>, Vec<_>) =
                    parts.iter().partition(|part| merge.numbers.contains(&part.name.number));
                prop_assert!(gone.len() > 1);
                prop_assert!(merge.to_ms - merge.from_ms <= (days * 24 * HOUR / 10).max(2 * HOUR));
                let span = merge.to_ms - merge.from_ms;
                let apart = |part: &Part| {
                    let name = part.name;
                    let longer = name.to_ms - name.from_ms > span;
                    longer || name.to_ms <= merge.from_ms || name.from_ms >= merge.to_ms
                };
                prop_assert!(left.iter().all(apart));
                parts = left;
                parts.push(Part {
                    name: SegmentName { from_ms: merge.from_ms, to_ms: merge.to_ms, number },
                    newest_ms: merge.to_ms - 1,
                    bytes: gone.iter().map(|part| part.bytes).sum(),
                });
                number += 1;
                prop_assert!(number < 1_200);
            }
        }
    }
}
