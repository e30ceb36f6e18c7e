use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use watchpost_model::histogram::{
    CUSTOM_BUCKETS_SCHEMA, CounterReset, Counts, Span, histogram_index, histogram_mark,
};
use watchpost_model::{Histogram, absent_nan, stale_nan};

use super::*;
use crate::column::{Scratch, decode_marked, encode_marked, length_marked};
use crate::log::bytes::{Reader, put_number};

fn reset() -> impl Strategy<Value = CounterReset> {
    use CounterReset::{Gauge, NotReset, Reset, Unknown};
    proptest::sample::select(vec![Unknown, Reset, NotReset, Gauge])
}

fn spans(buckets: usize, gap: i32) -> Vec<Span> {
    let half = u32::try_from(buckets / 2).unwrap();
    let rest = u32::try_from(buckets).unwrap() - half;
    let first = Span {
        offset: -3,
        length: half,
    };
    let second = Span {
        offset: gap,
        length: rest,
    };
    let spans = [first, second].into_iter();
    spans.filter(|span| span.length > 0).collect()
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (0..1_000_i32).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
}

fn integers() -> impl Strategy<Value = Counts> {
    let side = || prop_oneof![vec(-5..5_i64, 0..12), vec(any::<i64>(), 0..4)];
    let counts = (any::<u64>(), any::<u64>(), side(), side());
    counts.prop_map(|(count, zero_count, positive, negative)| Counts::Integer {
        count,
        zero_count,
        positive,
        negative,
    })
}

fn floats() -> impl Strategy<Value = Counts> {
    let side = || vec(any_float(), 0..12);
    let counts = (any_float(), any_float(), side(), side());
    counts.prop_map(|(count, zero_count, positive, negative)| Counts::Float {
        count,
        zero_count,
        positive,
        negative,
    })
}

/// Histograms with any numbers in them, sensible or not.
fn any_histogram() -> impl Strategy<Value = Histogram> {
    let counts = prop_oneof![integers(), floats()];
    let layout = (-4..9_i32, any_float(), 0..3_i32, vec(any_float(), 0..3));
    (reset(), layout, any_float(), counts).prop_map(
        |(counter_reset, (schema, zero_threshold, gap, bounds), sum, counts)| {
            let (positive, negative) = match &counts {
                Counts::Integer {
                    positive, negative, ..
                } => (positive.len(), negative.len()),
                Counts::Float {
                    positive, negative, ..
                } => (positive.len(), negative.len()),
            };
            Histogram {
                counter_reset,
                schema,
                zero_threshold,
                sum,
                positive_spans: spans(positive, gap),
                negative_spans: spans(negative, gap),
                custom_values: bounds.into(),
                counts,
            }
        },
    )
}

fn bytes(histogram: &Histogram) -> Vec<u8> {
    let mut out = Vec::new();
    encode(histogram, None, &mut out);
    out
}

/// Whether both have the same bits.
fn is_same(one: &Histogram, other: &Histogram) -> bool {
    let bits = |values: &[f64]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
    let counts = |histogram: &Histogram| match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive,
            negative,
        } => (
            vec![*count, *zero_count],
            [positive.clone(), negative.clone()],
            [Vec::new(), Vec::new()],
        ),
        Counts::Float {
            count,
            zero_count,
            positive,
            negative,
        } => (
            vec![count.to_bits(), zero_count.to_bits(), 0],
            [Vec::new(), Vec::new()],
            [bits(positive), bits(negative)],
        ),
    };
    let rest = |it: &Histogram| {
        (
            (it.counter_reset, it.schema),
            bits(&[it.zero_threshold, it.sum]),
            (it.positive_spans.clone(), it.negative_spans.clone()),
            bits(&it.custom_values),
        )
    };
    rest(one) == rest(other) && counts(one) == counts(other)
}

/// A histogram of a request's duration, as a client library makes one.
fn durations(seed: u64) -> Histogram {
    let counts: Vec<u64> = (0..20)
        .map(|bucket| seed * (bucket % 7) / 3 + bucket)
        .collect();
    let mut before = 0;
    let positive = counts.iter().map(|count| {
        let delta = count.cast_signed() - before;
        before = count.cast_signed();
        delta
    });
    Histogram {
        counter_reset: CounterReset::Unknown,
        schema: 3,
        zero_threshold: 1e-128,
        sum: seed as f64 * 0.7131,
        positive_spans: spans(20, 2),
        negative_spans: Vec::new(),
        custom_values: Arc::default(),
        counts: Counts::Integer {
            count: counts.iter().sum(),
            zero_count: 0,
            positive: positive.collect(),
            negative: Vec::new(),
        },
    }
}

