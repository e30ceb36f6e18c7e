//! What the user said about the collectors: where the host's files are, and each collector's flags.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use watchpost_model::{Regex, RegexError};

use super::KeptFile;
use super::links::Links;
use super::shared::Shared;
use crate::go_duration;

/// Where the host's files are, so that a container or a test can look elsewhere.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `/proc`
    pub procfs: PathBuf,
    /// `/sys`
    pub sysfs: PathBuf,
    /// `/`, the prefix of mount points
    pub rootfs: PathBuf,
    /// `/run/udev/data`
    pub udev_data: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            udev_data: "/run/udev/data".into(),
        }
    }
}

/// A flag of one collector: `--collector.NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// What follows `--collector.`, such as `netdev.device-exclude`.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// What it takes.
    pub kind: FlagKind,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing: on when given, off by `--no-collector.NAME`.
    Switch {
        /// Whether it is on unless told otherwise.
        default: bool,
    },
    /// A regular expression that is searched for, as Go's `MatchString` does.
    Pattern {
        /// What holds unless told otherwise; nothing where it is empty.
        default: &'static str,
    },
    /// A text.
    Text {
        /// What holds unless told otherwise.
        default: &'static str,
    },
    /// A whole number.
    Number {
        /// What holds unless told otherwise.
        default: u16,
        /// The least that is allowed.
        least: u16,
        /// The most that is allowed.
        most: u16,
    },
    /// A span of time that is not negative, such as `1ms` or `3.5s`.
    Time {
        /// What holds unless told otherwise.
        default: Duration,
    },
    /// Texts: the flag may be repeated.
    List,
}

impl Flag {
    /// A switch that is off unless given.
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        let kind = FlagKind::Switch { default: false };
        Self { name, help, kind }
    }

    /// A regular expression.
    pub const fn pattern(name: &'static str, default: &'static str, help: &'static str) -> Self {
        let kind = FlagKind::Pattern { default };
        Self { name, help, kind }
    }
}

/// What the user said about the collectors, and what they share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the host's files are.
    pub paths: Paths,
    /// `/proc/stat`, which is among the dearest files.
    pub(super) stat: Shared<KeptFile>,
    /// The network devices.
    pub(super) links: Shared<Links>,
    given: BTreeMap<&'static str, Vec<String>>,
}

/// Why a flag's value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--collector.{flag}: {reason}")]
pub struct FlagError {
    flag: &'static str,
    reason: Reason,
}

impl FlagError {
    /// A value that the flag's collector cannot use.
    pub(super) fn new(flag: &'static str, reason: String) -> Self {
        let reason = Reason::Unusable(reason);
        Self { flag, reason }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Unusable(String),
    #[error("{0}")]
    Pattern(RegexError),
    #[error("expected a number from {least} to {most}, found `{found}`")]
    Number {
        least: u16,
        most: u16,
        found: String,
    },
    #[error("expected a time such as `1ms` or `3.5s`, found `{0}`")]
    Time(String),
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Paths::default())
    }
}

impl Settings {
    /// Default flags under other paths.
    pub fn new(paths: Paths) -> Self {
        let given = BTreeMap::new();
        let stat = Shared::new(KeptFile::at_once(paths.procfs.join("stat")));
        let links = Shared::new(Links::default());
        Self {
            paths,
            stat,
            links,
            given,
        }
    }

    /// Sets a flag to what was given on the command line; a switch to `true` or `false`.
    pub fn set(&mut self, flag: &Flag, values: Vec<String>) -> Result<(), FlagError> {
        for value in &values {
            check(flag.kind, value).map_err(|reason| FlagError {
                flag: flag.name,
                reason,
            })?;
        }
        self.given.insert(flag.name, values);
        Ok(())
    }

    /// Whether a switch is on.
    pub fn switch(&self, flag: &Flag) -> bool {
        match (self.last(flag), flag.kind) {
            (Some(given), _) => given == "true",
            (None, FlagKind::Switch { default }) => default,
            _ => false,
        }
    }

    /// A flag's text, or its default.
    pub fn text(&self, flag: &Flag) -> &str {
        match (self.last(flag), flag.kind) {
            (Some(given), _) => given,
            (None, FlagKind::Text { default } | FlagKind::Pattern { default }) => default,
            _ => "",
        }
    }

    /// A flag's number, or its default.
    pub fn number(&self, flag: &Flag) -> u16 {
        match (self.last(flag).map(str::parse), flag.kind) {
            (Some(Ok(given)), _) => given,
            (_, FlagKind::Number { default, .. }) => default,
            _ => 0,
        }
    }

    /// A flag's span of time, or its default.
    pub fn time(&self, flag: &Flag) -> Duration {
        match (self.last(flag).and_then(go_duration::parse), flag.kind) {
            (Some(given), _) => given,
            (None, FlagKind::Time { default }) => default,
            _ => Duration::ZERO,
        }
    }

