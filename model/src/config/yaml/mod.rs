//! YAML as Go programs read it, with every fault found in one go.
//!
//! The document becomes a tree ([`node`]); merge keys are applied and keys that stand twice refused
//! ([`merge`]); a section is read out of the tree ([`read`]). Reading stops at the first fault, so
//! what is faulty is left out of the tree and the section read again, until it succeeds: an unknown
//! key or wrong value leaves its key out (the default stands), a missing key the mapping that lacks
//! it. Then the section checks itself. At the end every fault gets its line ([`locate`]).

mod access;
mod failure;
mod locate;
mod merge;
mod node;
mod offer;
mod path;
mod read;
#[cfg(test)]
mod tests;

use serde::de::{DeserializeOwned, DeserializeSeed};

use super::{Faults, Validate};
use failure::What;
use node::{Kinds, Node, Written};
use path::Step;
use read::Reader;

/// So many faults are told of one file; each costs two more readings of it.
const MAX_FAULTS: usize = 100;

/// Reads a file's text into a section and checks it; all faults together, in the order of their
/// lines.
///
/// The section is a plain serde struct with `#[serde(default, deny_unknown_fields)]` (without
/// `flatten` and `untagged`, which lose the places of faults). A section that another program reads
/// is a field of type [`serde::de::IgnoredAny`]. A key that is known and never taken says so in a
/// fault that begins with `this key`; faults of other keys do not offer it.
///
/// ```
/// use serde::Deserialize;
/// use watchpost_model::Duration;
/// use watchpost_model::config::{Faults, Validate, load};
///
/// #[derive(Debug, Default, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Config {
///     interval: Duration,
///     enabled: bool,
/// }
///
/// impl Validate for Config {
///     fn validate(&self, faults: &mut Faults) {
///         if self.interval.is_zero() {
///             faults.add("interval", "expected more than 0s, found 0s");
///         }
///     }
/// }
///
/// let config: Config = load("config.yaml", "interval: 15s\nenabled: yes\n")?;
/// assert!(config.enabled);
///
/// let faults = load::<Config>("config.yaml", "interval: 0s\nenable: yes\n").unwrap_err();
/// assert_eq!(
///     faults.to_string(),
///     "config.yaml:1: interval: expected more than 0s, found 0s\n\
///      config.yaml:2: enable: unknown key `enable`, did you mean `enabled`?"
/// );
/// # Ok::<(), Faults>(())
/// ```
pub fn load<T: DeserializeOwned + Validate>(file: &str, text: &str) -> Result<T, Faults> {
    load_checked(file, text, T::validate)
}

/// As [`load`], where the check needs more than the section.
pub fn load_checked<T: DeserializeOwned>(
    file: &str,
    text: &str,
    check: impl FnOnce(&T, &mut Faults),
) -> Result<T, Faults> {
    let mut faults = Faults::new(file);
    let mut root = match document(text) {
        Ok(root) => root,
        Err(error) => {
            faults.add_at(position(&error), "", complaint(&error));
            return Err(faults);
        }
    };
    for line in binary_lines(text) {
        let message = "a value in base64 (`!!binary`) is not supported";
        faults.add_at(Some(line), "", message);
    }
    let mut flaws = Vec::new();
    merge::settle(&mut root, &mut Vec::new(), &mut flaws);
    for (path, nth, message) in flaws.into_iter().take(MAX_FAULTS) {
        let line = locate::line_of(text, &path, nth);
        faults.add_at(line, &path::display(&path), message);
    }
    let mut left_out = LeftOut::default();
    let value = read_section::<T>(&mut root, text, &mut faults, &mut left_out);
    if let Some(value) = &value {
        let mut more = Faults::new(file);
        check(value, &mut more);
        take_over(&mut faults, more, text, &root, &left_out);
    }
    faults.sort_by_line();
    match value {
        Some(value) => faults.into_result(value),
        None => Err(faults),
    }
}

