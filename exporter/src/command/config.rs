//! The `exporter.commands` section.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use watchpost_model::Duration;
use watchpost_model::config::{ByteSize, Faults, Secret, Validate};

use super::builtin::Builtin;
use super::network::Network;

/// Tokens shorter than this can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// No action may hold more of the exporter's memory than this.
const LARGEST_OUTPUT: ByteSize = ByteSize(4 << 20);

/// Actions that run at once have a thread each.
const MOST_AT_ONCE: usize = 64;

/// No action may take longer, and no caller need wait longer.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The actions that this host allows, and who may ask for them. Commands are off without this
/// section.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The bearer token that callers must send, at least 16 characters. Either this or
    /// `token_file`.
    pub token: Secret,
    /// A file that holds the token, readable by its owner only.
    pub token_file: Option<PathBuf>,
    /// The addresses that may call. Those that are not loopback are answered over TLS only.
    pub allowed_sources: Vec<Network>,
    /// The time limit of an action, at most an hour; then it is killed with all that it started.
    pub timeout: Duration,
    /// How much of an action's output is kept.
    pub max_output: ByteSize,
    /// How many actions may run at once.
    pub max_concurrent: usize,
    /// How many calls are served a minute.
    pub rate_limit: u32,
    /// The file that gets a line for each call. A call that cannot be written down is refused.
    pub audit_log: PathBuf,
    /// The actions by name. `status`, `process_count` and `top_processes` are part of the
    /// exporter; any other needs a program.
    pub actions: BTreeMap<String, ActionConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: Secret::default(),
            token_file: None,
            allowed_sources: Network::LOOPBACK.to_vec(),
            timeout: Duration::from_secs(10),
            max_output: ByteSize(64 << 10),
            max_concurrent: 2,
            rate_limit: 60,
            audit_log: PathBuf::from("/var/log/watchpost/commands.log"),
            actions: BTreeMap::new(),
        }
    }
}

/// One action.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionConfig {
    /// What the action does, for the list of actions.
    pub description: String,
    /// The absolute path of the program.
    pub program: Option<PathBuf>,
    /// The program's arguments, as they are: no shell reads them.
    pub args: Vec<String>,
    /// This action's own time limit.
    pub timeout: Option<Duration>,
    /// This action's own output limit.
    pub max_output: Option<ByteSize>,
    /// How many processes `top_processes` lists.
    pub count: Option<usize>,
}

impl Validate for Config {
    fn validate(&self, faults: &mut Faults) {
        match (self.token.is_empty(), &self.token_file) {
            (true, None) => faults.add("", "expected `token` or `token_file`, found neither"),
            (false, Some(_)) => faults.add("", "expected `token` or `token_file`, found both"),
            (false, None) => {
                if let Err(error) = check_token(self.token.expose()) {
                    faults.add("token", error);
                }
            }
            (true, Some(_)) => {}
        }
        check_timeout(self.timeout, faults);
        check_output(self.max_output, "max_output", faults);
        if !(1..=MOST_AT_ONCE).contains(&self.max_concurrent) {
            let found = self.max_concurrent;
            faults.add(
                "max_concurrent",
                format_args!("expected 1 to {MOST_AT_ONCE}, found {found}"),
            );
        }
        if self.rate_limit == 0 {
            faults.add("rate_limit", "expected at least 1, found 0");
        }
        if !self.audit_log.is_absolute() {
            faults.add(
                "audit_log",
                format_args!(
                    "expected an absolute path, found `{}`",
                    self.audit_log.display()
                ),
            );
        }
        for (name, action) in &self.actions {
            faults.within(&format!("actions.{name}"), |faults| {
                action.validate(name, faults);
            });
        }
    }
}

impl ActionConfig {
    fn validate(&self, name: &str, faults: &mut Faults) {
        if !is_action_name(name) {
            faults.add(
                "",
                "expected a name of at most 64 lower-case letters, digits, `_` and `-`",
            );
        }
        if let Some(timeout) = self.timeout {
            check_timeout(timeout, faults);
        }
        if let Some(limit) = self.max_output {
            check_output(limit, "max_output", faults);
        }
        match Builtin::named(name, self.count) {
            Some(builtin) => self.validate_builtin(builtin, faults),
            None => self.validate_program(faults),
        }
    }

    fn validate_builtin(&self, builtin: Builtin, faults: &mut Faults) {
        if self.program.is_some() || !self.args.is_empty() {
            faults.add("", "expected no program, since this action is built in");
        }
        match builtin {
            Builtin::TopProcesses { count } => {
                if count == 0 || count > 100 {
                    let found = format_args!("expected 1 to 100, found {count}");
                    faults.add("count", found);
                }
            }
            Builtin::Status | Builtin::ProcessCount => self.refuse_count(faults),
        }
    }

