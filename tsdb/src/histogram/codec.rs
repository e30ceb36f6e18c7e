//! Histograms in bytes, bit-exact.
//!
//! ```text
//! histogram = flags (one byte) | layout | changed | counts | sum: change
//! flags     = counter reset: 2 bits | floats << 2 | same << 3
//! layout    = (nothing, where it is the same as that of the histogram before)
//!           | schema: signed | zero threshold u64 | spans | spans | count: number | bound u64 * count
//! spans     = count: number | (offset: signed | length: number) * count       positive, then negative
//! changed   = (nothing, where the layout is not the same)
//!           | a bitmap of the buckets whose count is another than in the histogram before
//! counts    = count: signed | zero bucket: signed | signed *                  of integers
//!           | count: change | zero bucket: change | change *                  of floats
//! ```
//!
//! The buckets are the positive ones, then the negative ones, by their own counts (not the differences
//! from bucket to bucket that integers come as). Each number is the difference to the histogram before,
//! or to 0 where the layout is not the same; that of `count` is what is left after the differences of
//! the zero bucket and of the buckets, and so nearly always 0. A `change` is that of the log. All
//! arithmetic is modulo 2^64, and so exact.

use std::sync::Arc;

use watchpost_model::Histogram;
use watchpost_model::histogram::{CounterReset, Counts, Span};

use super::MOST_PARTS;
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};
use crate::log::change::{put_change, read_change};

const RESET: u8 = 3;
const FLOATS: u8 = 4;
const SAME: u8 = 8;

/// The counter resets in the order of their numbers.
const RESETS: [CounterReset; 4] = [
    CounterReset::Unknown,
    CounterReset::Reset,
    CounterReset::NotReset,
    CounterReset::Gauge,
];

/// The counts of either type, of both sides in one list.
#[derive(Debug)]
enum Flat {
    Integer(u64, u64, Vec<i64>),
    Float(f64, f64, Vec<f64>),
}

/// Appends a histogram; `before` is the one that stands before it in the same list.
pub(crate) fn encode(histogram: &Histogram, before: Option<&Histogram>, out: &mut Vec<u8>) {
    let before = before.filter(|before| is_same_layout(before, histogram));
    let reset = RESETS
        .iter()
        .zip(0_u8..)
        .find(|(reset, _)| **reset == histogram.counter_reset);
    let floats = matches!(histogram.counts, Counts::Float { .. });
    let mut flags = reset.map_or(0, |(_, number)| number);
    flags |= if floats { FLOATS } else { 0 };
    flags |= if before.is_some() { SAME } else { 0 };
    out.push(flags);
    if before.is_none() {
        put_layout(histogram, out);
    }
    put_counts(&flat(histogram), before.map(flat).as_ref(), out);
    put_change(out, before.map_or(0.0, |before| before.sum), histogram.sum);
}

/// Reads a histogram; `before` is the one that stands before it in the same list.
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    before: Option<&Histogram>,
) -> Result<Histogram, Malformed> {
    let flags = reader.byte()?;
    if flags & !(RESET | FLOATS | SAME) != 0 {
        return Err(Malformed);
    }
    let floats = flags & FLOATS != 0;
    let same = if flags & SAME == 0 {
        None
    } else {
        Some(before.ok_or(Malformed)?)
    };
    let mut histogram = match same {
        Some(before) => before.clone(),
        None => read_layout(reader)?,
    };
    // Each histogram of the same layout has a copy of it.
    if super::parts(&histogram) > MOST_PARTS {
        return Err(Malformed);
    }
    let reset = RESETS.get(usize::from(flags & RESET));
    histogram.counter_reset = *reset.ok_or(Malformed)?;
    let sides = [
        buckets(&histogram.positive_spans)?,
        buckets(&histogram.negative_spans)?,
    ];
    let counts = match same.map(flat) {
        Some(Flat::Integer(..)) if floats => return Err(Malformed),
        Some(Flat::Float(..)) if !floats => return Err(Malformed),
        before => read_counts(reader, floats, sides, before)?,
    };
    histogram.counts = counts;
    histogram.sum = read_change(reader, same.map_or(0.0, |before| before.sum))?;
    Ok(histogram)
}

/// Reads a histogram that is all of some bytes.
pub(crate) fn read_one(bytes: &[u8]) -> Result<Histogram, Malformed> {
    let mut reader = Reader(bytes);
    let histogram = decode(&mut reader, None)?;
    if reader.0.is_empty() {
        Ok(histogram)
    } else {
        Err(Malformed)
    }
}

