//! Native histograms in messages that prost makes.

use watchpost_model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterReset, Counts, Span};
use watchpost_model::{is_stale, stale_nan};

use super::reference::Sample;
use super::*;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BucketSpan {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(super) length: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Histogram {
    #[prost(oneof = "Count", tags = "1, 2")]
    pub(super) count: Option<Count>,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(super) schema: i32,
    #[prost(double, tag = "5")]
    pub(super) zero_threshold: f64,
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub(super) zero_count: Option<ZeroCount>,
    #[prost(message, repeated, tag = "8")]
    pub(super) negative_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub(super) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub(super) positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "12")]
    pub(super) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub(super) positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub(super) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(double, repeated, packed = "false", tag = "16")]
    pub(super) custom_values: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(super) enum Count {
    #[prost(uint64, tag = "1")]
    Integer(u64),
    #[prost(double, tag = "2")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(super) enum ZeroCount {
    #[prost(uint64, tag = "6")]
    Integer(u64),
    #[prost(double, tag = "7")]
    Float(f64),
}

/// A histogram that says nothing but its time.
pub(super) fn empty(sample: &Sample) -> Histogram {
    Histogram {
        timestamp: sample.timestamp,
        ..Histogram::default()
    }
}

fn integer(time: i64) -> Histogram {
    Histogram {
        count: Some(Count::Integer(15)),
        sum: 18.4,
        schema: -1,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::Integer(2)),
        negative_spans: vec![BucketSpan {
            offset: -3,
            length: 2,
        }],
        negative_deltas: vec![1, 2],
        positive_spans: vec![
            BucketSpan {
                offset: 0,
                length: 2,
            },
            BucketSpan {
                offset: 1,
                length: 2,
            },
        ],
        positive_deltas: vec![1, 1, -1, 4],
        reset_hint: 2,
        timestamp: NOW + time,
        ..Histogram::default()
    }
}

fn float(time: i64) -> Histogram {
    Histogram {
        count: Some(Count::Float(15.5)),
        zero_count: Some(ZeroCount::Float(2.25)),
        negative_deltas: Vec::new(),
        negative_counts: vec![1.0, 3.0],
        positive_deltas: Vec::new(),
        positive_counts: vec![1.0, 2.0, 1.25, 5.0],
        reset_hint: 3,
        ..integer(time)
    }
}

fn custom(time: i64) -> Histogram {
    Histogram {
        count: Some(Count::Integer(3)),
        sum: 4.0,
        schema: CUSTOM_BUCKETS_SCHEMA,
        positive_spans: vec![BucketSpan {
            offset: 1,
            length: 2,
        }],
        positive_deltas: vec![1, 1],
        custom_values: vec![0.5, 2.0],
        timestamp: NOW + time,
        ..Histogram::default()
    }
}

fn written(histograms: Vec<Histogram>) -> (Db, super::super::outcome::Outcome) {
    let (db, mut worker) = worker();
    let mut series = series(&[("__name__", "h"), ("job", "j")], &[(0, 1.0)]);
    series.histograms = histograms;
    let outcome = write(&mut worker, &request(vec![series]));
    (db, outcome)
}

#[test]
fn histograms_are_stored_as_they_came_beside_floats() {
    let (db, outcome) = written(vec![integer(1), float(2), custom(3)]);
    assert_eq!((outcome.samples, outcome.fault()), (4, None));
    let all = Matcher::new(MatchOp::NotEqual, "__name__", "").unwrap();
    let selection = db.select(TimeRange::ALL, &[all]).unwrap();
    let series = &selection.series[0];
    assert_eq!(*series.times, [NOW, NOW + 1, NOW + 2, NOW + 3]);
    assert!(series.histogram(0).is_none());
    let first = series.histogram(1).unwrap();
    let span = |offset, length| Span { offset, length };
    assert_eq!(
        *first,
        watchpost_model::Histogram {
            counter_reset: CounterReset::NotReset,
            schema: -1,
            zero_threshold: 0.001,
            sum: 18.4,
            positive_spans: vec![span(0, 2), span(1, 2)],
            negative_spans: vec![span(-3, 2)],
            custom_values: [].into(),
            counts: Counts::Integer {
                count: 15,
                zero_count: 2,
                positive: vec![1, 1, -1, 4],
                negative: vec![1, 2],
            },
        }
    );
    let second = series.histogram(2).unwrap();
    assert_eq!(second.counter_reset, CounterReset::Gauge);
    assert_eq!(
        second.counts,
        Counts::Float {
            count: 15.5,
            zero_count: 2.25,
            positive: vec![1.0, 2.0, 1.25, 5.0],
            negative: vec![1.0, 3.0],
        }
    );
    let third = series.histogram(3).unwrap();
    assert_eq!(*third.custom_values, [0.5, 2.0]);
}