    /// All texts of a flag that may be repeated.
    pub fn list(&self, flag: &Flag) -> &[String] {
        self.given
            .get(flag.name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// A flag's regular expression; none where it is empty.
    pub fn pattern(&self, flag: &Flag) -> Option<Pattern> {
        let text = self.text(flag);
        if text.is_empty() {
            return None;
        }
        Pattern::new(text).ok()
    }

    /// What a pair of flags lets through. An include that is given overrides the exclude's default.
    pub fn filter(&self, include: &Flag, exclude: &Flag) -> Filter {
        let include = self.pattern(include);
        let exclude = match (&include, self.last(exclude)) {
            (Some(_), None) => None,
            _ => self.pattern(exclude),
        };
        Filter { include, exclude }
    }

    fn last(&self, flag: &Flag) -> Option<&str> {
        self.given(flag.name)
    }

    /// What was given for the flag of this name, if anything was.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.given
            .get(name)
            .and_then(|values| values.last())
            .map(String::as_str)
    }
}

/// Refuses a value that is none of the flag's kind.
fn check(kind: FlagKind, value: &str) -> Result<(), Reason> {
    match kind {
        FlagKind::Pattern { .. } => {
            Pattern::new(value).map_err(Reason::Pattern)?;
        }
        FlagKind::Number { least, most, .. } => {
            let allowed = |number: &u16| (least..=most).contains(number);
            let number = value.parse().ok().filter(allowed);
            number.ok_or_else(|| Reason::Number {
                least,
                most,
                found: value.to_owned(),
            })?;
        }
        FlagKind::Time { .. } => {
            go_duration::parse(value).ok_or_else(|| Reason::Time(value.to_owned()))?;
        }
        FlagKind::Switch { .. } | FlagKind::Text { .. } | FlagKind::List => {}
    }
    Ok(())
}

/// A regular expression that is searched for anywhere in a text.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression.
    pub fn new(text: &str) -> Result<Self, RegexError> {
        // The text on its own first: a fault of it is told without what we put around it, and
        // `a)(b` does not become an expression by that.
        Regex::new(text)?;
        Regex::new(&format!("(?s:.*)(?:{text})(?s:.*)")).map(Self)
    }

    /// Whether the expression occurs in the text.
    pub fn occurs_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Lets through what is included and not excluded.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Option<Pattern>,
    exclude: Option<Pattern>,
}

impl Filter {
    /// Whether a name gets through.
    pub fn lets_through(&self, name: &str) -> bool {
        let excluded = self.exclude.as_ref().is_some_and(|p| p.occurs_in(name));
        !excluded && self.include.as_ref().is_none_or(|p| p.occurs_in(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INCLUDE: Flag = Flag::pattern("x.include", "", "Help.");
    const EXCLUDE: Flag = Flag::pattern("x.exclude", "^lo$", "Help.");

    #[test]
    fn a_pattern_is_searched_for() {
        let pattern = Pattern::new("b+").unwrap();
        assert!(pattern.occurs_in("abba"));
        assert!(!pattern.occurs_in("aa"));
        let pattern = Pattern::new("^a|b$").unwrap();
        assert!(pattern.occurs_in("ax") && pattern.occurs_in("xb"));
        assert!(!pattern.occurs_in("xax"));
    }

    #[test]
    fn an_include_overrides_the_default_exclude() {
        let mut settings = Settings::default();
        let filter = settings.filter(&INCLUDE, &EXCLUDE);
        assert!(!filter.lets_through("lo"));
        assert!(filter.lets_through("eth0"));
        settings.set(&INCLUDE, vec!["lo".to_owned()]).unwrap();
        let filter = settings.filter(&INCLUDE, &EXCLUDE);
        assert!(filter.lets_through("lo"));
        assert!(!filter.lets_through("eth0"));
    }

    #[test]
    fn a_bad_pattern_names_its_flag() {
        let error = Settings::default()
            .set(&EXCLUDE, vec!["(".to_owned()])
            .unwrap_err();
        assert!(std::error::Error::source(&error).is_none(), "told once");
        let error = error.to_string();
        assert!(error.starts_with("--collector.x.exclude: "));
        assert!(error.contains("found `(`: "), "{error}");
        assert!(Pattern::new("a)(b").is_err());
    }

    #[test]
    fn a_number_and_a_time_are_checked_and_have_defaults() {
        let flag = |kind| Flag {
            name: "x.y",
            help: "Help.",
            kind,
        };
        let port = flag(FlagKind::Number {
            default: 123,
            least: 1,
            most: 65_535,
        });
        let limit = flag(FlagKind::Time {
            default: Duration::from_secs(3),
        });
        let mut settings = Settings::default();
        assert_eq!(settings.number(&port), 123);
        assert_eq!(settings.time(&limit), Duration::from_secs(3));
        for (flag, bad) in [(&port, "0"), (&port, "x"), (&limit, "3"), (&limit, "-1s")] {
            let error = settings.set(flag, vec![bad.to_owned()]).unwrap_err();
            let end = format!(", found `{bad}`");
            assert!(error.to_string().ends_with(&end), "{error}");
        }
        settings.set(&port, vec!["4123".to_owned()]).unwrap();
        assert_eq!(settings.number(&port), 4_123);
        for (text, micros) in [
            ("1ms", 1_000),
            ("3.46608s", 3_466_080),
            ("1m30s", 90_000_000),
        ] {
            settings.set(&limit, vec![text.to_owned()]).unwrap();
            assert_eq!(settings.time(&limit), Duration::from_micros(micros));
        }
    }

    #[test]
    fn all_default_patterns_compile() {
        for flag in super::super::ALL
            .iter()
            .flat_map(|definition| definition.flags)
        {
            if let FlagKind::Pattern { default } = flag.kind {
                assert!(Pattern::new(default).is_ok(), "{}", flag.name);
            }
        }
    }
}
