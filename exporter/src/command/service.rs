//! What the endpoint works with: the actions, their limits, and the record of what was done.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchpost_model::config::Secret;

use super::audit::{Audit, Call, Event, Line};
use super::builtin::Builtin;
use super::config::{self, Config};
use super::limits::Bucket;
use super::network::Network;
use super::refusal::Reason;
use super::run::{self, Ended, Program};
use super::telemetry::Telemetry;
use super::wire::{ActionInfo, ActionKind, ActionList, Outcome, Status, printable};
use super::{OpenError, trust};

/// The state that all calls share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) token: Secret,
    pub(super) audit: Arc<Audit>,
    pub(super) telemetry: Telemetry,
    allowed_sources: Vec<Network>,
    actions: BTreeMap<String, Arc<Action>>,
    places: Arc<Semaphore>,
    calls: Mutex<Bucket>,
    /// Refused calls have a limit of their own, so that strangers can neither use up the calls of
    /// those who have the token nor fill the disk with audit lines.
    refusals: Mutex<Bucket>,
}

/// An action of the configuration.
#[derive(Debug)]
pub(super) struct Action {
    name: String,
    description: String,
    doing: Doing,
}

#[derive(Debug)]
enum Doing {
    /// With its time limit.
    Builtin(Builtin, Duration),
    Program(Program),
}

impl Service {
    pub(super) fn new(config: &Config, now: Instant) -> Result<Self, OpenError> {
        let actions = config
            .actions
            .keys()
            .filter_map(|name| Some((name.clone(), Arc::new(Action::of(config, name)?))))
            .collect();
        let audit = Audit::new(&config.audit_log, Timestamp::now());
        if let Err(error) = audit.check() {
            let path = config.audit_log.display();
            tracing::warn!(%error, %path, "the audit log cannot be written: all commands are refused until it can");
        }
        Ok(Self {
            token: token(config)?,
            audit: Arc::new(audit),
            telemetry: Telemetry::default(),
            allowed_sources: config.allowed_sources.clone(),
            actions,
            places: Arc::new(Semaphore::new(config.max_concurrent)),
            calls: Mutex::new(Bucket::new(config.rate_limit, now)),
            refusals: Mutex::new(Bucket::new(config.rate_limit, now)),
        })
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let mut ranges = self.allowed_sources.iter();
        ranges.any(|range| range.contains(address))
    }

    pub(super) fn take_turn(&self, now: Instant) -> Result<(), Reason> {
        self.calls
            .lock()
            .take(now)
            .then_some(())
            .ok_or(Reason::Rate)
    }

    pub(super) fn action(&self, name: &str) -> Result<Arc<Action>, Reason> {
        self.actions.get(name).cloned().ok_or(Reason::UnknownAction)
    }

    pub(super) fn list(&self) -> ActionList {
        let actions = self.actions.values();
        ActionList {
            actions: actions.map(|action| action.info()).collect(),
        }
    }

    /// Writes an audit line and waits until it is on disk.
    pub(super) async fn record(&self, call: &Call, event: Event) -> Result<(), Reason> {
        let line = Line::new(call, event, Timestamp::now());
        let audit = Arc::clone(&self.audit);
        let write = tokio::task::spawn_blocking(move || audit.write(&line));
        match write.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "writing the audit log failed");
                Err(Reason::Audit)
            }
            Err(_) => Err(Reason::Audit),
        }
    }

    /// Writes down that a call is refused. The answer stays the same where that is not possible.
    pub(super) async fn refuse(&self, call: Call, reason: Reason) -> Reason {
        let known = call.authenticated && self.actions.contains_key(&call.action);
        let action = known.then_some(call.action.as_str());
        self.telemetry.count(action, reason.word());
        if reason == Reason::Audit || !self.refusals.lock().take(Instant::now()) {
            return reason;
        }
        let event = Event::Refused {
            reason: reason.word(),
        };
        match self.record(&call, event).await {
            Ok(()) | Err(_) => reason,
        }
    }

    /// Runs an action to its end.
    pub(super) async fn run(&self, call: &Call, action: &Action) -> Result<Outcome, Reason> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Reason::Busy)?;
        self.record(call, Event::Started).await?;
        Ok(self.finish(call, action, place).await)
    }

    async fn finish(&self, call: &Call, action: &Action, place: OwnedSemaphorePermit) -> Outcome {
        let outcome = action.run(place).await;
        self.telemetry
            .count(Some(&action.name), outcome.status.as_str());
        let event = Event::Finished {
            status: outcome.status,
            exit_code: outcome.exit_code,
            duration_seconds: outcome.duration_seconds,
            truncated: outcome.truncated,
        };
        // The action is done; the line that it began is on record.
        if self.record(call, event).await.is_err() {
            self.telemetry
                .count(Some(&action.name), Reason::Audit.word());
        }
        outcome
    }
}

