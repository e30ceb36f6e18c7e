//! `rules` and `alerts`: what is judged, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use watchpost_model::{Labels, Matcher};
use watchpost_rules::{AlertStatus, AlertingStatus, GroupStatus, RuleStatus};

use super::{App, Error, Params, response};
use crate::clock;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    groups: Vec<Group>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    file: String,
    rules: Vec<Rule>,
    /// In seconds, as Prometheus has it.
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    name: String,
    query: String,
    #[serde(flatten)]
    alerting: Option<Alerting>,
    labels: BTreeMap<String, String>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alerting {
    duration: f64,
    keep_firing_for: f64,
    annotations: BTreeMap<String, String>,
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Labels,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
    /// Ours: why it fires though its series is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    since: String,
    reason: String,
}

#[derive(Serialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

/// Which rules are asked for.
struct Filter<'a> {
    kind: &'a str,
    names: Vec<&'a str>,
    groups: Vec<&'a str>,
    files: Vec<&'a str>,
    selectors: Vec<Vec<Matcher>>,
    without_alerts: bool,
}

impl<'a> Filter<'a> {
    fn new(params: &'a Params) -> Result<Self, Error> {
        let kind = params.get("type");
        if !matches!(kind, "" | "alert" | "record") {
            return Err(Error::parameter(
                "type",
                format_args!("not supported value \"{kind}\""),
            ));
        }
        Ok(Self {
            kind,
            names: params.all("rule_name[]").collect(),
            groups: params.all("rule_group[]").collect(),
            files: params.all("file[]").collect(),
            selectors: params
                .selectors()
                .map_err(|error| error.without_parameter("match[]"))?,
            without_alerts: params.boolean("exclude_alerts")?.unwrap_or(false),
        })
    }

    fn takes_group(&self, group: &GroupStatus) -> bool {
        is_wanted(&self.groups, &group.name) && is_wanted(&self.files, &group.file)
    }

    fn takes_rule(&self, rule: &RuleStatus) -> bool {
        let kind = if rule.alerting.is_some() {
            "alert"
        } else {
            "record"
        };
        is_wanted(&self.names, &rule.name)
            && (self.kind.is_empty() || self.kind == kind)
            && self.takes_labels(&rule.labels)
    }

    /// By the labels of the file, as they are before templates are rendered.
    fn takes_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let passes = |matcher: &Matcher| {
            let value = labels.get(matcher.name());
            matcher.matches(value.map_or("", String::as_str))
        };
        self.selectors.is_empty()
            || self
                .selectors
                .iter()
                .any(|matchers| matchers.iter().all(passes))
    }
}

/// An empty list wants everything.
fn is_wanted(list: &[&str], name: &str) -> bool {
    list.is_empty() || list.contains(&name)
}

/// All groups of rules, or those asked for.
pub(super) async fn rules(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let filter = Filter::new(&params)?;
    let page = Page::new(&params)?;
    let any = !filter.kind.is_empty() || !filter.names.is_empty() || !filter.selectors.is_empty();
    let groups = app.rules.groups();
    let start = page.start(&groups)?;
    let mut found = Vec::new();
    let mut group_next_token = None;
    for status in groups.iter().skip(start) {
        if !filter.takes_group(status) {
            continue;
        }
        let group = group(status, &filter);
        if any && group.rules.is_empty() {
            continue;
        }
        if found.len() >= page.limit {
            group_next_token = Some(token(status));
            break;
        }
        found.push(group);
    }
    let groups = Groups {
        groups: found,
        group_next_token,
    };
    Ok(response::success(&groups, &[]))
}

/// Which part of the groups is asked for.
struct Page<'a> {
    limit: usize,
    token: &'a str,
}

impl<'a> Page<'a> {
    fn new(params: &'a Params) -> Result<Self, Error> {
        let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
        if limit.is_empty() {
            if token.is_empty() {
                let limit = usize::MAX;
                return Ok(Self { limit, token });
            }
            let reason = "group_limit needs to be present in order to paginate over the groups";
            return Err(Error::parameter("group_next_token", reason));
        }
        let fault = |reason: &str| Error::parameter("group_limit", reason);
        let number: i64 = limit
            .parse()
            .map_err(|_| fault("group_limit needs to be a valid number"))?;
        match usize::try_from(number) {
            Ok(limit) if limit > 0 => Ok(Self { limit, token }),
            _ => Err(fault("group_limit needs to be greater than 0")),
        }
    }

