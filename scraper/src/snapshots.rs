//! Where snapshots stand, and what they are called.

use std::hash::{BuildHasher, RandomState};

/// Where snapshots stand in the store's directory.
pub(crate) const SNAPSHOTS: &str = "snapshots";

/// A name that no other snapshot has: the time and a random number, as Prometheus has it.
pub(crate) fn snapshot_name(now_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let number = RandomState::new().hash_one(now_ms);
    format!("{}-{number:016x}", time.strftime("%Y%m%dT%H%M%SZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_time_and_differ() {
        let (a, b) = (
            snapshot_name(1_512_940_344_000),
            snapshot_name(1_512_940_344_000),
        );
        assert!(a.starts_with("20171210T211224Z-"), "{a}");
        assert_eq!(a.len(), "20171210T211224Z-2be650b6d019eb54".len());
        assert_ne!(a, b);
    }
}
