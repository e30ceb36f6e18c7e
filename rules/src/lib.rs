//! The judgement: alert and recording rules, their states, and who hears of them.
//!
//! [`load_rule_file`] reads Prometheus's rule files. A [`Manager`] evaluates their groups over the
//! store and hands what fires and what ended to a [`notify::Notifier`], which groups it and sends
//! mail. [`library()`] are the rules that come with the program.

mod alert;
mod environment;
mod error;
mod evaluate;
mod file;
mod group;
mod hold;
mod library;
mod manager;
pub mod notify;
mod record;
mod status;
pub mod template;

pub use alert::{Alert, AlertState, Alerts, Held, Instance, Timing, Witness};
pub use environment::{Clock, Environment, Outcome, Question, Recorder};
pub use error::Error;
pub use file::{Alerting, Rule, RuleGroup, RuleKind, load_rule_file};
pub use group::Group;
pub use library::{LIBRARY, library};
pub use manager::Manager;
pub use status::{AlertStatus, AlertingStatus, GroupStatus, Health, RuleStatus};
