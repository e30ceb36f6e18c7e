//! Label sets: names and values, sorted by name, in one allocation.
//!
//! A set is one string of `length name length value ...`. A length is written in groups of six
//! bits, least first, one ASCII character each, with `0x40` set on all but the last: so the whole
//! stays valid UTF-8, equal sets are equal strings, and a copy of a set is a reference count.

mod builder;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

pub use builder::LabelsBuilder;

/// The label that holds a series' metric name.
pub const METRIC_NAME: &str = "__name__";

/// A sorted set of labels. Names are unique, no value is empty. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// A set from names and values in any order. Empty values are left out; of a name that is
    /// given twice the last value stands.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// The value of a label, empty where the set does not have it.
    pub fn get(&self, name: &str) -> &str {
        for (have, value) in self {
            match have.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return value,
                Ordering::Greater => break,
            }
        }
        ""
    }

    /// The metric name, empty where there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Whether the set has this label.
    pub fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> LabelIter<'_> {
        LabelIter(&self.0)
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts from this set.
    pub fn builder(&self) -> LabelsBuilder {
        let mut builder = LabelsBuilder::default();
        for (name, value) in self {
            builder.push(name, value);
        }
        builder
    }

    /// The set with only the labels that `keep` accepts by name.
    #[must_use]
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        self.filtered(|name, _| keep(name))
    }

    /// The set with only the labels that the other one does not have with the same value.
    #[must_use]
    pub fn without_those_of(&self, other: &Self) -> Self {
        self.filtered(|name, value| other.get(name) != value)
    }

    fn filtered(&self, mut keep: impl FnMut(&str, &str) -> bool) -> Self {
        let mut text = String::with_capacity(self.0.len());
        for (name, value) in self {
            if keep(name, value) {
                push_label(&mut text, name, value);
            }
        }
        if text.len() == self.0.len() {
            return self.clone();
        }
        Self(text.into())
    }

    /// The set with another one laid over it: of a label that both have the other's value stands, and
    /// of this set only the labels that `keep` accepts by name are taken.
    #[must_use]
    pub fn overlaid(&self, over: &Self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut text = String::with_capacity(self.0.len() + over.0.len());
        let mut over = over.iter().peekable();
        for (name, value) in self {
            while let Some((name, value)) = over.next_if(|(next, _)| *next < name) {
                push_label(&mut text, name, value);
            }
            if over.peek().is_none_or(|(next, _)| *next != name) && keep(name) {
                push_label(&mut text, name, value);
            }
        }
        for (name, value) in over {
            push_label(&mut text, name, value);
        }
        Self(text.into())
    }

    /// The set without its metric name.
    #[must_use]
    pub fn without_metric_name(&self) -> Self {
        self.retain(|name| name != METRIC_NAME)
    }

    /// The set with one label set to a value (removed where the value is empty).
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut builder = self.builder();
        builder.set(name, value);
        builder.build()
    }

    /// How many bytes the set takes on the heap.
    pub fn heap_size(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

/// Sets are ordered label by label, first by name, then by value; a set that is the beginning of
/// another comes first. This is Prometheus's order.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelIter<'a>;

    fn into_iter(self) -> LabelIter<'a> {
        self.iter()
    }
}

/// `name{label="value", other="value"}`, as PromQL would write it.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let plain_name = is_metric_name(name);
        if plain_name {
            f.write_str(name)?;
        }
        let mut first = true;
        for (label, value) in self {
            if plain_name && label == METRIC_NAME {
                continue;
            }
            f.write_str(if first { "{" } else { ", " })?;
            first = false;
            if is_label_name(label) {
                f.write_str(label)?;
            } else {
                write_quoted(f, label)?;
            }
            f.write_str("=")?;
            write_quoted(f, value)?;
        }
        f.write_str(match (first, plain_name) {
            (false, _) => "}",
            (true, true) => "",
            (true, false) => "{}",
        })
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A map from name to value.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The labels of a set in order.
#[derive(Clone, Debug)]
pub struct LabelIter<'a>(&'a str);

