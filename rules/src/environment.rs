//! What rules need of the world around them.

use std::fmt;
use std::sync::Arc;

use watchpost_model::{Duration, Labels};
use watchpost_promql::{Answer, Engine, Error, Features};
use watchpost_tsdb::Db;

use crate::notify::Notifier;

/// Tells the time, ms since the epoch. The server's reads the system's clock; a test's does not.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A query of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The file of the rule's group.
    pub file: &'a str,
    /// The group's name.
    pub group: &'a str,
    /// The expression.
    pub query: &'a str,
    /// The time that it is asked for, ms.
    pub time_ms: i64,
}

/// What a query of a rule gives.
pub type Outcome = Result<Answer, Error>;

/// Writes a query of a rule down, evaluates it by what it is given, and gives what that gave.
pub type Recorder =
    Arc<dyn Fn(&Question<'_>, &mut dyn FnMut() -> Outcome) -> Outcome + Send + Sync>;

/// What rules are evaluated with.
#[derive(Clone)]
pub struct Environment {
    /// The store that is asked and written to.
    pub db: Db,
    /// The engine that asks.
    pub engine: Engine,
    /// What expressions in templates may use.
    pub features: Features,
    /// Who writes queries down.
    pub recorder: Option<Recorder>,
    /// Added to the labels of notices, where the alert does not have them.
    pub external_labels: Labels,
    /// The address of the page, for links and templates.
    pub external_url: String,
    /// How often a group is evaluated that does not say so.
    pub evaluation_interval: Duration,
    /// How far in the past a group is evaluated that does not say so.
    pub query_offset: Duration,
    /// The time.
    pub clock: Clock,
    /// Who is told of alerts.
    pub notifier: Option<Notifier>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("external_labels", &self.external_labels)
            .field("external_url", &self.external_url)
            .field("evaluation_interval", &self.evaluation_interval)
            .finish_non_exhaustive()
    }
}
