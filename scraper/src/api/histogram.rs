//! Native histograms in answers: `{"count":"5","sum":"1.5","buckets":[[0,"0.5","1","5"]]}`.
//!
//! A bucket is the rule of its bounds (0 open left, 1 open right, 2 open, 3 closed), its bounds and
//! its count. Empty buckets are left out.

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::Bucket;

use super::number::{put_number, put_time};

/// `[time, histogram]`.
pub(super) fn put_histogram(out: &mut Vec<u8>, time_ms: i64, histogram: &FloatHistogram) {
    out.push(b'[');
    put_time(out, time_ms);
    out.extend_from_slice(b",{\"count\":");
    put_quoted(out, histogram.count);
    out.extend_from_slice(b",\"sum\":");
    put_quoted(out, histogram.sum);
    let buckets = histogram.buckets();
    let mut buckets = buckets.iter().filter(|bucket| bucket.count != 0.0);
    if let Some(first) = buckets.next() {
        out.extend_from_slice(b",\"buckets\":[");
        put_bucket(out, first);
        for bucket in buckets {
            out.push(b',');
            put_bucket(out, bucket);
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}]");
}

fn put_bucket(out: &mut Vec<u8>, bucket: &Bucket) {
    let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
        (false, true) => b'0',
        (true, false) => b'1',
        (false, false) => b'2',
        (true, true) => b'3',
    };
    out.push(b'[');
    out.push(rule);
    for number in [bucket.lower, bucket.upper, bucket.count] {
        out.push(b',');
        put_quoted(out, number);
    }
    out.push(b']');
}

fn put_quoted(out: &mut Vec<u8>, number: f64) {
    out.push(b'"');
    put_number(out, number);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use watchpost_model::histogram::Span;

    use super::*;

    #[test]
    fn histograms_have_prometheus_s_shape() {
        let histogram = FloatHistogram {
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 6.5,
            sum: -1.5,
            positive_spans: vec![Span {
                offset: 0,
                length: 3,
            }],
            positive_buckets: vec![1.0, 0.0, 2.5],
            negative_spans: vec![Span {
                offset: 1,
                length: 1,
            }],
            negative_buckets: vec![1.0],
            ..FloatHistogram::default()
        };
        let mut out = Vec::new();
        put_histogram(&mut out, 1_500, &histogram);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "[1.500,{\"count\":\"6.5\",\"sum\":\"-1.5\",\"buckets\":[[1,\"-2\",\"-1\",\"1\"],\
             [3,\"-0.001\",\"0.001\",\"2\"],[0,\"0.5\",\"1\",\"1\"],[0,\"2\",\"4\",\"2.5\"]]}]"
        );
        let mut out = Vec::new();
        put_histogram(&mut out, 0, &FloatHistogram::default());
        assert_eq!(out, b"[0,{\"count\":\"0\",\"sum\":\"0\"}]");
    }
}
