//! What rules tell the notifier.

use std::collections::BTreeMap;

use watchpost_model::Labels;

/// An alert that fires or has ended. All times are ms since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The alert's labels, with the external ones. They say which alert it is.
    pub labels: Labels,
    /// Texts for people.
    pub annotations: BTreeMap<String, String>,
    /// The last value.
    pub value: f64,
    /// The rule's expression.
    pub query: String,
    /// Whether it fires.
    pub state: EventState,
    /// When the expression began to be true.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: i64,
    /// Why it fires though its series is gone.
    pub held: Option<String>,
}

/// Whether an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It does.
    Firing,
    /// It has ended.
    Resolved {
        /// When.
        at_ms: i64,
    },
}

impl Event {
    /// Whether it fires.
    pub fn is_firing(&self) -> bool {
        self.state == EventState::Firing
    }
}
