//! Numbers for people, as Prometheus's template functions write them.

use jiff::Timestamp;

use super::format::general;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/// `1234567` is `1.235M`, `0.0012` is `1.2m`.
pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value, 4);
    }
    if value.abs() >= 1.0 {
        return shrink(value, 1_000.0, &LARGE);
    }
    grow(value)
}

/// `1048576` is `1Mi`.
pub(super) fn humanize1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value, 4);
    }
    shrink(value, 1_024.0, &BINARY)
}

/// `3661` seconds are `1h 1m 1s`.
pub(crate) fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value, 4);
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        return grow(value) + "s";
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    let whole = whole_seconds(size);
    let (days, hours, minutes, seconds) = (
        whole / 86_400,
        whole / 3_600 % 24,
        whole / 60 % 60,
        whole % 60,
    );
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", general(size, 4))
    }
}

/// `0.1234` is `12.34%`.
pub(super) fn humanize_percentage(value: f64) -> String {
    general(value * 100.0, 4) + "%"
}

/// Seconds since the epoch as Go prints a time: `2015-03-25 00:00:00 +0000 UTC`.
pub(super) fn humanize_timestamp(value: f64) -> String {
    let millis = (value * 1_000.0).round();
    if !millis.is_finite() || millis.abs() > 9e15 {
        return general(value, 4);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within 9e15, checked above"
    )]
    let time = Timestamp::from_millisecond(millis as i64);
    match time {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string(),
        Err(_) => general(value, 4),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is not negative, and a cast from float saturates"
)]
fn whole_seconds(size: f64) -> u64 {
    size as u64
}

fn shrink(mut value: f64, base: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = next;
        value /= base;
    }
    general(value, 4) + prefix
}

fn grow(mut value: f64) -> String {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1_000.0;
    }
    general(value, 4) + prefix
}
