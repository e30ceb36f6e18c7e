//! Lines: label sets as they stand on a page, each stored once for the whole store.

use std::collections::hash_map::Entry as Place;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::HashMap;
use watchpost_model::Labels;

use super::postings::Postings;
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
            removed: match removed.as_slice() {
                [] => Arc::default(),
                _ => removed.into(),
            },
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
        group.overlaid(&self.labels, |name| {
            !self.removed.iter().any(|removed| &**removed == name)
        })
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
    /// Whether somebody asked for it, or it was in use, since it was last looked at.
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
        let place = match self.ids.entry(line) {
            Place::Occupied(known) => {
                let id = *known.get();
                if let Some(entry) = self.entries.get(&id) {
                    entry.asked.store(true, Ordering::Relaxed);
                }
                return Ok(id);
            }
            Place::Vacant(place) => place,
        };
        let number = self.next;
        self.next = number.checked_add(1).ok_or(Error::Full("lines"))?;
        let line = place.key().clone();
        place.insert(LineId(number));
        for (name, value) in &line.labels {
            self.postings.add(name, value, number);
        }
        for name in &*line.removed {
            self.postings.add(name, "", number);
        }
        let entry = Entry {
            line,
            asked: AtomicBool::new(true),
        };
        self.entries.insert(LineId(number), entry);
        Ok(LineId(number))
    }

    /// Forgets the lines that are not in use, now and the time before, and that nobody asked for
    /// since.
    pub(crate) fn prune(&mut self, in_use: impl Fn(LineId) -> bool) {
        let (ids, postings) = (&mut self.ids, &mut self.postings);
        self.entries.retain(|id, entry| {
            let used = in_use(*id);
            if std::mem::replace(entry.asked.get_mut(), used) || used {
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

    /// The postings of the lines' labels.
    pub(crate) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
