//! Label rules as they stand in a file.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use watchpost_model::Regex;
use watchpost_model::config::{Faults, Validate};

use super::NotYet;

/// One label rule of `relabel_configs` or `metric_relabel_configs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelabelConfig {
    /// The labels whose values are joined and matched.
    pub source_labels: Vec<String>,
    /// What stands between the joined values.
    pub separator: String,
    /// What the joined values, or label names, are matched with.
    pub regex: Pattern,
    /// What a hash of the joined values is divided by; not supported yet.
    #[serde(skip_serializing, rename = "modulus")]
    pub(crate) not_yet: NotYet,
    /// The label that is set.
    pub target_label: Option<String>,
    /// What it is set to; `$1` is what the first group of `regex` matched.
    pub replacement: String,
    /// What the rule does.
    pub action: Action,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: Pattern::default(),
            not_yet: NotYet,
            target_label: None,
            replacement: "$1".to_owned(),
            action: Action::Replace,
        }
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sets `target_label` where `regex` matches.
    Replace,
    /// Sets `target_label` to the joined values in lower case.
    Lowercase,
    /// Sets `target_label` to the joined values in upper case.
    Uppercase,
    /// Drops what `regex` does not match.
    Keep,
    /// Drops what `regex` matches.
    Drop,
    /// Drops what does not have the joined values in `target_label`.
    KeepEqual,
    /// Drops what has the joined values in `target_label`.
    DropEqual,
    /// Copies labels whose name `regex` matches to the name that `replacement` gives.
    LabelMap,
    /// Removes labels whose name `regex` matches.
    LabelDrop,
    /// Removes labels whose name `regex` does not match.
    LabelKeep,
    /// Sets `target_label` to a hash of the joined values.
    HashMod,
}

impl Validate for RelabelConfig {
    fn validate(&self, faults: &mut Faults) {
        let target = self.target_label.as_deref().unwrap_or_default();
        let needs_target = matches!(
            self.action,
            Action::Replace
                | Action::Lowercase
                | Action::Uppercase
                | Action::KeepEqual
                | Action::DropEqual
        );
        if needs_target && target.is_empty() {
            faults.add(
                "target_label",
                format_args!("expected a label for action `{}`, found none", self.action),
            );
        }
        if self.action == Action::HashMod {
            faults.add("action", "`hashmod` is not supported yet");
        }
        let plain = |given: bool, key: &str, faults: &mut Faults| {
            if given {
                faults.add(
                    key,
                    format_args!("expected no such key with action `{}`", self.action),
                );
            }
        };
        let base = Self::default();
        match self.action {
            Action::LabelDrop | Action::LabelKeep => {
                plain(!self.source_labels.is_empty(), "source_labels", faults);
                plain(self.target_label.is_some(), "target_label", faults);
                plain(self.replacement != base.replacement, "replacement", faults);
                plain(self.separator != base.separator, "separator", faults);
            }
            Action::KeepEqual | Action::DropEqual => {
                plain(self.regex != base.regex, "regex", faults);
                plain(self.replacement != base.replacement, "replacement", faults);
                plain(self.separator != base.separator, "separator", faults);
            }
            Action::Lowercase | Action::Uppercase => {
                plain(self.replacement != base.replacement, "replacement", faults);
            }
            Action::Keep | Action::Drop if self.source_labels.is_empty() => {
                faults.add(
                    "source_labels",
                    format_args!("expected labels for action `{}`, found none", self.action),
                );
            }
            _ => {}
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replace => "replace",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::HashMod => "hashmod",
        })
    }
}

/// A regular expression of a file; nothing where the default stands, which matches everything.
#[derive(Clone, Debug, Default)]
pub struct Pattern(Option<Regex>);

/// What Prometheus has where no expression is given.
const ALL: &str = "(.*)";

impl Pattern {
    /// The expression's text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or(ALL, Regex::as_str)
    }

    /// Whether the expression matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    /// `template` filled with what the groups matched; nothing where there is no match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        match (&self.0, template) {
            (None, "$1") => Some(text.to_owned()),
            (None, template) => Regex::new(ALL).ok()?.expand(text, template),
            (Some(regex), template) => regex.expand(text, template),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let regex = Regex::new(&text).map_err(de::Error::custom)?;
        Ok(Self(Some(regex)))
    }
}
