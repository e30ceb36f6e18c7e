//! Columns that stand still most of the time: which rows have another value than the one before, and
//! these values. Bitmaps have a bit for each row, the least bit of the first byte first.

use crate::log::bytes::Malformed;

/// How many rows have another value than the one before; the first has.
pub(super) fn count(values: &[f64]) -> usize {
    let pairs = values.iter().zip(values.iter().skip(1));
    let moved = pairs.map(|(before, after)| usize::from(before.to_bits() != after.to_bits()));
    1 + moved.sum::<usize>()
}

/// Appends the bitmap and collects the values. The first row has always moved.
pub(super) fn put(values: &[f64], changed: &mut Vec<f64>, out: &mut Vec<u8>) {
    changed.clear();
    out.push(super::MOVES);
    let mut last = None;
    put_bitmap(values, out, |value| {
        let bits = Some(value.to_bits());
        let moved = bits != last;
        last = bits;
        if moved {
            changed.push(value);
        }
        moved
    });
}

/// Appends a bit for each value.
pub(super) fn put_bitmap(values: &[f64], out: &mut Vec<u8>, mut bit: impl FnMut(f64) -> bool) {
    for eight in values.chunks(8) {
        let bits = eight.iter().enumerate();
        out.push(bits.fold(0, |byte, (place, value)| {
            byte | u8::from(bit(*value)) << place
        }));
    }
}

/// A bitmap of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bitmap<'a>(&'a [u8]);

impl<'a> Bitmap<'a> {
    /// Takes a bitmap from the front, and gives the rest. Bits past the last row are not set.
    pub(super) fn parse(bytes: &'a [u8], rows: usize) -> Result<(Self, &'a [u8]), Malformed> {
        let (bitmap, rest) = bytes.split_at_checked(rows.div_ceil(8)).ok_or(Malformed)?;
        let past = bitmap
            .last()
            .is_some_and(|last| !rows.is_multiple_of(8) && last >> (rows % 8) > 0);
        if past {
            return Err(Malformed);
        }
        Ok((Self(bitmap), rest))
    }

    /// How many rows are set.
    pub(super) fn count(self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether a row is set.
    pub(super) fn get(self, row: usize) -> bool {
        self.0
            .get(row / 8)
            .is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }
}

/// Spreads the values at the front of some rows: each moves to its row, and stays until the next.
pub(super) fn spread(bitmap: Bitmap<'_>, rows: &mut [f64]) {
    let mut next = bitmap.count();
    for row in (0..rows.len()).rev() {
        if let Some(value) = next.checked_sub(1).and_then(|last| rows.get(last)) {
            rows[row] = *value;
        }
        next -= usize::from(bitmap.get(row) && next > 0);
    }
}