    fn validate_program(&self, faults: &mut Faults) {
        self.refuse_count(faults);
        match &self.program {
            None => faults.add(
                "program",
                "expected the absolute path of a program, found none",
            ),
            Some(program) if !program.is_absolute() => faults.add(
                "program",
                format_args!("expected an absolute path, found `{}`", program.display()),
            ),
            Some(_) => {}
        }
        for (at, argument) in self.args.iter().enumerate() {
            if argument.contains('\0') {
                faults.add(
                    &format!("args[{at}]"),
                    "expected no NUL character, found one",
                );
            }
        }
    }

    fn refuse_count(&self, faults: &mut Faults) {
        if self.count.is_some() {
            faults.add("count", "expected no count: only `top_processes` has one");
        }
    }
}

/// Whether a text may be an action's name.
pub fn is_action_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-')
}

/// Whether a token is long enough, and of characters that a header can carry.
pub(super) fn check_token(token: &str) -> Result<(), TokenError> {
    let length = token.len();
    if length < SHORTEST_TOKEN {
        return Err(TokenError::Short(length));
    }
    if token.bytes().all(|c| c.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(TokenError::Character)
    }
}

/// Why a token is refused. The token itself is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It can be guessed.
    #[error("expected a token of at least {SHORTEST_TOKEN} characters, found {0}")]
    Short(usize),
    /// A header cannot carry it.
    #[error("expected a token of visible ASCII characters, found another")]
    Character,
}

fn check_timeout(timeout: Duration, faults: &mut Faults) {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        let found =
            format_args!("expected more than 0s and at most {LONGEST_TIMEOUT}, found {timeout}");
        faults.add("timeout", found);
    }
}

fn check_output(limit: ByteSize, key: &str, faults: &mut Faults) {
    if limit.0 == 0 || limit > LARGEST_OUTPUT {
        let found = format_args!("expected 1B to {LARGEST_OUTPUT}, found {limit}");
        faults.add(key, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchpost_model::config::load;

    fn faults(text: &str) -> String {
        load::<Config>("x.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_section_loads() {
        let text = "
token: 0123456789abcdef
allowed_sources: [127.0.0.1]
timeout: 5s
max_output: 1KiB
audit_log: /tmp/audit.log
actions:
  status: {}
  top_processes: {count: 5}
  restart-nginx:
    description: restarts the web server
    program: /usr/bin/systemctl
    args: [restart, nginx]
    timeout: 30s
";
        let config: Config = load("x.yaml", text).unwrap();
        assert_eq!(config.actions.len(), 3);
        assert_eq!(config.timeout, Duration::from_secs(5));
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn all_faults_are_told_together() {
        let text = "
token: short
token_file: /x
allowed_sources: [10.0.0.0/8]
timeout: 0s
max_output: 1G
max_concurrent: 0
rate_limit: 0
audit_log: audit.log
actions:
  status: {program: /bin/true}
  process_count: {count: 1}
  top_processes: {count: 0}
  \"../x\": {program: /bin/true}
  relative: {program: bin/true}
  nothing: {}
  slow: {program: /bin/true, timeout: 2h}
";
        let faults = faults(text);
        for expected in [
            "found both",
            "timeout: expected more than 0s and at most 1h, found 0s",
            "actions.slow.timeout: expected more than 0s and at most 1h, found 2h",
            "max_output: expected 1B to 4MiB, found 1GiB",
            "max_concurrent: expected 1 to 64, found 0",
            "rate_limit: expected at least 1",
            "audit_log: expected an absolute path, found `audit.log`",
            "actions.status: expected no program",
            "actions.process_count.count: expected no count",
            "actions.top_processes.count: expected 1 to 100, found 0",
            "actions.../x: expected a name",
            "actions.relative.program: expected an absolute path, found `bin/true`",
            "actions.nothing.program: expected the absolute path of a program, found none",
        ] {
            assert!(faults.contains(expected), "{expected} not in:\n{faults}");
        }
    }

    #[test]
    fn a_token_is_needed_and_long_enough() {
        assert!(faults("actions: {}").contains("found neither"));
        assert!(faults("token: short").contains("at least 16 characters, found 5"));
        assert!(faults("token: \"0123456789 abcdef\"").contains("visible ASCII"));
        assert!(!faults("token: short").contains("`short`"));
    }

    #[test]
    fn an_unknown_key_is_a_fault() {
        let unknown = "token: 0123456789abcdef\nactions: {x: {program: /x, shell: true}}";
        assert!(faults(unknown).contains("shell"));
    }
}
