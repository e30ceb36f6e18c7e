//! What targets say of metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use watchpost_model::Metadata;

use crate::index::GroupId;

/// Of so many metrics a group can say something one by one.
const MOST_METRICS: usize = 100_000;

/// What each group says of each metric. A thousand targets that say the same share one entry.
#[derive(Debug, Default)]
pub(crate) struct MetadataTable {
    entries: HashSet<Arc<Entry>>,
    groups: BTreeMap<GroupId, BTreeMap<Arc<str>, Arc<Entry>>>,
    /// What the last page of a target says as a whole, which targets with the same page share.
    pages: BTreeMap<GroupId, Arc<[(String, Metadata)]>>,
}

/// What some groups say.
#[derive(Debug)]
pub(crate) struct Page {
    /// Whether it is all that their pages say.
    pub(crate) whole: bool,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) entries: Vec<(String, Metadata)>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Entry {
    metric: Arc<str>,
    metadata: Metadata,
}

impl MetadataTable {
    /// Remembers what a group says, where it does not say too much. Whether that is new.
    pub(crate) fn set(&mut self, group: GroupId, metric: &str, metadata: &Metadata) -> bool {
        let of_group = self.groups.entry(group).or_default();
        if of_group
            .get(metric)
            .is_some_and(|have| have.metadata == *metadata)
        {
            return false;
        }
        if of_group.len() >= MOST_METRICS && !of_group.contains_key(metric) {
            return false;
        }
        let entry = Entry {
            metric: metric.into(),
            metadata: metadata.clone(),
        };
        let known = self.entries.get(&entry).map(Arc::clone);
        let entry = known.unwrap_or_else(|| {
            let entry = Arc::new(entry);
            self.entries.insert(Arc::clone(&entry));
            entry
        });
        of_group.insert(Arc::clone(&entry.metric), entry);
        true
    }

    /// Remembers what the page of a group says, in place of what its page before said. Whether that is
    /// new.
    pub(crate) fn set_page(&mut self, group: GroupId, page: &Arc<[(String, Metadata)]>) -> bool {
        let before = self.pages.insert(group, Arc::clone(page));
        before.is_none_or(|before| !Arc::ptr_eq(&before, page) && before != *page)
    }

    /// Whether nobody says anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.pages.is_empty()
    }

    /// All that is said, what several groups say as one.
    pub(crate) fn all(&self) -> Vec<Page> {
        let mut all = Vec::new();
        let mut places: HashMap<&[(String, Metadata)], usize> = HashMap::default();
        for (group, page) in &self.pages {
            let place = *places.entry(page).or_insert(all.len());
            if place == all.len() {
                all.push(Page {
                    whole: true,
                    groups: Vec::new(),
                    entries: page.to_vec(),
                });
            }
            if let Some(page) = all.get_mut(place) {
                page.groups.push(*group);
            }
        }
        for (group, metrics) in &self.groups {
            let entries = metrics.values();
            let entries = entries.map(|entry| (entry.metric.to_string(), entry.metadata.clone()));
            all.push(Page {
                whole: false,
                groups: vec![*group],
                entries: entries.collect(),
            });
        }
        all
    }

    /// What is said of one metric, or of all.
    pub(crate) fn get(&self, metric: Option<&str>) -> Vec<(GroupId, String, Metadata)> {
        let mut found = Vec::new();
        for (group, metrics) in &self.groups {
            let entries = metrics
                .values()
                .filter(|entry| metric.is_none_or(|metric| *entry.metric == *metric));
            found.extend(
                entries.map(|entry| (*group, entry.metric.to_string(), entry.metadata.clone())),
            );
        }
        for (group, page) in &self.pages {
            let entries = page
                .iter()
                .filter(|(name, _)| metric.is_none_or(|metric| *name == metric));
            found.extend(entries.map(|(name, said)| (*group, name.clone(), said.clone())));
        }
        found
    }

    /// Forgets groups that are gone, and what nobody says any more.
    pub(crate) fn prune(&mut self, is_alive: impl Fn(GroupId) -> bool) {
        self.groups.retain(|group, _| is_alive(*group));
        self.pages.retain(|group, _| is_alive(*group));
        self.entries.retain(|entry| Arc::strong_count(entry) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_something_of_so_many_metrics_only() {
        let mut table = MetadataTable::default();
        let said = Metadata::default();
        let other = Metadata {
            help: "h".to_owned(),
            ..Metadata::default()
        };
        let group = GroupId(1);
        for at in 0..MOST_METRICS {
            assert!(table.set(group, &at.to_string(), &said));
        }
        assert!(!table.set(group, "more", &said));
        assert!(table.set(group, "0", &other));
        assert_eq!(table.get(None).len(), MOST_METRICS);
    }
}
