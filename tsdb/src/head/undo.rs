//! What a row changes, as an undo log.

use super::open::WORD;

/// What differs from the row before: words of a bitmap, then the old values as bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Undo {
    pub(super) words: u32,
    pub(super) content: Box<[u64]>,
}

impl Undo {
    pub(super) fn bitmap(&self) -> &[u64] {
        &self.content[..self.words as usize]
    }

    pub(super) fn olds(&self) -> &[u64] {
        &self.content[self.words as usize..]
    }

    fn new(bitmap: &[u64], olds: &[u64]) -> Self {
        if olds.is_empty() {
            return Self::default();
        }
        let mut content = Vec::with_capacity(bitmap.len() + olds.len());
        content.extend_from_slice(bitmap);
        content.extend_from_slice(olds);
        Self {
            words: u32::try_from(bitmap.len()).unwrap_or(u32::MAX),
            content: content.into(),
        }
    }

    fn has(&self, slot: usize) -> bool {
        let word = self.bitmap().get(slot / WORD);
        word.is_some_and(|word| word >> (slot % WORD) & 1 == 1)
    }

    /// How many columns before this one differ.
    fn rank(&self, slot: usize) -> usize {
        let bitmap = self.bitmap();
        let whole = &bitmap[..bitmap.len().min(slot / WORD)];
        let mut rank: u32 = whole.iter().map(|word| word.count_ones()).sum();
        if let Some(word) = bitmap.get(slot / WORD) {
            rank += (word & ((1 << (slot % WORD)) - 1)).count_ones();
        }
        rank as usize
    }

    /// The value of a column in the row before, where it differs.
    pub(super) fn old(&self, slot: usize) -> Option<f64> {
        self.has(slot)
            .then(|| f64::from_bits(self.olds()[self.rank(slot)]))
    }

    /// Changes what stands for some columns, ascending; nothing means that they do not differ.
    pub(super) fn change(&mut self, changes: &[(usize, Option<f64>)]) {
        let Some((highest, _)) = changes.last() else {
            return;
        };
        let mut bitmap = self.bitmap().to_vec();
        bitmap.resize(bitmap.len().max(highest / WORD + 1), 0);
        let mut olds = Vec::with_capacity(self.olds().len() + changes.len());
        let mut taken = 0;
        for (slot, old) in changes {
            let rank = self.rank(*slot);
            olds.extend_from_slice(&self.olds()[taken..rank]);
            taken = rank + usize::from(self.has(*slot));
            let bit = 1 << (slot % WORD);
            match old {
                Some(old) => {
                    bitmap[slot / WORD] |= bit;
                    olds.push(old.to_bits());
                }
                None => bitmap[slot / WORD] &= !bit,
            }
        }
        olds.extend_from_slice(&self.olds()[taken..]);
        *self = Self::new(&bitmap, &olds);
    }
}
