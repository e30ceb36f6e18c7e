//! Which entries of a table have which label values.

use std::collections::hash_map::Entry;

use foldhash::HashMap;

use super::Table;
use super::sets::{List, Set};

/// For each label name and value the entries that have it.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    names: HashMap<Box<str>, HashMap<Box<str>, List>>,
}

impl Postings {
    /// Adds a label of an entry.
    pub(crate) fn add(&mut self, name: &str, value: &str, entry: u32) {
        let values = match self.names.get_mut(name) {
            Some(values) => values,
            None => self.names.entry(name.into()).or_default(),
        };
        match values.get_mut(value) {
            Some(list) => list.insert(entry),
            None => {
                values.insert(value.into(), List::One(entry));
            }
        }
    }

    /// Takes a label of an entry away.
    pub(crate) fn remove(&mut self, name: &str, value: &str, entry: u32) {
        let Entry::Occupied(mut values) = self.names.entry(name.into()) else {
            return;
        };
        if let Some(list) = values.get_mut().get_mut(value) {
            list.remove(entry);
            if list.is_empty() {
                values.get_mut().remove(value);
            }
        }
        if values.get().is_empty() {
            values.remove();
        }
    }
}

impl Table for Postings {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (&str, Set<'_>)> {
        let values = self.names.get(name).into_iter().flatten();
        values.map(|(value, list)| (&**value, list.set()))
    }

    fn with(&self, name: &str, value: &str) -> Option<Set<'_>> {
        Some(self.names.get(name)?.get(value)?.set())
    }
}
