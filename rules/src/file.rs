//! Rule files: Prometheus's YAML to checked groups of rules.
//!
//! Everything that can be wrong with a file is found here, all of it at once: unknown keys, wrong
//! types, broken expressions and templates, names that stand twice. Beyond Prometheus's keys a
//! rule has `hold` (see [`crate::alert`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use watchpost_model::config::{Faults, load_checked};
use watchpost_model::{Duration, METRIC_NAME, MatchOp, Matcher};
use watchpost_promql::{Expr, Features, parse_with};

use crate::template::Template;

/// A group of rules, evaluated in order at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// The file as the user named it.
    pub file: String,
    /// The name, unique within the file.
    pub name: String,
    /// How often it is evaluated, where the file says so.
    pub interval: Option<Duration>,
    /// How far in the past it is evaluated, where the file says so.
    pub query_offset: Option<Duration>,
    /// The most alerts or series a rule may give, 0 for no limit.
    pub limit: usize,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// An expression that is evaluated on a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The name of the alert or of the recorded series.
    pub name: String,
    /// The expression in PromQL's normal form, as the API shows it.
    pub query: String,
    /// The expression.
    pub expr: Expr,
    /// Labels to add, the group's among them. Those of a recording rule are plain texts.
    pub labels: BTreeMap<String, Template>,
    /// What becomes of the result.
    pub kind: RuleKind,
}

/// What becomes of a rule's result.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// It is stored as series of the rule's name.
    Recording,
    /// Each of its series is an alert.
    Alerting(Alerting),
}

/// What only an alerting rule has.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerting {
    /// How long a series must be there before its alert fires.
    pub hold_duration: Duration,
    /// How long an alert goes on firing when its series is gone.
    pub keep_firing_for: Duration,
    /// Texts for people.
    pub annotations: BTreeMap<String, Template>,
    /// Whether a firing alert is held while a target behind it is silent.
    pub hold: bool,
}