#[test]
fn the_same_histogram_again_is_accepted_and_another_one_refused() {
    let (db, mut worker) = worker();
    let mut wanted = series(&[("__name__", "h")], &[]);
    wanted.histograms = vec![integer(-5)];
    for _ in 0..2 {
        let outcome = write(&mut worker, &request(vec![wanted.clone()]));
        assert_eq!((outcome.samples, outcome.fault()), (1, None));
    }
    wanted.histograms = vec![float(-5), integer(-6)];
    let outcome = write(&mut worker, &request(vec![wanted]));
    assert_eq!(
        outcome.refused,
        [
            (Reason::Store(Refusal::OutOfOrder), 1),
            (Reason::Store(Refusal::Duplicate), 1)
        ]
    );
    drop(db);
}

#[test]
fn a_histogram_that_makes_no_sense_is_refused_in_words_and_the_others_are_stored() {
    let mut wrong = integer(1);
    wrong.count = Some(Count::Integer(99));
    let (_, outcome) = written(vec![wrong, integer(2)]);
    assert_eq!(outcome.samples, 2);
    assert_eq!(
        outcome.fault().unwrap(),
        "invalid native histograms (1); first: 15 observations found in buckets, but the Count field is 99: \
         histogram's observation count should equal the number of observations found in the buckets (in \
         absence of NaN) in {__name__=\"h\", job=\"j\"} at 1700000000001 ms; 2 samples were stored"
    );
    let mut large = integer(1);
    large.positive_spans[0].length = 20_000;
    large.positive_deltas = vec![0; 20_000];
    let (_, outcome) = written(vec![large]);
    assert_eq!(outcome.refused, [(Reason::Histogram, 1)]);
    let mut resolved = integer(1);
    resolved.schema = 9;
    let (_, outcome) = written(vec![resolved]);
    assert_eq!(outcome.refused, [(Reason::Histogram, 1)]);
}

#[test]
fn a_stale_histogram_ends_its_series() {
    let mut end = integer(2);
    end.sum = stale_nan();
    let (db, outcome) = written(vec![integer(1), end]);
    assert_eq!((outcome.samples, outcome.fault()), (3, None));
    let selection = db.select(TimeRange::ALL, &[]).unwrap();
    assert!(is_stale(*selection.series[0].values.last().unwrap()));
}

#[test]
fn many_large_histograms_are_stored_in_pieces() {
    let large = |time: i64| {
        let mut large = integer(time);
        large.positive_spans = vec![BucketSpan {
            offset: 0,
            length: 10_000,
        }];
        large.positive_deltas = vec![0; 10_000];
        large.count = Some(Count::Integer(6));
        large
    };
    let (db, outcome) = written((1..300).map(large).collect());
    assert_eq!((outcome.samples, outcome.fault()), (300, None));
    let selection = db.select(TimeRange::ALL, &[]).unwrap();
    assert_eq!(
        selection.series[0].histogram(299).unwrap().bucket_count(),
        10_002
    );
}

#[test]
fn a_float_with_the_bits_of_a_mark_is_no_histogram_of_its_row() {
    let (db, mut worker) = worker();
    let mut with = series(&[("__name__", "h"), ("job", "j")], &[]);
    with.histograms = vec![integer(0)];
    let mark = watchpost_model::histogram::histogram_mark(0);
    let float = series(&[("__name__", "v"), ("job", "j")], &[(0, mark)]);
    let outcome = write(&mut worker, &request(vec![with, float]));
    assert_eq!(outcome.samples, 1);
    assert_eq!(outcome.refused, [(Reason::Store(Refusal::AbsentMark), 1)]);
    let float = Matcher::equal("__name__", "v");
    let selection = db.select(TimeRange::ALL, &[float]).unwrap();
    assert!(selection.series.is_empty());
}
