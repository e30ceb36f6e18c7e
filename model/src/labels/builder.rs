//! Collects labels until they are a set.

use super::{Labels, push_label};

/// Collects labels and makes a set of them.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    /// Names and values one after the other; also those that were replaced.
    text: String,
    labels: Vec<Place>,
}

/// Where in the text a label is: the name, then the value.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    value: usize,
    end: usize,
}

impl Place {
    fn of(self, text: &str) -> (&str, &str) {
        let name = text.get(self.start..self.value).unwrap_or_default();
        (name, text.get(self.value..self.end).unwrap_or_default())
    }
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        let place = self.iter().position(|(have, _)| have == name);
        match (place, value.is_empty()) {
            (Some(place), true) => drop(self.labels.remove(place)),
            (Some(place), false) => {
                let new = self.write(name, value);
                if let Some(old) = self.labels.get_mut(place) {
                    *old = new;
                }
            }
            (None, true) => {}
            (None, false) => self.push(name, value),
        }
        self
    }

    /// Adds a label that is not there yet.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        let place = self.write(name, value);
        self.labels.push(place);
    }

    fn write(&mut self, name: &str, value: &str) -> Place {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        Place {
            start,
            value: middle,
            end: self.text.len(),
        }
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.set(name, "")
    }

    /// The value of a label, empty where it is not set.
    pub fn get(&self, name: &str) -> &str {
        let found = self.iter().find(|(have, _)| *have == name);
        found.map_or("", |(_, value)| value)
    }

    /// Names and values in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|place| place.of(&self.text))
    }

    /// Forgets all labels and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.labels.clear();
    }

    /// The finished set.
    pub fn build(&mut self) -> Labels {
        let text = &self.text;
        self.labels.sort_unstable_by_key(|place| place.of(text));
        let mut set = String::with_capacity(text.len() + 2 * self.labels.len());
        for (name, value) in self.iter() {
            push_label(&mut set, name, value);
        }
        Labels(set.into())
    }
}
