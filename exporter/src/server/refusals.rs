//! Tells the log who was refused, but not for ever: who is turned away can try as often as they like.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::rate::Bucket;
use super::web_config::RateLimit;

/// So many at once, and one more each second.
const LIMIT: RateLimit = RateLimit {
    interval: Duration::from_secs(1),
    burst: 10,
};

/// The refusals of late.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Bucket>);

impl Refusals {
    /// Tells of a client that was refused; what it showed is no part of `why`.
    pub(super) fn tell(&self, peer: Option<SocketAddr>, why: &str) {
        let peer = peer.map(tracing::field::display);
        if self.is_told(Instant::now()) {
            tracing::info!(peer, why, "client refused");
        } else {
            tracing::debug!(peer, why, "client refused");
        }
    }

    fn is_told(&self, now: Instant) -> bool {
        self.0.lock().takes(LIMIT, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_fill_the_log() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let told = (0..1_000).filter(|_| refusals.is_told(now)).count();
        assert_eq!(told, 10);
        assert!(refusals.is_told(now + Duration::from_secs(1)));
        assert!(!refusals.is_told(now + Duration::from_secs(1)));
    }
}
