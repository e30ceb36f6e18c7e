//! Alerts to notices: what belongs together, when it is told, and when again. As Alertmanager's
//! dispatcher: a new group waits `group_wait`, is looked at every `group_interval`, and what still
//! fires is told again after `repeat_interval`. No clock: `now` is an argument.
//!
//! An alert that ends before it was told is forgotten. One that ends after is told to have ended,
//! once. One that fires again before its end was told was, for the reader, firing all the time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use watchpost_model::Labels;

use super::config::Route;
use super::event::Event;

/// The most alerts that are kept; what comes beyond is refused and counted.
const MAX_ALERTS: usize = 50_000;
/// The most names of alerts that the log shows of a notice.
const MAX_NAMES: usize = 5;

/// One message about one group of alerts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    /// The labels that the alerts are grouped by.
    pub(crate) group: Labels,
    /// The same notice has the same number, also after a restart.
    pub(crate) id: u64,
    /// Alerts that began to fire.
    pub(crate) new: Vec<Arc<Event>>,
    /// Alerts that were told before and still fire.
    pub(crate) still: Vec<Arc<Event>>,
    /// Alerts that were told before and have ended.
    pub(crate) resolved: Vec<Arc<Event>>,
}

impl Notice {
    /// The names of the alerts that it is about, for the log.
    pub(crate) fn names(&self) -> String {
        let events = self.new.iter().chain(&self.resolved).chain(&self.still);
        let mut names: Vec<&str> = Vec::new();
        for event in events {
            let name = event.labels.get("alertname");
            if !names.contains(&name) {
                if names.len() == MAX_NAMES {
                    names.push("...");
                    break;
                }
                names.push(name);
            }
        }
        names.join(", ")
    }
}

/// The groups of the one route.
#[derive(Debug)]
pub(crate) struct Grouping {
    route: Route,
    groups: BTreeMap<Labels, AlertGroup>,
    alerts: usize,
    refused: u64,
}

#[derive(Debug)]
struct AlertGroup {
    alerts: BTreeMap<Labels, Entry>,
    next_flush: Instant,
    last_notice: Option<Instant>,
    reminders: u64,
}

#[derive(Debug)]
struct Entry {
    event: Arc<Event>,
    told: bool,
}

impl Grouping {
    pub(crate) fn new(route: Route) -> Self {
        Self {
            route,
            groups: BTreeMap::new(),
            alerts: 0,
            refused: 0,
        }
    }

    /// How many alerts were refused because there were too many.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// How many alerts are kept.
    pub(crate) fn alerts(&self) -> usize {
        self.alerts
    }

    /// Takes the news of an alert.
    pub(crate) fn take(&mut self, event: Event, now: Instant) {
        let key = self.key(&event.labels);
        let known = self.groups.get_mut(&key);
        if let Some(entry) = known.and_then(|group| group.alerts.get_mut(&event.labels)) {
            entry.event = Arc::new(event);
            return;
        }
        if !event.is_firing() {
            return;
        }
        if self.alerts >= MAX_ALERTS {
            self.refused += 1;
            return;
        }
        self.alerts += 1;
        let group = self.groups.entry(key).or_insert_with(|| AlertGroup {
            alerts: BTreeMap::new(),
            next_flush: now + self.route.group_wait.as_std(),
            last_notice: None,
            reminders: 0,
        });
        let entry = Entry {
            event: Arc::new(event),
            told: false,
        };
        group.alerts.insert(entry.event.labels.clone(), entry);
    }

    fn key(&self, labels: &Labels) -> Labels {
        let by = &self.route.group_by;
        if by.first().is_some_and(|name| name == "...") {
            return labels.clone();
        }
        labels.retain(|name| by.iter().any(|wanted| wanted == name))
    }

    /// When a group is to be looked at next.
    pub(crate) fn next_flush(&self) -> Option<Instant> {
        self.groups.values().map(|group| group.next_flush).min()
    }

    /// Looks at the groups whose time has come and gives what is to be told.
    pub(crate) fn flush(&mut self, now: Instant) -> Vec<Notice> {
        let mut notices = Vec::new();
        let route = &self.route;
        self.groups.retain(|key, group| {
            if group.next_flush > now {
                return true;
            }
            notices.extend(group.flush(key, route, now));
            group.next_flush = now + route.group_interval.as_std();
            !group.alerts.is_empty()
        });
        self.alerts = self.groups.values().map(|group| group.alerts.len()).sum();
        notices
    }
}

impl AlertGroup {
    fn flush(&mut self, key: &Labels, route: &Route, now: Instant) -> Option<Notice> {
        let mut notice = Notice {
            group: key.clone(),
            id: 0,
            new: Vec::new(),
            still: Vec::new(),
            resolved: Vec::new(),
        };
        self.alerts.retain(|_, entry| {
            let list = match (entry.event.is_firing(), entry.told) {
                (true, false) => &mut notice.new,
                (true, true) => &mut notice.still,
                (false, true) => &mut notice.resolved,
                (false, false) => return false,
            };
            list.push(Arc::clone(&entry.event));
            entry.event.is_firing()
        });
        let news = !notice.new.is_empty() || !notice.resolved.is_empty();
        let last = self.last_notice;
        let overdue = last.is_some_and(|last| now >= last + route.repeat_interval.as_std());
        if !news && (!overdue || notice.still.is_empty()) {
            return None;
        }
        self.reminders = if news { 0 } else { self.reminders + 1 };
        for entry in self.alerts.values_mut() {
            entry.told = true;
        }
        self.last_notice = Some(now);
        notice.id = identify(&notice, self.reminders);
        Some(notice)
    }
}

/// FNV-1a over what is told.
fn identify(notice: &Notice, reminders: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    feed(&reminders.to_le_bytes());
    let lists = [&notice.new, &notice.still, &notice.resolved];
    for (kind, list) in (0_u8..).zip(lists) {
        for event in list {
            feed(&[kind]);
            feed(event.labels.to_string().as_bytes());
            feed(&event.fired_at_ms.to_le_bytes());
        }
    }
    hash
}

#[cfg(test)]
mod tests;