fn is_same_layout(a: &Histogram, b: &Histogram) -> bool {
    let bits = |bounds: &[f64]| {
        bounds
            .iter()
            .map(|bound| bound.to_bits())
            .collect::<Vec<_>>()
    };
    std::mem::discriminant(&a.counts) == std::mem::discriminant(&b.counts)
        && a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && (Arc::ptr_eq(&a.custom_values, &b.custom_values)
            || bits(&a.custom_values) == bits(&b.custom_values))
}

fn put_layout(histogram: &Histogram, out: &mut Vec<u8>) {
    put_number(out, zigzag(histogram.schema.into()));
    out.extend(histogram.zero_threshold.to_bits().to_le_bytes());
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        put_number(out, spans.len() as u64);
        for span in spans {
            put_number(out, zigzag(span.offset.into()));
            put_number(out, span.length.into());
        }
    }
    put_number(out, histogram.custom_values.len() as u64);
    for bound in &*histogram.custom_values {
        out.extend(bound.to_bits().to_le_bytes());
    }
}

/// Reads the layout; the counts are none yet.
fn read_layout(reader: &mut Reader<'_>) -> Result<Histogram, Malformed> {
    let schema = i32::try_from(unzigzag(reader.number()?)).map_err(|_| Malformed)?;
    let zero_threshold = read_bits(reader)?;
    let positive_spans = read_spans(reader)?;
    let negative_spans = read_spans(reader)?;
    let count = reader.count()?;
    let bounds = reader.bytes(count.checked_mul(8).ok_or(Malformed)?)?;
    let bounds = bounds.as_chunks::<8>().0.iter();
    Ok(Histogram {
        counter_reset: CounterReset::Unknown,
        schema,
        zero_threshold,
        sum: 0.0,
        positive_spans,
        negative_spans,
        custom_values: bounds
            .map(|bits| f64::from_bits(u64::from_le_bytes(*bits)))
            .collect(),
        counts: Counts::Integer {
            count: 0,
            zero_count: 0,
            positive: Vec::new(),
            negative: Vec::new(),
        },
    })
}

fn read_bits(reader: &mut Reader<'_>) -> Result<f64, Malformed> {
    let bits = reader.0.first_chunk().ok_or(Malformed)?;
    let value = f64::from_bits(u64::from_le_bytes(*bits));
    reader.bytes(8)?;
    Ok(value)
}

fn read_spans(reader: &mut Reader<'_>) -> Result<Vec<Span>, Malformed> {
    let mut spans = Vec::new();
    for _ in 0..reader.count()? {
        spans.push(Span {
            offset: i32::try_from(unzigzag(reader.number()?)).map_err(|_| Malformed)?,
            length: reader.id()?,
        });
    }
    Ok(spans)
}

/// How many buckets spans have: as many as there are counts, in every histogram that is taken in.
fn buckets(spans: &[Span]) -> Result<usize, Malformed> {
    let all: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    match usize::try_from(all) {
        Ok(all) if all <= MOST_PARTS => Ok(all),
        _ => Err(Malformed),
    }
}

fn flat(histogram: &Histogram) -> Flat {
    match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive,
            negative,
        } => {
            let mut counts = Vec::with_capacity(positive.len() + negative.len());
            for deltas in [positive, negative] {
                let mut count = 0_i64;
                counts.extend(deltas.iter().map(|delta| {
                    count = count.wrapping_add(*delta);
                    count
                }));
            }
            Flat::Integer(*count, *zero_count, counts)
        }
        Counts::Float {
            count,
            zero_count,
            positive,
            negative,
        } => Flat::Float(*count, *zero_count, [&**positive, negative].concat()),
    }
}

/// Appends a bit for each bucket.
fn put_bitmap(changed: &[bool], out: &mut Vec<u8>) {
    for eight in changed.chunks(8) {
        let bits = eight.iter().zip(0..);
        out.push(bits.fold(0, |byte, (bit, place)| byte | u8::from(*bit) << place));
    }
}

