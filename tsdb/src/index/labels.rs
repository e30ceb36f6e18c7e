//! Names and values of labels, told from the tables without making each series' label set.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::{Index, Match, Table};

/// Texts, sorted, each once, and only the first ones in this order.
#[derive(Debug)]
pub(crate) struct Found {
    limit: usize,
    texts: BTreeSet<String>,
    more: bool,
}

impl Found {
    /// A place for so many texts, 0 for any number.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: if limit == 0 { usize::MAX } else { limit },
            texts: BTreeSet::new(),
            more: false,
        }
    }

    /// Adds a text.
    pub(crate) fn add(&mut self, text: &str) {
        let full = self.texts.len() >= self.limit;
        let last = self.texts.last().map(String::as_str);
        if full && last.is_some_and(|last| text > last) {
            self.more = true;
        } else if !self.texts.contains(text) {
            self.texts.insert(text.to_owned());
            if full {
                self.texts.pop_last();
                self.more = true;
            }
        }
    }

    /// The texts, sorted, and whether there were more than the limit.
    pub(crate) fn finish(self) -> (Vec<String>, bool) {
        (self.texts.into_iter().collect(), self.more)
    }
}

/// Adds the names of the labels of some series.
pub(crate) fn label_names(index: &impl Index, series: &[Match], found: &mut Found) {
    for series in series {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for group in &series.groups {
            names.extend(index.group_labels(*group).map(|(name, _)| name));
        }
        // Those of the group that a line lacks are shown by that line's series.
        for line in &*series.lines {
            let carried: Vec<&str> = index.line_labels(*line).map(|(name, _)| name).collect();
            names.retain(|name| {
                let shown = !carried.contains(name);
                if shown {
                    found.add(name);
                }
                !shown
            });
            let own = index
                .line_labels(*line)
                .filter(|(_, value)| !value.is_empty());
            for (name, _) in own {
                found.add(name);
            }
        }
    }
}

/// Adds the values that some series have of a label.
pub(crate) fn label_values(index: &impl Index, name: &str, series: &[Match], found: &mut Found) {
    for series in series {
        let mut left = !index.lines().has_name(name);
        if !left {
            for line in &*series.lines {
                match index.line_labels(*line).find(|(have, _)| *have == name) {
                    Some((_, "")) => {}
                    Some((_, value)) => found.add(value),
                    None => left = true,
                }
            }
        }
        if left && index.groups().has_name(name) {
            for group in &series.groups {
                let value = index.group_labels(*group).find(|(have, _)| *have == name);
                if let Some((_, value)) = value {
                    found.add(value);
                }
            }
        }
    }
}

/// Adds the names of the labels of all series.
pub(crate) fn all_names(index: &impl Index, found: &mut Found) {
    for name in index.lines().names() {
        let mut values = index.lines().values(name);
        if values
            .any(|(value, lines)| !value.is_empty() && any(&lines, |line| has_group(index, line)))
        {
            found.add(name);
        }
    }
    for name in index.groups().names() {
        let showing = Showing::new(index, name);
        let mut values = index.groups().values(name);
        if values.any(|(_, groups)| any(&groups, |group| showing.group(index, group))) {
            found.add(name);
        }
    }
}

/// Adds all values of a label.
pub(crate) fn all_values(index: &impl Index, name: &str, found: &mut Found) {
    for (value, lines) in index.lines().values(name) {
        if !value.is_empty() && any(&lines, |line| has_group(index, line)) {
            found.add(value);
        }
    }
    let showing = Showing::new(index, name);
    for (value, groups) in index.groups().values(name) {
        if any(&groups, |group| showing.group(index, group)) {
            found.add(value);
        }
    }
}

fn any(set: &super::Set<'_>, test: impl Fn(u32) -> bool) -> bool {
    let mut passes = false;
    set.each(|member| passes = passes || test(member));
    passes
}

fn has_group(index: &impl Index, line: u32) -> bool {
    index.schemas_of(crate::LineId(line)).len() > 0
}

/// Which groups show their value of a label: those with a line that does not carry it.
struct Showing {
    /// The schemas with such a line; all that have a line where none carries the label.
    schemas: Option<RoaringBitmap>,
}

impl Showing {
    fn new(index: &impl Index, name: &str) -> Self {
        if !index.lines().has_name(name) {
            return Self { schemas: None };
        }
        let mut carried = RoaringBitmap::new();
        for (_, lines) in index.lines().values(name) {
            lines.add_to(&mut carried);
        }
        let shows = |schema: &u32| {
            let mut lines = index.schema_lines(*schema).iter();
            lines.any(|line| !carried.contains(line.0))
        };
        Self {
            schemas: Some(index.schemas().filter(shows).collect()),
        }
    }

    fn group(&self, index: &impl Index, group: u32) -> bool {
        let schema = index.schema_of(super::GroupId(group));
        schema.is_some_and(|schema| match &self.schemas {
            Some(showing) => showing.contains(schema),
            // A group of which everything is deleted has none.
            None => !index.schema_lines(schema).is_empty(),
        })
    }
}