    /// The place of the first group.
    fn start(&self, groups: &[Arc<GroupStatus>]) -> Result<usize, Error> {
        if self.token.is_empty() {
            return Ok(0);
        }
        let place = groups.iter().position(|group| token(group) == self.token);
        place.ok_or_else(|| {
            let reason = "invalid group_next_token: were rule groups changed?";
            Error::parameter("group_next_token", reason)
        })
    }
}

/// What stands for a group between two pages: a hash (FNV-1a) of its file and name.
fn token(group: &GroupStatus) -> String {
    let bytes = group.file.bytes().chain([b';']).chain(group.name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// All alerts that are pending or firing.
pub(super) async fn alerts(State(app): State<Arc<App>>) -> Response {
    let alerts = app.rules.alerts().iter().map(alert).collect();
    response::success(&Alerts { alerts }, &[])
}

/// Notices go out from this program; it sends to no Alertmanager.
pub(super) async fn alertmanagers() -> Response {
    let none: [&str; 0] = [];
    let data = serde_json::json!({"activeAlertmanagers": none, "droppedAlertmanagers": none});
    response::success(&data, &[])
}

fn group(group: &GroupStatus, filter: &Filter<'_>) -> Group {
    let rules = group.rules.iter().filter(|rule| filter.takes_rule(rule));
    Group {
        name: group.name.clone(),
        file: group.file.clone(),
        rules: rules
            .map(|rule| self::rule(rule, filter.without_alerts))
            .collect(),
        interval: group.interval.as_secs_f64(),
        limit: group.limit,
        evaluation_time: group.evaluation_seconds,
        last_evaluation: time(group.last_evaluation_ms),
    }
}

fn rule(rule: &RuleStatus, without_alerts: bool) -> Rule {
    Rule {
        state: rule
            .alerting
            .as_ref()
            .map(|alerting| alerting.state.as_str()),
        name: rule.name.clone(),
        query: rule.query.clone(),
        alerting: rule
            .alerting
            .as_ref()
            .map(|status| alerting(status, without_alerts)),
        labels: rule.labels.clone(),
        health: rule.health.as_str(),
        last_error: rule.last_error.clone(),
        evaluation_time: rule.evaluation_seconds,
        last_evaluation: time(rule.last_evaluation_ms),
        kind: if rule.alerting.is_some() {
            "alerting"
        } else {
            "recording"
        },
    }
}

fn alerting(status: &AlertingStatus, without_alerts: bool) -> Alerting {
    let alerts = status.alerts.iter().filter(|_| !without_alerts);
    Alerting {
        duration: status.hold_duration.as_secs_f64(),
        keep_firing_for: status.keep_firing_for.as_secs_f64(),
        annotations: status.annotations.clone(),
        alerts: alerts.map(alert).collect(),
    }
}

fn alert(status: &AlertStatus) -> Alert {
    Alert {
        labels: status.labels.clone(),
        annotations: status.annotations.clone(),
        state: status.state.as_str(),
        active_at: clock::rfc3339(status.active_at_ms),
        keep_firing_since: status.keep_firing_since_ms.map(clock::rfc3339),
        value: exponent(status.value),
        held: status.held.as_ref().map(|held| Held {
            since: clock::rfc3339(held.since_ms),
            reason: held.reason.clone(),
        }),
    }
}

fn time(time_ms: Option<i64>) -> String {
    time_ms.map_or_else(|| clock::NEVER.to_owned(), clock::rfc3339)
}

/// A value always with an exponent of at least two digits, as Go's `%e` with the shortest mantissa:
/// `1e+00`.
fn exponent(value: f64) -> String {
    if !value.is_finite() {
        return watchpost_model::format_value(value);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(digits) => format!("{mantissa}e-{digits:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alert_values_have_an_exponent() {
        for (value, text) in [
            (1.0, "1e+00"),
            (-0.25, "-2.5e-01"),
            (1.5e120, "1.5e+120"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(exponent(value), text);
        }
    }
}
