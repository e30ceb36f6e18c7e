//! Open rows: the newest rows of a group, as an undo log.
//!
//! The values of the newest row stand in full; each row has the set of columns by which it differs
//! from the row before, and the old values of these. A column is read from its newest value
//! backwards. So a row costs a bit a column, and eight bytes for each value that moved.

use std::collections::VecDeque;
use std::ops::Range;

use watchpost_model::{absent_nan, is_absent};

use super::tile::Tiles;
use super::undo::Undo;

/// Columns that share a word of a bitmap.
pub(crate) const WORD: usize = 64;
/// The log file of a row that is in none.
pub(crate) const NO_FILE: u64 = u64::MAX;

/// The newest rows of a group, ascending in time.
#[derive(Debug, Default)]
pub(crate) struct OpenRows {
    /// The values of the newest row there is or was.
    last: Vec<f64>,
    rows: VecDeque<OpenRow>,
}

/// Which row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowKey {
    pub(crate) time: i64,
    /// The order of acceptance in the whole store.
    pub(crate) sequence: u64,
    /// The number of the log file that has the row, or [`NO_FILE`].
    pub(crate) file: u64,
}

#[derive(Debug)]
struct OpenRow {
    key: RowKey,
    undo: Undo,
}

/// What a new row changes, word by word: the columns, their values before and after.
pub(crate) trait Changes {
    /// Takes the changes of the next word. The values are those of all columns of the word.
    fn word(&mut self, changed: u64, old: &[f64], new: &[f64]);
}

/// Nobody wants to know.
impl Changes for () {
    fn word(&mut self, _: u64, _: &[f64], _: &[f64]) {}
}

