//! A group of rules at one time: its rules in order, each seeing what those before it wrote.

use std::time::Instant;

use tracing::warn;
use watchpost_model::{Duration, Labels};
use watchpost_tsdb::Error as StoreError;

use crate::environment::Environment;
use crate::evaluate::{Place, RuleRun};
use crate::file::RuleGroup;
use crate::notify::Event;
use crate::record::{Moment, RULE_GROUP, Written};
use crate::status::{GroupStatus, Health};

/// A group with its history.
#[derive(Debug)]
pub struct Group {
    spec: RuleGroup,
    interval: Duration,
    query_offset: Duration,
    store: watchpost_tsdb::Group,
    rules: Vec<RuleRun>,
    /// Series of rules that were taken out of the group: the next evaluation ends them.
    orphans: Written,
    evaluation_seconds: f64,
    last_evaluation_ms: Option<i64>,
    iterations: u64,
    iterations_missed: u64,
    evaluations: u64,
    evaluation_failures: u64,
}

impl Group {
    /// A group that was never evaluated.
    pub fn new(spec: RuleGroup, env: &Environment) -> Result<Self, StoreError> {
        let key = format!("{};{}", spec.file, spec.name);
        let store = env
            .db
            .group(&Labels::from_pairs([(RULE_GROUP, key.as_str())]))?;
        Ok(Self {
            interval: spec.interval.unwrap_or(env.evaluation_interval),
            query_offset: spec.query_offset.unwrap_or(env.query_offset),
            rules: spec.rules.iter().cloned().map(RuleRun::new).collect(),
            spec,
            store,
            orphans: Written::default(),
            evaluation_seconds: 0.0,
            last_evaluation_ms: None,
            iterations: 0,
            iterations_missed: 0,
            evaluations: 0,
            evaluation_failures: 0,
        })
    }

    /// What the file says of it.
    pub fn spec(&self) -> &RuleGroup {
        &self.spec
    }

    /// How often it is evaluated.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Goes on where an older form of the group was: rules of the same name and labels keep their
    /// alerts. Tells of alerts that end because their rule is gone.
    pub fn resume(&mut self, old: Self, env: &Environment, now_ms: i64) -> Vec<Event> {
        let mut left: Vec<Option<RuleRun>> = old.rules.into_iter().map(Some).collect();
        for rule in &mut self.rules {
            let same =
                |run: &&mut Option<RuleRun>| run.as_ref().is_some_and(|old| rule.continues(old));
            if let Some(run) = left.iter_mut().find(same).and_then(Option::take) {
                rule.resume(run);
            }
        }
        self.orphans = old.orphans;
        self.evaluation_seconds = old.evaluation_seconds;
        self.last_evaluation_ms = old.last_evaluation_ms;
        self.iterations = old.iterations;
        self.iterations_missed = old.iterations_missed;
        self.evaluations = old.evaluations;
        self.evaluation_failures = old.evaluation_failures;
        let mut events = Vec::new();
        for mut gone in left.into_iter().flatten() {
            self.orphans.adopt(&gone.written);
            gone.alerts.end(now_ms);
            events.extend(gone.events(env, now_ms));
        }
        events
    }

    /// Ends the group: its series end, and so do its alerts, which are told.
    pub fn end(mut self, env: &Environment, now_ms: i64) -> Vec<Event> {
        if let Err(error) = self.store.end(now_ms, now_ms) {
            warn!(%error, group = self.spec.name, "cannot end the series of a group of rules");
        }
        let mut events = Vec::new();
        for rule in &mut self.rules {
            rule.alerts.end(now_ms);
            events.extend(rule.events(env, now_ms));
        }
        events
    }

    /// Evaluates all rules. Tells all alerts that fire, and those that ended now.
    pub fn evaluate(&mut self, env: &Environment, now_ms: i64) -> Vec<Event> {
        let start = Instant::now();
        let place = Place {
            env,
            group: &self.store,
            now_ms,
            query_ms: now_ms - self.query_offset.as_millis(),
            spec: &self.spec,
        };
        let moment = Moment {
            time_ms: place.query_ms,
            now_ms,
        };
        if let Err(error) = self.orphans.write(&env.db, &self.store, moment, &[]) {
            warn!(%error, group = self.spec.name, "cannot end the series of rules that are gone");
        }
        let mut events = Vec::new();
        for rule in &mut self.rules {
            self.evaluations += 1;
            let was = rule.health();
            if let Err(error) = rule.evaluate(place, &mut events) {
                self.evaluation_failures += 1;
                if was != Health::Err {
                    let (group, rule) = (&self.spec.name, &rule.rule.name);
                    warn!(%error, group, rule, "cannot evaluate a rule");
                }
            }
        }
        self.iterations += 1;
        self.evaluation_seconds = start.elapsed().as_secs_f64();
        self.last_evaluation_ms = Some(now_ms);
        events
    }

    /// Counts evaluations that were left out.
    pub fn miss(&mut self, count: u64) {
        self.iterations += count;
        self.iterations_missed += count;
    }

    /// What is shown of it.
    pub fn status(&self) -> GroupStatus {
        GroupStatus {
            file: self.spec.file.clone(),
            name: self.spec.name.clone(),
            interval: self.interval,
            query_offset: self.query_offset,
            limit: self.spec.limit,
            rules: self.rules.iter().map(RuleRun::status).collect(),
            evaluation_seconds: self.evaluation_seconds,
            last_evaluation_ms: self.last_evaluation_ms,
            iterations: self.iterations,
            iterations_missed: self.iterations_missed,
            evaluations: self.evaluations,
            evaluation_failures: self.evaluation_failures,
        }
    }
}
