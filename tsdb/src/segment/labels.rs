//! A table of label sets in a segment: of its lines, or of its groups.
//!
//! Names and values stand once, sorted, each without what it has in common with the one before. A
//! label set is a list of the numbers of its pairs of name and value. A label that a line takes
//! away is a pair with the empty value.

use foldhash::HashMap;

use super::lists::{Lists, Texts, put_shared};
use crate::index::{Set, Table};
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

/// Label sets, by number.
#[derive(Debug, Default)]
pub(super) struct LabelTable {
    names: Texts,
    /// Sorted by name, then by value.
    values: Texts,
    /// The first pair of each name, and the count of pairs.
    first_pair: Vec<u32>,
    /// The pairs of each entry, ascending.
    entries: Lists,
    /// The entries of each pair, ascending.
    postings: Lists,
}

impl LabelTable {
    /// How many label sets there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The labels of an entry, sorted by name; with the empty value what it takes away.
    pub(super) fn get(&self, entry: u32) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.entries.get(entry as usize).iter();
        pairs.map(|pair| {
            let name = self.first_pair.partition_point(|first| first <= pair);
            (
                self.names.get(name.saturating_sub(1)),
                self.values.get(*pair as usize),
            )
        })
    }

    /// Bytes of heap.
    pub(super) fn size(&self) -> usize {
        let texts = self.names.size() + self.values.size() + self.first_pair.capacity() * 4;
        texts + self.entries.size() + self.postings.size()
    }

    /// The pairs of a name.
    fn pairs(&self, name: &str) -> std::ops::Range<usize> {
        let (mut from, mut to) = (0, self.names.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.names.get(middle).cmp(name) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => {
                    let first =
                        |place: usize| self.first_pair.get(place).map_or(0, |it| *it as usize);
                    return first(middle)..first(middle + 1);
                }
            }
        }
        0..0
    }

    /// Reads a table; `reader` has nothing else.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let mut table = Self::default();
        let names = reader.count()?;
        for name in 0..names {
            table.names.read(&mut reader, name == 0)?;
            let first = u32::try_from(table.values.len()).map_err(|_| Malformed)?;
            table.first_pair.push(first);
            let values = reader.count()?;
            for value in 0..values {
                table.values.read(&mut reader, value == 0)?;
            }
        }
        let pairs = u32::try_from(table.values.len()).map_err(|_| Malformed)?;
        table.first_pair.push(pairs);
        let entries = reader.count()?;
        let mut first = 0_i64;
        for _ in 0..entries {
            read_entry(&mut reader, &mut first, pairs, &mut table.entries)?;
        }
        if !reader.0.is_empty() || !table.is_sorted() {
            return Err(Malformed);
        }
        table.postings = table.entries.inverted(pairs as usize);
        Ok(table)
    }

    /// Whether look-ups find what is there.
    fn is_sorted(&self) -> bool {
        let ascend = |texts: &Texts, range: std::ops::Range<usize>| {
            range
                .clone()
                .skip(1)
                .all(|place| texts.get(place - 1) < texts.get(place))
        };
        let names = 0..self.names.len();
        let values = |pair: &[u32]| match pair {
            [from, to] => ascend(&self.values, *from as usize..*to as usize),
            _ => true,
        };
        ascend(&self.names, names) && self.first_pair.windows(2).all(values)
    }
}

fn read_entry(
    reader: &mut Reader<'_>,
    first: &mut i64,
    pairs: u32,
    entries: &mut Lists,
) -> Result<(), Malformed> {
    let count = reader.count()?;
    let mut pair = 0_i64;
    for place in 0..count {
        if place == 0 {
            *first = first
                .checked_add(unzigzag(reader.number()?))
                .ok_or(Malformed)?;
            pair = *first;
        } else {
            let step = i64::from(reader.id()?);
            if step == 0 {
                return Err(Malformed);
            }
            pair += step;
        }
        let number = u32::try_from(pair).ok().filter(|pair| *pair < pairs);
        entries.push(number.ok_or(Malformed)?);
    }
    entries.finish()
}

