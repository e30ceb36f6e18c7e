use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};
use watchpost_model::Labels;
use watchpost_model::config::load;

use super::{Grouping, Notice};
use crate::notify::config::Config;
use crate::notify::event::{Event, EventState};

fn event(name: &str, instance: &str, resolved: Option<i64>) -> Event {
    Event {
        labels: Labels::from_pairs([("alertname", name), ("instance", instance)]),
        annotations: BTreeMap::new(),
        value: 1.0,
        query: "x > 0".to_owned(),
        state: resolved.map_or(EventState::Firing, |at_ms| EventState::Resolved { at_ms }),
        active_at_ms: 0,
        fired_at_ms: 0,
        held: None,
    }
}

fn fires(name: &str, instance: &str) -> Event {
    event(name, instance, None)
}

fn ends(name: &str, instance: &str) -> Event {
    event(name, instance, Some(1))
}

/// Alertmanager's times: 30 s, 5 min, 4 h.
fn grouping() -> (Grouping, Instant) {
    let config: Config = load("w.yaml", "receivers: [{name: me}]").unwrap();
    let route = config.effective_route().unwrap();
    (Grouping::new(route), Instant::now())
}

/// A route that says nothing of groups.
fn grouping_of_everything() -> (Grouping, Instant) {
    let text = "{route: {receiver: me}, receivers: [{name: me}]}";
    let config: Config = load("w.yaml", text).unwrap();
    let route = config.effective_route().unwrap();
    (Grouping::new(route), Instant::now())
}

fn counts(notices: &[Notice]) -> Vec<(usize, usize, usize)> {
    let count = |notice: &Notice| (notice.new.len(), notice.still.len(), notice.resolved.len());
    notices.iter().map(count).collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_new_group_waits_and_then_is_told_at_once() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    grouping.take(fires("A", "2"), start + 20 * SECOND);
    grouping.take(fires("B", "1"), start + 20 * SECOND);
    assert_eq!(grouping.flush(start + 29 * SECOND), []);
    assert_eq!(grouping.next_flush(), Some(start + 30 * SECOND));
    assert_eq!(counts(&grouping.flush(start + 30 * SECOND)), [(2, 0, 0)]);
    assert_eq!(counts(&grouping.flush(start + 50 * SECOND)), [(1, 0, 0)]);
}

#[tokio::test]
async fn an_alert_that_ends_before_it_was_told_is_forgotten() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    grouping.take(ends("A", "1"), start + 10 * SECOND);
    assert_eq!(grouping.flush(start + 30 * SECOND), []);
    assert_eq!((grouping.alerts(), grouping.next_flush()), (0, None));
}

#[tokio::test]
async fn the_end_is_told_once_at_the_next_interval() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    grouping.flush(start + 30 * SECOND);
    for at in [60, 70] {
        grouping.take(ends("A", "1"), start + at * SECOND);
    }
    assert_eq!(grouping.flush(start + 329 * SECOND), []);
    assert_eq!(counts(&grouping.flush(start + 330 * SECOND)), [(0, 0, 1)]);
    grouping.take(ends("A", "1"), start + 331 * SECOND);
    assert_eq!(grouping.flush(start + 3_600 * SECOND), []);
    assert_eq!(grouping.alerts(), 0);
}

#[tokio::test]
async fn what_fires_again_before_its_end_was_told_was_firing_all_the_time() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    grouping.flush(start + 30 * SECOND);
    grouping.take(ends("A", "1"), start + 60 * SECOND);
    grouping.take(fires("A", "1"), start + 90 * SECOND);
    assert_eq!(grouping.flush(start + 330 * SECOND), []);
    assert_eq!(grouping.alerts(), 1);
}

#[tokio::test]
async fn what_fires_on_is_told_again_after_the_repeat_interval() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    let first = grouping.flush(start + 30 * SECOND).remove(0);
    let mut told = Vec::new();
    for round in 1..=100 {
        grouping.take(fires("A", "1"), start + (30 + round * 300) * SECOND);
        for notice in grouping.flush(start + (30 + round * 300) * SECOND) {
            told.push((round, notice.id));
        }
    }
    let rounds: Vec<u32> = told.iter().map(|(round, _)| *round).collect();
    assert_eq!(rounds, [48, 96], "every 4 h");
    assert!(told[0].1 != first.id && told[0].1 != told[1].1);
}

#[tokio::test]
async fn alerts_that_join_a_told_group_are_told_with_those_that_still_fire() {
    let (mut grouping, start) = grouping();
    grouping.take(fires("A", "1"), start);
    grouping.flush(start + 30 * SECOND);
    grouping.take(fires("A", "2"), start + 40 * SECOND);
    assert_eq!(counts(&grouping.flush(start + 330 * SECOND)), [(1, 1, 0)]);
}

#[tokio::test]
async fn the_same_notice_has_the_same_number_in_another_process() {
    let number = || {
        let (mut grouping, start) = grouping();
        grouping.take(fires("A", "1"), start);
        grouping.flush(start + 30 * SECOND).remove(0).id
    };
    assert_eq!(number(), number());
}

#[tokio::test]
async fn an_end_without_a_beginning_is_nothing() {
    let (mut grouping, start) = grouping();
    grouping.take(ends("A", "1"), start);
    assert_eq!(grouping.next_flush(), None);
}

#[test]
fn the_log_names_a_few_alerts_of_a_notice_each_once() {
    let (mut grouping, start) = grouping_of_everything();
    grouping.take(fires("b", "1"), start);
    grouping.take(fires("a", "1"), start);
    grouping.take(fires("a", "2"), start);
    let later = start + Duration::from_secs(30);
    assert_eq!(grouping.flush(later)[0].names(), "a, b");
    for name in ["c", "d", "e", "f"] {
        grouping.take(fires(name, "1"), later);
    }
    let later = later + Duration::from_mins(5);
    assert_eq!(grouping.flush(later)[0].names(), "c, d, e, f, a, ...");
}
