//! The audit log: one line of JSON for each thing that happened, appended and never changed.
//!
//! An action leaves two lines with the same `id`, `started` before it and `finished` after it, so
//! that one that ends the exporter or the host is on record as well; a list and a refused call
//! leave one. JSON escapes control characters, so a line stays a line whatever a caller sends. The
//! file is opened for each line and may be rotated by renaming it.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use serde::Serialize;

use super::trust;
use super::wire::Status;

/// The longest part of a caller's text that is kept.
const LONGEST_TEXT: usize = 128;

/// Where calls are written down.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    next: AtomicU64,
    /// Whether the last line may lack its end, as when the disk was full.
    torn: AtomicBool,
}

/// A line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    time: String,
    id: u64,
    #[serde(flatten)]
    event: Event,
    source: SocketAddr,
    /// Who called: `token` for whoever holds it, nothing for a stranger.
    caller: Option<&'static str>,
    /// What was asked for, as the caller wrote it; cut where it is long.
    action: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// The list of actions was given.
    Listed,
    /// The call was refused.
    Refused {
        /// Why, in one word.
        reason: &'static str,
    },
    /// An action begins.
    Started,
    /// It has ended.
    Finished {
        /// How.
        status: Status,
        /// The program's exit code.
        exit_code: Option<i32>,
        /// How long it took.
        duration_seconds: f64,
        /// Whether its output was cut.
        truncated: bool,
    },
}

/// Who called, and for what.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The call's number, shared by its lines.
    pub(super) id: u64,
    /// Where from.
    pub(super) source: SocketAddr,
    /// Whether the token was right.
    pub(super) authenticated: bool,
    /// What was asked for, as the caller wrote it.
    pub(super) action: String,
}

impl Line {
    pub(super) fn new(call: &Call, event: Event, now: Timestamp) -> Self {
        Self {
            time: now.to_string(),
            id: call.id,
            event,
            source: call.source,
            caller: call.authenticated.then_some("token"),
            action: call.action.chars().take(LONGEST_TEXT).collect(),
        }
    }
}

impl Audit {
    /// The calls are numbered from the time on, in microseconds, so that no number comes again after
    /// a restart.
    pub(super) fn new(path: &Path, now: Timestamp) -> Self {
        let first = u64::try_from(now.as_microsecond()).unwrap_or_default();
        Self {
            path: path.to_owned(),
            next: AtomicU64::new(first),
            torn: AtomicBool::new(false),
        }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether lines can be written now.
    pub(super) fn check(&self) -> io::Result<()> {
        self.open().map(drop)
    }

    /// Appends a line and waits until it is on disk.
    pub(super) fn write(&self, line: &Line) -> io::Result<()> {
        let json = serde_json::to_string(line)?;
        tracing::info!(target: "watchpost_exporter::audit", "{json}");
        let mut file = self.open()?;
        let start = if self.torn.load(Ordering::Relaxed) {
            "\n"
        } else {
            ""
        };
        let written = file
            .write_all(format!("{start}{json}\n").as_bytes())
            .and_then(|()| file.sync_data());
        self.torn.store(written.is_err(), Ordering::Relaxed);
        written
    }

    /// Opens the file for appending, created for our eyes only. A symbolic link is not followed,
    /// and what is no regular file or what others can write is refused.
    fn open(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(
            &self.path,
            flags,
            Mode::RUSR | Mode::WUSR,
        )?);
        trust::check_log(&file.metadata()?).map_err(io::Error::other)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn line(action: &str) -> Line {
        let call = Call {
            id: 7,
            source: "127.0.0.1:5".parse().unwrap(),
            authenticated: false,
            action: action.to_owned(),
        };
        let reason = "unknown_action";
        Line::new(&call, Event::Refused { reason }, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_line_stays_one_line_whatever_the_caller_sends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let audit = Audit::new(&path, Timestamp::UNIX_EPOCH);
        audit.write(&line("a\nb\r\u{1b}[2J\0\"")).unwrap();
        audit.write(&line(&"x".repeat(1000))).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"time":"1970-01-01T00:00:00Z","id":7,"event":"refused","reason":"unknown_action","source":"127.0.0.1:5","caller":null,"action":"a\nb\r\u001b[2J\u0000\""}"#
        );
        assert_eq!(lines.len(), 2);
        assert!(lines[1].len() < 300);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_log_that_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink(folder.path().join("elsewhere"), &link).unwrap();
        for path in [
            &link,
            folder.path(),
            "/dev/full".as_ref(),
            "/nonexistent/x".as_ref(),
        ] {
            let audit = Audit::new(path, Timestamp::UNIX_EPOCH);
            assert!(audit.check().is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_log_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let audit = Audit::new(&path, Timestamp::UNIX_EPOCH);
        audit.check().unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = audit.check().unwrap_err().to_string();
        assert_eq!(error, "expected at most mode 0755, found 0666");
    }

    #[test]
    fn the_numbers_of_calls_do_not_come_again_after_a_restart() {
        let at = |micros| {
            let now = Timestamp::from_microsecond(micros).unwrap();
            Audit::new(Path::new("/nonexistent/x"), now)
        };
        let (before, after) = (at(1_795_167_698_971_458), at(1_795_167_698_972_000));
        let last = (0..10).map(|_| before.next_id()).last().unwrap();
        assert!(after.next_id() > last);
    }
}
