//! Schemas: which line each column of a group is of, each list stored once for all groups that
//! have it.
//!
//! The relation of lines and groups goes through them: a line knows the schemas that have it, a
//! schema the groups that have it. A thousand hosts with the same columns share one schema, so a
//! series costs the index nothing.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::GroupId;
use super::sets::{List, Set};
use crate::LineId;

/// The columns of a group: the line of each slot. No line stands twice.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    lines: Box<[LineId]>,
    /// The slots in the order of their lines; empty where that is the order of the slots.
    by_line: Box<[u32]>,
}

impl Schema {
    fn new(lines: Vec<LineId>) -> Self {
        let by_line = if lines.is_sorted() {
            Box::default()
        } else {
            let mut slots: Vec<(LineId, u32)> = lines.iter().copied().zip(0..).collect();
            slots.sort_unstable();
            slots.into_iter().map(|(_, slot)| slot).collect()
        };
        Self {
            lines: lines.into(),
            by_line,
        }
    }

    fn has_doubles(&self) -> bool {
        let same = |pair: &[LineId]| matches!(pair, [a, b] if a == b);
        if self.by_line.is_empty() {
            return self.lines.windows(2).any(same);
        }
        let lines = self
            .by_line
            .iter()
            .filter_map(|slot| self.line(*slot as usize));
        let mut before = None;
        lines
            .into_iter()
            .any(|line| before.replace(line) == Some(line))
    }

    /// How many columns there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The line of each slot.
    pub(crate) fn lines(&self) -> &[LineId] {
        &self.lines
    }

    /// The line of a slot.
    pub(crate) fn line(&self, slot: usize) -> Option<LineId> {
        self.lines.get(slot).copied()
    }

    /// The slot of a line.
    pub(crate) fn slot(&self, line: LineId) -> Option<usize> {
        if self.by_line.is_empty() {
            // Lines that came together have numbers one after the other.
            let first = self.line(0)?;
            let guess = line.0.checked_sub(first.0)? as usize;
            if self.line(guess) == Some(line) {
                return Some(guess);
            }
            return self.lines.binary_search(&line).ok();
        }
        let place = self
            .by_line
            .binary_search_by_key(&Some(line), |slot| self.line(*slot as usize));
        Some(*self.by_line.get(place.ok()?)? as usize)
    }
}

/// The schemas of a store, and which groups have them.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    known: HashMap<Key, Option<u32>>,
    /// The schemas that groups have, by number.
    used: Vec<Option<Used>>,
    /// Numbers without a schema.
    free: Vec<u32>,
    /// The numbers of the schemas that have a line.
    of_line: HashMap<LineId, List>,
    /// How many known ones there may be before those that nobody holds are looked for.
    prune_at: usize,
}

#[derive(Debug)]
struct Used {
    schema: Arc<Schema>,
    groups: List,
}

#[derive(Debug)]
struct Key(Arc<Schema>);

impl Schemas {
    /// The schema of these columns, new or known. Of a line that stands twice the first counts.
    pub(crate) fn intern(&mut self, lines: Vec<LineId>) -> Arc<Schema> {
        if let Some((known, _)) = self.known.get_key_value(lines.as_slice()) {
            return Arc::clone(&known.0);
        }
        if self.known.len() >= self.prune_at {
            self.known
                .retain(|known, _| Arc::strong_count(&known.0) > 1);
            self.prune_at = 64 + 2 * self.known.len();
        }
        let schema = Schema::new(lines);
        if schema.has_doubles() {
            let mut seen = HashSet::default();
            let once = schema.lines.iter().filter(|line| seen.insert(**line));
            return self.intern(once.copied().collect());
        }
        let schema = Arc::new(schema);
        self.known.insert(Key(Arc::clone(&schema)), None);
        schema
    }

    /// The schema that has more columns after those of another one. Lines that it has already are
    /// left out.
    pub(crate) fn extend(&mut self, schema: &Arc<Schema>, lines: &[LineId]) -> Arc<Schema> {
        let new = lines.iter().filter(|line| schema.slot(**line).is_none());
        let lines: Vec<_> = schema.lines.iter().chain(new).copied().collect();
        if lines.len() == schema.len() {
            return Arc::clone(schema);
        }
        self.intern(lines)
    }

