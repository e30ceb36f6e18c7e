//! Rows in records: the changes against the group's row before.
//!
//! ```text
//! row     = sequence: number << 1 | full | time: zigzag | set | change*
//! set     = gap* 0      the columns whose "has changed" differs from that of the row before
//! ```
//!
//! A full row has the absolute time and is relative to a row without values; any other row has the
//! time since the row before it, and its sequence number is one higher. A column that had a stale
//! marker is taken to have no value afterwards. What a change looks like is in `delta`.

use watchpost_model::{absent_nan, is_absent, is_stale};

use super::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};
use super::delta::{put_change, read_change};

/// After so many rows of a group comes a full one.
const FULL_EVERY: u64 = 120;
/// More columns than a group can have.
const MAX_COLUMNS: usize = 1 << 28;

/// The state of a group's rows in a file, the same for the writer and for the reader after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowCoder {
    /// The values of the last row; the mark of none after a stale marker.
    last: Vec<f64>,
    /// A bit for each column: whether the last row changed it.
    changed: Vec<u64>,
    time: i64,
    /// How many rows came before.
    sequence: u64,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// It does not follow the format.
    Malformed,
    /// The row that it changes is missing.
    Gap,
}

impl From<Malformed> for RowFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl RowCoder {
    /// Appends a row, one value a column. `first_use` gets each column that has a value.
    pub(crate) fn encode(
        &mut self,
        time: i64,
        values: &[f64],
        out: &mut Vec<u8>,
        mut changes: impl FnMut(usize),
    ) {
        let full = self.sequence.is_multiple_of(FULL_EVERY);
        if full {
            self.last.clear();
            self.changed.clear();
        }
        put_number(out, self.sequence << 1 | u64::from(full));
        let base = if full { 0 } else { self.time };
        put_number(out, zigzag(time.wrapping_sub(base)));
        self.last
            .resize(values.len().max(self.last.len()), absent_nan());
        self.changed.resize(self.last.len().div_ceil(64), 0);
        self.put_set(values, out);
        for word in 0..self.changed.len() {
            let mut bits = self.changed[word];
            while bits != 0 {
                let column = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                changes(column);
                let new = values.get(column).copied().unwrap_or_else(absent_nan);
                let last = &mut self.last[column];
                put_change(out, if is_absent(*last) { 0.0 } else { *last }, new);
                *last = if is_stale(new) { absent_nan() } else { new };
            }
        }
        self.time = time;
        self.sequence += 1;
    }

    /// Appends the set of changed columns.
    fn put_set(&mut self, values: &[f64], out: &mut Vec<u8>) {
        let absent = absent_nan();
        let mut before = 0;
        let words = self.last.chunks(64).zip(&mut self.changed).enumerate();
        for (word, (last, changed)) in words {
            let values = values.get(word * 64..).unwrap_or_default();
            let mut now = 0_u64;
            for (place, last) in last.iter().enumerate() {
                let value = values.get(place).unwrap_or(&absent);
                now |= u64::from(value.to_bits() != last.to_bits()) << place;
            }
            let mut toggled = now ^ *changed;
            *changed = now;
            while toggled != 0 {
                let column = word * 64 + toggled.trailing_zeros() as usize + 1;
                toggled &= toggled - 1;
                put_number(out, (column - before) as u64);
                before = column;
            }
        }
        out.push(0);
    }

    /// Reads a row: its time and values, one a column, with stale markers where series ended.
    /// After a fault rows are refused until a full one comes.
    pub(crate) fn decode(&mut self, reader: &mut Reader<'_>) -> Result<(i64, Vec<f64>), RowFault> {
        let header = reader.number()?;
        let (sequence, full) = (header >> 1, header & 1 == 1);
        if full {
            self.last.clear();
            self.changed.clear();
            self.time = 0;
        } else if sequence == 0 || sequence != self.sequence {
            return Err(RowFault::Gap);
        }
        // No row follows this one until it is read to its end.
        self.sequence = 0;
        self.time = self.time.wrapping_add(unzigzag(reader.number()?));
        self.read_set(reader)?;
        let mut ended = Vec::new();
        for word in 0..self.changed.len() {
            let mut bits = self.changed[word];
            while bits != 0 {
                let column = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let last = self.last.get_mut(column).ok_or(Malformed)?;
                *last = read_change(reader, if is_absent(*last) { 0.0 } else { *last })?;
                if is_stale(*last) {
                    ended.push(column);
                }
            }
        }
        let values = self.last.clone();
        for column in ended {
            self.last[column] = absent_nan();
        }
        self.sequence = sequence + 1;
        Ok((self.time, values))
    }

    fn read_set(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut column = 0;
        loop {
            let gap = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
            if gap == 0 {
                return Ok(());
            }
            if gap > MAX_COLUMNS || column + gap > MAX_COLUMNS {
                return Err(Malformed);
            }
            column += gap;
            if self.last.len() < column {
                self.last.resize(column, absent_nan());
                self.changed.resize(column.div_ceil(64), 0);
            }
            self.changed[(column - 1) / 64] ^= 1 << ((column - 1) % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use watchpost_model::stale_nan;

    use super::*;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(1.0),
            Just(stale_nan()),
            Just(absent_nan()),
            (0..50_i32).prop_map(f64::from),
            any::<u64>().prop_map(f64::from_bits),
        ]
    }

    proptest! {
        #[test]
        fn rows_come_back(rows in vec(vec(value(), 0..150), 1..300)) {
            let (mut writer, mut reader) = (RowCoder::default(), RowCoder::default());
            for (time, row) in (0_i64..).zip(&rows) {
                let mut out = Vec::new();
                writer.encode(time * 1_000, row, &mut out, |_| {});
                let (read_time, read) = reader.decode(&mut Reader(&out)).unwrap();
                prop_assert_eq!(read_time, time * 1_000);
                for column in 0..read.len().max(row.len()) {
                    let bits = |row: &[f64]| row.get(column).map_or(absent_nan().to_bits(), |v| v.to_bits());
                    prop_assert_eq!(bits(&read), bits(row));
                }
            }
        }

        #[test]
        fn a_lost_row_costs_the_rows_to_the_next_full_one(lost in 1_usize..119) {
            let (mut writer, mut reader) = (RowCoder::default(), RowCoder::default());
            let mut read = Vec::new();
            for time in 0..240_i32 {
                let mut out = Vec::new();
                writer.encode(time.into(), &[f64::from(time), 1.0], &mut out, |_| {});
                if usize::try_from(time).unwrap() != lost {
                    read.extend(reader.decode(&mut Reader(&out)));
                }
            }
            prop_assert_eq!(read.len(), lost + 120);
        }
    }
}
