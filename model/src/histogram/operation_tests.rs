//! Laws of the operations, and examples of Prometheus's own.

use proptest::prelude::*;

use super::CounterReset::{Gauge, NotReset, Reset, Unknown};
use super::*;

fn histogram(text: &str) -> FloatHistogram {
    text.parse::<HistogramNotation>().unwrap().histogram
}

/// Without empty buckets.
fn compacted(mut histogram: FloatHistogram) -> FloatHistogram {
    histogram.compact();
    histogram
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (a.abs() + b.abs()) || a.to_bits() == b.to_bits()
}

#[test]
fn histograms_are_printed_as_prometheus_prints_them() {
    let text = |notation| histogram(notation).to_string();
    insta::assert_snapshot!(
        text("{{schema:1 sum:3.5 count:22 z_bucket:2 z_bucket_w:0.001 offset:1 buckets:[5 0 7] n_buckets:[0 2]}}"),
        @"{count:22, sum:3.5, [-1.414213562373095,-1):2, [-0.001,0.001]:2, (1,1.414213562373095]:5, (2,2.82842712474619]:7}"
    );
    insta::assert_snapshot!(
        text("{{schema:-53 sum:1e6 count:6 custom_values:[-2 3] buckets:[1 2 3]}}"),
        @"{count:6, sum:1e+06, [-Inf,-2]:1, (-2,3]:2, (3,+Inf]:3}"
    );
    insta::assert_snapshot!(text("{{}}"), @"{count:0, sum:0}");
}

#[test]
fn a_text_that_is_no_histogram_names_what_is_wrong() {
    let fault = |text: &str| text.parse::<HistogramNotation>().unwrap_err().to_string();
    insta::assert_snapshot!(fault("{schema:1}"), @"expected `{{...}}`, found `{schema:1}`");
    insta::assert_snapshot!(fault("{{sum}}"), @"expected a field of a histogram, found `sum`");
    insta::assert_snapshot!(fault("{{summ:1}}"), @"expected a field of a histogram, found `summ`");
    insta::assert_snapshot!(fault("{{sum:x}}"), @"expected a value for `sum`, found `x`");
    insta::assert_snapshot!(fault("{{buckets:[1 x]}}"), @"expected a value for `buckets`, found `[1 x]`");
    insta::assert_snapshot!(fault("{{counter_reset_hint:no}}"), @"expected a value for `counter_reset_hint`, found `no`");
}

#[test]
fn a_sum_has_the_lower_resolution_and_the_wider_zero_bucket() {
    let fine = histogram("{{schema:1 count:10 sum:8 z_bucket:1 buckets:[1 2 3 3]}}");
    // The zero bucket ends within the populated bucket from 0.5 to 1, which it takes in.
    let coarse =
        histogram("{{schema:0 count:5 sum:9 z_bucket:2 z_bucket_w:0.8 offset:1 buckets:[3]}}");
    let (sum, joined) = fine.plus(&coarse).unwrap();
    assert_eq!(joined, Joined::default());
    let wanted =
        histogram("{{schema:0 count:15 sum:17 z_bucket:4 z_bucket_w:1 offset:1 buckets:[8 3]}}");
    assert_eq!(compacted(sum), wanted);
}

#[test]
fn given_bounds_that_differ_are_brought_to_those_that_both_have() {
    let old = histogram("{{schema:-53 sum:55 count:15 custom_values:[2 4 6] buckets:[1 2 5 7]}}");
    let new = histogram(
        "{{schema:-53 sum:555 count:450 custom_values:[1 2 3 4 5 6 7 8] buckets:[10 20 30 40 50 60 70 80 90]}}",
    );
    let (difference, joined) = new.minus(&old).unwrap();
    assert!(joined.bounds_differ);
    let wanted =
        histogram("{{schema:-53 sum:500 count:435 custom_values:[2 4 6] buckets:[29 68 105 233]}}");
    assert_eq!(difference, wanted);
    assert!(!new.is_reset_after(&old));
    assert!(old.is_reset_after(&new));
    assert_eq!(old.plus(&histogram("{{}}")), Err(MixedBuckets));
}

#[test]
fn what_is_known_of_resets_is_put_together() {
    let with = |counter_reset| FloatHistogram {
        counter_reset,
        ..FloatHistogram::default()
    };
    for (a, b, both, collision) in [
        (Reset, NotReset, Unknown, true),
        (NotReset, Reset, Unknown, true),
        (Reset, Reset, Reset, false),
        (Reset, Unknown, Unknown, false),
        (Unknown, NotReset, Unknown, false),
        (Reset, Gauge, Gauge, false),
        (Gauge, Unknown, Gauge, false),
    ] {
        let (sum, joined) = with(a).plus(&with(b)).unwrap();
        assert_eq!(
            (sum.counter_reset, joined.reset_collision),
            (both, collision)
        );
    }
}

