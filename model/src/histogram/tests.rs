use std::sync::Arc;

use super::*;
use crate::stale_nan;

fn spans(spans: &[(i32, u32)]) -> Vec<Span> {
    let spans = spans.iter();
    let spans = spans.map(|(offset, length)| Span {
        offset: *offset,
        length: *length,
    });
    spans.collect()
}

fn integer() -> Histogram {
    Histogram {
        counter_reset: CounterReset::NotReset,
        schema: 1,
        zero_threshold: 0.001,
        sum: 18.4,
        positive_spans: spans(&[(0, 2), (1, 2)]),
        negative_spans: spans(&[(0, 1), (3, 1)]),
        custom_values: Arc::default(),
        counts: Counts::Integer {
            count: 15,
            zero_count: 2,
            positive: vec![1, 1, -1, 4],
            negative: vec![1, 2],
        },
    }
}

fn float() -> Histogram {
    integer().to_float().to_histogram()
}

fn custom() -> Histogram {
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        zero_threshold: 0.0,
        positive_spans: spans(&[(0, 1), (1, 1)]),
        negative_spans: Vec::new(),
        custom_values: [0.5, 1.0, 2.5].into(),
        counts: Counts::Integer {
            count: 5,
            zero_count: 0,
            positive: vec![2, 1],
            negative: Vec::new(),
        },
        ..integer()
    }
}

/// A histogram with something changed.
fn with(mut histogram: Histogram, change: impl FnOnce(&mut Histogram)) -> Histogram {
    change(&mut histogram);
    histogram
}

fn with_count(histogram: Histogram, new: u64) -> Histogram {
    with(histogram, |histogram| {
        if let Counts::Integer { count, .. } = &mut histogram.counts {
            *count = new;
        }
    })
}

fn floats(zero: f64, all: f64, buckets: Vec<f64>) -> Histogram {
    with(float(), |histogram| {
        histogram.counts = Counts::Float {
            count: all,
            zero_count: zero,
            positive: buckets,
            negative: vec![1.0, 3.0],
        };
    })
}

fn fault(histogram: &Histogram) -> String {
    histogram
        .validate()
        .map_or_else(|it| it.to_string(), |()| String::new())
}

#[test]
fn good_histograms_are_good() {
    for histogram in [integer(), float(), custom()] {
        assert_eq!(histogram.validate(), Ok(()));
        assert_eq!(histogram.to_float().validate(), Ok(()));
    }
    // Observations of NaN are in no bucket.
    let with_nan = with(with_count(integer(), 17), |it| it.sum = f64::NAN);
    assert_eq!(with_nan.validate(), Ok(()));
    // Floats need not add up.
    assert_eq!(floats(0.0, 1e9, vec![1.0; 4]).validate(), Ok(()));
}

#[test]
fn counts_are_added_up_as_floats() {
    let float = integer().to_float();
    assert_eq!(float.positive_buckets, [1.0, 2.0, 1.0, 5.0]);
    assert_eq!(float.negative_buckets, [1.0, 3.0]);
    assert_eq!(
        (float.count, float.zero_count, float.sum),
        (15.0, 2.0, 18.4)
    );
    assert_eq!(float.counter_reset, CounterReset::NotReset);
    assert_eq!(float.to_histogram().to_float(), float);
    assert!(!integer().is_stale());
    assert!(with(integer(), |it| it.sum = stale_nan()).is_stale());
    assert_eq!(
        (
            integer().bucket_count(),
            float.to_histogram().bucket_count()
        ),
        (6, 6)
    );
    assert!(custom().uses_custom_buckets() && !float.uses_custom_buckets());
}

#[test]
fn faults_of_exponential_buckets_are_told_in_the_words_of_prometheus() {
    insta::assert_snapshot!(fault(&with(integer(), |it| it.schema = 9)), @"histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 9");
    insta::assert_snapshot!(fault(&with(integer(), |it| it.positive_spans = spans(&[(0, 2), (-1, 2)]))), @"positive side: span number 2 with offset -1: histogram has a span whose offset is negative");
    insta::assert_snapshot!(fault(&with(integer(), |it| it.negative_spans = spans(&[(0, 3)]))), @"negative side: spans need 3 buckets, have 2 buckets: histogram spans specify different number of buckets than provided");
    insta::assert_snapshot!(fault(&with(integer(), |it| it.custom_values = [1.0].into())), @"histogram with exponential schema must not have custom bounds");
    insta::assert_snapshot!(fault(&with_count(integer(), 14)), @"15 observations found in buckets, but the Count field is 14: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)");
    insta::assert_snapshot!(fault(&with(with_count(integer(), 14), |it| it.sum = f64::NAN)), @"15 observations found in buckets, but the Count field is 14: histogram's observation count should be at least the number of observations found in the buckets");
    let negative = with(integer(), |it| {
        if let Counts::Integer { negative, .. } = &mut it.counts {
            *negative = vec![1, -2];
        }
    });
    insta::assert_snapshot!(fault(&negative), @"negative side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is negative");
    insta::assert_snapshot!(fault(&floats(-1.0, 1.0, vec![1.0; 4])), @"zero bucket has observation count of -1: histogram has a bucket whose observation count is negative");
    insta::assert_snapshot!(fault(&floats(1.0, -1.0, vec![1.0; 4])), @"observation count is -1: histogram's observation count is negative");
    insta::assert_snapshot!(fault(&floats(1.0, 1.0, vec![1.0, -0.5, 1.0, 1.0])), @"positive side: bucket number 2 has observation count of -0.5: histogram has a bucket whose observation count is negative");
}

#[test]
fn faults_of_custom_buckets_are_told_in_the_words_of_prometheus() {
    insta::assert_snapshot!(fault(&with(custom(), |it| it.custom_values = [1.0].into())), @"custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 3: histogram custom bounds are too few");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.custom_values = [1.0, 1.0, 2.0].into())), @"custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in strictly increasing order");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.custom_values = [1.0, f64::NAN].into())), @"custom buckets: histogram custom bounds must not be NaN");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.custom_values = [1.0, 2.0, f64::INFINITY].into())), @"custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.positive_spans = spans(&[(-1, 2)]))), @"custom buckets: span number 1 with offset -1: histogram has a span whose offset is negative");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.positive_spans = spans(&[(0, 3)]))), @"custom buckets: spans need 3 buckets, have 2 buckets: histogram spans specify different number of buckets than provided");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.zero_threshold = 0.1)), @"custom buckets: must have zero threshold of 0");
    insta::assert_snapshot!(fault(&with(custom(), |it| it.negative_spans = spans(&[(0, 1)]))), @"custom buckets: must not have negative spans");
    let zero = with(custom(), |it| {
        if let Counts::Integer { zero_count, .. } = &mut it.counts {
            *zero_count = 1;
        }
    });
    insta::assert_snapshot!(fault(&zero), @"custom buckets: must have zero count of 0");
}

#[test]
fn marks_hold_their_place_and_no_other_value_is_one() {
    for place in [0, 1, 77, u32::MAX] {
        let mark = histogram_mark(place);
        assert!(mark.is_nan());
        assert_eq!(histogram_index(mark), Some(place));
    }
    for value in [
        0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        stale_nan(),
        crate::absent_nan(),
    ] {
        assert_eq!(histogram_index(value), None);
    }
    assert_eq!(histogram_index(f64::from_bits(0x7ff0_b10c_0000_0000)), None);
}