    /// Notes that a group, which alone has the schema of this number, has a longer one that begins
    /// with it: only what is new needs to be noted. False, and nothing is done, where that is not so.
    pub(crate) fn lengthen(&mut self, number: u32, schema: &Arc<Schema>) -> bool {
        let Some(Some(used)) = self.used.get_mut(number as usize) else {
            return false;
        };
        let Some(new) = schema.lines().strip_prefix(used.schema.lines()) else {
            return false;
        };
        let known = self.known.entry(Key(Arc::clone(schema))).or_default();
        if used.groups.set().len() != 1 || known.is_some() {
            return false;
        }
        *known = Some(number);
        let old = std::mem::replace(&mut used.schema, Arc::clone(schema));
        // Blocks that were made with it may still hold it.
        if let Some(known) = self.known.get_mut(old.lines()) {
            *known = None;
        }
        for line in new {
            self.of_line.entry(*line).or_default().insert(number);
        }
        true
    }

    /// Notes that a group has a schema. Gives the schema's number, good until its last group leaves.
    pub(crate) fn attach(&mut self, schema: &Arc<Schema>, group: GroupId) -> u32 {
        let known = self.known.entry(Key(Arc::clone(schema))).or_default();
        if let Some(number) = *known {
            if let Some(Some(used)) = self.used.get_mut(number as usize) {
                used.groups.insert(group.0);
            }
            return number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.used.push(None);
            u32::try_from(self.used.len() - 1).unwrap_or(u32::MAX)
        });
        *known = Some(number);
        for line in schema.lines() {
            self.of_line.entry(*line).or_default().insert(number);
        }
        self.used[number as usize] = Some(Used {
            schema: Arc::clone(schema),
            groups: List::One(group.0),
        });
        number
    }

    /// Notes that a group no longer has the schema of this number.
    pub(crate) fn detach(&mut self, number: u32, group: GroupId) {
        let Some(place) = self.used.get_mut(number as usize) else {
            return;
        };
        let Some(used) = place else { return };
        used.groups.remove(group.0);
        if !used.groups.is_empty() {
            return;
        }
        let schema = Arc::clone(&used.schema);
        *place = None;
        self.free.push(number);
        for line in schema.lines() {
            if let Some(list) = self.of_line.get_mut(line) {
                list.remove(number);
                if list.is_empty() {
                    self.of_line.remove(line);
                }
            }
        }
        // Blocks that were made with it may still hold it.
        if let Some(known) = self.known.get_mut(schema.lines()) {
            *known = None;
        }
    }

    /// The schema of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&Arc<Schema>> {
        let used = self.used.get(number as usize)?.as_ref()?;
        Some(&used.schema)
    }

    /// The groups that have the schema of a number.
    pub(crate) fn groups(&self, number: u32) -> Set<'_> {
        let used = self.used.get(number as usize).and_then(Option::as_ref);
        used.map_or(Set::Few(&[]), |used| used.groups.set())
    }

    /// The numbers of the schemas that groups have.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        let places = (0..).zip(&self.used);
        places.filter_map(|(number, used)| used.as_ref().map(|_| number))
    }

    /// Whether a group has a line.
    pub(crate) fn has_line(&self, line: LineId) -> bool {
        self.of_line.contains_key(&line)
    }

    /// The numbers of the schemas that have a line.
    pub(crate) fn of_line(&self, line: LineId) -> Set<'_> {
        self.of_line.get(&line).map_or(Set::Few(&[]), List::set)
    }
}

impl Borrow<[LineId]> for Key {
    fn borrow(&self) -> &[LineId] {
        &self.0.lines
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.lines.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.lines == other.0.lines
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: &[u32]) -> Vec<LineId> {
        numbers.iter().copied().map(LineId).collect()
    }

    fn members(set: &Set<'_>) -> Vec<u32> {
        let mut members = Vec::new();
        set.each(|member| members.push(member));
        members
    }

