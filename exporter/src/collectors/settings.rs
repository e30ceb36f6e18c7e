//! What the user said about the collectors: where the host's files are, and each collector's flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use watchpost_model::{Regex, RegexError};

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

/// What the user said about the collectors.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the host's files are.
    pub paths: Paths,
    given: BTreeMap<&'static str, Vec<String>>,
}

/// Why a flag's value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--collector.{flag}: {reason}")]
pub struct FlagError {
    flag: &'static str,
    reason: RegexError,
}

impl Settings {
    /// Default flags under other paths.
    pub fn new(paths: Paths) -> Self {
        let given = BTreeMap::new();
        Self { paths, given }
    }

    /// Sets a flag to what was given on the command line; a switch to `true` or `false`.
    pub fn set(&mut self, flag: &Flag, values: Vec<String>) -> Result<(), FlagError> {
        if matches!(flag.kind, FlagKind::Pattern { .. }) {
            for value in &values {
                Pattern::new(value).map_err(|reason| FlagError {
                    flag: flag.name,
                    reason,
                })?;
            }
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
        self.given
            .get(flag.name)
            .and_then(|values| values.last())
            .map(String::as_str)
    }
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
