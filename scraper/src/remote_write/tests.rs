//! The reader against a reference, and the way of samples into the store against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use watchpost_model::{Labels, MatchOp, Matcher};
use watchpost_tsdb::{Config, Db, Refusal, TimeRange};

use super::message::{Entry, LabelFields, Part, Parts, Request, labels_first};
use super::outcome::Reason;
use super::worker::Worker;

mod histograms;

/// The messages as prost reads and writes them.
mod reference {
    pub(super) use super::histograms::Histogram;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub(super) metadata: Vec<Metadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(super) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(super) histograms: Vec<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Label {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Sample {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
        #[prost(int64, tag = "2")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
        #[prost(int64, tag = "3")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(string, tag = "4")]
        pub(super) help: String,
        #[prost(string, tag = "5")]
        pub(super) unit: String,
    }
}

use reference::{Exemplar, Label, Sample, TimeSeries, WriteRequest};

const NOW: i64 = 1_700_000_000_000;

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: labels
            .iter()
            .map(|(name, value)| Label {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        samples: samples
            .iter()
            .map(|(time, value)| Sample {
                value: *value,
                timestamp: NOW + time,
            })
            .collect(),
        ..TimeSeries::default()
    }
}

fn request(timeseries: Vec<TimeSeries>) -> WriteRequest {
    WriteRequest {
        timeseries,
        metadata: Vec::new(),
    }
}

fn write(worker: &mut Worker, request: &WriteRequest) -> super::Outcome {
    worker.body = request.encode_to_vec();
    worker.write(NOW).unwrap()
}

fn worker() -> (Db, Worker) {
    let db = Db::in_memory(Config::default());
    (db.clone(), Worker::new(db))
}

type Stored = BTreeMap<Labels, BTreeMap<i64, u64>>;

/// All that a store has, as bits.
fn stored(db: &Db) -> Stored {
    let all = Matcher::new(MatchOp::NotEqual, "__name__", "").unwrap();
    let selection = db.select(TimeRange::ALL, &[all]).unwrap();
    let series = selection.series.into_iter().map(|series| {
        let values = &series.values;
        let samples = series.times.iter().zip(values.iter());
        let samples = samples.filter(|(_, value)| !watchpost_model::is_absent(**value));
        let samples = samples.map(|(time, value)| (time - NOW, value.to_bits()));
        (series.labels, samples.collect())
    });
    series.collect()
}

/// Reads a request with our reader into the reference's structs, without exemplars and histograms.
fn read(body: &[u8]) -> Result<WriteRequest, super::wire::Malformed> {
    let mut read = WriteRequest::default();
    let mut entries = Request::new(body);
    while let Some(entry) = entries.next()? {
        match entry {
            Entry::Series(bytes) => {
                let bytes = labels_first(bytes)?;
                let mut series = TimeSeries::default();
                let mut labels = LabelFields::new(&bytes);
                while let Some(label) = labels.next()? {
                    series.labels.push(Label {
                        name: String::from_utf8(label.name.to_vec()).unwrap(),
                        value: String::from_utf8(label.value.to_vec()).unwrap(),
                    });
                }
                let mut parts = Parts::new(labels.rest());
                while let Some(part) = parts.next()? {
                    if let Part::Sample(sample) = part {
                        series.samples.push(Sample {
                            value: sample.value,
                            timestamp: sample.time_ms,
                        });
                    }
                }
                read.timeseries.push(series);
            }
            Entry::Metadata(bytes) => {
                let (name, metadata) = super::message::metadata(bytes)?;
                read.metadata.push(reference::Metadata {
                    kind: 0,
                    name,
                    help: metadata.help,
                    unit: metadata.unit,
                });
            }
        }
    }
    Ok(read)
}

/// An exemplar with the trace `7`, of a sample's value and time.
fn exemplar(sample: &Sample) -> Exemplar {
    Exemplar {
        labels: vec![Label {
            name: "trace_id".to_owned(),
            value: "7".to_owned(),
        }],
        value: sample.value,
        timestamp: sample.timestamp,
    }
}

fn any_series() -> impl Strategy<Value = TimeSeries> {
    let label = ("[a-c_]{0,3}", "[a-z]{0,3}").prop_map(|(name, value)| Label { name, value });
    let sample = || {
        (prop_oneof![Just(0.0), any::<f64>()], any::<i64>())
            .prop_filter("comparable", |(value, _)| !value.is_nan())
            .prop_map(|(value, timestamp)| Sample { value, timestamp })
    };
    (
        prop::collection::vec(label, 0..5),
        prop::collection::vec(sample(), 0..5),
        prop::collection::vec(sample(), 0..2),
    )
        .prop_map(|(labels, samples, others)| TimeSeries {
            labels,
            samples,
            exemplars: others.iter().map(exemplar).collect(),
            histograms: others.iter().map(histograms::empty).collect(),
        })
}

proptest! {
    #[test]
    fn requests_are_read_as_the_reference_reads_them(
        timeseries in prop::collection::vec(any_series(), 0..5),
        help in "[a-z]{0,5}",
        swap in any::<bool>(),
    ) {
        let metadata = reference::Metadata { kind: 0, name: "m".to_owned(), help, unit: String::new() };
        let mut wanted = WriteRequest { timeseries, metadata: vec![metadata] };
        let mut body = wanted.encode_to_vec();
        if swap {
            // The second half's fields before the first's: any order is allowed.
            let mut more = wanted.clone();
            more.encode(&mut body).unwrap();
            wanted.timeseries.append(&mut more.timeseries);
            wanted.metadata.append(&mut more.metadata);
        }
        for series in &mut wanted.timeseries {
            series.exemplars.clear();
            series.histograms.clear();
        }
        prop_assert_eq!(read(&body).unwrap(), wanted);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_, mut worker) = worker();
        let ours = read_lossy(&body);
        if WriteRequest::decode(&*body).is_ok() && !has_group(&body) {
            prop_assert!(ours, "the reference reads it");
        }
        worker.body = body;
        drop(worker.write(NOW));
    }