impl OpenRows {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        self.last.len()
    }

    /// The values of the newest row there is or was.
    pub(crate) fn last(&self) -> &[f64] {
        &self.last
    }

    pub(crate) fn key(&self, place: usize) -> Option<RowKey> {
        self.rows.get(place).map(|row| row.key)
    }

    /// The rows, ascending in time.
    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = RowKey> + ExactSizeIterator + '_ {
        self.rows.iter().map(|row| row.key)
    }

    pub(super) fn undo(&self, place: usize) -> &Undo {
        &self.rows[place].undo
    }

    /// Where the row of a time is, or would be.
    pub(crate) fn find(&self, time: i64) -> Result<usize, usize> {
        if self.rows.back().is_none_or(|row| row.key.time < time) {
            return Err(self.rows.len());
        }
        self.rows.binary_search_by_key(&time, |row| row.key.time)
    }

    /// Makes the rows so many columns wide; the new ones have no values.
    pub(crate) fn widen(&mut self, width: usize) {
        if width > self.last.len() {
            // By a quarter at most: half of it would be empty for good.
            if width > self.last.capacity() {
                self.last.reserve_exact(width - self.last.len());
            }
            self.last.resize(width, absent_nan());
        }
    }

    /// Adds the newest row; columns above the last value have none.
    pub(crate) fn push(&mut self, key: RowKey, values: &[f64], changes: &mut impl Changes) {
        self.widen(values.len());
        let first = self.rows.is_empty();
        let mut bitmap = Vec::with_capacity(self.last.len().div_ceil(WORD));
        let mut count = 0;
        let mut padded = [absent_nan(); WORD];
        for (word, last) in self.last.chunks(WORD).enumerate() {
            let changed = differing(last, word_of(values, word, last.len(), &mut padded));
            count += changed.count_ones() as usize;
            bitmap.push(changed);
        }
        let mut content = Vec::with_capacity(if first { 0 } else { bitmap.len() + count });
        if !first && count > 0 {
            content.extend_from_slice(&bitmap);
        }
        for (word, last) in self.last.chunks_mut(WORD).enumerate() {
            let new = word_of(values, word, last.len(), &mut padded);
            let mut changed = bitmap[word];
            changes.word(changed, last, new);
            while changed != 0 {
                let place = changed.trailing_zeros() as usize;
                changed &= changed - 1;
                if !first {
                    content.push(last[place].to_bits());
                }
                last[place] = new[place];
            }
        }
        let words = if content.is_empty() { 0 } else { bitmap.len() };
        let undo = Undo {
            words: u32::try_from(words).unwrap_or(u32::MAX),
            content: content.into(),
        };
        self.rows.push_back(OpenRow { key, undo });
    }

    /// Puts in a row without values between others, or at the end.
    pub(crate) fn insert(&mut self, place: usize, key: RowKey) {
        if place >= self.rows.len() {
            return self.push(key, &[], &mut ());
        }
        let mut after = Vec::new();
        self.values(place, &mut after);
        let mut before = Vec::new();
        if place > 0 {
            self.values(place - 1, &mut before);
        }
        let undo = |values: &[f64], old: fn(f64) -> f64| {
            let mut undo = Undo::default();
            let there = values.iter().enumerate();
            let changes: Vec<_> = there
                .filter(|(_, value)| !is_absent(**value))
                .map(|(slot, value)| (slot, Some(old(*value))))
                .collect();
            undo.change(&changes);
            undo
        };
        self.rows[place].undo = undo(&after, |_| absent_nan());
        let undo = undo(&before, |value| value);
        self.rows.insert(place, OpenRow { key, undo });
    }

    /// Puts values of some columns, ascending, into a row that has none of them.
    pub(crate) fn put(&mut self, place: usize, cells: &[(usize, f64)]) {
        if let Some((highest, _)) = cells.last() {
            self.widen(highest + 1);
        }
        let differ = |other: f64, value: f64| other.to_bits() != value.to_bits();
        if place > 0 {
            let undo = &self.rows[place].undo;
            let changes = cells.iter().map(|(slot, value)| {
                let before = undo.old(*slot).unwrap_or_else(absent_nan);
                (*slot, differ(before, *value).then_some(before))
            });
            let changes: Vec<_> = changes.collect();
            self.rows[place].undo.change(&changes);
        }
        if place + 1 < self.rows.len() {
            let changes = cells.iter().map(|(slot, value)| {
                let after = self.value(place + 1, *slot);
                (*slot, differ(after, *value).then_some(*value))
            });
            let changes: Vec<_> = changes.collect();
            self.rows[place + 1].undo.change(&changes);
        } else {
            for (slot, value) in cells {
                self.last[*slot] = *value;
            }
        }
    }

    /// The value of a column in a row, the mark of none where it has none.
    pub(crate) fn value(&self, place: usize, slot: usize) -> f64 {
        let mut value = self.last.get(slot).copied().unwrap_or_else(absent_nan);
        for row in self.rows.range(place + 1..).rev() {
            value = row.undo.old(slot).unwrap_or(value);
        }
        value
    }

    /// Appends the values of a column in some rows.
    pub(crate) fn column(&self, slot: usize, rows: Range<usize>, out: &mut Vec<f64>) {
        let start = out.len();
        out.resize(start + rows.len(), absent_nan());
        let Some(mut value) = self.last.get(slot).copied() else {
            return;
        };
        for place in (rows.start..self.rows.len()).rev() {
            if place < rows.end {
                out[start + place - rows.start] = value;
            }
            value = self.rows[place].undo.old(slot).unwrap_or(value);
        }
    }

    /// The columns of some rows, for reading many of them.
    pub(crate) fn tiles(&self, rows: Range<usize>) -> Tiles<'_> {
        Tiles::new(self, rows)
    }

    /// The values of all columns in a row.
    pub(crate) fn values(&self, place: usize, out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(&self.last);
        for row in self.rows.range(place + 1..).rev() {
            let mut olds = row.undo.olds().iter();
            for (word, bits) in row.undo.bitmap().iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    let slot = word * WORD + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if let Some(old) = olds.next() {
                        out[slot] = f64::from_bits(*old);
                    }
                }
            }
        }
    }

    /// All values that are kept, and perhaps others.
    pub(super) fn all_values(&self) -> impl Iterator<Item = f64> + '_ {
        let olds = self.rows.iter().flat_map(|row| row.undo.olds());
        let olds = olds.map(|bits| f64::from_bits(*bits));
        self.last.iter().copied().chain(olds)
    }

    /// Lets go of the oldest rows.
    pub(crate) fn drop_front(&mut self, rows: usize) {
        self.rows.drain(..rows.min(self.rows.len()));
        if let Some(first) = self.rows.front_mut() {
            first.undo = Undo::default();
        } else {
            self.rows.shrink_to_fit();
        }
    }

    /// Keeps some columns, in this order.
    pub(crate) fn renumber(&mut self, kept: &[usize]) {
        let mut renumbered = Self::default();
        let mut values = Vec::new();
        for place in 0..self.rows.len() {
            self.values(place, &mut values);
            let row: Vec<_> = kept.iter().map(|slot| values[*slot]).collect();
            renumbered.push(self.rows[place].key, &row, &mut ());
        }
        if self.rows.is_empty() {
            renumbered.last = kept.iter().map(|slot| self.last[*slot]).collect();
        }
        *self = renumbered;
    }

    /// Whether a column has a value in some row after one.
    pub(crate) fn has_after(&self, place: usize, slot: usize) -> bool {
        let mut value = self.last.get(slot).copied().unwrap_or_else(absent_nan);
        for row in self.rows.range(place + 1..).rev() {
            if !is_absent(value) {
                return true;
            }
            value = row.undo.old(slot).unwrap_or(value);
        }
        false
    }

    /// The newest row in which a column has a value.
    pub(crate) fn newest_with(&self, slot: usize) -> Option<usize> {
        let mut value = self.last.get(slot).copied().unwrap_or_else(absent_nan);
        for (place, row) in self.rows.iter().enumerate().rev() {
            if !is_absent(value) {
                return Some(place);
            }
            value = row.undo.old(slot).unwrap_or(value);
        }
        None
    }

    /// Notes which log file has the newest row.
    pub(crate) fn set_newest_file(&mut self, file: u64) -> Option<RowKey> {
        let row = self.rows.back_mut()?;
        row.key.file = file;
        Some(row.key)
    }
}

/// The values of a word's columns; columns above the last value have none.
fn word_of<'a>(
    values: &'a [f64],
    word: usize,
    width: usize,
    padded: &'a mut [f64; WORD],
) -> &'a [f64] {
    let start = word * WORD;
    if let Some(whole) = values.get(start..start + width) {
        return whole;
    }
    let rest = values.get(start..).unwrap_or_default();
    padded.fill(absent_nan());
    padded[..rest.len()].copy_from_slice(rest);
    &padded[..width]
}

/// A bit for each column whose bits are not the same.
fn differing(old: &[f64], new: &[f64]) -> u64 {
    let mut differing = 0;
    for (place, (old, new)) in old.iter().zip(new).enumerate() {
        differing |= u64::from(old.to_bits() != new.to_bits()) << place;
    }
    differing
}

#[cfg(test)]
mod tests;
