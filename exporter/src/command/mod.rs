//! A few named actions that a caller may ask this host for.
//!
//! The host decides, the caller only names an action. Promises: off unless the configuration has a
//! `commands` section, and then no route exists at all; no shell and no action that takes a
//! program or an argument from the caller; every call leaves an audit line, refused ones too, and
//! what cannot be audited is not done.

mod wire;

pub use wire::{ActionInfo, ActionKind, ActionList, Outcome, PATH, Refusal, RunRequest, Status};
