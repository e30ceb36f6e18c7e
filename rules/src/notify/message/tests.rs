use std::collections::BTreeMap;
use std::sync::Arc;

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use watchpost_model::Labels;

use super::{MAX_SHOWN, Message, Writer};
use crate::notify::event::{Event, EventState};
use crate::notify::grouping::Notice;

fn event(instance: &str, state: EventState) -> Arc<Event> {
    let annotations = [
        ("summary", format!("{instance}: CPU at 93 %")),
        ("description", "Busy for more than 5 minutes.".to_owned()),
        (
            "runbook_url",
            "https://example.com/runbook?a=1&b=2".to_owned(),
        ),
        ("bad_url", "javascript:alert(1)".to_owned()),
        ("note", "<b>bold</b> & more".to_owned()),
    ];
    let labels = [
        ("alertname", "HighCpu"),
        ("instance", instance),
        ("job", "node"),
        ("severity", "warning"),
    ];
    Arc::new(Event {
        labels: Labels::from_pairs(labels),
        annotations: annotations
            .map(|(name, text)| (name.to_owned(), text))
            .into(),
        value: 93.456_789,
        query: "100 * (1 - avg(rate(idle[5m]))) > 80".to_owned(),
        state,
        active_at_ms: 1_763_631_000_000,
        fired_at_ms: 1_763_631_300_000,
        held: None,
    })
}

fn notice(new: Vec<Arc<Event>>, still: Vec<Arc<Event>>, resolved: Vec<Arc<Event>>) -> Notice {
    Notice {
        group: Labels::empty(),
        id: 1,
        new,
        still,
        resolved,
    }
}

fn write(notice: &Notice) -> Message {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    Writer::new("http://watch.example.com:9090/", zone)
        .unwrap()
        .write(notice)
        .unwrap()
}

fn firing(instance: &str) -> Arc<Event> {
    event(instance, EventState::Firing)
}

fn resolved(instance: &str) -> Arc<Event> {
    let at_ms = 1_763_631_000_000 + 3_725_000;
    event(instance, EventState::Resolved { at_ms })
}

