//! What is wrong with a file, all of it together.

use std::fmt;

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file as the user named it.
    pub file: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The key's path, such as `scrape_configs[1].scrape_timeout`; empty for the whole file.
    pub key: String,
    /// What was expected and what was found.
    pub message: String,
}

/// `config.yaml:12: scrape_configs[1].scrape_timeout: expected ..., found ...`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The faults of a file, collected while it is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    file: String,
    prefix: String,
    list: Vec<Fault>,
}

impl Faults {
    /// No faults yet in this file.
    pub fn new(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            ..Self::default()
        }
    }

    /// Adds a fault at a key below the current place; an empty key is the place itself.
    pub fn add(&mut self, key: &str, message: impl fmt::Display) {
        self.add_at(None, key, message);
    }

    /// Adds a fault whose line is known.
    pub fn add_at(&mut self, line: Option<usize>, key: &str, message: impl fmt::Display) {
        let key = join(&self.prefix, key);
        let file = self.file.clone();
        self.list.push(Fault {
            file,
            line,
            key,
            message: message.to_string(),
        });
    }

    /// Adds a fault as it is.
    pub(super) fn push(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    /// Runs a check one level down, at `key` (`global`) or a list item (`scrape_configs[1]`).
    pub fn within(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let inner = join(&self.prefix, key);
        let outer = std::mem::replace(&mut self.prefix, inner);
        check(self);
        self.prefix = outer;
    }

    /// Takes over the faults of another file.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.list.iter()
    }

    /// Puts the faults in the order of their lines; those without a line come last.
    pub(super) fn sort_by_line(&mut self) {
        self.list
            .sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
    }

    /// `value` where nothing is wrong, else the faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// One fault a line.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.list.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

fn join(prefix: &str, key: &str) -> String {
    match (prefix.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (_, true) => prefix.to_owned(),
        _ if key.starts_with('[') => format!("{prefix}{key}"),
        _ => format!("{prefix}.{key}"),
    }
}
