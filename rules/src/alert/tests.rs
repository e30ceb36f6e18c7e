use std::collections::BTreeMap;

use watchpost_model::{Duration, Labels};

use super::{AlertState, Alerts, Instance, Timing, Witness};

const SECOND: i64 = 1_000;

/// Says of every target what it was told.
struct Told(Option<&'static str>);

impl Witness for Told {
    fn sources(&mut self, series: &Labels) -> Vec<Labels> {
        vec![series.clone()]
    }

    fn silent(&mut self, sources: &[Labels]) -> Option<String> {
        assert_eq!(sources.len(), 1);
        self.0.map(str::to_owned)
    }
}

fn timing(hold_duration: u64, keep_firing_for: u64) -> Timing {
    Timing {
        hold_duration: Duration::from_secs(hold_duration),
        keep_firing_for: Duration::from_secs(keep_firing_for),
    }
}

fn instance(value: f64) -> Instance {
    let labels = Labels::from_pairs([("alertname", "Hot"), ("instance", "a")]);
    Instance {
        series: labels.clone(),
        labels,
        annotations: BTreeMap::from([("summary".to_owned(), format!("at {value}"))]),
        value,
    }
}

/// The state after each of the evaluations 10 s apart; `None` is "the alert is not known".
fn states(timing: Timing, seen: &[bool]) -> Vec<Option<AlertState>> {
    let mut alerts = Alerts::default();
    let mut states = Vec::new();
    for (round, seen) in (0_i64..).zip(seen) {
        let vector = seen.then(|| instance(1.0)).into_iter().collect();
        alerts.step(timing, round * 10 * SECOND, vector, &mut Told(None));
        states.push(alerts.iter().next().map(|alert| alert.state));
    }
    states
}

const NONE: Option<AlertState> = None;
const PENDING: Option<AlertState> = Some(AlertState::Pending);
const FIRING: Option<AlertState> = Some(AlertState::Firing);
const INACTIVE: Option<AlertState> = Some(AlertState::Inactive);

#[test]
fn without_for_an_alert_fires_at_once_and_ends_when_its_series_is_gone() {
    let states = states(timing(0, 0), &[false, true, true, false, false]);
    assert_eq!(states, [NONE, FIRING, FIRING, INACTIVE, INACTIVE]);
}

#[test]
fn an_alert_is_pending_until_its_series_was_there_for_long_enough() {
    let states = states(timing(20, 0), &[true, true, true, false]);
    assert_eq!(states, [PENDING, PENDING, FIRING, INACTIVE]);
}

#[test]
fn a_gap_while_pending_starts_the_wait_again() {
    let states = states(timing(20, 0), &[true, true, false, true, true, true]);
    assert_eq!(states, [PENDING, PENDING, NONE, PENDING, PENDING, FIRING]);
}

#[test]
fn keep_firing_for_bridges_gaps() {
    let seen = [true, false, false, true, false, false, false, false];
    let firing_until = states(timing(0, 30), &seen);
    assert_eq!(firing_until[..7], [FIRING; 7]);
    assert_eq!(firing_until[7], INACTIVE);
}

#[test]
fn an_alert_that_comes_back_after_its_end_waits_again_and_is_new() {
    let mut alerts = Alerts::default();
    let vector = || vec![instance(1.0)];
    alerts.step(timing(0, 0), 0, vector(), &mut Told(None));
    alerts.step(timing(0, 0), 10 * SECOND, Vec::new(), &mut Told(None));
    alerts.step(timing(0, 0), 20 * SECOND, vector(), &mut Told(None));
    let alert = alerts.iter().next().unwrap();
    assert_eq!(alert.state, AlertState::Firing);
    assert_eq!(
        (alert.active_at_ms, alert.resolved_at_ms),
        (20 * SECOND, None)
    );
}

#[test]
fn an_ended_alert_is_known_for_fifteen_minutes() {
    let mut alerts = Alerts::default();
    alerts.step(timing(0, 0), 0, vec![instance(1.0)], &mut Told(None));
    alerts.step(timing(0, 0), 10 * SECOND, Vec::new(), &mut Told(None));
    alerts.step(timing(0, 0), 910 * SECOND, Vec::new(), &mut Told(None));
    assert_eq!(
        alerts.iter().next().unwrap().resolved_at_ms,
        Some(10 * SECOND)
    );
    alerts.step(timing(0, 0), 911 * SECOND, Vec::new(), &mut Told(None));
    assert_eq!(alerts.iter().count(), 0);
}

#[test]
fn value_and_annotations_follow_while_the_start_stays() {
    let mut alerts = Alerts::default();
    alerts.step(timing(0, 0), 0, vec![instance(1.0)], &mut Told(None));
    alerts.step(
        timing(0, 0),
        10 * SECOND,
        vec![instance(2.0)],
        &mut Told(None),
    );
    let alert = alerts.active().next().unwrap();
    assert_eq!((alert.value, alert.active_at_ms), (2.0, 0));
    assert_eq!(alert.annotations["summary"], "at 2");
}

#[test]
fn a_silent_target_holds_its_firing_alert_and_does_not_end_it() {
    let mut alerts = Alerts::default();
    alerts.step(timing(0, 0), 0, vec![instance(1.0)], &mut Told(None));
    for at in [10, 20] {
        alerts.step(
            timing(0, 0),
            at * SECOND,
            Vec::new(),
            &mut Told(Some("a is down")),
        );
        let alert = alerts.active().next().unwrap();
        assert_eq!(alert.state, AlertState::Firing);
        let held = alert.held.as_ref().unwrap();
        assert_eq!(
            (held.since_ms, held.reason.as_str()),
            (10 * SECOND, "a is down")
        );
    }
    alerts.step(
        timing(0, 0),
        30 * SECOND,
        vec![instance(1.0)],
        &mut Told(None),
    );
    assert_eq!(alerts.active().next().unwrap().held, None);
    alerts.step(timing(0, 0), 40 * SECOND, Vec::new(), &mut Told(None));
    assert_eq!(alerts.state(), AlertState::Inactive);
}

#[test]
fn a_pending_alert_of_a_silent_target_is_forgotten() {
    let mut alerts = Alerts::default();
    alerts.step(timing(60, 0), 0, vec![instance(1.0)], &mut Told(None));
    alerts.step(
        timing(60, 0),
        10 * SECOND,
        Vec::new(),
        &mut Told(Some("a is down")),
    );
    assert_eq!(alerts.iter().count(), 0);
}

#[test]
fn a_clock_that_goes_back_does_not_delay_an_alert_for_as_long() {
    let mut alerts = Alerts::default();
    alerts.step(
        timing(20, 0),
        86_400 * SECOND,
        vec![instance(1.0)],
        &mut Told(None),
    );
    for at in [0, 10, 20] {
        alerts.step(
            timing(20, 0),
            at * SECOND,
            vec![instance(1.0)],
            &mut Told(None),
        );
    }
    assert_eq!(alerts.state(), AlertState::Firing);
}