impl Table for LabelTable {
    fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.names.len()).map(|name| self.names.get(name))
    }

    fn has_name(&self, name: &str) -> bool {
        !self.pairs(name).is_empty()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (&str, Set<'_>)> {
        self.pairs(name)
            .map(|pair| (self.values.get(pair), Set::Few(self.postings.get(pair))))
    }

    fn with(&self, name: &str, value: &str) -> Option<Set<'_>> {
        let pairs = self.pairs(name);
        let (mut from, mut to) = (pairs.start, pairs.end);
        while from < to {
            let middle = from.midpoint(to);
            match self.values.get(middle).cmp(value) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => {
                    return Some(Set::Few(self.postings.get(middle)));
                }
            }
        }
        None
    }
}

/// Appends a table of label sets. Each is sorted by name.
pub(super) fn encode(sets: &[Vec<(&str, &str)>], out: &mut Vec<u8>) {
    let mut pairs: Vec<_> = sets.iter().flatten().copied().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let names = pairs.chunk_by(|a, b| a.0 == b.0);
    put_number(out, names.clone().count() as u64);
    let mut name_before = "";
    for of_name in names {
        let Some((name, _)) = of_name.first() else {
            continue;
        };
        put_shared(out, name_before, name);
        name_before = name;
        put_number(out, of_name.len() as u64);
        let mut before = "";
        for (_, value) in of_name {
            put_shared(out, before, value);
            before = value;
        }
    }
    let numbers: HashMap<_, _> = pairs.iter().copied().zip(0_i64..).collect();
    put_number(out, sets.len() as u64);
    let mut first = 0;
    for set in sets {
        put_number(out, set.len() as u64);
        let mut before: Option<i64> = None;
        for pair in set {
            let number = numbers.get(pair).copied().unwrap_or_default();
            match before {
                None => {
                    put_number(out, zigzag(number - first));
                    first = number;
                }
                Some(before) => put_number(out, (number - before).cast_unsigned()),
            }
            before = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    fn members(set: &Set<'_>) -> BTreeSet<u32> {
        let mut members = BTreeSet::new();
        set.each(|member| assert!(members.insert(member)));
        members
    }

    proptest! {
        #[test]
        fn label_sets_come_back_and_are_found(
            sets in vec(btree_map("[a-c\u{e9}\u{ea}]{1,3}", "[x\u{e9}\u{ea}]{0,3}", 0..4), 0..20),
        ) {
            let plain: Vec<Vec<_>> = sets
                .iter()
                .map(|set| set.iter().map(|(name, value)| (&**name, &**value)).collect())
                .collect();
            let mut out = Vec::new();
            encode(&plain, &mut out);
            let table = LabelTable::read(&out).unwrap();
            prop_assert_eq!(table.len(), sets.len());
            let mut have: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
            for (number, set) in (0..).zip(&plain) {
                prop_assert!(table.get(number).eq(set.iter().copied()));
                for pair in set {
                    have.entry(*pair).or_default().insert(number);
                }
            }
            for ((name, value), entries) in &have {
                prop_assert!(table.has_name(name));
                prop_assert_eq!(&members(&table.with(name, value).unwrap()), entries);
            }
            let listed: BTreeMap<_, _> = table
                .names()
                .flat_map(|name| table.values(name).map(move |(value, set)| ((name, value), members(&set))))
                .collect();
            prop_assert_eq!(listed, have);
            prop_assert!(table.with("a", "nothing").is_none());
            prop_assert!(!table.has_name("nothing"));
            for length in 0..out.len() {
                prop_assert!(LabelTable::read(&out[..length]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..100)) {
            if let Ok(table) = LabelTable::read(&bytes) {
                prop_assert!(table.size() < 100 * 150);
            }
        }
    }
}
