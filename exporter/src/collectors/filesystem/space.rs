//! Asks file systems for their space, so that one that does not answer holds up nobody.
//!
//! A file system on another host may hang for ever in the kernel. Such a one is asked on a thread
//! of its own, and not asked again before it has answered.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use rustix::fs::StatVfsMountFlags;

/// What `statvfs(3)` says, in bytes and files, and whether nothing can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) size: u64,
    pub(super) free: u64,
    pub(super) available: u64,
    pub(super) files: u64,
    pub(super) files_free: u64,
    pub(super) read_only: bool,
}

/// A file system's space, or why it is not known.
pub(super) type Answer = Result<Space, String>;

/// The questions that have not been answered.
#[derive(Debug)]
pub(super) struct Answers {
    /// How long all remote file systems together may take.
    patience: Duration,
    open: HashMap<PathBuf, Receiver<Answer>>,
}

impl Answers {
    pub(super) fn new(patience: Duration) -> Self {
        let open = HashMap::new();
        Self { patience, open }
    }

    /// The space of each path; the flag says that it may hang.
    pub(super) fn ask(&mut self, paths: Vec<(PathBuf, bool)>) -> Vec<Answer> {
        let end = Instant::now() + self.patience;
        // Late answers are too old to be served; their file systems may be asked again.
        self.open
            .retain(|_, late| matches!(late.try_recv(), Err(TryRecvError::Empty)));
        let asked: Vec<_> = paths
            .into_iter()
            .map(|(path, may_hang)| {
                if may_hang {
                    self.start(path)
                } else {
                    Asked::Answered(space(&path))
                }
            })
            .collect();
        asked
            .into_iter()
            .map(|asked| match asked {
                Asked::Answered(answer) => answer,
                Asked::Waiting(path, receiver) => self.wait(path, receiver, end),
            })
            .collect()
    }

    fn start(&self, path: PathBuf) -> Asked {
        if self.open.contains_key(&path) {
            return Asked::Answered(Err(timed_out()));
        }
        let (sender, receiver) = sync_channel(1);
        let question = path.clone();
        let thread = std::thread::Builder::new().name("statvfs".to_owned());
        let started = thread.spawn(move || {
            // Nobody waits any more when it took too long.
            drop(sender.send(space(&question)));
        });
        match started {
            Ok(_) => Asked::Waiting(path, receiver),
            Err(error) => Asked::Answered(Err(error.to_string())),
        }
    }

    fn wait(&mut self, path: PathBuf, receiver: Receiver<Answer>, end: Instant) -> Answer {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.open.insert(path, receiver);
                Err(timed_out())
            }
            Err(RecvTimeoutError::Disconnected) => Err("no answer".to_owned()),
        }
    }
}

enum Asked {
    Answered(Answer),
    Waiting(PathBuf, Receiver<Answer>),
}

fn timed_out() -> String {
    "mountpoint timeout".to_owned()
}

fn space(path: &Path) -> Answer {
    let found = rustix::fs::statvfs(path).map_err(|error| reason(&error.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_bsize);
    Ok(Space {
        size: bytes(found.f_blocks),
        free: bytes(found.f_bfree),
        available: bytes(found.f_bavail),
        files: found.f_files,
        files_free: found.f_ffree,
        read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

/// `permission denied`, as Go says it: without a capital and the error's number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_does_not_answer_is_not_asked_again() {
        let mut answers = Answers::new(Duration::from_secs(1));
        let path = PathBuf::from("/");
        let (sender, receiver) = sync_channel(1);
        answers.open.insert(path.clone(), receiver);
        let answer = answers.ask(vec![(path.clone(), true)]);
        assert_eq!(answer, [Err("mountpoint timeout".to_owned())]);
        // It is unmounted, and its answer comes: neither is remembered for ever.
        let gone = PathBuf::from("/gone");
        let (late, receiver) = sync_channel(1);
        answers.open.insert(gone, receiver);
        late.send(Ok(Space::default())).unwrap();
        // The old answer comes, and is too old to be served.
        sender.send(Ok(Space::default())).unwrap();
        let answer = answers.ask(vec![(path, true)]);
        assert!(
            matches!(&answer[..], [Ok(space)] if space.size > 0),
            "{answer:?}"
        );
        assert!(answers.open.is_empty());
    }

    #[test]
    fn an_error_is_told_as_go_tells_it() {
        let path = PathBuf::from("/nonexistent");
        let answer = Answers::new(Duration::from_secs(1)).ask(vec![(path, false)]);
        assert_eq!(answer, [Err("no such file or directory".to_owned())]);
    }
}
