//! Which entries of a table have which label values.

use std::collections::hash_map::Entry;

use foldhash::HashMap;
use watchpost_model::{MatchOp, Matcher};

/// For each label name and value the entries that have it, ascending.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    names: HashMap<Box<str>, HashMap<Box<str>, Vec<u32>>>,
}

impl Postings {
    /// Adds a label of an entry.
    pub(crate) fn add(&mut self, name: &str, value: &str, entry: u32) {
        let values = match self.names.get_mut(name) {
            Some(values) => values,
            None => self.names.entry(name.into()).or_default(),
        };
        let list = match values.get_mut(value) {
            Some(list) => list,
            None => values.entry(value.into()).or_default(),
        };
        if let Err(place) = list.binary_search(&entry) {
            list.insert(place, entry);
        }
    }

    /// Takes a label of an entry away.
    pub(crate) fn remove(&mut self, name: &str, value: &str, entry: u32) {
        let Entry::Occupied(mut values) = self.names.entry(name.into()) else {
            return;
        };
        if let Some(list) = values.get_mut().get_mut(value) {
            if let Ok(place) = list.binary_search(&entry) {
                list.remove(place);
            }
            if list.is_empty() {
                values.get_mut().remove(value);
            }
        }
        if values.get().is_empty() {
            values.remove();
        }
    }

    /// Whether any entry carries the label.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The entries that carry the matcher's label with a value that passes, ascending.
    pub(crate) fn passing(&self, matcher: &Matcher) -> Vec<u32> {
        let Some(values) = self.names.get(matcher.name()) else {
            return Vec::new();
        };
        if matcher.op() == MatchOp::Equal {
            return values.get(matcher.value()).cloned().unwrap_or_default();
        }
        let mut entries = Vec::new();
        for (value, list) in values {
            if matcher.matches(value) {
                entries.extend_from_slice(list);
            }
        }
        entries.sort_unstable();
        entries
    }
}