/// The tree of a text's only document.
fn document(text: &str) -> Result<Node, serde_yaml::Error> {
    let mut root = Kinds.deserialize(serde_yaml::Deserializer::from_str(text))?;
    Written(&mut root).deserialize(serde_yaml::Deserializer::from_str(text))?;
    Ok(root)
}

/// Lines, from 1, with a key or value that the tag `!!binary` marks. The parser drops the tag and
/// would give the base64 for the text.
fn binary_lines(text: &str) -> impl Iterator<Item = usize> {
    let is_binary = |line: &str| {
        let before = line.split_once("!!binary ").map(|(before, _)| before);
        before.is_some_and(|before| {
            let before = before.trim_end_matches(' ');
            before.is_empty() || (before.ends_with([':', '-', '?']) && !before.contains('#'))
        })
    };
    let lines = text.lines().enumerate();
    lines.filter_map(move |(at, line)| is_binary(line).then_some(at + 1))
}

fn position(error: &serde_yaml::Error) -> Option<usize> {
    error.location().map(|location| location.line())
}

/// The parser's message without the place that is told apart.
fn complaint(error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let place = error.location().map(|location| {
        let (line, column) = (location.line(), location.column());
        format!(" at line {line} column {column}")
    });
    let message = place.map_or(message.clone(), |place| message.replacen(&place, "", 1));
    if message.contains("more than one document") {
        return "expected one YAML document, found more".to_owned();
    }
    format!("expected valid YAML: {message}")
}

/// What a section was read without.
#[derive(Default)]
struct LeftOut {
    /// What lost its value or was left out for lack of a key.
    values: Vec<Vec<Step>>,
    /// Keys that were meant by unknown ones.
    meant: Vec<Vec<Step>>,
}

/// Reads the section again and again, each time without what was found to be faulty, which comes
/// back in `left_out`.
fn read_section<T: DeserializeOwned>(
    root: &mut Node,
    text: &str,
    faults: &mut Faults,
    left_out: &mut LeftOut,
) -> Option<T> {
    let mut offers = offer::Offers::default();
    loop {
        let mut failure = match T::deserialize(Reader::new(root)) {
            Ok(value) => return Some(value),
            Err(failure) => failure,
        };
        offers.narrow::<T>(&mut failure, root);
        let path = failure.path.clone().unwrap_or_default();
        let follows = match &failure.what {
            What::MissingKey(key) => root.has_dropped(&path, key),
            _ => false,
        };
        if !follows {
            let line = locate::line_of(text, &path, 0);
            faults.add_at(line, &path::display(&path), &failure);
        }
        if !matches!(failure.what, What::UnknownKey { .. }) {
            left_out.values.push(path.clone());
        }
        left_out.meant.extend(failure.meant());
        if path.is_empty() || !root.drop_at(&path) {
            return None;
        }
        if left_out.values.len() >= MAX_FAULTS || faults.iter().count() >= MAX_FAULTS {
            faults.add(
                "",
                format_args!("more than {MAX_FAULTS} faults, only these are told"),
            );
            return None;
        }
    }
}

/// Takes over what the section says of itself, with the document's own paths and lines. What it
/// says of a value that was left out, or of what held it, or of a key that was misspelt, may follow
/// from that only: it is told when the rest is right.
fn take_over(faults: &mut Faults, found: Faults, text: &str, root: &Node, left_out: &LeftOut) {
    for mut fault in found {
        let (path, rest) = path::resolve(root, &fault.key);
        let follows = left_out.values.iter().any(|gone| gone.starts_with(&path));
        if follows && rest.is_empty() {
            continue;
        }
        let mut key = path::display(&path);
        key.push_str(if key.is_empty() {
            rest.trim_start_matches('.')
        } else {
            rest
        });
        let mut meant = left_out.meant.iter().map(|path| path::display(path));
        if !rest.is_empty() && meant.any(|meant| meant == key) {
            continue;
        }
        fault.key = key;
        fault.line = fault.line.or_else(|| locate::line_of(text, &path, 0));
        faults.push(fault);
    }
}
