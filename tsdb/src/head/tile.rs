//! Reading many columns of open rows: 64 of them are brought back at a time.

use std::ops::Range;

use watchpost_model::absent_nan;

use super::open::{OpenRows, WORD};

/// The columns of some open rows. Cheap where they are read in ascending order.
#[derive(Debug)]
pub(crate) struct Tiles<'a> {
    open: &'a OpenRows,
    rows: Range<usize>,
    /// The word that `values` is of, and the one that `cursors` is before.
    word: Option<usize>,
    before: usize,
    /// Of each row from the first of `rows` on: how many old values the words before have.
    cursors: Vec<usize>,
    /// The values of a word's columns, row by row.
    values: Vec<[f64; WORD]>,
}

impl<'a> Tiles<'a> {
    pub(super) fn new(open: &'a OpenRows, rows: Range<usize>) -> Self {
        let undone = open.len().saturating_sub(rows.start);
        Self {
            open,
            word: None,
            before: 0,
            cursors: vec![0; undone],
            values: vec![[absent_nan(); WORD]; rows.len()],
            rows,
        }
    }

    /// Appends the values of a column.
    pub(crate) fn column(&mut self, slot: usize, out: &mut Vec<f64>) {
        if slot >= self.open.width() {
            out.resize(out.len() + self.rows.len(), absent_nan());
            return;
        }
        if self.word != Some(slot / WORD) {
            self.load(slot / WORD);
        }
        out.extend(self.values.iter().map(|row| row[slot % WORD]));
    }

    fn load(&mut self, word: usize) {
        if word < self.before {
            self.before = 0;
            self.cursors.fill(0);
        }
        let mut values = [absent_nan(); WORD];
        let last = self.open.last();
        let last = &last[word * WORD..last.len().min((word + 1) * WORD)];
        values[..last.len()].copy_from_slice(last);
        for place in (self.rows.start..self.open.len()).rev() {
            if place < self.rows.end {
                self.values[place - self.rows.start] = values;
            }
            let undo = self.open.undo(place);
            let bitmap = undo.bitmap();
            let cursor = &mut self.cursors[place - self.rows.start];
            let skipped = bitmap.get(self.before..word.min(bitmap.len()));
            let skipped = skipped.unwrap_or_default().iter();
            *cursor += skipped
                .map(|word| word.count_ones() as usize)
                .sum::<usize>();
            let mut bits = bitmap.get(word).copied().unwrap_or(0);
            let mut olds = undo.olds().get(*cursor..).unwrap_or_default().iter();
            while bits != 0 {
                if let Some(old) = olds.next() {
                    values[bits.trailing_zeros() as usize] = f64::from_bits(*old);
                }
                bits &= bits - 1;
            }
        }
        self.before = word;
        self.word = Some(word);
    }
}
