//! Texts and lists of numbers, each kind in one allocation.

use crate::log::bytes::{Malformed, Reader, put_number};

/// How much of a text is not written where the text before begins so, too: not more, so that few
/// bytes of a damaged file do not make a great many.
const MOST_SHARED: usize = 127;

/// Texts, one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, place: usize) -> &str {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.text.get(start..end(place)).unwrap_or_default()
    }

    /// Reads a text that begins like the one before it in the same list.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, first: bool) -> Result<(), Malformed> {
        let shared = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
        let rest = reader.text()?;
        let before = self.ends.len().checked_sub(1).filter(|_| !first);
        let before = before.map_or("", |place| self.get(place));
        if shared > MOST_SHARED {
            return Err(Malformed);
        }
        let common = before.get(..shared).ok_or(Malformed)?.to_owned();
        self.text.push_str(&common);
        self.text.push_str(rest);
        let end = u32::try_from(self.text.len()).map_err(|_| Malformed)?;
        self.ends.push(end);
        Ok(())
    }

    /// Bytes of heap.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}

/// Appends a text without what it has in common with the one before it in the list.
pub(super) fn put_shared(out: &mut Vec<u8>, before: &str, text: &str) {
    let pairs = before.bytes().zip(text.bytes()).take(MOST_SHARED);
    let mut shared = pairs.take_while(|(a, b)| a == b).count();
    while !text.is_char_boundary(shared) {
        shared -= 1;
    }
    put_number(out, shared as u64);
    let rest = text.as_bytes().get(shared..).unwrap_or_default();
    put_number(out, rest.len() as u64);
    out.extend_from_slice(rest);
}

/// Lists of numbers, one after the other.
#[derive(Debug, Default)]
pub(super) struct Lists {
    ends: Vec<u32>,
    members: Vec<u32>,
}

impl Lists {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, place: usize) -> &[u32] {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.members.get(start..end(place)).unwrap_or_default()
    }

    /// Adds a member to the list that is being made.
    pub(super) fn push(&mut self, member: u32) {
        self.members.push(member);
    }

    /// Ends the list that is being made.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        let end = u32::try_from(self.members.len()).map_err(|_| Malformed)?;
        self.ends.push(end);
        Ok(())
    }

    /// The other way round: for each of `count` numbers the lists that have it, ascending.
    pub(super) fn inverted(&self, count: usize) -> Self {
        let mut ends = vec![0_u32; count];
        for member in &self.members {
            ends[*member as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            // The start for now; it moves to the end as the list is filled.
            sum += std::mem::replace(end, sum);
        }
        let mut members = vec![0; self.members.len()];
        for (list, number) in (0..self.len()).zip(0_u32..) {
            for member in self.get(list) {
                let end = &mut ends[*member as usize];
                members[*end as usize] = number;
                *end += 1;
            }
        }
        Self { ends, members }
    }

    /// Bytes of heap.
    pub(super) fn size(&self) -> usize {
        (self.ends.capacity() + self.members.capacity()) * 4
    }
}