/// Reads a rule file, whose expressions may use these features; all faults together.
pub fn load_rule_file(
    file: &str,
    text: &str,
    features: Features,
) -> Result<Vec<RuleGroup>, Faults> {
    let mut groups = Vec::new();
    load_checked(file, text, |section: &RuleFile, faults| {
        groups = section.build(file, features, faults);
    })?;
    Ok(groups)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RuleFile {
    groups: Vec<GroupSection>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GroupSection {
    name: String,
    interval: Option<Duration>,
    query_offset: Option<Duration>,
    limit: i64,
    labels: BTreeMap<String, String>,
    rules: Vec<RuleSection>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RuleSection {
    record: String,
    alert: String,
    expr: String,
    r#for: Duration,
    keep_firing_for: Duration,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    hold: Option<bool>,
}

impl RuleFile {
    /// The groups; where there are faults, what is left of them.
    fn build(&self, file: &str, features: Features, faults: &mut Faults) -> Vec<RuleGroup> {
        let mut names = BTreeSet::new();
        let mut groups = Vec::with_capacity(self.groups.len());
        for (at, group) in self.groups.iter().enumerate() {
            faults.within(&format!("groups[{at}]"), |faults| {
                if group.name.is_empty() {
                    faults.add("name", "expected a name for the group, found none");
                } else if !names.insert(group.name.as_str()) {
                    let message = "expected a name that no other group of the file has, found";
                    faults.add("name", format_args!("{message} `{}` again", group.name));
                }
                groups.push(group.build(file, features, faults));
            });
        }
        groups
    }
}

impl GroupSection {
    fn build(&self, file: &str, features: Features, faults: &mut Faults) -> RuleGroup {
        if self.interval.is_some_and(Duration::is_zero) {
            faults.add("interval", "expected a duration above 0, found `0s`");
        }
        faults.within("labels", |faults| check_label_names(&self.labels, faults));
        let mut rules = Vec::with_capacity(self.rules.len());
        for (at, rule) in self.rules.iter().enumerate() {
            faults.within(&format!("rules[{at}]"), |faults| {
                rules.extend(rule.build(&self.labels, features, faults));
            });
        }
        RuleGroup {
            file: file.to_owned(),
            name: self.name.clone(),
            interval: self.interval,
            query_offset: self.query_offset,
            limit: usize::try_from(self.limit).unwrap_or_default(),
            rules,
        }
    }
}

impl RuleSection {
    fn build(
        &self,
        group_labels: &BTreeMap<String, String>,
        features: Features,
        faults: &mut Faults,
    ) -> Option<Rule> {
        let recording = self.is_recording(faults)?;
        if recording {
            self.check_recording(faults);
        }
        let expr = self.parse_expr(features, faults);
        faults.within("labels", |faults| check_label_names(&self.labels, faults));
        faults.within("annotations", |faults| {
            check_label_names(&self.annotations, faults);
        });
        let mut texts = group_labels.clone();
        texts.extend(self.labels.clone());
        let labels = if recording {
            texts
                .into_iter()
                .map(|(name, text)| (name, Template::plain(&text)))
                .collect()
        } else {
            templates("labels", &texts, faults)
        };
        let annotations = templates("annotations", &self.annotations, faults);
        let expr = expr?;
        let kind = if recording {
            RuleKind::Recording
        } else {
            RuleKind::Alerting(Alerting {
                hold_duration: self.r#for,
                keep_firing_for: self.keep_firing_for,
                annotations,
                hold: self
                    .hold
                    .unwrap_or_else(|| !is_about_absence(&self.expr, &expr)),
            })
        };
        Some(Rule {
            name: if recording { &self.record } else { &self.alert }.clone(),
            query: expr.to_string(),
            expr,
            labels,
            kind,
        })
    }

    fn is_recording(&self, faults: &mut Faults) -> Option<bool> {
        match (self.record.is_empty(), self.alert.is_empty()) {
            (false, true) => Some(true),
            (true, false) => Some(false),
            (true, true) => {
                faults.add("", "expected one of `record` and `alert`, found neither");
                None
            }
            (false, false) => {
                faults.add("", "expected one of `record` and `alert`, found both");
                None
            }
        }
    }

    fn check_recording(&self, faults: &mut Faults) {
        if self.record.contains(['{', '}']) {
            let name = &self.record;
            faults.add(
                "record",
                format_args!("expected a metric name without braces, found `{name}`"),
            );
        }
        let alert_only = [
            ("for", !self.r#for.is_zero()),
            ("keep_firing_for", !self.keep_firing_for.is_zero()),
            ("annotations", !self.annotations.is_empty()),
            ("hold", self.hold.is_some()),
        ];
        for (key, given) in alert_only {
            if given {
                faults.add(
                    key,
                    "expected this key in an alerting rule only, found it in a recording rule",
                );
            }
        }
    }

    fn parse_expr(&self, features: Features, faults: &mut Faults) -> Option<Expr> {
        if self.expr.trim().is_empty() {
            faults.add("expr", "expected an expression, found none");
            return None;
        }
        match parse_with(&self.expr, features) {
            Ok(expr) => Some(expr),
            Err(error) => {
                faults.add("expr", error);
                None
            }
        }
    }
}

/// Any text can be a label's name, except the name of the metric and nothing.
fn check_label_names(labels: &BTreeMap<String, String>, faults: &mut Faults) {
    for name in labels.keys() {
        if name.is_empty() || name == METRIC_NAME {
            faults.add(name, format_args!("expected a label name, found `{name}`"));
        }
    }
}

fn templates(
    key: &str,
    texts: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, text) in texts {
        match Template::parse(text) {
            Ok(template) => {
                templates.insert(name.clone(), template);
            }
            Err(error) => faults.within(key, |faults| faults.add(name, error)),
        }
    }
    templates
}

/// Whether silence is what the rule looks for: it asks for `up`, or for what is absent.
fn is_about_absence(query: &str, expr: &Expr) -> bool {
    let of_up = |matcher: &Matcher| {
        let name = matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal;
        name && matcher.value() == "up"
    };
    calls(query, "absent")
        || calls(query, "absent_over_time")
        || expr
            .selectors()
            .iter()
            .any(|matchers| matchers.iter().any(of_up))
}

/// Whether a function is called in an expression, outside of quoted texts.
fn calls(query: &str, function: &str) -> bool {
    let mut quote = None;
    let mut escaped = false;
    let mut word = String::new();
    for c in query.chars() {
        if let Some(open) = quote {
            match c {
                '\\' if open != '`' && !escaped => escaped = true,
                c if c == open && !escaped => quote = None,
                _ => escaped = false,
            }
            continue;
        }
        match c {
            '(' if word == function => return true,
            '"' | '\'' | '`' => quote = Some(c),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') => {
                word.push(c);
                continue;
            }
            c if c.is_whitespace() => continue,
            _ => {}
        }
        word.clear();
    }
    false
}

#[cfg(test)]
mod tests;
