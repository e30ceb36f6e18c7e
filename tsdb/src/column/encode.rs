//! Encoding a column: what is tried, and what is taken.

use watchpost_model::{is_absent, is_stale};

use super::numbers::Buffers;
use super::{
    ABSENT, BITS, CLEAN, DECIMAL, KIND, NUMBERS, RAW, RISING, SMALL, gaps, moves, numbers, scale,
};
use crate::log::bytes::{put_number, zigzag};

/// The greatest constant that stands in the tag.
const MOST_SMALL: u8 = KIND - SMALL;

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    present: Vec<f64>,
    moved: Vec<f64>,
    other: Vec<u8>,
    numbers: Vec<i64>,
    buffers: Buffers,
}

/// Appends a column. One without rows is written as absent.
pub fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    let Some(first) = values.first() else {
        return out.push(ABSENT);
    };
    if is_constant(values) {
        if is_absent(*first) {
            return out.push(ABSENT);
        }
        if !first.is_nan() {
            put_constant(*first, scratch, out);
            out[start] |= CLEAN | RISING;
            return;
        }
    }
    if !has_nan(values) {
        put_moving(values, scratch, out);
        out[start] |= CLEAN | rising(values);
        return;
    }
    let mut present = std::mem::take(&mut scratch.present);
    present.clear();
    present.extend(values.iter().filter(|value| !gaps::is_mark(**value)));
    if present.len() < values.len() {
        gaps::put(values, out);
    }
    if let Some(first) = present.first() {
        if is_constant(&present) {
            put_constant(*first, scratch, out);
        } else {
            put_moving(&present, scratch, out);
        }
    }
    // A number that is none says nothing of what rises; marks stand for no sample.
    let numbers = values
        .iter()
        .filter(|value| !is_absent(**value) && !is_stale(**value));
    if numbers.count() == present.len() {
        out[start] |= rising(&present);
    }
    scratch.present = present;
}

/// Whether all values have the same bits. (These loops go on to the end: they are short, and so are
/// done several values at a time.)
fn is_constant(values: &[f64]) -> bool {
    let first = values.first().map_or(0, |first| first.to_bits());
    let differences = values
        .iter()
        .fold(0, |all, value| all | (value.to_bits() ^ first));
    differences == 0
}

fn has_nan(values: &[f64]) -> bool {
    values.iter().fold(false, |any, value| any | value.is_nan())
}

fn rising(values: &[f64]) -> u8 {
    let pairs = values.iter().zip(values.iter().skip(1));
    let rises = pairs.map(|(before, after)| usize::from(before <= after));
    let known = values.first().is_some_and(|first| !first.is_nan());
    if known && rises.sum::<usize>() + 1 == values.len() {
        RISING
    } else {
        0
    }
}

/// Appends the column of some values, none of which is a mark, and not all of which are the same.
fn put_moving(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    put_plain(values, scratch, out);
    let moved = moves::count(values);
    // What the rows that stand still take now should be more than a bit for each row.
    let still = (out.len() - start) * (values.len() - moved);
    if still < values.len().div_ceil(8) * values.len() {
        return;
    }
    let mut changed = std::mem::take(&mut scratch.moved);
    let mut other = std::mem::take(&mut scratch.other);
    other.clear();
    moves::put(values, &mut changed, &mut other);
    // The bitmap alone may be more than all of the other way.
    if other.len() < out.len() - start {
        put_plain(&changed, scratch, &mut other);
        if other.len() < out.len() - start {
            out.truncate(start);
            out.extend_from_slice(&other);
        }
    }
    scratch.moved = changed;
    scratch.other = other;
}

fn put_constant(value: f64, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let form = scale::to_whole(&[value], &mut scratch.numbers);
    let number = scratch.numbers.first().copied().unwrap_or_default();
    if form == scale::WHOLE
        && let Ok(small @ 0..=MOST_SMALL) = u8::try_from(number)
    {
        return out.push(SMALL + small);
    }
    let start = out.len();
    out.extend_from_slice(&[DECIMAL, form]);
    put_number(out, zigzag(number));
    if out.len() - start >= 9 {
        out.truncate(start);
        out.push(BITS);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Appends values one by one, as numbers or as they are.
fn put_plain(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(NUMBERS);
    let form = scale::to_whole(values, &mut scratch.numbers);
    numbers::encode(&scratch.numbers, form, &mut scratch.buffers, out);
    if out.len() - start > 8 * values.len() {
        out.truncate(start);
        out.push(RAW);
        out.extend(
            values
                .iter()
                .flat_map(|value| value.to_bits().to_le_bytes()),
        );
    }
}

/// Appends numbers, at least one.
pub(crate) fn put_numbers(values: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    numbers::encode(values, 0, &mut scratch.buffers, out);
}
