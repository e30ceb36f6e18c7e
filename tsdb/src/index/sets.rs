//! Sets of numbers (lines, groups, schemas): most have one or a few members, some have a million.

use std::ops::Range;

use roaring::RoaringBitmap;

/// How many members a list has before it becomes a bitmap.
const MOST_FEW: usize = 64;

/// A set that changes.
#[derive(Clone, Debug)]
pub(crate) enum List {
    /// One member, without an allocation.
    One(u32),
    /// None or a few, ascending.
    Few(Vec<u32>),
    /// Many.
    Many(RoaringBitmap),
}

impl Default for List {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl List {
    /// Adds a member.
    pub(crate) fn insert(&mut self, member: u32) {
        match self {
            Self::One(have) if *have == member => {}
            Self::One(have) => {
                let have = *have;
                *self = Self::Few(vec![have.min(member), have.max(member)]);
            }
            Self::Few(few) if few.is_empty() => *self = Self::One(member),
            Self::Few(few) => {
                if let Err(place) = few.binary_search(&member) {
                    few.insert(place, member);
                }
                if few.len() > MOST_FEW {
                    *self = Self::Many(few.iter().copied().collect());
                }
            }
            Self::Many(many) => {
                many.insert(member);
            }
        }
    }

    /// Takes a member away.
    pub(crate) fn remove(&mut self, member: u32) {
        match self {
            Self::One(have) if *have == member => *self = Self::default(),
            Self::One(_) => {}
            Self::Few(few) => {
                if let Ok(place) = few.binary_search(&member) {
                    few.remove(place);
                }
            }
            Self::Many(many) => {
                many.remove(member);
                if many.len() <= MOST_FEW as u64 / 2 {
                    *self = Self::Few(many.iter().collect());
                }
            }
        }
    }

    /// Whether it has no member.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Few(few) if few.is_empty())
    }

    /// The set to read.
    pub(crate) fn set(&self) -> Set<'_> {
        match self {
            Self::One(one) => Set::Few(std::slice::from_ref(one)),
            Self::Few(few) => Set::Few(few),
            Self::Many(many) => Set::Many(many),
        }
    }
}

/// A set to read.
#[derive(Clone, Debug)]
pub(crate) enum Set<'a> {
    /// Ascending.
    Few(&'a [u32]),
    /// All numbers from one to another.
    Range(Range<u32>),
    /// Many.
    Many(&'a RoaringBitmap),
}

impl Set<'_> {
    /// How many members it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Range(range) => range.len(),
            Self::Many(many) => usize::try_from(many.len()).unwrap_or(usize::MAX),
        }
    }

    /// Adds its members to a bitmap.
    pub(crate) fn add_to(&self, bitmap: &mut RoaringBitmap) {
        match self {
            Self::Few(few) if few.len() > MOST_FEW => {
                // They ascend, so this does not fail; if it did, they are added one by one.
                match RoaringBitmap::from_sorted_iter(few.iter().copied()) {
                    Ok(members) if bitmap.is_empty() => *bitmap = members,
                    Ok(members) => *bitmap |= members,
                    Err(_) => bitmap.extend(few.iter().copied()),
                }
            }
            Self::Few(few) => bitmap.extend(few.iter().copied()),
            Self::Range(range) => drop(bitmap.insert_range(range.clone())),
            Self::Many(many) => *bitmap |= *many,
        }
    }

    /// Calls a function for each member, ascending.
    pub(crate) fn each(&self, mut each: impl FnMut(u32)) {
        match self {
            Self::Few(few) => few.iter().copied().for_each(&mut each),
            Self::Range(range) => range.clone().for_each(&mut each),
            Self::Many(many) => many.iter().for_each(&mut each),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_has_what_was_inserted_and_not_removed(
            steps in prop::collection::vec((any::<bool>(), 0..200_u32), 0..600),
        ) {
            let mut list = List::default();
            let mut oracle = BTreeSet::new();
            for (insert, member) in steps {
                if insert {
                    list.insert(member);
                    oracle.insert(member);
                } else {
                    list.remove(member);
                    oracle.remove(&member);
                }
                prop_assert_eq!(list.is_empty(), oracle.is_empty());
            }
            let mut members = Vec::new();
            list.set().each(|member| members.push(member));
            prop_assert!(members.iter().eq(&oracle));
            prop_assert_eq!(list.set().len(), oracle.len());
        }
    }
}
