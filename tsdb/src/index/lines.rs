//! Lines: label sets as they stand on a page, each stored once for the whole store.

use std::sync::Arc;

use foldhash::HashMap;
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

/// All lines of a store.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    entries: Vec<Entry>,
    ids: HashMap<Line, LineId>,
    /// A removed label is listed with the empty value.
    postings: Postings,
}

#[derive(Debug)]
struct Entry {
    line: Line,
    /// The groups that have the line, ascending.
    groups: Vec<GroupId>,
}

impl Lines {
    /// The id of a line that is known.
    pub(crate) fn find(&self, line: &Line) -> Option<LineId> {
        self.ids.get(line).copied()
    }

    /// The id of a line, new or known.
    pub(crate) fn intern(&mut self, line: Line) -> Result<LineId, Error> {
        if let Some(id) = self.find(&line) {
            return Ok(id);
        }
        let number = u32::try_from(self.entries.len()).map_err(|_| Error::Full("lines"))?;
        for (name, value) in &line.labels {
            self.postings.add(name, value, number);
        }
        for name in &*line.removed {
            self.postings.add(name, "", number);
        }
        self.ids.insert(line.clone(), LineId(number));
        self.entries.push(Entry {
            line,
            groups: Vec::new(),
        });
        Ok(LineId(number))
    }

    /// A line by its id.
    pub(crate) fn get(&self, id: LineId) -> Option<&Line> {
        self.entries.get(id.0 as usize).map(|entry| &entry.line)
    }

    /// The groups that have a line, ascending.
    pub(crate) fn groups(&self, id: LineId) -> &[GroupId] {
        self.entries
            .get(id.0 as usize)
            .map_or(&[], |entry| &entry.groups)
    }

    /// Notes that a group has a line.
    pub(crate) fn add_group(&mut self, id: LineId, group: GroupId) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize)
            && let Err(place) = entry.groups.binary_search(&group)
        {
            entry.groups.insert(place, group);
        }
    }

    /// Notes that a group no longer has a line.
    pub(crate) fn remove_group(&mut self, id: LineId, group: GroupId) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize) {
            entry.groups.retain(|have| *have != group);
        }
    }

    /// The postings of the lines' labels.
    pub(crate) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// All ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = LineId> {
        (0_u32..)
            .zip(&self.entries)
            .map(|(number, _)| LineId(number))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