impl Action {
    /// An action of the configuration; none for one that [`Config`]'s check refuses.
    fn of(config: &Config, name: &str) -> Option<Self> {
        let section = config.actions.get(name)?;
        let timeout = section.timeout.unwrap_or(config.timeout).as_std();
        let doing = match (Builtin::named(name, section.count), &section.program) {
            (Some(builtin), None) => Doing::Builtin(builtin, timeout),
            (None, Some(path)) if path.is_absolute() => {
                let max_output = section.max_output.unwrap_or(config.max_output);
                Doing::Program(Program {
                    path: path.clone(),
                    args: section.args.clone(),
                    timeout,
                    max_output: usize::try_from(max_output.0).ok()?,
                })
            }
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            description: section.description.clone(),
            doing,
        })
    }

    fn info(&self) -> ActionInfo {
        let (kind, usual) = match &self.doing {
            Doing::Builtin(builtin, _) => (ActionKind::Builtin, builtin.description()),
            Doing::Program(_) => (ActionKind::Program, ""),
        };
        let description = match self.description.as_str() {
            "" => usual,
            own => own,
        };
        ActionInfo {
            name: self.name.clone(),
            description: description.to_owned(),
            kind,
        }
    }

    /// Takes a place as long as it lasts.
    async fn run(&self, place: OwnedSemaphorePermit) -> Outcome {
        let start = Instant::now();
        let (ended, data) = match &self.doing {
            Doing::Program(program) => (run::run(program, place).await, None),
            Doing::Builtin(builtin, timeout) => run_builtin(*builtin, *timeout, place).await,
        };
        Outcome {
            action: self.name.clone(),
            status: ended.status,
            exit_code: ended.exit_code,
            output: printable(&String::from_utf8_lossy(&ended.output)),
            truncated: ended.truncated,
            duration_seconds: start.elapsed().as_secs_f64(),
            data,
        }
    }
}

/// A thread that hangs in the kernel cannot be killed; it keeps its place, so that such threads
/// do not gather.
async fn run_builtin(
    builtin: Builtin,
    timeout: Duration,
    place: OwnedSemaphorePermit,
) -> (Ended, Option<serde_json::Value>) {
    let work = tokio::task::spawn_blocking(move || {
        let answer = builtin.run();
        drop(place);
        answer
    });
    let (status, output, data) = match tokio::time::timeout(timeout, work).await {
        Ok(Ok(Ok(answer))) => (Status::Ok, answer.text, Some(answer.data)),
        Ok(Ok(Err(error))) => (Status::Failed, format!("{error}\n"), None),
        Ok(Err(_)) => (Status::Failed, "the action was given up\n".to_owned(), None),
        Err(_) => (Status::Timeout, String::new(), None),
    };
    let ended = Ended {
        status,
        exit_code: None,
        output: output.into_bytes(),
        truncated: false,
    };
    (ended, data)
}

fn token(config: &Config) -> Result<Secret, OpenError> {
    let Some(path) = &config.token_file else {
        config::check_token(config.token.expose())?;
        return Ok(config.token.clone());
    };
    let token = read_token(path)?;
    config::check_token(token.expose())?;
    Ok(token)
}

fn read_token(path: &Path) -> Result<Secret, OpenError> {
    let fault = |source| OpenError::TokenFile {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    trust::check_secret(path, &metadata).map_err(|source| OpenError::Untrusted {
        path: path.to_owned(),
        source,
    })?;
    let text = std::io::read_to_string(std::io::Read::take(file, 4096)).map_err(fault)?;
    Ok(Secret::new(text.trim()))
}
