//! How many calls are served a minute.

use std::time::Instant;

/// A bucket that fills evenly and gives one a call.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    capacity: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket that fills within a minute.
    pub(super) fn new(per_minute: u32, now: Instant) -> Self {
        let capacity = f64::from(per_minute);
        Self {
            capacity,
            level: capacity,
            at: now,
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        self.at = now;
        self.level = (self.level + minutes * self.capacity).min(self.capacity);
        let enough = self.level >= 1.0;
        if enough {
            self.level -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_as_many_as_it_holds_and_fills_again() {
        let start = Instant::now();
        let mut bucket = Bucket::new(6, start);
        let taken = (0..10).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 6);
        assert!(!bucket.take(start + Duration::from_secs(9)));
        assert!(bucket.take(start + Duration::from_secs(11)));
        assert!(!bucket.take(start + Duration::from_secs(11)));
        let late = start + Duration::from_hours(1);
        let taken = (0..10).filter(|_| bucket.take(late)).count();
        assert_eq!(taken, 6);
    }
}