    #[test]
    fn slots_are_found_in_any_order_of_lines() {
        for numbers in [&[1, 5, 9][..], &[9, 1, 5], &[7], &[]] {
            let schema = Schemas::default().intern(lines(numbers));
            for (slot, number) in numbers.iter().enumerate() {
                assert_eq!(schema.slot(LineId(*number)), Some(slot));
                assert_eq!(schema.line(slot), Some(LineId(*number)));
            }
            assert_eq!(schema.slot(LineId(3)), None);
            assert_eq!(schema.line(numbers.len()), None);
        }
    }

    #[test]
    fn a_line_that_stands_twice_counts_once() {
        let mut schemas = Schemas::default();
        assert_eq!(schemas.intern(lines(&[4, 2, 4])).lines(), lines(&[4, 2]));
        assert_eq!(schemas.intern(lines(&[4, 4])).lines(), lines(&[4]));
    }

    #[test]
    fn equal_lists_are_one_schema_and_longer_ones_begin_with_it() {
        let mut schemas = Schemas::default();
        let short = schemas.intern(lines(&[3, 1]));
        let long = schemas.extend(&short, &lines(&[1, 2]));
        assert_eq!(long.lines(), lines(&[3, 1, 2]));
        assert!(Arc::ptr_eq(&long, &schemas.intern(lines(&[3, 1, 2]))));
        assert!(Arc::ptr_eq(&long, &schemas.extend(&long, &lines(&[3]))));
    }

    #[test]
    fn lines_and_groups_find_each_other_while_a_group_has_the_schema() {
        let mut schemas = Schemas::default();
        let first = schemas.intern(lines(&[1, 2]));
        let second = schemas.intern(lines(&[2, 3]));
        let a = schemas.attach(&first, GroupId(10));
        assert_eq!(schemas.attach(&first, GroupId(11)), a);
        let b = schemas.attach(&second, GroupId(12));
        assert_eq!(members(&schemas.of_line(LineId(2))), [a, b]);
        assert_eq!(members(&schemas.groups(a)), [10, 11]);
        schemas.detach(a, GroupId(10));
        assert_eq!(members(&schemas.groups(a)), [11]);
        schemas.detach(a, GroupId(11));
        assert_eq!(members(&schemas.of_line(LineId(1))), [0; 0]);
        assert_eq!(members(&schemas.of_line(LineId(2))), [b]);
        // Its number is taken by another one, and it gets a number anew when a group has it again.
        let third = schemas.intern(lines(&[9]));
        assert_eq!(schemas.attach(&third, GroupId(13)), a);
        let again = schemas.attach(&first, GroupId(10));
        assert_ne!(again, a);
        assert_eq!(members(&schemas.of_line(LineId(1))), [again]);
        assert_eq!(schemas.numbers().count(), 3);
    }

    #[test]
    fn a_schema_of_one_group_grows_where_it_is_and_others_do_not() {
        let mut schemas = Schemas::default();
        let short = schemas.intern(lines(&[1, 2]));
        let number = schemas.attach(&short, GroupId(10));
        let long = schemas.extend(&short, &lines(&[3]));
        assert!(!schemas.lengthen(number, &Arc::new(Schema::new(lines(&[2, 1, 3])))));
        assert!(schemas.lengthen(number, &long));
        assert!(Arc::ptr_eq(schemas.get(number).unwrap(), &long));
        assert_eq!(members(&schemas.of_line(LineId(3))), [number]);
        assert_eq!(schemas.attach(&long, GroupId(11)), number);
        let longer = schemas.extend(&long, &lines(&[4]));
        assert!(!schemas.lengthen(number, &longer), "two groups have it");
        // The short one is nobody's now, and gets a number of its own when it is used again.
        assert_ne!(schemas.attach(&short, GroupId(12)), number);
        schemas.detach(number, GroupId(10));
        schemas.detach(number, GroupId(11));
        assert!(!schemas.has_line(LineId(3)));
        assert!(schemas.has_line(LineId(1)));
    }

    #[test]
    fn schemas_that_nobody_holds_are_forgotten() {
        let mut schemas = Schemas::default();
        for number in 0..1_000 {
            schemas.intern(lines(&[number]));
        }
        assert!(schemas.known.len() < 200, "{}", schemas.known.len());
    }
}