    /// Whatever the order of series, and whichever of them were seen before, each sample goes to its
    /// own series.
    #[test]
    fn samples_go_to_their_own_series(
        requests in prop::collection::vec(
            prop::collection::vec((0..3_usize, 0..6_usize, 1..4_usize), 1..20),
            1..12,
        ),
    ) {
        let (db, mut worker) = worker();
        let mut wanted = Stored::new();
        for (at, picks) in requests.into_iter().enumerate() {
            let start = i64::try_from(at).unwrap() * 100;
            let mut all = Vec::new();
            for (order, (target, line, samples)) in picks.into_iter().enumerate() {
                let labels = labels_of(target, line);
                let labels: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let start = start + i64::try_from(order).unwrap() * 3;
                let samples: Vec<_> = (0..samples)
                    .map(|sample| {
                        let time = start + i64::try_from(sample).unwrap();
                        let number = at * 1_000 + order * 10 + sample;
                        (time, f64::from(u32::try_from(number).unwrap()))
                    })
                    .collect();
                let series_of = wanted.entry(Labels::from_pairs(labels.clone())).or_default();
                for (time, value) in &samples {
                    series_of.insert(*time, value.to_bits());
                }
                all.push(series(&labels, &samples));
            }
            let outcome = write(&mut worker, &request(all));
            prop_assert_eq!(outcome.fault(), None);
        }
        prop_assert_eq!(stored(&db), wanted);
    }
}

/// Label sets that are easily taken for each other.
fn labels_of(target: usize, line: usize) -> Vec<(String, String)> {
    let mut labels = vec![("__name__".to_owned(), format!("m{}", line / 3))];
    match target {
        0 => labels.push(("instance".to_owned(), "a".to_owned())),
        1 => {
            labels.push(("instance".to_owned(), "a".to_owned()));
            labels.push(("job".to_owned(), "b".to_owned()));
        }
        _ => {}
    }
    if !line.is_multiple_of(3) {
        labels.push(("le".to_owned(), format!("{}", line % 3)));
    }
    labels
}

fn read_lossy(body: &[u8]) -> bool {
    let mut entries = Request::new(body);
    loop {
        match entries.next() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Whether any key may be of a group, which nobody has sent since 2008 and we refuse.
fn has_group(body: &[u8]) -> bool {
    body.iter().any(|byte| matches!(byte & 7, 3 | 4))
}

#[test]
fn the_rest_of_a_request_is_stored_where_a_part_is_refused() {
    let (db, mut worker) = worker();
    let a = [("__name__", "a"), ("instance", "x"), ("job", "j")];
    let b = [("__name__", "b"), ("instance", "x"), ("job", "j")];
    write(&mut worker, &request(vec![series(&a, &[(0, 1.0)])]));
    let nameless = series(&[("x", "y")], &[(0, 1.0)]);
    let twice = series(&[("__name__", "c"), ("d", "1"), ("d", "2")], &[(0, 1.0)]);
    let future = series(&b, &[(86_400_000, 1.0)]);
    let early = series(&a, &[(-1, 1.0)]);
    let outcome = write(
        &mut worker,
        &request(vec![
            series(&a, &[(0, 2.0)]),
            nameless,
            twice,
            future,
            early,
            series(&b, &[(0, 3.0)]),
        ]),
    );
    let mut refused = outcome.refused.clone();
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            (Reason::Store(Refusal::OutOfOrder), 1),
            (Reason::Store(Refusal::TooFarAhead), 1),
            (Reason::Store(Refusal::Duplicate), 1),
            (Reason::InvalidLabels, 2),
        ]
    );
    assert_eq!(outcome.samples, 1);
    let fault = outcome.fault().unwrap();
    assert!(fault.contains("invalid labels (2)"), "{fault}");
    let value = |name: &str| {
        stored(&db)[&Labels::from_pairs([("__name__", name), ("instance", "x"), ("job", "j")])][&0]
    };
    assert_eq!(value("a"), 1_f64.to_bits());
    assert_eq!(value("b"), 3_f64.to_bits());
}

