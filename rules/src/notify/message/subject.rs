//! The subject of a mail: what fires apart from what ended, the worst first.
//!
//! `[FIRING:1] HostDown web2, [FIRING:2] HostHighCpu web1, web3 (still), [RESOLVED] HostDown web4`
//!
//! Each part counts the alerts that it names. A subject may be long, so each part has a bound.

use std::collections::HashSet;
use std::sync::Arc;

use crate::notify::event::Event;
use crate::notify::grouping::Notice;

/// The longest subject, in characters, besides what joins and ends its parts.
const MAX_SUBJECT: usize = 150;
/// The most names, and the most hosts, that the only part of a subject tells.
const NAMES_ALONE: usize = 3;
/// The same for each of several parts.
const NAMES: usize = 2;

/// The subject of a notice.
pub(super) fn subject(notice: &Notice) -> String {
    let resolved = match notice.resolved.len() {
        1 => "RESOLVED".to_owned(),
        count => format!("RESOLVED:{count}"),
    };
    let parts = [
        (&notice.new, format!("FIRING:{}", notice.new.len()), ""),
        (
            &notice.still,
            format!("FIRING:{}", notice.still.len()),
            " (still)",
        ),
        (&notice.resolved, resolved, ""),
    ];
    let count = parts.iter().filter(|(list, ..)| !list.is_empty()).count();
    let names = if count > 1 { NAMES } else { NAMES_ALONE };
    let parts = parts
        .iter()
        .filter(|(list, ..)| !list.is_empty())
        .map(|(list, status, end)| part(list, status, names, MAX_SUBJECT / count) + end);
    parts.collect::<Vec<_>>().join(", ")
}

/// `[FIRING:2] HighCpu web1, web2`
fn part(events: &[Arc<Event>], status: &str, names: usize, longest: usize) -> String {
    let mut events: Vec<&Event> = events.iter().map(AsRef::as_ref).collect();
    events.sort_by_key(|event| severity(event));
    let alerts = listed(
        events.iter().map(|event| event.labels.get("alertname")),
        names,
    );
    let places = listed(events.iter().map(|event| place(event)), names);
    let text = format!("[{status}] {alerts} {places}");
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(longest) {
        None => text,
        Some(_) => text.chars().take(longest - 3).collect::<String>() + "...",
    }
}

/// The worst first.
fn severity(event: &Event) -> u8 {
    match event.labels.get("severity") {
        "critical" => 0,
        "warning" => 1,
        "info" => 2,
        _ => 3,
    }
}

/// The host of an alert, without the port of its exporter.
fn place(event: &Event) -> &str {
    let instance = event.labels.get("instance");
    match instance.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => instance,
    }
}

/// The first different texts, and how many more there are.
fn listed<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> String {
    let mut seen = HashSet::new();
    let different: Vec<&str> = texts
        .filter(|text| !text.is_empty() && seen.insert(*text))
        .collect();
    let (shown, more) = different.split_at(most.min(different.len()));
    match more.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
