//! What the API and the page show of rules and alerts. All times are ms since the epoch.

use std::collections::BTreeMap;

use watchpost_model::{Duration, Labels};

use crate::alert::{Alert, AlertState, Held};

/// How a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It was not evaluated yet.
    #[default]
    Unknown,
    /// The last evaluation went well.
    Ok,
    /// The last evaluation failed.
    Err,
}

impl Health {
    /// The name in Prometheus's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Err => "err",
        }
    }
}

/// A group of rules at its last evaluation.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// The file as the user named it.
    pub file: String,
    /// The name.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Duration,
    /// How far in the past it is evaluated.
    pub query_offset: Duration,
    /// The most alerts or series a rule may give, 0 for no limit.
    pub limit: usize,
    /// Its rules in order.
    pub rules: Vec<RuleStatus>,
    /// How long the last evaluation took, seconds.
    pub evaluation_seconds: f64,
    /// When it was last evaluated.
    pub last_evaluation_ms: Option<i64>,
    /// Evaluations of the group.
    pub iterations: u64,
    /// Evaluations that were left out because the one before took too long.
    pub iterations_missed: u64,
    /// Evaluations of its rules.
    pub evaluations: u64,
    /// Evaluations of its rules that failed.
    pub evaluation_failures: u64,
}

/// A rule at its last evaluation.
#[derive(Clone, Debug)]
pub struct RuleStatus {
    /// The name of the alert or of the recorded series.
    pub name: String,
    /// The expression.
    pub query: String,
    /// Labels to add, templates as they stand in the file.
    pub labels: BTreeMap<String, String>,
    /// How it does.
    pub health: Health,
    /// Why the last evaluation failed.
    pub last_error: Option<String>,
    /// How long the last evaluation took, seconds.
    pub evaluation_seconds: f64,
    /// When it was last evaluated.
    pub last_evaluation_ms: Option<i64>,
    /// What only an alerting rule has.
    pub alerting: Option<AlertingStatus>,
}

/// An alerting rule at its last evaluation.
#[derive(Clone, Debug)]
pub struct AlertingStatus {
    /// That of its alert which stands worst.
    pub state: AlertState,
    /// `for`
    pub hold_duration: Duration,
    /// `keep_firing_for`
    pub keep_firing_for: Duration,
    /// Templates as they stand in the file.
    pub annotations: BTreeMap<String, String>,
    /// Whether its alerts are held while a target is silent.
    pub hold: bool,
    /// Its alerts that are pending or firing.
    pub alerts: Vec<AlertStatus>,
    /// Its alerts that ended in the last 15 minutes.
    pub resolved: Vec<AlertStatus>,
}

/// An alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertStatus {
    /// The labels, `alertname` among them.
    pub labels: Labels,
    /// The texts, rendered.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub state: AlertState,
    /// When its series first was there.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it ended.
    pub resolved_at_ms: Option<i64>,
    /// Since when it fires by `keep_firing_for` only.
    pub keep_firing_since_ms: Option<i64>,
    /// The last value.
    pub value: f64,
    /// Why it fires though its series is gone.
    pub held: Option<Held>,
}

impl From<&Alert> for AlertStatus {
    fn from(alert: &Alert) -> Self {
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            state: alert.state,
            active_at_ms: alert.active_at_ms,
            fired_at_ms: alert.fired_at_ms,
            resolved_at_ms: alert.resolved_at_ms,
            keep_firing_since_ms: alert.keep_firing_since_ms,
            value: alert.value,
            held: alert.held.clone(),
        }
    }
}