#[test]
fn resets_are_told_by_what_became_less() {
    let before = histogram("{{schema:1 count:7 z_bucket:1 z_bucket_w:0.1 buckets:[1 2 3]}}");
    let reset = |notation| histogram(notation).is_reset_after(&before);
    for same in [
        "{{schema:1 count:7 z_bucket:1 z_bucket_w:0.1 buckets:[1 2 3]}}",
        "{{schema:0 count:7 z_bucket:1 z_bucket_w:0.1 buckets:[1 5]}}",
        "{{schema:1 count:7 z_bucket:2 z_bucket_w:1 offset:1 buckets:[2 3]}}",
        "{{schema:1 count:0 counter_reset_hint:not_reset}}",
    ] {
        assert!(!reset(same), "{same}");
    }
    for fallen in [
        "{{schema:1 count:6 z_bucket:1 z_bucket_w:0.1 buckets:[1 2 3]}}",
        "{{schema:1 count:9 z_bucket:1 z_bucket_w:0.1 buckets:[1 1 3]}}",
        "{{schema:1 count:9 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}",
        "{{schema:1 count:9 z_bucket:0 z_bucket_w:0.1 buckets:[1 2 3]}}",
        "{{schema:2 count:9 z_bucket:1 z_bucket_w:0.1 buckets:[1 2 3 3 3]}}",
        "{{schema:1 count:9 z_bucket:1 z_bucket_w:0.01 buckets:[1 2 3]}}",
        "{{schema:1 count:9 z_bucket:2 z_bucket_w:0.8 offset:1 buckets:[2 3]}}",
        "{{schema:-53 count:9 custom_values:[1] buckets:[9]}}",
        "{{schema:1 count:9 z_bucket:1 z_bucket_w:0.1 buckets:[1 2 3] counter_reset_hint:reset}}",
    ] {
        assert!(reset(fallen), "{fallen}");
    }
}

#[test]
fn a_mean_does_not_overflow_where_the_sum_would() {
    let great = histogram("{{schema:0 count:2 sum:1.7e308 buckets:[1 1]}}");
    let mut mean = HistogramMean::from(&great);
    for _ in 0..3 {
        mean.add(&great).unwrap();
    }
    let mean = mean.value();
    assert!(near(mean.sum, 1.7e308) && near(mean.count, 2.0), "{mean}");
    assert!(mean.positive_buckets.iter().all(|count| near(*count, 1.0)));
}

/// Exponential histograms whose count is what is in their buckets.
fn exponential() -> impl Strategy<Value = FloatHistogram> {
    let counts = || prop::collection::vec((0_u32..5).prop_map(f64::from), 0..6);
    (
        -2..4_i32,
        0..4_u32,
        (-4..4_i32, counts()),
        (-4..4_i32, counts()),
    )
        .prop_map(|(schema, zero, (offset, positive), (below, negative))| {
            let span = |offset: i32, counts: &[f64]| {
                vec![Span {
                    offset,
                    length: u32::try_from(counts.len()).unwrap(),
                }]
            };
            let zero_count = f64::from(zero);
            FloatHistogram {
                schema,
                zero_threshold: if zero == 3 { 0.3 } else { 0.001 },
                zero_count,
                count: zero_count + positive.iter().chain(&negative).sum::<f64>(),
                sum: 12.5,
                positive_spans: span(offset, &positive),
                negative_spans: span(below, &negative),
                positive_buckets: positive,
                negative_buckets: negative,
                ..FloatHistogram::default()
            }
        })
}

/// What is in the buckets.
fn in_buckets(histogram: &FloatHistogram) -> f64 {
    histogram.buckets().iter().map(|bucket| bucket.count).sum()
}

