//! One rule at one time: query, states, series, and what the notifier should know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tracing::warn;
use watchpost_model::histogram::HistogramError;
use watchpost_model::{FloatHistogram, Histogram, Labels, METRIC_NAME};
use watchpost_promql::{Answer, Expr, InstantSample, Value, parse_with};
use watchpost_tsdb::Group;

use crate::alert::{Alert, AlertState, Alerts, Instance, Timing};
use crate::environment::{Environment, Outcome, Question};
use crate::error::Error;
use crate::file::{Alerting, Rule, RuleGroup, RuleKind};
use crate::hold::StoreWitness;
use crate::notify::{Event, EventState};
use crate::record::{Moment, Recorded, Written};
use crate::status::{AlertStatus, AlertingStatus, Health, RuleStatus};
use crate::template::{Context, Template};

/// A rule with its history.
#[derive(Debug)]
pub(crate) struct RuleRun {
    pub(crate) rule: Rule,
    pub(crate) alerts: Alerts,
    pub(crate) written: Written,
    health: Health,
    last_error: Option<String>,
    evaluation_seconds: f64,
    last_evaluation_ms: Option<i64>,
}

/// Where and when a rule is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) env: &'a Environment,
    pub(crate) group: &'a Group,
    /// The time of the evaluation, ms.
    pub(crate) now_ms: i64,
    /// The time of the query and of the series, ms.
    pub(crate) query_ms: i64,
    pub(crate) spec: &'a RuleGroup,
}

impl Place<'_> {
    /// What an expression gives.
    fn ask(&self, query: &str, expr: &Expr) -> Outcome {
        let env = self.env;
        let mut evaluate = || env.engine.instant(&env.db, expr, self.query_ms);
        let Some(recorder) = &env.recorder else {
            return evaluate();
        };
        let question = Question {
            file: &self.spec.file,
            group: &self.spec.name,
            query,
            time_ms: self.query_ms,
        };
        recorder(&question, &mut evaluate)
    }
}

impl RuleRun {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            alerts: Alerts::default(),
            written: Written::default(),
            health: Health::Unknown,
            last_error: None,
            evaluation_seconds: 0.0,
            last_evaluation_ms: None,
        }
    }

    /// How the last evaluation went.
    pub(crate) fn health(&self) -> Health {
        self.health
    }

    /// Goes on where another rule, of the same name and labels, was.
    pub(crate) fn resume(&mut self, old: Self) {
        self.alerts = old.alerts;
        self.written = old.written;
        self.health = old.health;
        self.last_error = old.last_error;
        self.evaluation_seconds = old.evaluation_seconds;
        self.last_evaluation_ms = old.last_evaluation_ms;
    }

    /// Whether it is the same kind of rule with the same name and labels.
    pub(crate) fn continues(&self, old: &Self) -> bool {
        let alerting = |rule: &Rule| matches!(rule.kind, RuleKind::Alerting(_));
        self.rule.name == old.rule.name
            && self.rule.labels == old.rule.labels
            && alerting(&self.rule) == alerting(&old.rule)
    }

    /// Evaluates the rule and adds what the notifier should know to `events`. A query that fails
    /// leaves all as it was; a store that refuses the series keeps no notice back.
    pub(crate) fn evaluate(
        &mut self,
        place: Place<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let result = self.run(place, events);
        self.evaluation_seconds = start.elapsed().as_secs_f64();
        self.last_evaluation_ms = Some(place.now_ms);
        self.health = if result.is_ok() {
            Health::Ok
        } else {
            Health::Err
        };
        self.last_error = result.as_ref().err().map(ToString::to_string);
        result
    }

    fn run(&mut self, place: Place<'_>, events: &mut Vec<Event>) -> Result<(), Error> {
        let env = place.env;
        let answer = place.ask(&self.rule.query, &self.rule.expr);
        let vector = vector(answer.map_err(Error::Query)?)?;
        let samples = match &self.rule.kind {
            RuleKind::Recording => record(&self.rule, vector, place.spec.limit)?,
            RuleKind::Alerting(alerting) => {
                let instances = instances(&self.rule, alerting, vector, place)?;
                check_limit(place.spec.limit, instances.len(), "alerts")?;
                let mut witness = StoreWitness {
                    db: &env.db,
                    expr: &self.rule.expr,
                    hold: alerting.hold,
                    now_ms: place.query_ms,
                };
                let timing = Timing {
                    hold_duration: alerting.hold_duration,
                    keep_firing_for: alerting.keep_firing_for,
                };
                self.alerts
                    .step(timing, place.now_ms, instances, &mut witness);
                events.extend(self.events(env, place.now_ms));
                alert_series(&self.alerts)
            }
        };
        let moment = Moment {
            time_ms: place.query_ms,
            now_ms: place.now_ms,
        };
        let written = &mut self.written;
        written
            .write(&env.db, place.group, moment, &samples)
            .map_err(Error::Store)
    }

    /// What the notifier should know: all that fires, and what ended now.
    pub(crate) fn events(&self, env: &Environment, now_ms: i64) -> Vec<Event> {
        self.alerts
            .iter()
            .filter_map(|alert| self.event(alert, env, now_ms))
            .collect()
    }

    fn event(&self, alert: &Alert, env: &Environment, now_ms: i64) -> Option<Event> {
        let state = match alert.state {
            AlertState::Firing => EventState::Firing,
            AlertState::Inactive if alert.resolved_at_ms == Some(now_ms) => {
                EventState::Resolved { at_ms: now_ms }
            }
            _ => return None,
        };
        let mut labels = env.external_labels.builder();
        for (name, value) in &alert.labels {
            labels.set(name, value);
        }
        Some(Event {
            labels: labels.build(),
            annotations: alert.annotations.clone(),
            value: alert.value,
            query: self.rule.query.clone(),
            state,
            active_at_ms: alert.active_at_ms,
            fired_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
            held: alert.held.as_ref().map(|held| held.reason.clone()),
        })
    }

    pub(crate) fn status(&self) -> RuleStatus {
        let RuleRun { rule, alerts, .. } = self;
        RuleStatus {
            name: rule.name.clone(),
            query: rule.query.clone(),
            labels: sources(&rule.labels),
            health: self.health,
            last_error: self.last_error.clone(),
            evaluation_seconds: self.evaluation_seconds,
            last_evaluation_ms: self.last_evaluation_ms,
            alerting: match &rule.kind {
                RuleKind::Recording => None,
                RuleKind::Alerting(alerting) => Some(AlertingStatus {
                    state: alerts.state(),
                    hold_duration: alerting.hold_duration,
                    keep_firing_for: alerting.keep_firing_for,
                    annotations: sources(&alerting.annotations),
                    hold: alerting.hold,
                    alerts: alerts.active().map(AlertStatus::from).collect(),
                    resolved: alerts
                        .iter()
                        .filter(|alert| alert.state == AlertState::Inactive)
                        .map(AlertStatus::from)
                        .collect(),
                }),
            },
        }
    }
}

