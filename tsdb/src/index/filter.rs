//! Which lines, or groups, pass a matcher by their own labels.

use roaring::RoaringBitmap;
use watchpost_model::{MatchOp, Matcher};

use super::sets::Set;
use super::{GroupId, Table};

/// Which entries of a table pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Where it is there, only these pass.
    pub(super) only: Option<RoaringBitmap>,
    /// These do not.
    pub(super) except: RoaringBitmap,
}

impl Filter {
    /// The filter of one matcher.
    pub(super) fn of(table: &impl Table, matcher: &Matcher) -> Self {
        let mut filter = Self::default();
        if matcher.matches_empty() {
            gather(table, matcher, false, &mut filter.except);
        } else {
            gather(table, matcher, true, filter.only.get_or_insert_default());
        }
        filter
    }

    /// Lets only pass what passes another one, too.
    pub(super) fn and(&mut self, other: Self) {
        self.only = match (self.only.take(), other.only) {
            (Some(only), Some(other)) => Some(only & other),
            (only, other) => only.or(other),
        };
        self.except |= other.except;
    }

    pub(super) fn passes(&self, entry: u32) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.contains(entry)) && !self.except.contains(entry)
    }

    /// The members of a set that pass.
    pub(super) fn passing(&self, set: &Set<'_>, passing: &mut Vec<GroupId>) {
        let rest = |group: u32| (!self.except.contains(group)).then_some(GroupId(group));
        match (set, &self.only) {
            (set, None) if self.except.is_empty() => {
                passing.reserve(set.len());
                set.each(|group| passing.push(GroupId(group)));
            }
            (Set::Range(range), Some(only)) => {
                passing.extend(only.range(range.clone()).filter_map(rest));
            }
            (Set::Many(many), Some(only)) => {
                passing.extend((*many & only).into_iter().filter_map(rest));
            }
            (set, _) => set.each(|group| {
                passing.extend(self.passes(group).then_some(GroupId(group)));
            }),
        }
    }
}

/// Adds the entries that carry the matcher's label with a value that passes, or fails.
pub(super) fn gather(table: &impl Table, matcher: &Matcher, pass: bool, into: &mut RoaringBitmap) {
    let name = matcher.name();
    let positive = matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
    let mut one = |value: &str| {
        if let Some(set) = table.with(name, value) {
            set.add_to(into);
        }
    };
    match matcher.regex() {
        None if pass == positive => return one(matcher.value()),
        Some(regex)
            if pass == positive
                && let Some(literals) = regex.literals() =>
        {
            return literals.iter().for_each(|literal| one(literal));
        }
        Some(regex) if regex.matches_all() && pass != positive => return,
        _ => {}
    }
    // What does not begin as all do that match needs no look at the rest.
    let prefix = matcher.regex().map_or("", |regex| regex.prefix());
    for (value, set) in table.values(name) {
        let passes = if value.starts_with(prefix) {
            matcher.matches(value)
        } else {
            !positive
        };
        if passes == pass {
            set.add_to(into);
        }
    }
}
