//! What goes over the wire: the JSON of the command endpoint, for the exporter and its callers.
//!
//! `GET /api/v1/commands` answers an [`ActionList`]. `POST /api/v1/commands/{action}` with a
//! [`RunRequest`] (`{}`, `content-type: application/json`) answers an [`Outcome`] with status 200,
//! whether the action went well or not. Both need `authorization: Bearer TOKEN`. Any other status
//! comes with a [`Refusal`], except the 404 of an exporter on which commands are off.

use serde::{Deserialize, Serialize};

/// The path of the list; an action's path is this, a slash and its name.
pub const PATH: &str = "/api/v1/commands";

/// The actions that this host allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionList {
    /// By name.
    pub actions: Vec<ActionInfo>,
}

/// An action as the list shows it. What is behind it stays on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionInfo {
    /// The name to call it by.
    pub name: String,
    /// What it does, in the host's own words.
    pub description: String,
    /// Whether it is part of the exporter or a program of the host.
    pub kind: ActionKind,
}

/// Where an action comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Part of the exporter; starts no process.
    Builtin,
    /// A program that the host's configuration names.
    Program,
}

/// The body of a call. An action takes no parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The action.
    pub action: String,
    /// How it ended.
    pub status: Status,
    /// The program's exit code; none for a built-in action or a program that a signal ended.
    pub exit_code: Option<i32>,
    /// Text for people: what the program wrote to both its outputs, or the built-in's figures.
    pub output: String,
    /// Whether output beyond the limit was cut off.
    pub truncated: bool,
    /// How long it took.
    pub duration_seconds: f64,
    /// The figures of a built-in action, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It did what it should.
    Ok,
    /// It could not be started, or ended with another exit code than 0.
    Failed,
    /// It was killed at its time limit.
    Timeout,
}

impl Status {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why the call was refused, for people.
    pub error: String,
}

/// A text from another host, or from a program, without what a terminal would act on.
pub fn printable(text: &str) -> String {
    let keep = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    text.replace("\r\n", "\n")
        .replace(|c: char| !keep(c), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_act_on_is_replaced() {
        let text = printable("a\tb\r\nc\rd\u{1b}[2J\u{9b}x\0");
        assert_eq!(text, "a\tb\nc\u{fffd}d\u{fffd}[2J\u{fffd}x\u{fffd}");
    }
}