#[test]
fn a_firing_mail_says_what_how_much_since_when_and_where_to_look() {
    let message = write(&notice(vec![firing("web1:9100")], Vec::new(), Vec::new()));
    assert_eq!(message.subject, "[FIRING:1] HighCpu web1");
    assert_snapshot!(message.text, @r"
    1 alert firing

    == Firing: web1:9100: CPU at 93 %
    Busy for more than 5 minutes.

      Alert: HighCpu (warning)
      Value: 93.4568
      Rule: 100 * (1 - avg(rate(idle[5m]))) > 80
      Since: 2025-11-20 10:30:00 CET
      bad_url: javascript:alert(1)
      note: <b>bold</b> & more
      Labels: instance=web1:9100, job=node, severity=warning
      runbook: https://example.com/runbook?a=1&b=2

    --
    All alerts: http://watch.example.com:9090/alerts
    Sent by Watchpost
    ");
}

#[test]
fn a_recovery_mail_says_how_long_it_lasted() {
    let message = write(&notice(Vec::new(), Vec::new(), vec![resolved("web1:9100")]));
    assert_eq!(message.subject, "[RESOLVED] HighCpu web1");
    assert_snapshot!(message.text, @r"
    1 alert recovered

    == Recovered: web1:9100: CPU at 93 %
    Busy for more than 5 minutes.

      Alert: HighCpu (warning)
      Value: 93.4568 (last)
      Rule: 100 * (1 - avg(rate(idle[5m]))) > 80
      Lasted: 1h 2m 5s
      From: 2025-11-20 10:30:00 CET
      To: 2025-11-20 11:32:05 CET
      bad_url: javascript:alert(1)
      note: <b>bold</b> & more
      Labels: instance=web1:9100, job=node, severity=warning
      runbook: https://example.com/runbook?a=1&b=2

    --
    All alerts: http://watch.example.com:9090/alerts
    Sent by Watchpost
    ");
}

#[test]
fn a_held_alert_says_that_nothing_is_known() {
    let mut event = (*firing("web1:9100")).clone();
    event.held = Some("target web1:9100 is down".to_owned());
    let message = write(&notice(Vec::new(), vec![Arc::new(event)], Vec::new()));
    assert_eq!(message.subject, "[FIRING:1] HighCpu web1 (still)");
    let held = "Held: target web1:9100 is down: whether this still holds is not known";
    assert!(message.text.contains(held), "{}", message.text);
}

#[test]
fn html_shows_texts_as_texts_and_links_only_to_pages() {
    let message = write(&notice(
        vec![firing("web1:9100")],
        Vec::new(),
        vec![resolved("b")],
    ));
    let html = &message.html;
    assert_eq!(
        message.subject,
        "[FIRING:1] HighCpu web1, [RESOLVED] HighCpu b"
    );
    assert!(html.contains("&lt;b&gt;bold&lt;"), "{html}");
    assert!(!html.contains("<b>bold"), "{html}");
    assert!(!html.contains("href=\"javascript"), "{html}");
    assert!(
        html.contains("https:&#x2f;&#x2f;example.com&#x2f;runbook"),
        "{html}"
    );
    assert!(
        html.contains("href=\"http:&#x2f;&#x2f;watch.example.com:9090&#x2f;alerts\""),
        "{html}"
    );
    assert!(
        html.contains("Lasted") && html.contains("1h 2m 5s"),
        "{html}"
    );
}

#[test]
fn a_mail_about_many_alerts_shows_the_first_and_counts_the_others() {
    let many: Vec<_> = (0..3_336)
        .map(|at| firing(&format!("host{at:04}")))
        .collect();
    let message = write(&notice(many, Vec::new(), Vec::new()));
    assert_eq!(
        message.subject,
        "[FIRING:3336] HighCpu host0000, host0001, host0002 and 3333 more"
    );
    assert_eq!(message.text.matches("== Firing").count(), MAX_SHOWN);
    assert!(
        message.text.contains("... and 3286 more"),
        "{}",
        message.text.len()
    );
    assert!(message.html.len() < 300_000);
}

/// A subject's alert: name, host and severity.
fn alert(name: &str, instance: &str, severity: &str) -> Arc<Event> {
    let mut event = (*firing(instance)).clone();
    let labels = event.labels.with("alertname", name);
    event.labels = labels.with("severity", severity);
    Arc::new(event)
}

#[test]
fn a_subject_names_what_fires_apart_from_what_ended() {
    let down = || alert("HostDown", "web2:9100", "critical");
    let tiny = |instance| alert("LoadTiny", instance, "info");
    let ended = || vec![tiny("web1:9100"), tiny("web3:9100")];
    let subject = |new, still, resolved| write(&notice(new, still, resolved)).subject;
    assert_eq!(
        subject(vec![down()], Vec::new(), ended()),
        "[FIRING:1] HostDown web2, [RESOLVED:2] LoadTiny web1, web3"
    );
    assert_eq!(
        subject(Vec::new(), vec![down()], ended()),
        "[FIRING:1] HostDown web2 (still), [RESOLVED:2] LoadTiny web1, web3"
    );
    assert_eq!(
        subject(ended(), vec![down()], vec![tiny("web4")]),
        "[FIRING:2] LoadTiny web1, web3, [FIRING:1] HostDown web2 (still), [RESOLVED] LoadTiny web4"
    );
}

#[test]
fn a_subject_names_the_worst_first() {
    let alerts = [
        ("Other", "a", "ticket"),
        ("Bare", "b", ""),
        ("Note", "c", "info"),
        ("Full", "d", "warning"),
        ("Down", "e", "critical"),
    ];
    let alerts = alerts.map(|(name, place, severity)| alert(name, place, severity));
    assert_eq!(
        write(&notice(alerts.to_vec(), Vec::new(), Vec::new())).subject,
        "[FIRING:5] Down, Full, Note and 2 more e, d, c and 2 more"
    );
}

#[test]
fn a_long_part_of_a_subject_does_not_hide_the_next() {
    let long = alert(&"x".repeat(200), "a", "critical");
    let subject = write(&notice(vec![long], vec![firing("b")], vec![resolved("c")])).subject;
    let end = "xxx..., [FIRING:1] HighCpu b (still), [RESOLVED] HighCpu c";
    assert!(subject.ends_with(end), "{subject}");
    assert!(subject.chars().count() <= 160, "{subject}");
}

#[test]
fn an_alert_without_texts_still_makes_a_readable_mail() {
    let mut event = (*firing("")).clone();
    event.annotations = BTreeMap::new();
    event.labels = Labels::from_pairs([("alertname", "Bare")]);
    let message = write(&notice(vec![Arc::new(event)], Vec::new(), Vec::new()));
    assert_eq!(message.subject, "[FIRING:1] Bare");
    assert_snapshot!(message.text, @r"
    1 alert firing

    == Firing: Bare

      Alert: Bare
      Value: 93.4568
      Rule: 100 * (1 - avg(rate(idle[5m]))) > 80
      Since: 2025-11-20 10:30:00 CET

    --
    All alerts: http://watch.example.com:9090/alerts
    Sent by Watchpost
    ");
}

#[test]
fn a_subject_is_one_line_of_bounded_length() {
    let mut event = (*firing("a")).clone();
    event.labels = event
        .labels
        .with("alertname", &format!("x\r\nBcc: y {}", "z".repeat(500)));
    let message = write(&notice(vec![Arc::new(event)], Vec::new(), Vec::new()));
    assert!(!message.subject.contains(['\r', '\n']));
    assert!(message.subject.chars().count() <= 160);
}

#[test]
fn texts_that_are_too_long_for_a_mail_are_cut() {
    let mut long = (*firing("web1:9100")).clone();
    long.annotations
        .insert("description".to_owned(), "\u{e4}".repeat(60_000));
    long.query = "x or ".repeat(20_000);
    let message = write(&notice(vec![Arc::new(long)], Vec::new(), Vec::new()));
    assert!(message.text.len() < 10_000, "{}", message.text.len());
    assert!(message.text.contains("\u{e4}...\n"));
}

#[test]
fn a_label_cannot_add_a_header() {
    let event = firing("web1\r\nBcc: all@example.com");
    let message = write(&notice(vec![event], Vec::new(), Vec::new()));
    assert!(!message.subject.contains(['\r', '\n']));
}
