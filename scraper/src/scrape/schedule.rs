//! When a target is scraped.
//!
//! Ticks are `interval` apart on the monotonic clock and do not drift. The phase comes from the
//! target, so that the targets of a store spread over the interval, and stays from start to start.
//! The first round does not wait for the phase: it comes within the first moments of a start, so
//! that the page has figures at once.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait for the first round, as a share of the interval.
const FIRST_SHARE: u32 = 2;
/// How much of the first wait each target of a job adds.
const FIRST_STEP: Duration = Duration::from_millis(5);

/// The ticks of one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    interval: Duration,
    next: Instant,
    first: Option<Instant>,
}

impl Schedule {
    /// The ticks of a target with this spread, from now on (on the monotonic and on the wall clock);
    /// `targets` is how many start together.
    pub(super) fn new(
        interval: Duration,
        spread: u64,
        targets: usize,
        now: Instant,
        now_ms: i64,
    ) -> Self {
        let length = u64::try_from(interval.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let since = u64::try_from(now_ms).unwrap_or_default() % length;
        let wait = (spread % length + length - since) % length;
        let targets = u32::try_from(targets).unwrap_or(u32::MAX);
        let window = FIRST_STEP
            .saturating_mul(targets)
            .min(interval / FIRST_SHARE);
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let first = now + Duration::from_millis(spread % millis);
        let mut next = now + Duration::from_millis(wait);
        if next < first + interval / FIRST_SHARE {
            next += interval;
        }
        Self {
            interval,
            next,
            first: Some(first),
        }
    }

    /// The time of the next round.
    pub(super) fn due(&self) -> Instant {
        self.first.unwrap_or(self.next)
    }

    /// Ends a round: gives how many ticks have passed meanwhile without a round.
    pub(super) fn done(&mut self, now: Instant) -> u64 {
        if self.first.take().is_none() {
            self.next += self.interval;
        }
        let mut missed = 0;
        while self.next + self.interval <= now {
            self.next += self.interval;
            missed += 1;
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ticks_keep_their_phase_and_the_first_comes_at_once() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * SECOND, 7_000, 1, start, 12_000);
        assert!(schedule.due() < start + SECOND);
        assert_eq!(schedule.done(start), 0);
        // The phase is 7 s into the interval, the clock stands at 2 s.
        assert_eq!(schedule.due(), start + 5 * SECOND);
        assert_eq!(schedule.done(start + 6 * SECOND), 0);
        assert_eq!(schedule.due(), start + 15 * SECOND);
    }

    #[test]
    fn ticks_that_pass_during_a_round_are_counted() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * SECOND, 0, 1, start, 0);
        assert_eq!(schedule.done(start), 0);
        let due = schedule.due();
        assert_eq!(schedule.done(due + 35 * SECOND), 2);
        assert_eq!(schedule.due(), due + 30 * SECOND);
    }
}
