//! Unit tests of rules in promtool's shape: series in expanding notation, and the alerts that must
//! fire at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use watchpost_model::config::{Faults, Validate, load};
use watchpost_model::{Duration, Labels, stale_nan};
use watchpost_promql::{Features, Value, parse, parse_selector};
use watchpost_rules::{AlertState, Environment, Group, RuleGroup, load_rule_file};

use crate::world::{environment, system_clock};

/// A file of tests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    #[serde(default)]
    rule_files: Vec<String>,
    evaluation_interval: Option<Duration>,
    #[serde(default)]
    group_eval_order: Vec<String>,
    #[serde(default)]
    fuzzy_compare: bool,
    tests: Vec<Test>,
}

impl Validate for TestFile {
    fn validate(&self, _: &mut Faults) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    interval: Option<Duration>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    input_series: Vec<InputSeries>,
    #[serde(default)]
    #[serde(rename = "alert_rule_test")]
    alert_cases: Vec<AlertTest>,
    #[serde(default)]
    #[serde(rename = "promql_expr_test")]
    expr_cases: Vec<ExprTest>,
    #[serde(default)]
    external_labels: BTreeMap<String, String>,
    #[serde(default)]
    external_url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputSeries {
    series: String,
    values: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertTest {
    eval_time: Duration,
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedAlert {
    #[serde(default)]
    exp_labels: BTreeMap<String, String>,
    #[serde(default)]
    exp_annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExprTest {
    expr: String,
    eval_time: Duration,
    #[serde(default)]
    exp_samples: Vec<ExpectedSample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedSample {
    #[serde(default)]
    labels: String,
    #[serde(default)]
    value: f64,
    #[serde(default)]
    histogram: String,
}

/// Runs a file of tests; what failed, one text each. `rules` are evaluated besides the file's.
pub(crate) fn run(path: &Path, rules: &[RuleGroup]) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let name = path.display().to_string();
    let file: TestFile = load(&name, &text).map_err(|faults| faults.to_string())?;
    let mut groups = rules.to_vec();
    for rule_file in &file.rule_files {
        let path = path.parent().unwrap().join(rule_file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{rule_file}: {error}"))?;
        groups.extend(
            load_rule_file(rule_file, &text, Features::default())
                .map_err(|faults| faults.to_string())?,
        );
    }
    let order = |name: &str| {
        file.group_eval_order
            .iter()
            .position(|wanted| wanted == name)
    };
    groups.sort_by_key(|group| order(&group.name).unwrap_or(usize::MAX));
    let mut failures = Vec::new();
    for test in &file.tests {
        test.run(&file, &groups, &mut failures)
            .map_err(|error| format!("{}: {error}", test.name))?;
    }
    Ok(failures)
}

impl Test {
    fn run(
        &self,
        file: &TestFile,
        rules: &[RuleGroup],
        failures: &mut Vec<String>,
    ) -> Result<(), String> {
        let default = file.evaluation_interval.unwrap_or(Duration::from_secs(60));
        let mut env = environment(system_clock(), None);
        env.external_labels = Labels::from_pairs(&self.external_labels);
        env.external_url.clone_from(&self.external_url);
        let step = self.interval.unwrap_or(default).as_millis();
        // Native histograms are not there yet: their series and tests are left out.
        for input in self
            .input_series
            .iter()
            .filter(|input| !input.values.contains("{{"))
        {
            let labels = labels(&input.series)?;
            for (at, value) in (0_i64..).zip(expand(&input.values)?) {
                if let Some(value) = value {
                    let stored = env.db.append_single(&labels, at * step, value, at * step);
                    stored.map_err(|error| error.to_string())?;
                }
            }
        }
        let mut groups: Vec<Group> = Vec::new();
        for rule in rules {
            groups.push(Group::new(rule.clone(), &env).map_err(|error| error.to_string())?);
        }
        let times = self
            .alert_cases
            .iter()
            .map(|test| test.eval_time.as_millis());
        let more = self
            .expr_cases
            .iter()
            .map(|test| test.eval_time.as_millis());
        let last = times.chain(more).max().unwrap_or_default();
        let mut now_ms = 0;
        while now_ms <= last {
            for group in &mut groups {
                group.evaluate(&env, now_ms);
            }
            for test in &self.alert_cases {
                let due = test.eval_time.as_millis();
                if due >= now_ms && due < now_ms + default.as_millis() {
                    test.check(&self.name, &groups, failures);
                }
            }
            for test in self
                .expr_cases
                .iter()
                .filter(|test| !test.is_about_histograms())
            {
                let due = test.eval_time.as_millis();
                if due >= now_ms && due < now_ms + default.as_millis() {
                    test.check(&self.name, &env, file.fuzzy_compare, failures)?;
                }
            }
            now_ms += default.as_millis();
        }
        Ok(())
    }
}

impl AlertTest {
    fn check(&self, test: &str, groups: &[Group], failures: &mut Vec<String>) {
        let mut found = Vec::new();
        for group in groups {
            for rule in group
                .status()
                .rules
                .iter()
                .filter(|rule| rule.name == self.alertname)
            {
                let alerts = rule.alerting.iter().flat_map(|rule| rule.alerts.clone());
                for alert in alerts.filter(|alert| alert.state == AlertState::Firing) {
                    found.push((alert.labels.to_string(), alert.annotations));
                }
            }
        }
        let mut expected: Vec<_> = self
            .exp_alerts
            .iter()
            .map(|alert| {
                let labels = Labels::from_pairs(&alert.exp_labels);
                (
                    labels.with("alertname", &self.alertname).to_string(),
                    alert.exp_annotations.clone(),
                )
            })
            .collect();
        found.sort();
        expected.sort();
        if found != expected {
            let (name, time) = (&self.alertname, self.eval_time);
            failures.push(format!(
                "{test}: {name} at {time}:\nexpected {expected:#?}\nfound {found:#?}"
            ));
        }
    }
}

impl ExprTest {
    fn is_about_histograms(&self) -> bool {
        self.exp_samples
            .iter()
            .any(|sample| !sample.histogram.is_empty())
    }

    fn check(
        &self,
        test: &str,
        env: &Environment,
        fuzzy: bool,
        failures: &mut Vec<String>,
    ) -> Result<(), String> {
        let expr = parse(&self.expr).map_err(|error| error.to_string())?;
        let answer = env
            .engine
            .instant(&env.db, &expr, self.eval_time.as_millis());
        let answer = answer.map_err(|error| error.to_string())?;
        let mut found: Vec<(Labels, f64)> = match answer.value {
            Value::Vector(samples) => samples.into_iter().map(|s| (s.labels, s.value)).collect(),
            Value::Scalar { value, .. } => vec![(Labels::empty(), value)],
            other => return Err(format!("{}: gives {other:?}", self.expr)),
        };
        let mut expected = Vec::new();
        for sample in &self.exp_samples {
            expected.push((labels(&sample.labels)?, sample.value));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let same = |(a, b): (&(Labels, f64), &(Labels, f64))| {
            let close = (a.1 - b.1).abs() <= a.1.abs() * 1e-12;
            a.0 == b.0 && (a.1.total_cmp(&b.1).is_eq() || (fuzzy && close))
        };
        if found.len() != expected.len() || !found.iter().zip(&expected).all(same) {
            let (expr, time) = (&self.expr, self.eval_time);
            failures.push(format!(
                "{test}: {expr} at {time}:\nexpected {expected:?}\nfound {found:?}"
            ));
        }
        Ok(())
    }
}

/// `name{label="value"}` as a label set.
fn labels(text: &str) -> Result<Labels, String> {
    if matches!(text.trim(), "" | "{}") {
        return Ok(Labels::empty());
    }
    let matchers = parse_selector(text).map_err(|error| error.to_string())?;
    Ok(Labels::from_pairs(
        matchers
            .iter()
            .map(|matcher| (matcher.name(), matcher.value())),
    ))
}

/// `1+2x3 _ stale` as values; `None` is no sample.
fn expand(text: &str) -> Result<Vec<Option<f64>>, String> {
    let mut values = Vec::new();
    for item in text.split_whitespace() {
        let fault = || format!("expected values like `1 _ 2+3x4 stale`, found `{item}`");
        let (what, times) = match item.rsplit_once('x') {
            Some((what, times)) => (what, times.parse::<usize>().map_err(|_| fault())?),
            None => (item, 0),
        };
        match what {
            "stale" => values.push(Some(stale_nan())),
            "_" => values.extend(vec![None; times.max(1)]),
            _ => {
                let sign = what.char_indices().skip(1).find(|(at, c)| {
                    matches!(c, '+' | '-') && !what.split_at(*at).0.ends_with(['e', 'E'])
                });
                let (start, growth) = what.split_at(sign.map_or(what.len(), |(at, _)| at));
                let start: f64 = start.parse().map_err(|_| fault())?;
                let growth = if growth.is_empty() { "0" } else { growth };
                let growth: f64 = growth.parse().map_err(|_| fault())?;
                values.extend((0..=times).map(|at| Some(start + growth * at as f64)));
            }
        }
    }
    Ok(values)
}