fn sources(templates: &BTreeMap<String, Template>) -> BTreeMap<String, String> {
    let source =
        |(name, template): (&String, &Template)| (name.clone(), template.source().to_owned());
    templates.iter().map(source).collect()
}

/// The series of an answer; a scalar is one series without labels.
fn vector(answer: Answer) -> Result<Vec<InstantSample>, Error> {
    match answer.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar { time_ms, value } => Ok(vec![InstantSample {
            labels: Labels::empty(),
            time_ms,
            value,
            histogram: None,
        }]),
        Value::String { .. } | Value::Matrix(_) => Err(Error::NotVector),
    }
}

fn check_limit(limit: usize, found: usize, what: &'static str) -> Result<(), Error> {
    if limit > 0 && found > limit {
        return Err(Error::Limit { limit, found, what });
    }
    Ok(())
}

/// The series that a recording rule writes.
fn record(
    rule: &Rule,
    vector: Vec<InstantSample>,
    limit: usize,
) -> Result<Vec<(Labels, Recorded)>, Error> {
    check_limit(limit, vector.len(), "series")?;
    let mut seen = BTreeSet::new();
    let mut samples = Vec::with_capacity(vector.len());
    for sample in vector {
        let mut labels = sample.labels.builder();
        labels.set(METRIC_NAME, &rule.name);
        for (name, text) in &rule.labels {
            labels.set(name, text.source());
        }
        let labels = labels.build();
        if !seen.insert(labels.clone()) {
            return Err(Error::SameLabels("rule"));
        }
        let value = match sample.histogram {
            None => Recorded::Float(sample.value),
            Some(histogram) => match storable(&histogram) {
                Ok(histogram) => Recorded::Histogram(histogram),
                Err(error) => {
                    warn!(rule = rule.name, %labels, %error, "a histogram of a rule was not written");
                    continue;
                }
            },
        };
        samples.push((labels, value));
    }
    Ok(samples)
}

/// A histogram as the store takes it: a difference of two may be none.
fn storable(histogram: &FloatHistogram) -> Result<Histogram, HistogramError> {
    histogram.validate()?;
    Ok(histogram.to_histogram())
}

/// The alerts that a result stands for.
fn instances(
    rule: &Rule,
    alerting: &Alerting,
    vector: Vec<InstantSample>,
    place: Place<'_>,
) -> Result<Vec<Instance>, Error> {
    let query = |text: &str| query(text, place);
    let mut seen = BTreeSet::new();
    let mut instances = Vec::with_capacity(vector.len());
    for sample in vector {
        let context = Context {
            labels: &sample.labels,
            value: sample.value,
            histogram: sample.histogram.as_deref(),
            external_labels: &place.env.external_labels,
            external_url: &place.env.external_url,
            now_ms: place.now_ms,
            query: &query,
        };
        let mut labels = sample.labels.without_metric_name().builder();
        for (name, template) in &rule.labels {
            labels.set(name, &template.render_or_error(&context));
        }
        labels.set("alertname", &rule.name);
        let labels = labels.build();
        if !seen.insert(labels.clone()) {
            return Err(Error::SameLabels("alert"));
        }
        let annotations = alerting.annotations.iter();
        let annotations = annotations
            .map(|(name, template)| (name.clone(), template.render_or_error(&context)))
            .collect();
        instances.push(Instance {
            labels,
            annotations,
            value: sample.value,
            series: sample.labels,
        });
    }
    Ok(instances)
}

/// The function `query` of templates.
fn query(text: &str, place: Place<'_>) -> Result<Vec<InstantSample>, String> {
    let expr = parse_with(text, place.env.features).map_err(|error| error.to_string())?;
    let answer = place.ask(text, &expr);
    let answer = answer.map_err(|error| error.to_string())?;
    vector(answer).map_err(|error| error.to_string())
}

/// `ALERTS` and `ALERTS_FOR_STATE`, as Prometheus writes them.
fn alert_series(alerts: &Alerts) -> Vec<(Labels, Recorded)> {
    let mut samples = Vec::new();
    for alert in alerts.active() {
        let mut labels = alert.labels.builder();
        labels.set(METRIC_NAME, "ALERTS");
        labels.set("alertstate", alert.state.as_str());
        samples.push((labels.build(), Recorded::Float(1.0)));
        let labels = alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE");
        let active_at = alert.active_at_ms.div_euclid(1_000) as f64;
        samples.push((labels, Recorded::Float(active_at)));
    }
    samples
}
