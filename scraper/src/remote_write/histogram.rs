//! Native histograms in write requests.
//!
//! ```text
//! Histogram   count_int 1: uint64, count_float 2: double, sum 3: double, schema 4: sint32,
//!             zero_threshold 5: double, zero_count_int 6: uint64, zero_count_float 7: double,
//!             negative_spans 8: BucketSpan, negative_deltas 9: sint64, negative_counts 10: double,
//!             positive_spans 11: BucketSpan, positive_deltas 12: sint64, positive_counts 13: double,
//!             reset_hint 14, timestamp 15: int64 (ms), custom_values 16: double
//! BucketSpan  offset 1: sint32, length 2: uint32
//! ```
//!
//! Lists of numbers may be packed or not. Whichever of the counts comes last tells whether they are
//! integers or floats. Source: `prompb/types.proto` of Prometheus.

use watchpost_model::Histogram;
use watchpost_model::histogram::{CounterReset, Counts, Span};

use super::wire::{Fields, Malformed, Value};

/// The fields of a histogram as they come.
#[derive(Debug, Default)]
struct Read {
    is_float: bool,
    count: u64,
    count_float: f64,
    zero_count: u64,
    zero_count_float: f64,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    negative: Side,
    positive: Side,
    reset: u64,
    time_ms: i64,
    bounds: Vec<f64>,
}

#[derive(Debug, Default)]
struct Side {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Reads a histogram and its time, in ms.
#[cold]
pub(crate) fn histogram(bytes: &[u8]) -> Result<(i64, Histogram), Malformed> {
    let mut fields = Fields::new(bytes);
    let mut read = Read::default();
    while let Some(field) = fields.next()? {
        read.take(field)?;
    }
    Ok((read.time_ms, read.finish()))
}

impl Read {
    fn take(&mut self, field: (u64, Value<'_>)) -> Result<(), Malformed> {
        match field {
            (1, Value::Varint(count)) => (self.count, self.is_float) = (count, false),
            (2, Value::Fixed64(bits)) => {
                (self.count_float, self.is_float) = (f64::from_le_bytes(bits), true);
            }
            (3, Value::Fixed64(bits)) => self.sum = f64::from_le_bytes(bits),
            (4, Value::Varint(schema)) => self.schema = sint32(schema),
            (5, Value::Fixed64(bits)) => self.zero_threshold = f64::from_le_bytes(bits),
            (6, Value::Varint(count)) => self.zero_count = count,
            (7, Value::Fixed64(bits)) => self.zero_count_float = f64::from_le_bytes(bits),
            (8, Value::Bytes(bytes)) => self.negative.spans.push(span(bytes)?),
            (9, value) => deltas(value, &mut self.negative.deltas)?,
            (10, value) => floats(value, &mut self.negative.counts)?,
            (11, Value::Bytes(bytes)) => self.positive.spans.push(span(bytes)?),
            (12, value) => deltas(value, &mut self.positive.deltas)?,
            (13, value) => floats(value, &mut self.positive.counts)?,
            (14, Value::Varint(reset)) => self.reset = reset,
            (15, Value::Varint(time)) => self.time_ms = time.cast_signed(),
            (16, value) => floats(value, &mut self.bounds)?,
            (1..=16, _) => return Err(Malformed),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Histogram {
        let counts = if self.is_float {
            Counts::Float {
                count: self.count_float,
                zero_count: self.zero_count_float,
                positive: self.positive.counts,
                negative: self.negative.counts,
            }
        } else {
            Counts::Integer {
                count: self.count,
                zero_count: self.zero_count,
                positive: self.positive.deltas,
                negative: self.negative.deltas,
            }
        };
        Histogram {
            counter_reset: match self.reset {
                1 => CounterReset::Reset,
                2 => CounterReset::NotReset,
                3 => CounterReset::Gauge,
                _ => CounterReset::Unknown,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: self.positive.spans,
            negative_spans: self.negative.spans,
            custom_values: self.bounds.into(),
            counts,
        }
    }
}

/// The lower half of a varint.
fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn sint32(number: u64) -> i32 {
    let number = low(number);
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

fn sint64(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

fn span(bytes: &[u8]) -> Result<Span, Malformed> {
    let mut fields = Fields::new(bytes);
    let mut span = Span::default();
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(offset)) => span.offset = sint32(offset),
            (2, Value::Varint(length)) => span.length = low(length),
            (1 | 2, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok(span)
}

fn deltas(value: Value<'_>, out: &mut Vec<i64>) -> Result<(), Malformed> {
    match value {
        Value::Varint(number) => out.push(sint64(number)),
        Value::Bytes(bytes) => {
            let mut fields = Fields::new(bytes);
            while !fields.rest().is_empty() {
                out.push(sint64(fields.varint()?));
            }
        }
        _ => return Err(Malformed),
    }
    Ok(())
}

fn floats(value: Value<'_>, out: &mut Vec<f64>) -> Result<(), Malformed> {
    match value {
        Value::Fixed64(bits) => out.push(f64::from_le_bytes(bits)),
        Value::Bytes(bytes) => {
            let (numbers, rest) = bytes.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(Malformed);
            }
            out.extend(numbers.iter().map(|bits| f64::from_le_bytes(*bits)));
        }
        _ => return Err(Malformed),
    }
    Ok(())
}
