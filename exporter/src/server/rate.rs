//! How many requests are let in: a bucket that fills by one each interval.

use std::time::{Duration, Instant};

use super::web_config::RateLimit;

/// The bucket. It goes on as it is when the file is read again.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    limit: RateLimit,
    /// When it would have been empty.
    empty_at: Option<Instant>,
}

impl Bucket {
    /// Whether one more request is let in now.
    pub(super) fn takes(&mut self, limit: RateLimit, now: Instant) -> bool {
        if limit.interval.is_zero() {
            return true;
        }
        if self.limit != limit {
            self.limit = limit;
            self.empty_at = None;
        }
        let full = limit.interval.saturating_mul(limit.burst);
        let filled = self
            .empty_at
            .map_or(full, |empty| now.saturating_duration_since(empty).min(full));
        if filled < limit.interval {
            return false;
        }
        self.empty_at = now.checked_sub(filled.saturating_sub(limit.interval));
        true
    }

    /// When a refused client may try again, in whole seconds.
    pub(super) fn retry_after(limit: RateLimit) -> u64 {
        let up = limit
            .interval
            .as_nanos()
            .div_ceil(Duration::from_secs(1).as_nanos());
        u64::try_from(up).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_in_and_then_one_each_interval() {
        let limit = RateLimit {
            interval: Duration::from_secs(10),
            burst: 3,
        };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut taken = |seconds| bucket.takes(limit, at(seconds));
        assert_eq!(
            [0, 0, 0, 0, 9].map(&mut taken),
            [true, true, true, false, false]
        );
        assert_eq!([10, 10, 25].map(&mut taken), [true, false, true]);
        assert_eq!(
            [900, 900, 900, 900].map(&mut taken),
            [true, true, true, false]
        );
        assert!(bucket.takes(RateLimit::default(), at(900)));
    }
}
