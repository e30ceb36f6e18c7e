//! Notices on their way to one receiver: a bounded queue with retries. No clock: `now` is an
//! argument.
//!
//! Promises: notices of one group go out in order; another group's do not wait for them. A
//! recovery goes out only if its alert's firing notice was accepted, and once. What fails for a
//! while is tried again with growing pauses for 24 h; what is refused for good is tried three
//! times. When the queue is full the oldest notice is dropped. Every drop is counted.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::{Duration, Instant};
use watchpost_model::Labels;

use super::event::Event;
use super::grouping::Notice;

/// The most notices that wait.
const CAPACITY: usize = 1_000;
/// How often a notice that is refused for good is tried.
const PERMANENT_ATTEMPTS: u32 = 3;
/// How long a notice is tried at all.
const MAX_AGE: Duration = Duration::from_hours(24);
/// The first pause after a failure; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A receiver's queue.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Pending>,
    /// The alerts whose firing was told and whose end was not, with the notice that told it.
    told: HashMap<Labels, String>,
    send_resolved: bool,
    capacity: usize,
    next_number: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    notice: Arc<Notice>,
    attempts: u32,
    since: Instant,
    due: Instant,
}

/// What became of notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) failed_attempts: u64,
    pub(crate) dropped: u64,
    pub(crate) suppressed: u64,
    pub(crate) last_error: Option<String>,
}

/// A notice to send now.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) number: u64,
    pub(crate) notice: Notice,
    /// The message that this one goes on from.
    pub(crate) reply_to: Option<String>,
}

/// Why a notice was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may be accepted later.
    Temporary(String),
    /// It will hardly ever be.
    Permanent(String),
}

impl Outbox {
    pub(crate) fn new(send_resolved: bool) -> Self {
        Self {
            send_resolved,
            capacity: CAPACITY,
            ..Self::default()
        }
    }

    /// How many notices wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Queues a notice.
    pub(crate) fn push(&mut self, mut notice: Arc<Notice>, now: Instant) {
        if !self.send_resolved && !notice.resolved.is_empty() {
            if notice.new.is_empty() {
                return;
            }
            Arc::make_mut(&mut notice).resolved.clear();
        }
        if self.queue.len() >= self.capacity {
            self.drop_first();
            let message =
                format!("the queue of {CAPACITY} notices is full: the oldest was dropped");
            self.counts.last_error = Some(message);
        }
        self.next_number += 1;
        self.queue.push_back(Pending {
            number: self.next_number,
            notice,
            attempts: 0,
            since: now,
            due: now,
        });
    }

    /// When a notice is to be sent next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.heads().map(|pending| pending.due).min()
    }

    /// The first waiting notice of each group.
    fn heads(&self) -> impl Iterator<Item = &Pending> {
        let mut groups = HashSet::new();
        let waiting = self.queue.iter();
        waiting.filter(move |pending| groups.insert(&pending.notice.group))
    }

    /// A notice whose time has come. It stays in the queue until it is [done](Self::done) or has
    /// [failed](Self::failed) for good.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Parcel> {
        loop {
            let pending = self.heads().find(|pending| pending.due <= now)?;
            let (number, notice) = (pending.number, Arc::clone(&pending.notice));
            let Some(notice) = self.without_untold(&notice) else {
                self.remove(number);
                self.counts.suppressed += 1;
                continue;
            };
            let mut told = notice.resolved.iter().chain(&notice.still);
            let reply_to = told.find_map(|event| self.told.get(&event.labels)).cloned();
            return Some(Parcel {
                number,
                notice,
                reply_to,
            });
        }
    }

    /// The notice without the recoveries of alerts that the receiver never heard of; `None` where
    /// it was only about them.
    fn without_untold(&self, notice: &Notice) -> Option<Notice> {
        let known = |event: &&Arc<Event>| self.told.contains_key(&event.labels);
        let resolved: Vec<_> = notice.resolved.iter().filter(known).cloned().collect();
        let only_about_them = notice.new.is_empty() && !notice.resolved.is_empty();
        if only_about_them && resolved.is_empty() {
            return None;
        }
        Some(Notice {
            resolved,
            ..notice.clone()
        })
    }

    /// A notice was accepted, under this message id.
    pub(crate) fn done(&mut self, parcel: &Parcel, message_id: &str) {
        self.remove(parcel.number);
        self.counts.sent += 1;
        self.counts.last_error = None;
        let firing = parcel.notice.new.iter().chain(&parcel.notice.still);
        for event in firing.filter(|_| self.send_resolved) {
            let first = self.told.entry(event.labels.clone());
            first.or_insert_with(|| message_id.to_owned());
        }
        for event in &parcel.notice.resolved {
            self.told.remove(&event.labels);
        }
    }

    /// A notice was not accepted. Tells whether it was given up.
    pub(crate) fn failed(&mut self, number: u64, failure: &Failure, now: Instant) -> bool {
        self.counts.failed_attempts += 1;
        let (message, permanent) = match failure {
            Failure::Temporary(message) => (message, false),
            Failure::Permanent(message) => (message, true),
        };
        self.counts.last_error = Some(message.clone());
        let Some(pending) = self
            .queue
            .iter_mut()
            .find(|pending| pending.number == number)
        else {
            return true;
        };
        pending.attempts += 1;
        let refused = permanent && pending.attempts >= PERMANENT_ATTEMPTS;
        if refused || now >= pending.since + MAX_AGE {
            self.drop_notice(number);
            return true;
        }
        let doublings = (pending.attempts - 1).min(16);
        let pause = FIRST_PAUSE
            .saturating_mul(1 << doublings)
            .min(LONGEST_PAUSE);
        pending.due = now + pause;
        false
    }

    fn drop_first(&mut self) {
        if let Some(number) = self.queue.front().map(|pending| pending.number) {
            self.drop_notice(number);
        }
    }

    /// Gives a notice up. A recovery in it is not told again.
    fn drop_notice(&mut self, number: u64) {
        self.counts.dropped += 1;
        let lost = self.queue.iter().find(|pending| pending.number == number);
        if let Some(lost) = lost {
            for event in &lost.notice.resolved {
                self.told.remove(&event.labels);
            }
        }
        self.remove(number);
    }

    fn remove(&mut self, number: u64) {
        self.queue.retain(|pending| pending.number != number);
    }
}

#[cfg(test)]
mod tests;
