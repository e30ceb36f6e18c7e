//! Starts the program of an action. Nothing else in Watchpost starts a process.
//!
//! The program gets its arguments as they stand in the configuration, no shell, an empty
//! environment, no input, `/` as its folder and a process group of its own. It ends at the time
//! limit at the latest, and when it ends the rest of its group is killed, so that nothing stays
//! behind. Output beyond the limit is read and thrown away, so that the program is not held up.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::trust;
use super::wire::Status;

/// A program that the host's configuration names.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) max_output: usize,
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) status: Status,
    pub(super) exit_code: Option<i32>,
    pub(super) output: Vec<u8>,
    pub(super) truncated: bool,
}

/// Runs a program to its end or its time limit. A program that cannot be killed, or not even be
/// looked at since its disk is gone, keeps its `place`, so that such ones do not gather.
pub(super) async fn run(program: &Program, place: impl Send + 'static) -> Ended {
    let end = Instant::now() + program.timeout;
    let named = program.clone();
    let starting = tokio::task::spawn_blocking(move || (start(&named), place));
    match tokio::time::timeout_at(end, starting).await {
        Ok(Ok((Ok((group, pipe)), place))) => {
            let output = Output::new(program.max_output);
            watch(group, pipe, output, (end, place)).await
        }
        Ok(Ok((Err(error), _))) => not_started(program, &error),
        Ok(Err(error)) => not_started(program, &error.into()),
        Err(_) => Ended {
            status: Status::Timeout,
            exit_code: None,
            output: Vec::new(),
            truncated: false,
        },
    }
}

fn not_started(program: &Program, error: &io::Error) -> Ended {
    Ended {
        status: Status::Failed,
        exit_code: None,
        output: format!("cannot start `{}`: {error}\n", program.path.display()).into_bytes(),
        truncated: false,
    }
}

/// May block.
fn start(program: &Program) -> io::Result<(Group, Receiver)> {
    let metadata = std::fs::metadata(&program.path)?;
    trust::check_program(&program.path, &metadata).map_err(io::Error::other)?;
    // One pipe for both outputs keeps their lines in order.
    let (ours, theirs) = io::pipe()?;
    let receiver = Receiver::from_owned_fd(OwnedFd::from(ours))?;
    let child = command(&program.path)
        .args(&program.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(theirs.try_clone()?)
        .stderr(theirs)
        .process_group(0)
        .spawn()?;
    Ok((Group::new(child)?, receiver))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
fn command(path: &Path) -> Command {
    Command::new(path)
}

async fn watch<P: Send + 'static>(
    group: Group,
    mut pipe: Receiver,
    mut output: Output,
    (end, place): (Instant, P),
) -> Ended {
    let in_time = tokio::select! {
        () = group.ended() => true,
        never = output.drain(&mut pipe) => match never {},
        () = tokio::time::sleep_until(end) => false,
    };
    let exit = group.kill(place).await;
    output.read_rest(&mut pipe).await;
    let exit_code = exit.filter(|_| in_time).and_then(|exit| exit.code());
    Ended {
        status: match (in_time, exit_code) {
            (false, _) => Status::Timeout,
            (true, Some(0)) => Status::Ok,
            (true, _) => Status::Failed,
        },
        exit_code,
        output: output.kept,
        truncated: output.truncated,
    }
}

/// The longest that a killed program may take to be gone; one that waits for a dead disk may not
/// go at all.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// A program and all that it started. Dropped, it is killed.
#[derive(Debug)]
struct Group {
    leader: Child,
    id: Pid,
    killed: bool,
}

impl Group {
    fn new(leader: Child) -> io::Result<Self> {
        let id = leader
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the program has no process id"))?;
        Ok(Self {
            leader,
            id,
            killed: false,
        })
    }

    /// Waits until the program has ended, without taking its exit status: as long as that is not
    /// taken, no other process can get its number, so that the kill cannot hit a stranger.
    async fn ended(&self) {
        let id = self.id;
        let wait = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while rustix::process::waitid(WaitId::Pid(id), options)
                .is_err_and(|error| error == rustix::io::Errno::INTR)
            {}
        };
        if tokio::task::spawn_blocking(wait).await.is_err() {
            tracing::error!(program = ?id, "waiting for a program failed");
        }
    }

    /// Kills what is left of the group and takes the exit status. The place is given back when
    /// the program is gone.
    async fn kill(mut self, place: impl Send + 'static) -> Option<ExitStatus> {
        self.kill_now();
        match tokio::time::timeout(LAST_BREATH, self.leader.wait()).await {
            Ok(Ok(status)) => Some(status),
            Ok(Err(error)) => {
                tracing::error!(%error, "taking a program's exit status failed");
                None
            }
            Err(_) => {
                tracing::error!(program = ?self.id, "a killed program does not end");
                tokio::spawn(async move {
                    drop(self.leader.wait().await);
                    drop(place);
                });
                None
            }
        }
    }

    fn kill_now(&mut self) {
        if !std::mem::replace(&mut self.killed, true)
            && let Err(error) = rustix::process::kill_process_group(self.id, Signal::KILL)
        {
            tracing::warn!(%error, program = ?self.id, "killing a program's group failed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill_now();
    }
}

/// What a program wrote, up to a limit.
#[derive(Debug)]
struct Output {
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            truncated: false,
        }
    }

    /// Reads as long as it is asked to.
    async fn drain(&mut self, pipe: &mut Receiver) -> Infallible {
        self.read_all(pipe).await;
        std::future::pending().await
    }

    /// Reads what is left. Whoever got out of the group may still hold the pipe open, but is not
    /// waited for.
    async fn read_rest(&mut self, pipe: &mut Receiver) {
        let rest = tokio::time::timeout(Duration::from_millis(100), self.read_all(pipe));
        if rest.await.is_err() {
            tracing::debug!("a program left a process that holds its output open");
        }
    }

    async fn read_all(&mut self, pipe: &mut Receiver) {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
            self.keep(chunk.get(..read).unwrap_or_default());
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.kept.len());
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.kept.extend_from_slice(fits);
        self.truncated |= fits.len() < bytes.len();
    }
}

#[cfg(test)]
mod tests;
