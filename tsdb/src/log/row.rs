//! Rows in records: the changes against the group's newest row.
//!
//! ```text
//! row     = number << 2 | parts << 1 | full | time: zigzag | sequence | width | bitmap | change*
//!           | (length: number | histogram) *
//! bitmap  = ceil(width / 64) words of 8 bytes: the columns that change, the first in the lowest bit
//! ```
//!
//! `number` counts the records of the group in the file. A full row has the absolute time and is
//! against a row without values; any other one has the time since the newest row before it, and is
//! refused where a record of the group before it is missing. `parts` tells that the values came as
//! samples, not as a page. What a change looks like is in `change`. Where a change gives a mark, the
//! histogram that it stands for comes after the changes; the mark stands for it in the rows after, too,
//! up to one that changes it.

use watchpost_model::histogram::histogram_index;
use watchpost_model::{absent_nan, is_absent};

use super::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};
use super::change::{MAX_CHANGE, read_change, write_change};
use super::marked::{MarkedHere, put_histogram};
use crate::head::{Changes, WORD};
use crate::histogram::OpenHistograms;

/// More columns than a group can have.
const MAX_COLUMNS: usize = 1 << 28;

/// What stands before a row's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowHeader {
    /// The number of the record in its group and file.
    pub(crate) number: u64,
    /// Whether the row is against a row without values.
    pub(crate) full: bool,
    /// Whether its values came as samples.
    pub(crate) parts: bool,
    pub(crate) time: i64,
    /// The time of the row before.
    pub(crate) before: i64,
    pub(crate) sequence: u64,
}

/// Writes the changes of a row as they are found.
#[derive(Debug)]
pub(crate) struct RowSink<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next word of the bitmap goes.
    bitmap: usize,
    /// The values that stand for histograms.
    marks: Vec<f64>,
    bytes: [u8; WORD * MAX_CHANGE],
}

impl<'a> RowSink<'a> {
    /// Starts a row of so many columns.
    pub(crate) fn start(out: &'a mut Vec<u8>, header: RowHeader, width: usize) -> Self {
        let flags = u64::from(header.parts) << 1 | u64::from(header.full);
        put_number(out, header.number << 2 | flags);
        let base = if header.full { 0 } else { header.before };
        put_number(out, zigzag(header.time.wrapping_sub(base)));
        put_number(out, header.sequence);
        put_number(out, width as u64);
        let bitmap = out.len();
        out.resize(bitmap + width.div_ceil(WORD) * 8, 0);
        Self {
            out,
            bitmap,
            marks: Vec::new(),
            bytes: [0; WORD * MAX_CHANGE],
        }
    }

    /// Writes a row as one against a row without values.
    pub(crate) fn full(&mut self, values: &[f64]) {
        let none = [absent_nan(); WORD];
        for word in values.chunks(WORD) {
            let mut there = 0;
            for (place, value) in word.iter().enumerate() {
                there |= u64::from(!is_absent(*value)) << place;
            }
            self.word(there, &none[..word.len()], word);
        }
    }
}

impl RowSink<'_> {
    /// Writes the histograms that the row came to.
    pub(crate) fn finish(self, histograms: &OpenHistograms) {
        for mark in self.marks {
            put_histogram(self.out, mark, histograms);
        }
    }
}

impl Changes for RowSink<'_> {
    fn word(&mut self, mut changed: u64, old: &[f64], new: &[f64]) {
        if let Some(word) = self.out.get_mut(self.bitmap..self.bitmap + 8) {
            word.copy_from_slice(&changed.to_le_bytes());
        }
        self.bitmap += 8;
        let mut at = 0;
        while changed != 0 {
            let place = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            if let Some(bytes) = self.bytes[at..].first_chunk_mut() {
                at += write_change(bytes, old[place], new[place]);
            }
            if new[place].is_nan() && histogram_index(new[place]).is_some() {
                self.marks.push(new[place]);
            }
        }
        self.out.extend_from_slice(&self.bytes[..at]);
    }
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// It does not follow the format.
    Malformed,
    /// What it builds on is missing.
    Gap,
}

impl From<Malformed> for RowFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A group's rows as a file tells them, for reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowChain {
    /// The values of the newest row.
    last: Vec<f64>,
    time: i64,
    /// The number of the next record; nothing where one is missing.
    next: Option<u64>,
    /// What the marks among the values stand for.
    pub(super) marked: MarkedHere,
}

