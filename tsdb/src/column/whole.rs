//! Columns of whole or decimal numbers: offsets from the least value, or from the least step.
//!
//! ```text
//! column  = head | first i64 | least i64 | offset*
//! head    = place of the power of ten | steps << 3 | width << 4       (one byte)
//! ```
//!
//! Offsets have `width` bytes (0, 1, 2 or 4), least first. Without steps a value is `least` and its
//! offset; with steps the first value is `first` and each later one is the one before it, `least`
//! and its offset.

use super::decimal::{POWERS, scaled, unscaled};

const HEADER: usize = 17;
const STEPS: u8 = 8;

/// Encodes values that are all `n / 10^k` for one k, and near enough to each other.
pub(super) fn encode(values: &[f64]) -> Option<Box<[u8]>> {
    let (place, numbers) = (0_u8..).zip(POWERS).find_map(|(place, power)| {
        let numbers: Option<Vec<i64>> = values.iter().map(|value| scaled(*value, power)).collect();
        Some((place, numbers?))
    })?;
    let steps: Vec<i64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let levels = offsets(&numbers);
    let slopes = offsets(&steps);
    let (least, width, from, mark) = match (levels, slopes) {
        (Some((_, level)), Some((least, slope))) if slope < level => (least, slope, &steps, STEPS),
        (Some((least, level)), _) => (least, level, &numbers, 0),
        (None, Some((least, slope))) => (least, slope, &steps, STEPS),
        (None, None) => return None,
    };
    let mut out = Vec::with_capacity(HEADER + from.len() * usize::from(width));
    out.push(place | mark | width << 4);
    out.extend_from_slice(&numbers.first()?.to_le_bytes());
    out.extend_from_slice(&least.to_le_bytes());
    for number in from {
        let offset = (number - least).to_le_bytes();
        out.extend_from_slice(&offset[..usize::from(width)]);
    }
    Some(out.into())
}

/// The least number and the bytes that the others' distance to it takes.
fn offsets(numbers: &[i64]) -> Option<(i64, u8)> {
    let least = *numbers.iter().min()?;
    let greatest = *numbers.iter().max()?;
    let width = match greatest - least {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => return None,
    };
    Some((least, width))
}

/// Appends the values of some rows.
pub(super) fn decode(column: &[u8], rows: std::ops::Range<usize>, out: &mut Vec<f64>) {
    let Some((header, offsets)) = column.split_first_chunk::<HEADER>() else {
        return;
    };
    let number = |from: usize| {
        let bytes = header[from..].first_chunk::<8>();
        bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
    };
    let (first, least) = (number(1), number(9));
    let power = POWERS[usize::from(header[0] & 7)];
    let width = usize::from(header[0] >> 4);
    let offset = |row: usize| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(&offsets[row * width..(row + 1) * width]);
        i64::from_le_bytes(bytes)
    };
    if header[0] & STEPS == 0 {
        out.extend(rows.map(|row| unscaled(least + offset(row), power)));
        return;
    }
    let mut value = first;
    for row in 0..rows.end {
        if row > 0 {
            value += least + offset(row - 1);
        }
        if row >= rows.start {
            out.push(unscaled(value, power));
        }
    }
}
