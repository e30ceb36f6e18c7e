//! The query log: one line of JSON a query, with the keys of Prometheus's (`global.query_log_file`).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use super::stats::Statistics;
use crate::clock;

/// Where queries are written down.
#[derive(Debug)]
pub(crate) struct QueryLog {
    path: PathBuf,
    /// Nothing where it could not be opened again.
    file: Mutex<Option<File>>,
    failures: AtomicU64,
}

/// A query that has ended.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) time: String,
    pub(super) level: &'static str,
    pub(super) msg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(flatten)]
    pub(super) origin: &'a Origin,
    pub(super) params: &'a Parameters,
    pub(super) stats: &'a Statistics,
}

/// Who asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Origin {
    /// A client: its address, the method and the path.
    #[serde(rename = "httpRequest")]
    Request(Value),
    /// A group of rules.
    #[serde(rename = "ruleGroup")]
    RuleGroup {
        /// Where the group stands.
        file: String,
        /// Its name.
        name: String,
    },
}

/// What was asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Parameters {
    pub(crate) end: String,
    pub(crate) query: String,
    pub(crate) start: String,
    /// Whole seconds, as Prometheus has it; 0 at one time.
    pub(crate) step: i64,
}

impl Parameters {
    pub(crate) fn new(query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        Self {
            end: clock::rfc3339_millis(end_ms),
            query: query.to_owned(),
            start: clock::rfc3339_millis(start_ms),
            step: step_ms / 1_000,
        }
    }
}

impl QueryLog {
    /// Opens the file; lines are added to what it has.
    pub(crate) fn open(path: PathBuf) -> std::io::Result<Self> {
        let file = open(&path)?;
        Ok(Self {
            path,
            file: Mutex::new(Some(file)),
            failures: AtomicU64::new(0),
        })
    }

    /// Opens the file again: it was moved away, and a new one is to be begun.
    pub(crate) fn reopen(&self) -> std::io::Result<()> {
        let opened = open(&self.path);
        let mut file = self.file.lock();
        match opened {
            Ok(new) => {
                *file = Some(new);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Lines that could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, line: &Line<'_>) {
        let Ok(mut text) = serde_json::to_vec(line) else {
            self.fail();
            return;
        };
        text.push(b'\n');
        let mut file = self.file.lock();
        // One call a line: lines of two processes do not mix.
        let written = file.as_mut().map(|file| file.write_all(&text));
        if !matches!(written, Some(Ok(()))) {
            self.fail();
        }
    }

    fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

fn open(path: &PathBuf) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