#[test]
fn a_histogram_of_twenty_buckets_takes_forty_bytes_of_a_column() {
    let histograms: Vec<_> = (0..120).map(|row| durations(1_000 + 5 * row)).collect();
    assert!(histograms.iter().all(|it| it.validate().is_ok()));
    let list = Histograms::default();
    let values: Vec<_> = histograms
        .iter()
        .map(|it| list.add(Arc::new(it.clone())))
        .collect();
    let mut column = Vec::new();
    encode_marked(&values, &list, &mut Scratch::default(), &mut column);
    let each = column.len() / histograms.len();
    assert!((30..=42).contains(&each), "{each}");
    let alone = bytes(&durations(1_000)).len();
    assert!((50..=70).contains(&alone), "{alone}");
}

#[test]
fn what_is_too_large_or_makes_no_sense_is_refused() {
    let mut large = durations(1);
    large.positive_spans = spans(MOST_PARTS, 0);
    large.counts = Counts::Integer {
        count: 0,
        zero_count: 0,
        positive: vec![0; MOST_PARTS],
        negative: Vec::new(),
    };
    assert!(
        matches!(check(&large), Err(Error::HistogramSize { found, .. }) if found == MOST_PARTS + 2)
    );
    let mut wrong = durations(1);
    wrong.schema = CUSTOM_BUCKETS_SCHEMA;
    assert!(matches!(check(&wrong), Err(Error::Histogram(_))));
    assert!(check(&durations(1)).is_ok());
}

#[test]
fn a_histogram_with_a_mark_for_a_figure_is_refused() {
    let floats = |count: f64, bucket: f64| Histogram {
        positive_spans: spans(2, 0),
        negative_spans: Vec::new(),
        counts: Counts::Float {
            count,
            zero_count: 0.0,
            positive: vec![1.0, bucket],
            negative: Vec::new(),
        },
        ..durations(1)
    };
    assert!(check(&floats(f64::NAN, f64::NAN)).is_ok());
    let of_sum = |sum| Histogram {
        sum,
        ..durations(1)
    };
    let marked = [
        floats(histogram_mark(0), 1.0),
        floats(1.0, absent_nan()),
        floats(1.0, stale_nan()),
        of_sum(absent_nan()),
        of_sum(histogram_mark(3)),
    ];
    for histogram in marked {
        let checked = check(&histogram);
        let refused = matches!(checked, Err(Error::Refused(Refusal::AbsentMark)));
        assert!(refused, "{histogram:?}: {checked:?}");
    }
}

#[test]
fn few_bytes_do_not_become_many_histograms_or_large_ones() {
    let mut spans = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    put_number(&mut spans, 2 * MOST_PARTS as u64);
    spans.resize(spans.len() + 4 * MOST_PARTS + 40, 0);
    decode(&mut Reader(&spans), None).unwrap_err();
    let mut list = Vec::new();
    for _ in 0..21 {
        encode(&durations(1), None, &mut list);
    }
    let mut column = vec![8, 21];
    put_number(&mut column, list.len() as u64);
    column.extend_from_slice(&list);
    crate::column::encode(
        &[histogram_mark(20); 20],
        &mut Scratch::default(),
        &mut column,
    );
    let read = |rows| {
        decode_marked(
            &column,
            rows,
            0..rows,
            &Histograms::default(),
            &mut Vec::new(),
        )
    };
    assert!(read(20).is_err(), "more histograms than rows");
}

#[test]
fn equal_histograms_of_open_rows_have_one_place_and_unused_ones_go() {
    let mut open = OpenHistograms::default();
    let encoded: Vec<Arc<[u8]>> = (0..3).map(|seed| bytes(&durations(seed)).into()).collect();
    let marks: Vec<_> = encoded.iter().map(|it| open.take_in(it)).collect();
    let again: Arc<[u8]> = bytes(&durations(1)).into();
    assert_eq!(open.take_in(&again).to_bits(), marks[1].to_bits());
    assert_eq!(
        open.bytes(),
        encoded.iter().map(|it| it.len()).sum::<usize>()
    );
    open.keep([1.0, marks[1], absent_nan()].into_iter());
    assert!(open.encoded(marks[0]).is_none() && open.encoded(marks[1]).is_some());
    let next = open.take_in(&encoded[2]);
    assert!(histogram_index(next).unwrap() < 3, "places are used again");
    let read = open.at(histogram_index(next).unwrap()).unwrap();
    assert!(is_same(&read, &durations(2)));
    open.keep(std::iter::empty());
    assert!(open.is_empty() && open.bytes() == 0);
}

