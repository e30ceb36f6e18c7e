//! Encoding a column: what is tried, and what is taken.

use watchpost_model::{is_absent, is_stale};

use super::numbers::Buffers;
use super::{
    ABSENT, BITS, CLEAN, DECIMAL, KIND, NUMBERS, RAW, RISING, SMALL, gaps, moves, numbers, scale,
};
use crate::log::bytes::{put_number, zigzag};

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
    let mut present = std::mem::take(&mut scratch.present);
    present.clear();
    if values.iter().all(|value| is_absent(*value)) {
        out.push(ABSENT);
    } else if !values.iter().any(|value| value.is_nan()) {
        put_present(values, scratch, out);
        out[start] |= CLEAN | rising(values);
    } else {
        present.extend(values.iter().filter(|value| !is_mark(**value)));
        if present.len() < values.len() {
            gaps::put(values, out);
        }
        if !present.is_empty() {
            put_present(&present, scratch, out);
        }
        out[start] |= rising(&present);
    }
    scratch.present = present;
}

/// Whether a row without a value, or the end of a series, stands in place of a value.
pub(super) fn is_mark(value: f64) -> bool {
    is_absent(value) || is_stale(value)
}

fn rising(values: &[f64]) -> u8 {
    let mut pairs = values.iter().zip(values.iter().skip(1));
    let known = values.first().is_some_and(|first| !first.is_nan());
    if known && pairs.all(|(before, after)| before <= after) {
        RISING
    } else {
        0
    }
}

/// Appends the column of some values, none of which is a mark.
fn put_present(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    let Some(moved) = moves::count(values) else {
        return out.push(ABSENT);
    };
    if moved == 0 {
        return put_constant(values[0], scratch, out);
    }
    put_plain(values, scratch, out);
    // Where most rows move, a bit for each is not worth it.
    if moved >= values.len() / 8 * 7 {
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
    let small = u8::try_from(number).unwrap_or(u8::MAX);
    if form == scale::WHOLE && small <= KIND - SMALL {
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
