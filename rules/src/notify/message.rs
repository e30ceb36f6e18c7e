//! A notice as subject, text and HTML.

mod subject;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use super::event::{Event, EventState};
use super::grouping::Notice;
use crate::template::humanize_duration;
use subject::subject;

/// The most alerts that a message shows; the others are counted.
const MAX_SHOWN: usize = 50;
/// The longest text of an alert that a message shows, in characters.
const MAX_TEXT: usize = 2_000;
/// The most labels, and the most annotations, of an alert that a message shows.
const MAX_PAIRS: usize = 100;

/// Turns notices into messages.
#[derive(Debug)]
pub(crate) struct Writer {
    environment: Environment<'static>,
    external_url: String,
    zone: TimeZone,
}

/// A finished message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What the templates show.
#[derive(Serialize)]
struct Page<'a> {
    subject: &'a str,
    heading: String,
    sections: Vec<Section<'a>>,
    alerts_url: Option<String>,
}

#[derive(Serialize)]
struct Section<'a> {
    title: &'static str,
    firing: bool,
    alerts: Vec<Shown<'a>>,
    more: usize,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: Cow<'a, str>,
    summary: Cow<'a, str>,
    description: Cow<'a, str>,
    severity: Cow<'a, str>,
    facts: Vec<(&'static str, String)>,
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    links: Vec<(&'a str, &'a str)>,
}

/// Annotations that have a place of their own.
const PLACED: [&str; 4] = ["summary", "description", "runbook_url", "dashboard_url"];

impl Writer {
    /// A writer whose links lead to `external_url` and whose times are those of `zone`.
    pub(crate) fn new(external_url: &str, zone: TimeZone) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.add_template("mail.html", include_str!("mail.html"))?;
        environment.add_template("mail.txt", include_str!("mail.txt"))?;
        Ok(Self {
            environment,
            external_url: external_url.trim_end_matches('/').to_owned(),
            zone,
        })
    }

    /// The message of a notice.
    pub(crate) fn write(&self, notice: &Notice) -> Result<Message, minijinja::Error> {
        let subject = subject(notice);
        let page = Page {
            subject: &subject,
            heading: heading(notice),
            sections: [
                ("Firing", true, &notice.new),
                ("Recovered", false, &notice.resolved),
                ("Still firing", true, &notice.still),
            ]
            .into_iter()
            .filter(|(_, _, events)| !events.is_empty())
            .map(|(title, firing, events)| self.section(title, firing, events))
            .collect(),
            alerts_url: is_link(&self.external_url)
                .then(|| format!("{}/alerts", self.external_url)),
        };
        let page = Value::from(Serde(&page));
        Ok(Message {
            text: self
                .environment
                .get_template("mail.txt")?
                .render(page.clone())?,
            html: self.environment.get_template("mail.html")?.render(page)?,
            subject,
        })
    }

    fn section<'a>(
        &self,
        title: &'static str,
        firing: bool,
        events: &'a [Arc<Event>],
    ) -> Section<'a> {
        let shown = events.iter().take(MAX_SHOWN);
        Section {
            title,
            firing,
            alerts: shown.map(|event| self.shown(event)).collect(),
            more: events.len().saturating_sub(MAX_SHOWN),
        }
    }

    fn shown<'a>(&self, event: &'a Event) -> Shown<'a> {
        let annotation = |name: &str| event.annotations.get(name).map_or("", String::as_str);
        Shown {
            name: cut(event.labels.get("alertname")),
            summary: cut(annotation("summary")),
            description: cut(annotation("description")),
            severity: cut(event.labels.get("severity")),
            facts: self.facts(event),
            labels: event
                .labels
                .iter()
                .filter(|(name, _)| *name != "alertname")
                .take(MAX_PAIRS)
                .map(|(name, text)| (cut(name), cut(text)))
                .collect(),
            annotations: texts(&event.annotations)
                .filter(|(name, _)| !PLACED.contains(name))
                .take(MAX_PAIRS)
                .map(|(name, text)| (cut(name), cut(text)))
                .collect(),
            links: texts(&event.annotations)
                .filter(|(name, text)| name.ends_with("_url") && is_link(text))
                .filter(|(_, text)| text.len() <= MAX_TEXT)
                .take(MAX_PAIRS)
                .map(|(name, text)| (name.trim_end_matches("_url"), text))
                .collect(),
        }
    }

    fn facts(&self, event: &Event) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Value", value(event.value)),
            ("Rule", cut(&event.query).into_owned()),
        ];
        match event.state {
            EventState::Firing => {
                facts.push(("Since", self.time(event.active_at_ms)));
            }
            EventState::Resolved { at_ms } => {
                let lasted = (at_ms - event.active_at_ms) as f64 / 1_000.0;
                facts.push(("Lasted", humanize_duration(lasted.round())));
                facts.push(("From", self.time(event.active_at_ms)));
                facts.push(("To", self.time(at_ms)));
                if let Some((_, value)) = facts.first_mut() {
                    value.push_str(" (last)");
                }
            }
        }
        if let Some(reason) = &event.held {
            facts.push((
                "Held",
                format!("{reason}: whether this still holds is not known"),
            ));
        }
        facts
    }

    /// The local time with its zone: `2026-11-20 10:15:00 CET`.
    fn time(&self, time_ms: i64) -> String {
        match Timestamp::from_millisecond(time_ms) {
            Ok(time) => {
                let local = time.to_zoned(self.zone.clone());
                local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
            }
            Err(_) => format!("{time_ms} ms"),
        }
    }
}

fn texts(annotations: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    annotations
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
}

/// A text, or its beginning where it is too long for a mail.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_TEXT) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default())),
    }
}

fn is_link(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Six digits are enough to read.
fn value(value: f64) -> String {
    crate::template::digits(value, 6)
}

fn heading(notice: &Notice) -> String {
    let count = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 alert {what}")),
        count => Some(format!("{count} alerts {what}")),
    };
    let parts = [
        count(notice.new.len(), "firing"),
        count(notice.resolved.len(), "recovered"),
        count(notice.still.len(), "still firing"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