impl RowChain {
    /// Reads a row; its values are [`values`](Self::values) afterwards. After a fault rows are refused
    /// until a full one comes.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<RowHeader, RowFault> {
        let flags = reader.number()?;
        let (number, parts, full) = (flags >> 2, flags >> 1 & 1 == 1, flags & 1 == 1);
        let next = self.next.take();
        if full {
            self.last.fill(absent_nan());
            self.time = 0;
        } else if next != Some(number) {
            return Err(RowFault::Gap);
        }
        let before = self.time;
        let time = before.wrapping_add(unzigzag(reader.number()?));
        let sequence = reader.number()?;
        let width = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
        if width > MAX_COLUMNS || width.div_ceil(WORD) * 8 > reader.0.len() {
            return Err(RowFault::Malformed);
        }
        let bitmap = reader.bytes(width.div_ceil(WORD) * 8)?;
        if self.last.len() < width {
            self.last.reserve_exact(width - self.last.len());
            self.last.resize(width, absent_nan());
        }
        let words = bitmap
            .as_chunks::<8>()
            .0
            .iter()
            .zip(self.last.chunks_mut(WORD));
        let mut marks = Vec::new();
        for (word, last) in words {
            let mut changed = u64::from_le_bytes(*word);
            while changed != 0 {
                let place = changed.trailing_zeros() as usize;
                changed &= changed - 1;
                let value = last.get_mut(place).ok_or(Malformed)?;
                *value = read_change(reader, *value)?;
                if value.is_nan() && histogram_index(*value).is_some() {
                    marks.push(*value);
                }
            }
        }
        for mark in marks {
            self.marked.read(reader, mark)?;
        }
        self.time = time;
        self.next = Some(number + 1);
        Ok(RowHeader {
            number,
            full,
            parts,
            time,
            before,
            sequence,
        })
    }

    /// The values of the newest row.
    pub(crate) fn values(&self) -> &[f64] {
        &self.last
    }

    /// Takes in that a record put values into the row of a time.
    pub(crate) fn put(&mut self, number: u64, time: i64, cells: &[(usize, f64)]) {
        if self.next != Some(number) {
            self.next = None;
            return;
        }
        self.next = Some(number + 1);
        if time < self.time {
            return;
        }
        if time > self.time {
            self.last.fill(absent_nan());
            self.time = time;
        }
        for (column, value) in cells {
            if self.last.len() <= *column {
                self.last.resize(column + 1, absent_nan());
            }
            self.last[*column] = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use watchpost_model::stale_nan;

    use super::*;
    use crate::head::{OpenRows, RowKey};

    fn cell() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (0..5_i32).prop_map(f64::from),
            2 => any::<u64>().prop_map(f64::from_bits),
            1 => Just(absent_nan()),
            1 => Just(stale_nan()),
        ]
    }

    /// The records of rows, every third one full.
    fn records(rows: &[Vec<f64>]) -> Vec<Vec<u8>> {
        let mut open = OpenRows::default();
        let mut records = Vec::new();
        for (number, row) in (0..).zip(rows) {
            let time = 1_000 * i64::try_from(number).unwrap();
            let header = RowHeader {
                number,
                full: number % 3 == 0,
                parts: number % 2 == 0,
                time,
                before: time - 1_000,
                sequence: 7 + number,
            };
            let key = RowKey {
                time,
                sequence: header.sequence,
                file: 1,
            };
            let mut out = Vec::new();
            open.widen(row.len());
            let mut sink = RowSink::start(&mut out, header, open.width());
            if header.full {
                open.push(key, row, &mut ());
                sink.full(open.last());
            } else {
                open.push(key, row, &mut sink);
            }
            records.push(out);
        }
        records
    }

    fn bits(row: &[f64]) -> Vec<u64> {
        row.iter().map(|value| value.to_bits()).collect()
    }

    fn check(chain: &RowChain, row: &[f64]) {
        let values = &chain.values()[..row.len()];
        assert_eq!(bits(values), bits(row));
        assert!(
            chain.values()[row.len()..]
                .iter()
                .all(|value| is_absent(*value))
        );
    }

    proptest! {
        #[test]
        fn rows_come_back_and_a_lost_one_costs_those_to_the_next_full_one(
            rows in vec(vec(cell(), 0..150), 1..12),
            lost in 0..24_usize,
        ) {
            let mut chain = RowChain::default();
            for (place, record) in records(&rows).iter().enumerate() {
                if place == lost {
                    continue;
                }
                let read = chain.read(&mut Reader(record));
                if place > lost && place / 3 == lost / 3 {
                    prop_assert_eq!(read, Err(RowFault::Gap));
                    continue;
                }
                let read = read.unwrap();
                let number = u64::try_from(place).unwrap();
                prop_assert_eq!((read.time, read.sequence), (1_000 * number.cast_signed(), 7 + number));
                prop_assert_eq!((read.full, read.parts), (place % 3 == 0, place % 2 == 0));
                check(&chain, &rows[place]);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..100)) {
            let mut chain = RowChain::default();
            let mut reader = Reader(&bytes);
            if chain.read(&mut reader).is_ok() {
                prop_assert!(reader.0.len() < bytes.len());
            }
            prop_assert!(chain.values().len() <= 8 * bytes.len());
        }
    }
}
