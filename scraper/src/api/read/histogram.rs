//! A native histogram as the message of remote write and read.
//!
//! ```text
//! count_int 1, count_float 2: double, sum 3: double, schema 4: sint32, zero_threshold 5: double,
//! zero_count_int 6, zero_count_float 7: double, negative_spans 8, negative_deltas 9: sint64,
//! negative_counts 10: double, positive_spans 11, positive_deltas 12: sint64,
//! positive_counts 13: double, reset_hint 14: enum, timestamp 15: int64, custom_values 16: double
//! BucketSpan: offset 1: sint32, length 2: uint32
//! ```
//!
//! Source: `prompb/types.proto` of Prometheus.

use watchpost_model::Histogram;
use watchpost_model::histogram::{CounterReset, Counts, Span};

use super::message::put_varint;

pub(super) fn put_histogram(out: &mut Vec<u8>, time_ms: i64, histogram: &Histogram) {
    match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive,
            negative,
        } => {
            put_number(out, 1, *count);
            put_number(out, 6, *zero_count);
            put_deltas(out, 9, negative);
            put_deltas(out, 12, positive);
        }
        Counts::Float {
            count,
            zero_count,
            positive,
            negative,
        } => {
            put_double(out, 2, *count);
            put_double(out, 7, *zero_count);
            put_doubles(out, 10, negative);
            put_doubles(out, 13, positive);
        }
    }
    put_double(out, 3, histogram.sum);
    put_number(out, 4, zigzag(i64::from(histogram.schema)));
    put_double(out, 5, histogram.zero_threshold);
    put_spans(out, 8, &histogram.negative_spans);
    put_spans(out, 11, &histogram.positive_spans);
    let hint = match histogram.counter_reset {
        CounterReset::Unknown => 0,
        CounterReset::Reset => 1,
        CounterReset::NotReset => 2,
        CounterReset::Gauge => 3,
    };
    put_number(out, 14, hint);
    put_number(out, 15, time_ms.cast_unsigned());
    put_doubles(out, 16, &histogram.custom_values);
}

/// Small numbers of either sign as small ones without.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn put_key(out: &mut Vec<u8>, number: u64, wire_type: u64) {
    put_varint(out, number << 3 | wire_type);
}

fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    put_key(out, number, 0);
    put_varint(out, value);
}

fn put_double(out: &mut Vec<u8>, number: u64, value: f64) {
    put_key(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_packed(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_key(out, number, 2);
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

fn put_doubles(out: &mut Vec<u8>, number: u64, values: &[f64]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    put_packed(out, number, &bytes);
}

fn put_deltas(out: &mut Vec<u8>, number: u64, deltas: &[i64]) {
    let mut bytes = Vec::new();
    for delta in deltas {
        put_varint(&mut bytes, zigzag(*delta));
    }
    put_packed(out, number, &bytes);
}

fn put_spans(out: &mut Vec<u8>, number: u64, spans: &[Span]) {
    for span in spans {
        let mut bytes = Vec::new();
        put_number(&mut bytes, 1, zigzag(i64::from(span.offset)));
        put_number(&mut bytes, 2, u64::from(span.length));
        put_packed(out, number, &bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::remote_write::histogram::histogram;

    #[test]
    fn what_is_written_is_read_by_the_receiver_as_it_was() {
        let span = |offset, length| Span { offset, length };
        let integer = Histogram {
            counter_reset: CounterReset::Gauge,
            schema: -4,
            zero_threshold: 0.5,
            sum: -3.25,
            positive_spans: vec![span(-7, 2), span(3, 1)],
            negative_spans: vec![span(1, 1)],
            custom_values: Arc::from([]),
            counts: Counts::Integer {
                count: 300,
                zero_count: 2,
                positive: vec![5, -2, 200],
                negative: vec![-1],
            },
        };
        let float = Histogram {
            schema: -53,
            custom_values: Arc::from([0.1, 1.0]),
            counts: Counts::Float {
                count: 4.5,
                zero_count: 0.0,
                positive: vec![1.5, 2.0, 1.0],
                negative: Vec::new(),
            },
            negative_spans: Vec::new(),
            ..integer.clone()
        };
        for (time_ms, expected) in [(1_700_000_000_000, integer), (-5, float)] {
            let mut bytes = Vec::new();
            put_histogram(&mut bytes, time_ms, &expected);
            assert_eq!(histogram(&bytes).unwrap(), (time_ms, expected));
        }
    }
}