proptest! {
    #[test]
    fn no_observation_is_lost_in_a_sum(a in exponential(), b in exponential()) {
        let (sum, _) = a.plus(&b).unwrap();
        let (other, _) = b.plus(&a).unwrap();
        prop_assert!(near(sum.count, a.count + b.count));
        prop_assert!(near(in_buckets(&sum), in_buckets(&a) + in_buckets(&b)), "{sum}");
        prop_assert_eq!(compacted(sum), compacted(other));
    }

    #[test]
    fn what_was_added_can_be_taken_away(a in exponential(), b in exponential()) {
        let (sum, _) = a.plus(&b).unwrap();
        let (left, _) = sum.minus(&b).unwrap();
        let (zero, _) = left.minus(&a).unwrap();
        prop_assert!(near(in_buckets(&zero), 0.0), "{zero}");
        prop_assert!(!sum.is_reset_after(&a), "{} after {}", sum, a);
    }

    #[test]
    fn a_sum_of_many_is_the_sums_of_each(list in prop::collection::vec(exponential(), 1..6)) {
        let mut sum = HistogramSum::from(&list[0]);
        let mut mean = HistogramMean::from(&list[0]);
        let mut plain = list[0].clone();
        for one in &list[1..] {
            sum.add(one).unwrap();
            mean.add(one).unwrap();
            plain = plain.plus(one).unwrap().0;
        }
        let mut mean = mean.value();
        mean.multiply(list.len() as f64);
        let (sum, plain) = (compacted(sum.total()), compacted(plain));
        for (a, b) in [(&sum, &plain), (&sum, &mean)] {
            let (mut a, mut b) = (a.buckets(), b.buckets());
            a.retain(|bucket| bucket.count > 1e-9);
            b.retain(|bucket| bucket.count > 1e-9);
            prop_assert_eq!(a.len(), b.len());
            for (a, b) in a.iter().zip(&b) {
                prop_assert!(near(a.count, b.count) && near(a.lower, b.lower), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn trims_at_a_value_share_the_observations(a in exponential(), at in -20.0..20.0) {
        // For a share an empty bucket is one, so that observations of zero may be on its side.
        let mut a = compacted(a);
        a.zero_threshold = 1e-9;
        let (below, above) = (a.trimmed(at, Keep::Below), a.trimmed(at, Keep::Above));
        prop_assert!(near(below.count + above.count, a.count), "{below} {above}");
        prop_assert!(near(in_buckets(&below), below.count));
        let (share, nans) = a.fraction(f64::NEG_INFINITY, at);
        if a.count > 0.0 {
            prop_assert!(near(share * a.count, below.count), "{share} of {a}: {below}");
        }
        prop_assert!(!nans);
    }

    #[test]
    fn quantile_and_fraction_are_inverse(mut a in exponential(), rank in 0.05..0.95) {
        prop_assume!(a.count > 0.0);
        // No other bucket is within that around zero.
        a.zero_threshold = 1e-9;
        let (value, effect) = a.quantile(rank);
        prop_assert_eq!(effect, NanEffect::None);
        let (share, _) = a.fraction(f64::NEG_INFINITY, value);
        prop_assert!((share - rank).abs() < 1e-6, "{} {} {} {}", value, share, rank, a);
    }

    #[test]
    fn a_lower_resolution_keeps_all_observations(a in exponential(), schema in -4..4_i32) {
        let reduced = a.reduced_to(schema);
        prop_assert_eq!(reduced.schema, a.schema.min(schema));
        prop_assert!(near(in_buckets(&reduced), in_buckets(&a)));
        prop_assert!(!reduced.is_reset_after(&a));
    }

    #[test]
    fn any_histogram_at_all_can_be_computed_with(
        schema in prop::sample::select(vec![-53, -4, 0, 8]),
        offset in any::<i32>(),
        counts in prop::collection::vec(any::<f64>(), 0..4),
        threshold in any::<f64>(),
        custom in prop::collection::vec(any::<f64>(), 0..3),
        value in any::<f64>(),
        other in exponential(),
    ) {
        let length = u32::try_from(counts.len()).unwrap();
        let odd = FloatHistogram {
            schema,
            zero_threshold: threshold,
            positive_spans: vec![Span { offset, length }, Span { offset: 1, length: 9 }],
            positive_buckets: counts,
            custom_values: custom.into(),
            ..FloatHistogram::default()
        };
        // Neither panics nor takes more room than there are buckets.
        for (a, b) in [(&odd, &other), (&other, &odd), (&odd, &odd)] {
            let buckets = |of: &FloatHistogram| of.positive_buckets.len() + of.negative_buckets.len();
            let most = buckets(a) + buckets(b);
            for both in [a.plus(b), a.minus(b)].into_iter().flatten() {
                prop_assert!(buckets(&both.0) <= most);
            }
            prop_assert_eq!(a.same_data(b), b.same_data(a));
            prop_assert!(!a.is_reset_after(b) || a.counter_reset != NotReset);
        }
        let (share, _) = odd.fraction(value, 0.0);
        prop_assert!(share.is_nan() || odd.quantile(2.0).0.is_infinite());
        let trimmed = [Keep::Below, Keep::Above].map(|keep| odd.trimmed(value, keep));
        let printed = trimmed.iter().all(|it| it.to_string().ends_with('}'));
        prop_assert!(printed);
        prop_assert!(odd.variance().is_nan() || odd.count != 0.0);
    }
}