fn put_counts(counts: &Flat, before: Option<&Flat>, out: &mut Vec<u8>) {
    match (counts, before) {
        (Flat::Integer(count, zero, counts), Some(Flat::Integer(count0, zero0, counts0))) => {
            let pairs = counts.iter().zip(counts0);
            let changes: Vec<_> = pairs.map(|(now, then)| now.wrapping_sub(*then)).collect();
            let moved: Vec<_> = changes.iter().map(|change| *change != 0).collect();
            put_bitmap(&moved, out);
            let change = |now: u64, then: u64| now.wrapping_sub(then).cast_signed();
            put_integers(
                (change(*count, *count0), change(*zero, *zero0)),
                &changes,
                true,
                out,
            );
        }
        (Flat::Integer(count, zero, counts), _) => {
            put_integers(
                (count.cast_signed(), zero.cast_signed()),
                counts,
                false,
                out,
            );
        }
        (Flat::Float(count, zero, counts), Some(Flat::Float(count0, zero0, counts0))) => {
            let pairs = || counts.iter().zip(counts0);
            let is_moved = |(now, then): (&f64, &f64)| now.to_bits() != then.to_bits();
            let moved: Vec<_> = pairs().map(is_moved).collect();
            put_bitmap(&moved, out);
            put_change(out, *count0, *count);
            put_change(out, *zero0, *zero);
            for (now, then) in pairs().filter(|pair| is_moved(*pair)) {
                put_change(out, *then, *now);
            }
        }
        (Flat::Float(count, zero, counts), _) => {
            for value in [count, zero].into_iter().chain(counts) {
                put_change(out, 0.0, *value);
            }
        }
    }
}

fn put_integers((count, zero): (i64, i64), changes: &[i64], only_moved: bool, out: &mut Vec<u8>) {
    let in_buckets = changes
        .iter()
        .fold(zero, |sum, change| sum.wrapping_add(*change));
    put_number(out, zigzag(count.wrapping_sub(in_buckets)));
    put_number(out, zigzag(zero));
    for change in changes.iter().filter(|change| !only_moved || **change != 0) {
        put_number(out, zigzag(*change));
    }
}

fn read_counts(
    reader: &mut Reader<'_>,
    floats: bool,
    [positive, negative]: [usize; 2],
    before: Option<Flat>,
) -> Result<Counts, Malformed> {
    let buckets = positive + negative;
    let moved = match before {
        None => None,
        Some(_) => Some(reader.bytes(buckets.div_ceil(8))?),
    };
    if before.is_none() && buckets > reader.0.len() {
        return Err(Malformed);
    }
    let is_moved = |place: usize| {
        moved.is_none_or(|bits| {
            let byte = bits.get(place / 8).copied().unwrap_or(0);
            byte >> (place % 8) & 1 == 1
        })
    };
    if floats {
        let (count, zero, mut counts) = match before {
            Some(Flat::Float(count, zero, counts)) => (count, zero, counts),
            _ => (0.0, 0.0, vec![0.0; buckets]),
        };
        let (count, zero_count) = (read_change(reader, count)?, read_change(reader, zero)?);
        for (place, value) in counts.iter_mut().enumerate() {
            if is_moved(place) {
                *value = read_change(reader, *value)?;
            }
        }
        let negative = split(&mut counts, positive, negative)?;
        return Ok(Counts::Float {
            count,
            zero_count,
            positive: counts,
            negative,
        });
    }
    let (count, zero, mut counts) = match before {
        Some(Flat::Integer(count, zero, counts)) => (count, zero, counts),
        _ => (0, 0, vec![0; buckets]),
    };
    let mut sum = unzigzag(reader.number()?);
    let zero_change = unzigzag(reader.number()?);
    sum = sum.wrapping_add(zero_change);
    for (place, value) in counts.iter_mut().enumerate() {
        if is_moved(place) {
            let change = unzigzag(reader.number()?);
            sum = sum.wrapping_add(change);
            *value = value.wrapping_add(change);
        }
    }
    let mut negative = split(&mut counts, positive, negative)?;
    to_deltas(&mut counts);
    to_deltas(&mut negative);
    Ok(Counts::Integer {
        count: count.wrapping_add_signed(sum),
        zero_count: zero.wrapping_add_signed(zero_change),
        positive: counts,
        negative,
    })
}

/// Parts the counts of both sides.
fn split<T>(counts: &mut Vec<T>, positive: usize, negative: usize) -> Result<Vec<T>, Malformed> {
    if counts.len() == positive + negative {
        Ok(counts.split_off(positive))
    } else {
        Err(Malformed)
    }
}

fn to_deltas(counts: &mut [i64]) {
    let mut before = 0;
    for count in counts {
        let now = *count;
        *count = now.wrapping_sub(before);
        before = now;
    }
}