proptest! {
    #[test]
    fn histograms_come_back_alone_and_after_another(one in any_histogram(), other in any_histogram()) {
        let mut out = bytes(&one);
        prop_assert!(is_same(&read_one(&out).unwrap(), &one));
        let mut close = one.clone();
        close.counter_reset = other.counter_reset;
        close.sum = other.sum;
        let start = out.len();
        encode(&close, Some(&one), &mut out);
        let middle = out.len();
        encode(&other, Some(&close), &mut out);
        let mut reader = Reader(&out[start..middle]);
        prop_assert!(is_same(&decode(&mut reader, Some(&one)).unwrap(), &close));
        let mut reader = Reader(&out[middle..]);
        prop_assert!(is_same(&decode(&mut reader, Some(&close)).unwrap(), &other));
        prop_assert!(reader.0.is_empty());
    }

    #[test]
    fn columns_with_histograms_come_back(
        cells in vec((0..6_u8, any_histogram(), any_float()), 1..50),
        start in 0..50_usize,
        end in 0..50_usize,
    ) {
        let list = Histograms::default();
        let mut last = absent_nan();
        let cells: Vec<_> = cells.iter().map(|(kind, histogram, float)| {
            let value = match kind {
                0 => absent_nan(),
                1 => stale_nan(),
                2 => *float,
                3 => last,
                _ => list.add(Arc::new(histogram.clone())),
            };
            last = value;
            value
        }).collect();
        // Only what a list has may look like a mark.
        let cells: Vec<_> = cells.into_iter().map(|value| match histogram_index(value) {
            Some(_) if list.get(value).is_none() => 1.0,
            _ => value,
        }).collect();
        let mut column = Vec::new();
        encode_marked(&cells, &list, &mut Scratch::default(), &mut column);
        let length = column.len();
        column.extend([0xa5; 9]);
        prop_assert_eq!(length_marked(&column, cells.len()).unwrap(), length);
        let range = start.min(end).min(cells.len())..start.max(end).min(cells.len());
        let (read, mut values) = (Histograms::default(), vec![7.0]);
        decode_marked(&column, cells.len(), range.clone(), &read, &mut values).unwrap();
        prop_assert_eq!(values.len(), 1 + range.len());
        for (value, cell) in values.iter().skip(1).zip(&cells[range]) {
            match (read.get(*value), list.get(*cell)) {
                (Some(read), Some(cell)) => prop_assert!(is_same(&read, &cell)),
                (None, None) => prop_assert_eq!(value.to_bits(), cell.to_bits()),
                _ => prop_assert!(false, "a float and a histogram"),
            }
        }
    }

    #[test]
    fn damaged_columns_are_read_or_refused(
        histograms in vec(any_histogram(), 1..20),
        flips in vec((any::<u16>(), 0..8_u8), 1..4),
        cut in 0..20_usize,
    ) {
        let list = Histograms::default();
        let values: Vec<_> = histograms.iter().map(|it| list.add(Arc::new(it.clone()))).collect();
        let mut column = Vec::new();
        encode_marked(&values, &list, &mut Scratch::default(), &mut column);
        for (place, bit) in flips {
            let place = usize::from(place) % column.len();
            column[place] ^= 1 << bit;
        }
        column.truncate(column.len() - cut.min(column.len()));
        length_marked(&column, values.len()).ok();
        let (read, mut out) = (Histograms::default(), Vec::new());
        if decode_marked(&column, values.len(), 0..values.len(), &read, &mut out).is_ok() {
            prop_assert_eq!(out.len(), values.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        read_one(&bytes).ok();
        let list = Histograms::default();
        let column = [&[8], &*bytes].concat();
        decode_marked(&column, 20, 0..20, &list, &mut Vec::new()).ok();
    }
}

#[test]
fn a_mark_without_a_histogram_is_no_value() {
    let mut column = Vec::new();
    let values = [1.0, histogram_mark(7)];
    encode_marked(
        &values,
        &Histograms::default(),
        &mut Scratch::default(),
        &mut column,
    );
    let mut read = Vec::new();
    decode_marked(&column, 2, 0..2, &Histograms::default(), &mut read).unwrap();
    assert!(!read[0].is_nan() && watchpost_model::is_absent(read[1]));
}