impl<'a> LabelIter<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let first = *self.0.as_bytes().first()?;
        // Hardly a name or a value is longer than one character can say.
        let (length, digits) = if first & 0x40 == 0 {
            (usize::from(first), 1)
        } else {
            self.long()
        };
        let (text, rest) = self.0.get(digits..)?.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    /// A length of more than one character, and how many it has.
    #[cold]
    fn long(&self) -> (usize, usize) {
        let mut length = 0;
        let mut digits = 0;
        for byte in self.0.bytes() {
            length |= usize::from(byte & 0x3f) << (6 * digits);
            digits += 1;
            if byte & 0x40 == 0 {
                break;
            }
        }
        (length, digits)
    }
}

impl<'a> Iterator for LabelIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        Some((self.take()?, self.take()?))
    }
}

fn push_label(text: &mut String, name: &str, value: &str) {
    for part in [name, value] {
        let mut rest = part.len();
        loop {
            let digit = u8::try_from(rest & 0x3f).unwrap_or_default();
            rest >>= 6;
            text.push(char::from(if rest == 0 { digit } else { digit | 0x40 }));
            if rest == 0 {
                break;
            }
        }
        text.push_str(part);
    }
}

/// A text in quotes, as PromQL reads it.
pub(crate) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() && (c as u32) < 0x80 => write!(f, "\\x{:02x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

/// Whether a metric name needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_metric_name(name: &str) -> bool {
    is_plain_name(name, |c| c == b':')
}

/// Whether a label name needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_label_name(name: &str) -> bool {
    is_plain_name(name, |_| false)
}

fn is_plain_name(name: &str, extra: impl Fn(u8) -> bool) -> bool {
    !name.is_empty()
        && name.bytes().enumerate().all(|(at, c)| {
            c.is_ascii_alphabetic() || c == b'_' || extra(c) || (at > 0 && c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_empty_values_left_out() {
        let labels = Labels::from_pairs([("z", "1"), ("a", "2"), ("m", ""), ("z", "3")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "2"), ("z", "3")]);
        assert_eq!(labels.get("z"), "3");
        assert_eq!(labels.get("m"), "");
        assert_eq!(labels.len(), 2);
    }

    #[test]
    fn long_and_foreign_values_come_back_whole() {
        for length in [0, 1, 63, 64, 65, 4_095, 4_096, 300_000] {
            let value = "\u{00e9}".repeat(length);
            let labels = Labels::from_pairs([("a", value.as_str()), ("b", "x")]);
            assert_eq!(labels.get("a"), value);
            assert_eq!(labels.get("b"), "x");
        }
    }

    #[test]
    fn sets_are_ordered_label_by_label() {
        let set = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        assert!(set(&[("a", "b")]) < set(&[("a", "b"), ("c", "d")]));
        assert!(set(&[("a", "bb")]) < set(&[("a", "c")]));
        assert!(set(&[("a", "z")]) < set(&[("aa", "a")]));
    }

    #[test]
    fn a_set_laid_over_another_shadows_it_and_what_is_not_kept_is_gone() {
        let set = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        let under = set(&[("a", "1"), ("c", "2"), ("e", "3"), ("g", "4")]);
        let over = set(&[("b", "5"), ("c", "6"), ("g", "7"), ("h", "8")]);
        let both = under.overlaid(&over, |name| name != "e");
        let expected = set(&[("a", "1"), ("b", "5"), ("c", "6"), ("g", "7"), ("h", "8")]);
        assert_eq!(both, expected);
        assert_eq!(under.overlaid(&Labels::empty(), |_| true), under);
        assert_eq!(Labels::empty().overlaid(&over, |_| true), over);
    }

    #[test]
    fn display_is_what_promql_reads() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a\"b"), ("we ird", "\n")]);
        assert_eq!(labels.to_string(), "up{job=\"a\\\"b\", \"we ird\"=\"\\n\"}");
        assert_eq!(Labels::from_pairs([("__name__", "up")]).to_string(), "up");
        assert_eq!(Labels::empty().to_string(), "{}");
    }
}
