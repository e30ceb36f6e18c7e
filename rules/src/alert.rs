//! The states of an alert, as a pure function of what it was, the time, and the rule's result.
//!
//! ```text
//!             series there           there for `for`             series gone
//!  (nothing) -------------> pending -----------------> firing ----------------> inactive
//!                              | series gone             |   (keep_firing_for)     | 15 min
//!                              v                         | target silent           v
//!                          (nothing)                     +--> firing, held     (nothing)
//! ```
//!
//! # Held
//!
//! Silence is not recovery. When the series of a firing alert is gone, the caller is asked whether
//! a target behind it is silent. While one is, the alert stays firing and says so. What asks is
//! [`crate::hold`]. Prometheus would tell a recovery here; `hold: false` on a rule gives that.

use std::collections::BTreeMap;

use watchpost_model::{Duration, Labels};

/// How long an alert that has ended is still known, ms. As long as in Prometheus.
const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1_000;

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// It has ended.
    Inactive,
    /// Its series is there, but not for long enough.
    Pending,
    /// It is to be told.
    Firing,
}

impl AlertState {
    /// The name in Prometheus's API and in the label `alertstate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One series of an alerting rule's result, with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The series' labels with the rule's and `alertname`.
    pub labels: Labels,
    /// Texts for people, rendered at the last evaluation that had the series.
    pub annotations: BTreeMap<String, String>,
    /// The last value.
    pub value: f64,
    /// Where it stands.
    pub state: AlertState,
    /// When its series first was there, ms.
    pub active_at_ms: i64,
    /// When it began to fire, ms.
    pub fired_at_ms: Option<i64>,
    /// When it ended, ms.
    pub resolved_at_ms: Option<i64>,
    /// Since when it fires by `keep_firing_for` only, ms.
    pub keep_firing_since_ms: Option<i64>,
    /// Why it fires though its series is gone.
    pub held: Option<Held>,
    /// The targets (`job` and `instance`) whose series were behind it when it began to fire.
    pub sources: Vec<Labels>,
}

/// An alert fires on because a target behind it is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when, ms.
    pub since_ms: i64,
    /// What is silent.
    pub reason: String,
}

/// One series of a rule's result, with what the rule says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The alert's labels.
    pub labels: Labels,
    /// The alert's annotations.
    pub annotations: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
    /// The series' own labels, without the rule's.
    pub series: Labels,
}

/// How long a rule waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// `for`
    pub hold_duration: Duration,
    /// `keep_firing_for`
    pub keep_firing_for: Duration,
}

/// What the states ask of the world.
pub trait Witness {
    /// The targets behind an alert that begins to fire.
    fn sources(&mut self, series: &Labels) -> Vec<Labels>;
    /// What is silent of the targets behind an alert whose series is gone.
    fn silent(&mut self, sources: &[Labels]) -> Option<String>;
}

/// The alerts of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerts {
    alerts: BTreeMap<Labels, Alert>,
}

impl Alerts {
    /// Takes over a rule's result. Afterwards an alert that ended now has `resolved_at_ms` of now.
    pub fn step(
        &mut self,
        timing: Timing,
        now_ms: i64,
        vector: Vec<Instance>,
        witness: &mut impl Witness,
    ) {
        let mut series = BTreeMap::new();
        for instance in vector {
            series.insert(instance.labels.clone(), instance.series.clone());
            self.present(instance, now_ms);
        }
        self.alerts
            .retain(|labels, alert| match series.get(labels) {
                Some(series) => {
                    mature(alert, timing, now_ms, || witness.sources(series));
                    true
                }
                None => missing(alert, timing, now_ms, witness),
            });
    }

    /// A series of the result: a new alert, or news of one that is there.
    fn present(&mut self, instance: Instance, now_ms: i64) {
        let old = self.alerts.get_mut(&instance.labels);
        if let Some(alert) = old.filter(|alert| alert.state != AlertState::Inactive) {
            alert.value = instance.value;
            alert.annotations = instance.annotations;
            alert.keep_firing_since_ms = None;
            alert.held = None;
            // The clock went back: what was measured with it cannot be in the future.
            alert.active_at_ms = alert.active_at_ms.min(now_ms);
            return;
        }
        let alert = Alert {
            labels: instance.labels.clone(),
            annotations: instance.annotations,
            value: instance.value,
            state: AlertState::Pending,
            active_at_ms: now_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            keep_firing_since_ms: None,
            held: None,
            sources: Vec::new(),
        };
        self.alerts.insert(instance.labels, alert);
    }

    /// All alerts, those that ended not long ago too, sorted by labels.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The alerts that are pending or firing.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.iter()
            .filter(|alert| alert.state != AlertState::Inactive)
    }

    /// The state of the rule: that of its alert which stands worst.
    pub fn state(&self) -> AlertState {
        let states = self.iter().map(|alert| alert.state);
        states.max().unwrap_or(AlertState::Inactive)
    }

    /// Ends all alerts, because their rule is gone.
    pub fn end(&mut self, now_ms: i64) {
        for alert in self.alerts.values_mut() {
            if alert.state != AlertState::Inactive {
                alert.resolved_at_ms = Some(now_ms);
            }
            alert.state = AlertState::Inactive;
        }
    }
}

/// An alert whose series is there fires when it was there for long enough.
fn mature(alert: &mut Alert, timing: Timing, now_ms: i64, sources: impl FnOnce() -> Vec<Labels>) {
    let long_enough = now_ms - alert.active_at_ms >= timing.hold_duration.as_millis();
    if alert.state == AlertState::Pending && long_enough {
        alert.state = AlertState::Firing;
        alert.fired_at_ms = Some(now_ms);
        alert.sources = sources();
    }
}

/// An alert whose series is gone; whether it is still to be known.
fn missing(alert: &mut Alert, timing: Timing, now_ms: i64, witness: &mut impl Witness) -> bool {
    match alert.state {
        AlertState::Pending => false,
        AlertState::Inactive => {
            let ended = alert.resolved_at_ms.unwrap_or(now_ms);
            now_ms - ended <= RESOLVED_RETENTION_MS
        }
        AlertState::Firing => {
            if let Some(reason) = witness.silent(&alert.sources) {
                let since_ms = alert.held.as_ref().map_or(now_ms, |held| held.since_ms);
                alert.held = Some(Held { since_ms, reason });
                return true;
            }
            alert.held = None;
            if !timing.keep_firing_for.is_zero() {
                let since = *alert.keep_firing_since_ms.get_or_insert(now_ms);
                if now_ms - since < timing.keep_firing_for.as_millis() {
                    return true;
                }
            }
            alert.state = AlertState::Inactive;
            alert.resolved_at_ms = Some(now_ms);
            true
        }
    }
}

#[cfg(test)]
mod tests;