#[test]
fn labels_may_come_after_samples() {
    let (db, mut worker) = worker();
    let late = series(&[("__name__", "a"), ("job", "j")], &[(0, 1.0)]);
    let mut body = Vec::new();
    let labels = TimeSeries {
        samples: Vec::new(),
        ..late.clone()
    }
    .encode_to_vec();
    let samples = TimeSeries {
        labels: Vec::new(),
        ..late
    }
    .encode_to_vec();
    body.push(0x0a);
    body.push(u8::try_from(labels.len() + samples.len()).unwrap());
    body.extend([samples, labels].concat());
    worker.body = body;
    assert_eq!(worker.write(NOW).unwrap().samples, 1);
    let found = stored(&db);
    assert_eq!(
        found[&Labels::from_pairs([("__name__", "a"), ("job", "j")])].len(),
        1
    );
}

#[test]
fn exemplars_that_are_not_kept_are_no_fault() {
    let (_, mut worker) = worker();
    let mut odd = series(&[("__name__", "a")], &[(0, 1.0)]);
    odd.exemplars = odd.samples.iter().map(exemplar).collect();
    let outcome = write(&mut worker, &request(vec![odd]));
    assert_eq!(outcome.refused, [(Reason::Exemplar, 1)]);
    assert_eq!(outcome.fault(), None);
}

#[test]
fn exemplars_are_kept_where_the_store_keeps_any() {
    let db = Db::in_memory(Config {
        max_exemplars: 10,
        ..Config::default()
    });
    let mut worker = Worker::new(db.clone());
    let mut counter = series(&[("__name__", "a"), ("job", "j")], &[(0, 1.0), (1, 2.0)]);
    counter.exemplars = counter.samples.iter().rev().map(exemplar).collect();
    let outcome = write(&mut worker, &request(vec![counter.clone()]));
    assert_eq!((outcome.samples, outcome.exemplars), (2, 1));
    // The second one is older than the first.
    assert_eq!(outcome.refused, [(Reason::Exemplar, 1)]);
    assert_eq!(outcome.fault(), None);
    let all = Matcher::new(MatchOp::NotEqual, "__name__", "").unwrap();
    let kept = db.exemplars(TimeRange::ALL, &[vec![all]]);
    let [(of, exemplars)] = kept.as_slice() else {
        panic!("expected exemplars of one series, found {kept:?}");
    };
    assert_eq!(*of, Labels::from_pairs([("__name__", "a"), ("job", "j")]));
    let wanted = watchpost_tsdb::Exemplar {
        labels: Labels::from_pairs([("trace_id", "7")]),
        value: 2.0,
        time_ms: NOW + 1,
    };
    assert_eq!(*exemplars, [wanted]);
    // A request that is sent again.
    counter.exemplars.truncate(1);
    let outcome = write(&mut worker, &request(vec![counter]));
    assert_eq!((outcome.exemplars, outcome.refused), (1, Vec::new()));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_before_it_is_read() {
    let receiver = super::Receiver::new(Db::in_memory(Config::default()));
    assert!(receiver.room(super::MAX_BODY).await.is_ok());
    let refused = receiver.room(super::MAX_BODY + 1).await.err().unwrap();
    assert_eq!(
        refused.to_string(),
        "expected a write request of at most 33554432 bytes compressed, found 33554433"
    );
}

#[test]
fn metadata_are_remembered() {
    let (db, mut worker) = worker();
    let metadata = reference::Metadata {
        kind: 1,
        name: "a_total".to_owned(),
        help: "Help.".to_owned(),
        unit: "seconds".to_owned(),
    };
    worker.body = WriteRequest {
        timeseries: Vec::new(),
        metadata: vec![metadata],
    }
    .encode_to_vec();
    assert_eq!(worker.write(NOW).unwrap().metadata, 1);
    db.maintain(NOW).unwrap();
    let (_, name, metadata) = db.metadata(None).pop().unwrap();
    assert_eq!(
        (name.as_str(), metadata.help.as_str()),
        ("a_total", "Help.")
    );
    assert_eq!(metadata.metric_type, watchpost_model::MetricType::Counter);
}

#[test]
fn one_series_with_very_many_times_is_stored_in_pieces() {
    let (db, mut worker) = worker();
    let samples: Vec<_> = (0..10_000).map(|at| (at - 20_000, 1.0)).collect();
    let outcome = write(
        &mut worker,
        &request(vec![series(&[("__name__", "a")], &samples)]),
    );
    assert_eq!((outcome.samples, outcome.fault()), (10_000, None));
    assert_eq!(stored(&db).into_values().next().unwrap().len(), 10_000);
}
