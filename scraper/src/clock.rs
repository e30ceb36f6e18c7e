//! The wall clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch. Only the edges call this; the rest takes `now` as an
/// argument.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock"
)]
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time as Go writes it in JSON: RFC 3339 in UTC with as many decimals as it needs.
pub fn rfc3339(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |t| t.to_string())
}

/// What Prometheus writes where something has not happened yet: Go's zero time.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// A time with exactly three decimals, as the query log has it.
pub fn rfc3339_millis(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |t| format!("{t:.3}"))
}
