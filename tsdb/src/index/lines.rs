//! Lines: label sets as they stand on a page, each stored once for the whole store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::{HashMap, HashSet};
use watchpost_model::Labels;

use super::{GroupId, postings::Postings};
use crate::{Error, LineId};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    /// Its own labels.
    pub(crate) labels: Labels,
    /// Names of the group's labels that it takes away, sorted; none of them is in `labels`.
    pub(crate) removed: Arc<[Box<str>]>,
}

impl Line {
    /// A line from labels and removed names in any order.
    pub(crate) fn new(labels: &Labels, removed: &[&str]) -> Self {
        let mut removed: Vec<Box<str>> = removed
            .iter()
            .filter(|name| !labels.has(name))
            .map(|name| Box::from(*name))
            .collect();
        removed.sort_unstable();
        removed.dedup();
        Self {
            labels: labels.clone(),
            removed: removed.into(),
        }
    }

    /// The line's say on a label: its value, empty where the line removes it, nothing where the
    /// group decides.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let value = self.labels.get(name);
        let says = !value.is_empty() || self.removed.iter().any(|removed| &**removed == name);
        says.then_some(value)
    }

    /// The labels of the series that this line is in a group.
    pub(crate) fn final_labels(&self, group: &Labels) -> Labels {
        if group.is_empty() {
            return self.labels.clone();
        }
        let kept = group.iter().filter(|(name, _)| self.value(name).is_none());
        Labels::from_pairs(kept.chain(self.labels.iter()))
    }
}

/// All lines of a store. An id is not used again when its line is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    entries: HashMap<LineId, Entry>,
    next: u32,
    ids: HashMap<Line, LineId>,
    /// A removed label is listed with the empty value.
    postings: Postings,
}

#[derive(Debug)]
struct Entry {
    line: Line,
    /// The groups that have the line, ascending.
    groups: Vec<GroupId>,
    /// Whether somebody asked for it since it was last looked at.
    asked: AtomicBool,
}

impl Lines {
    /// The id of a line that is known.
    pub(crate) fn find(&self, line: &Line) -> Option<LineId> {
        let id = *self.ids.get(line)?;
        if let Some(entry) = self.entries.get(&id) {
            entry.asked.store(true, Ordering::Relaxed);
        }
        Some(id)
    }

    /// The id of a line, new or known.
    pub(crate) fn intern(&mut self, line: Line) -> Result<LineId, Error> {
        if let Some(id) = self.find(&line) {
            return Ok(id);
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or(Error::Full("lines"))?;
        for (name, value) in &line.labels {
            self.postings.add(name, value, number);
        }
        for name in &*line.removed {
            self.postings.add(name, "", number);
        }
        self.ids.insert(line.clone(), LineId(number));
        let entry = Entry {
            line,
            groups: Vec::new(),
            asked: AtomicBool::new(true),
        };
        self.entries.insert(LineId(number), entry);
        Ok(LineId(number))
    }

    /// Forgets the lines that no group has, that are not in use, and that nobody asked for since
    /// the last time.
    pub(crate) fn prune(&mut self, in_use: &HashSet<LineId>) {
        let (ids, postings) = (&mut self.ids, &mut self.postings);
        self.entries.retain(|id, entry| {
            let asked = std::mem::take(entry.asked.get_mut());
            if asked || !entry.groups.is_empty() || in_use.contains(id) {
                return true;
            }
            ids.remove(&entry.line);
            for (name, value) in &entry.line.labels {
                postings.remove(name, value, id.0);
            }
            for name in &*entry.line.removed {
                postings.remove(name, "", id.0);
            }
            false
        });
    }

    /// A line by its id.
    pub(crate) fn get(&self, id: LineId) -> Option<&Line> {
        self.entries.get(&id).map(|entry| &entry.line)
    }

    /// The groups that have a line, ascending.
    pub(crate) fn groups(&self, id: LineId) -> &[GroupId] {
        self.entries.get(&id).map_or(&[], |entry| &entry.groups)
    }

    /// Notes that a group has a line.
    pub(crate) fn add_group(&mut self, id: LineId, group: GroupId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && let Err(place) = entry.groups.binary_search(&group)
        {
            entry.groups.insert(place, group);
        }
    }

    /// Notes that a group no longer has a line.
    pub(crate) fn remove_group(&mut self, id: LineId, group: GroupId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.groups.retain(|have| *have != group);
            *entry.asked.get_mut() = true;
        }
    }

    /// The postings of the lines' labels.
    pub(crate) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// All ids, ascending.
    pub(crate) fn ids(&self) -> impl Iterator<Item = LineId> + use<> {
        let mut ids: Vec<_> = self.entries.keys().copied().collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
