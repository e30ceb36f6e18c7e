//! How the series of a group stand, two bits each.

/// How a series stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No value yet, or a stale marker was the last.
    Ended,
    /// Goes on; its last value came by a page.
    OnPage,
    /// Goes on; its last value came as a sample.
    InParts,
}

/// The states of a group's series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct States {
    /// A bit a slot; slots above the last word have ended.
    page: Vec<u64>,
    parts: Vec<u64>,
}

impl States {
    /// States from their bits, such as [`bits`](Self::bits) gives.
    pub(crate) fn from_bits(page: Vec<u64>, parts: Vec<u64>) -> Self {
        Self { page, parts }
    }

    /// The bits of those on the page, and of those in parts.
    pub(crate) fn bits(&self) -> [&[u64]; 2] {
        [&self.page, &self.parts]
    }

    pub(crate) fn get(&self, slot: usize) -> State {
        if has(&self.page, slot) {
            State::OnPage
        } else if has(&self.parts, slot) {
            State::InParts
        } else {
            State::Ended
        }
    }

    pub(crate) fn set(&mut self, slot: usize, state: State) {
        put(&mut self.page, slot, state == State::OnPage);
        put(&mut self.parts, slot, state == State::InParts);
    }

    /// The slots on the page, ascending.
    pub(crate) fn on_page(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.page.iter().enumerate();
        words.flat_map(|(word, bits)| {
            let set = (0..64).filter(move |bit| bits >> bit & 1 == 1);
            set.map(move |bit| word * 64 + bit)
        })
    }

    /// Keeps some slots, in this order.
    pub(crate) fn renumber(&mut self, kept: &[usize]) {
        let mut renumbered = Self::default();
        for (slot, old) in kept.iter().enumerate() {
            renumbered.set(slot, self.get(*old));
        }
        *self = renumbered;
    }
}

fn has(words: &[u64], slot: usize) -> bool {
    let word = words.get(slot / 64);
    word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
}

fn put(words: &mut Vec<u64>, slot: usize, set: bool) {
    if !set && slot / 64 >= words.len() {
        return;
    }
    if slot / 64 >= words.len() {
        words.resize(slot / 64 + 1, 0);
    }
    let bit = 1 << (slot % 64);
    if set {
        words[slot / 64] |= bit;
    } else {
        words[slot / 64] &= !bit;
    }
}
