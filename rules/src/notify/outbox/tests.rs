use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{Duration, Instant};
use watchpost_model::Labels;

use super::{Failure, Outbox};
use crate::notify::event::{Event, EventState};
use crate::notify::grouping::Notice;

fn event(instance: &str) -> Arc<Event> {
    Arc::new(Event {
        labels: Labels::from_pairs([("alertname", "A"), ("instance", instance)]),
        annotations: BTreeMap::new(),
        value: 1.0,
        query: "x > 0".to_owned(),
        state: EventState::Firing,
        active_at_ms: 0,
        fired_at_ms: 0,
        held: None,
    })
}

fn notice(group: &str, new: &[&str], resolved: &[&str]) -> Arc<Notice> {
    let events = |instances: &[&str]| instances.iter().map(|instance| event(instance)).collect();
    Arc::new(Notice {
        group: Labels::from_pairs([("group", group)]),
        id: 7,
        new: events(new),
        still: Vec::new(),
        resolved: events(resolved),
    })
}

fn temporary() -> Failure {
    Failure::Temporary("451".to_owned())
}

fn permanent() -> Failure {
    Failure::Permanent("550".to_owned())
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_recovery_follows_its_firing_notice_and_goes_out_once() {
    let now = Instant::now();
    let mut outbox = Outbox::new(true);
    outbox.push(notice("g", &["1"], &[]), now);
    outbox.push(notice("g", &[], &["1"]), now);
    let firing = outbox.take(now).unwrap();
    assert_eq!(outbox.take(now).unwrap().number, firing.number, "in order");
    outbox.done(&firing, "<first>");
    let recovery = outbox.take(now).unwrap();
    assert_eq!(recovery.notice.resolved.len(), 1);
    assert_eq!(recovery.reply_to.as_deref(), Some("<first>"));
    outbox.done(&recovery, "<second>");
    outbox.push(notice("g", &[], &["1"]), now);
    assert!(outbox.take(now).is_none());
    let counts = outbox.counts();
    assert_eq!((counts.sent, counts.suppressed, outbox.len()), (2, 1, 0));
}

#[tokio::test]
async fn a_recovery_is_not_sent_where_the_firing_notice_was_given_up() {
    let now = Instant::now();
    let mut outbox = Outbox::new(true);
    outbox.push(notice("g", &["1"], &[]), now);
    let firing = outbox.take(now).unwrap();
    let mut at = now;
    let mut attempts = 1;
    while !outbox.failed(firing.number, &permanent(), at) {
        at = outbox.next_due().unwrap();
        attempts += 1;
    }
    assert_eq!(attempts, 3);
    outbox.push(notice("g", &[], &["1"]), at);
    assert!(outbox.take(at).is_none());
    let counts = outbox.counts();
    assert_eq!((counts.sent, counts.dropped, counts.suppressed), (0, 1, 1));
    assert_eq!(counts.last_error.as_deref(), Some("550"));
}

#[tokio::test]
async fn a_failure_that_may_pass_is_retried_for_a_day_with_growing_pauses() {
    let start = Instant::now();
    let mut outbox = Outbox::new(true);
    outbox.push(notice("g", &["1"], &[]), start);
    let mut now = start;
    let mut pauses = Vec::new();
    loop {
        let parcel = outbox.take(now).unwrap();
        if outbox.failed(parcel.number, &temporary(), now) {
            break;
        }
        assert!(outbox.take(now).is_none(), "not before its time");
        let due = outbox.next_due().unwrap();
        pauses.push((due - now).as_secs());
        now = due;
    }
    assert_eq!(pauses[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
    assert!(now - start >= 86_400 * SECOND && now - start < 86_800 * SECOND);
    assert_eq!(outbox.counts().dropped, 1);
}

#[tokio::test]
async fn a_group_that_waits_does_not_keep_others_waiting() {
    let now = Instant::now();
    let mut outbox = Outbox::new(true);
    outbox.push(notice("stuck", &["1"], &[]), now);
    outbox.push(notice("stuck", &["2"], &[]), now);
    outbox.push(notice("free", &["3"], &[]), now);
    let first = outbox.take(now).unwrap();
    outbox.failed(first.number, &temporary(), now);
    let next = outbox.take(now).unwrap();
    assert_eq!(next.notice.group.get("group"), "free");
    outbox.done(&next, "<x>");
    assert!(
        outbox.take(now).is_none(),
        "the second of the stuck group waits for the first"
    );
}

#[tokio::test]
async fn a_full_queue_drops_its_oldest_notice_and_counts_it() {
    let now = Instant::now();
    let mut outbox = Outbox::new(true);
    for round in 0..1_003 {
        outbox.push(notice(&round.to_string(), &["1"], &[]), now);
    }
    assert_eq!((outbox.len(), outbox.counts().dropped), (1_000, 3));
    assert_eq!(outbox.take(now).unwrap().notice.group.get("group"), "3");
}

#[tokio::test]
async fn without_send_resolved_no_recovery_is_queued() {
    let now = Instant::now();
    let mut outbox = Outbox::new(false);
    outbox.push(notice("g", &["1"], &[]), now);
    let firing = outbox.take(now).unwrap();
    outbox.done(&firing, "<first>");
    outbox.push(notice("g", &[], &["1"]), now);
    assert_eq!(outbox.len(), 0);
    outbox.push(notice("g", &["2"], &["1"]), now);
    assert_eq!(outbox.take(now).unwrap().notice.resolved.len(), 0);
}
