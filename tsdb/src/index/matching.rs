//! Matchers to series: the product of lines and groups.
//!
//! The search starts where it is narrow: from the lines where some matcher can only be passed by a
//! line's own value (the metric name, as a rule), else from the groups where some matcher can only
//! be passed by a group's, else from all lines. An expression is tested once for each distinct
//! value that is met.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::Matcher;

use super::{GroupId, Groups, Lines};
use crate::LineId;
use crate::head::GroupState;

/// The lines that pass, by group.
pub(crate) type Matches = Vec<(Arc<GroupState>, Vec<LineId>)>;

/// The series that pass all matchers.
pub(crate) fn matching(lines: &Lines, groups: &Groups, matchers: &[Matcher]) -> Matches {
    let search = Search {
        lines,
        groups,
        matchers,
    };
    let mut found = Found::default();
    if let Some(candidates) = search.narrow_lines() {
        search.by_lines(candidates.into_iter().map(LineId), &mut found);
    } else if let Some(candidates) = search.narrow_groups() {
        search.by_groups(&candidates, &mut found);
    } else {
        search.by_lines(lines.ids(), &mut found);
    }
    let mut matches: Matches = found
        .lines
        .into_iter()
        .filter_map(|(group, lines)| Some((Arc::clone(groups.get(group)?), lines)))
        .collect();
    matches.sort_unstable_by_key(|(group, _)| group.id);
    matches
}

#[derive(Default)]
struct Found {
    lines: HashMap<GroupId, Vec<LineId>>,
}

impl Found {
    fn add(&mut self, group: GroupId, line: LineId) {
        self.lines.entry(group).or_default().push(line);
    }
}

struct Search<'a> {
    lines: &'a Lines,
    groups: &'a Groups,
    matchers: &'a [Matcher],
}

impl<'a> Search<'a> {
    /// The shortest list of lines outside of which nothing can pass.
    fn narrow_lines(&self) -> Option<Vec<u32>> {
        let groups = self.groups.postings();
        self.matchers
            .iter()
            .filter(|matcher| !matcher.matches_empty() && !groups.has_name(matcher.name()))
            .map(|matcher| self.lines.postings().passing(matcher))
            .min_by_key(Vec::len)
    }

    /// The shortest list of groups outside of which nothing can pass.
    fn narrow_groups(&self) -> Option<Vec<u32>> {
        let lines = self.lines.postings();
        self.matchers
            .iter()
            .filter(|matcher| !matcher.matches_empty() && !lines.has_name(matcher.name()))
            .map(|matcher| self.groups.postings().passing(matcher))
            .min_by_key(Vec::len)
    }

    fn by_lines(&self, candidates: impl Iterator<Item = LineId>, found: &mut Found) {
        let mut verdicts = Verdicts::new(self.matchers);
        let mut passing: HashMap<Vec<usize>, Vec<GroupId>> = HashMap::default();
        let mut left = Vec::new();
        for line in candidates {
            if !self.decide(line, &mut verdicts, &mut left) {
                continue;
            }
            let have = self.lines.groups(line);
            if left.is_empty() {
                for group in have {
                    found.add(*group, line);
                }
                continue;
            }
            if !passing.contains_key(left.as_slice()) {
                passing.insert(left.clone(), self.groups_passing(&left, &mut verdicts));
            }
            if let Some(passing) = passing.get(left.as_slice()) {
                intersect(have, passing, |group| found.add(group, line));
            }
        }
    }

    fn by_groups(&self, candidates: &[u32], found: &mut Found) {
        let mut verdicts = Verdicts::new(self.matchers);
        let mut left = Vec::new();
        for group in candidates {
            let Some(group) = self.groups.get(GroupId(*group)) else {
                continue;
            };
            for line in group.lines.lock().iter().copied() {
                if self.decide(line, &mut verdicts, &mut left)
                    && left
                        .iter()
                        .all(|place| verdicts.test(*place, group.labels.get(self.name(*place))))
                {
                    found.add(group.id, line);
                }
            }
        }
    }

    fn name(&self, place: usize) -> &'a str {
        self.matchers[place].name()
    }

    /// Whether no matcher fails on the line's own labels; `left` gets the matchers that the group
    /// decides.
    fn decide(&self, line: LineId, verdicts: &mut Verdicts<'a>, left: &mut Vec<usize>) -> bool {
        left.clear();
        let Some(line) = self.lines.get(line) else {
            return false;
        };
        (0..self.matchers.len()).all(|place| {
            let value = line.value(self.name(place));
            if value.is_none() {
                left.push(place);
            }
            value.is_none_or(|value| verdicts.test(place, value))
        })
    }

    /// The groups that pass these matchers, ascending.
    fn groups_passing(&self, places: &[usize], verdicts: &mut Verdicts<'a>) -> Vec<GroupId> {
        let narrow = places
            .iter()
            .map(|place| &self.matchers[*place])
            .filter(|matcher| !matcher.matches_empty())
            .map(|matcher| self.groups.postings().passing(matcher))
            .min_by_key(Vec::len);
        let mut passes = |group: &'a GroupState| {
            places
                .iter()
                .all(|place| verdicts.test(*place, group.labels.get(self.name(*place))))
        };
        if let Some(narrow) = narrow {
            let narrow = narrow.into_iter().map(GroupId);
            return narrow
                .filter(|id| self.groups.get(*id).is_some_and(|group| passes(group)))
                .collect();
        }
        let all = self.groups.iter().filter(|group| passes(group));
        let mut ids: Vec<_> = all.map(|group| group.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// What the matchers say of the values met so far.
struct Verdicts<'a> {
    matchers: &'a [Matcher],
    known: Vec<HashMap<&'a str, bool>>,
}

impl<'a> Verdicts<'a> {
    fn new(matchers: &'a [Matcher]) -> Self {
        Self {
            matchers,
            known: vec![HashMap::default(); matchers.len()],
        }
    }

    fn test(&mut self, place: usize, value: &'a str) -> bool {
        let matcher = &self.matchers[place];
        if matcher.regex().is_none() {
            return matcher.matches(value);
        }
        *self.known[place]
            .entry(value)
            .or_insert_with(|| matcher.matches(value))
    }
}

/// Calls `each` for what stands in both ascending lists.
fn intersect(a: &[GroupId], b: &[GroupId], mut each: impl FnMut(GroupId)) {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let mut rest = long;
    for id in short {
        let place = rest.partition_point(|have| have < id);
        rest = &rest[place..];
        if rest.first() == Some(id) {
            each(*id);
        }
    }
}
