//! The answer to a query as JSON, written piece by piece as the client takes it.
//!
//! A series is released when it is written, so a long answer never stands in memory as numbers and
//! as text at once, and nobody waits on a slow client but its own connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use watchpost_model::{FloatHistogram, Labels};
use watchpost_promql::{Answer, InstantSample, RangeSeries, Value};

use super::histogram::put_histogram;
use super::number::{put_number, put_time};
use super::queries::Statistics;
use super::response::{put_json, put_notes};

/// About how long a piece is.
const PIECE: usize = 64 << 10;

/// The answer to a query. What fits into one piece is sent as a whole.
pub(super) fn answer(answer: Answer, stats: Option<&Statistics>) -> Response {
    let mut pieces = Pieces::new(answer, stats);
    let first = pieces.next().unwrap_or_default();
    let body = if pieces.is_done() {
        Body::from(first)
    } else {
        pieces.first = Some(first);
        Body::new(pieces)
    };
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// What is left to be written.
#[derive(Debug)]
struct Pieces {
    /// A piece that is written and not sent.
    first: Option<Bytes>,
    /// What comes before the rest.
    head: Vec<u8>,
    rest: Rest,
    /// What comes after the rest; nothing where all is written.
    tail: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Rest {
    /// All of it stands in the head.
    Nothing,
    Vector(std::vec::IntoIter<InstantSample>),
    Matrix {
        series: std::vec::IntoIter<RangeSeries>,
        current: Option<Samples>,
    },
}

/// The samples of a series that are not written yet.
#[derive(Debug)]
struct Samples {
    points: std::vec::IntoIter<(i64, f64)>,
    histograms: std::vec::IntoIter<(i64, Arc<FloatHistogram>)>,
    /// Which list is open, and whether it has an entry already.
    list: List,
    has_entry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Points,
    Histograms,
}

impl Pieces {
    fn new(answer: Answer, stats: Option<&Statistics>) -> Self {
        let mut head = b"{\"status\":\"success\",\"data\":{\"resultType\":".to_vec();
        let mut tail = Vec::new();
        let rest = match answer.value {
            Value::Scalar { time_ms, value } => {
                head.extend_from_slice(b"\"scalar\",\"result\":");
                put_point(&mut head, time_ms, value);
                Rest::Nothing
            }
            Value::String { time_ms, value } => {
                head.extend_from_slice(b"\"string\",\"result\":[");
                put_time(&mut head, time_ms);
                head.push(b',');
                put_json(&mut head, &value);
                head.push(b']');
                Rest::Nothing
            }
            Value::Vector(samples) => {
                head.extend_from_slice(b"\"vector\",\"result\":[");
                tail.push(b']');
                Rest::Vector(samples.into_iter())
            }
            Value::Matrix(series) => {
                head.extend_from_slice(b"\"matrix\",\"result\":[");
                tail.push(b']');
                Rest::Matrix {
                    series: series.into_iter(),
                    current: None,
                }
            }
        };
        if let Some(stats) = stats {
            tail.extend_from_slice(b",\"stats\":");
            put_json(&mut tail, stats);
        }
        tail.push(b'}');
        put_notes(&mut tail, &answer.warnings, &answer.infos);
        tail.push(b'}');
        Self {
            first: None,
            head,
            rest,
            tail: Some(tail),
        }
    }

    fn is_done(&self) -> bool {
        self.first.is_none() && self.tail.is_none()
    }

    /// The next piece; nothing at the end.
    fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        self.tail.as_ref()?;
        let mut out = std::mem::take(&mut self.head);
        let is_first = !out.is_empty();
        if self.rest.write(&mut out, is_first) {
            out.extend(self.tail.take().into_iter().flatten());
        }
        Some(Bytes::from(out))
    }
}

impl Rest {
    /// Writes until the piece is long enough; whether all is written. `is_first` tells that no series
    /// stands before.
    fn write(&mut self, out: &mut Vec<u8>, mut is_first: bool) -> bool {
        while out.len() < PIECE {
            let more = match self {
                Self::Nothing => false,
                Self::Vector(samples) => put_sample(out, samples, is_first),
                Self::Matrix { series, current } => match current {
                    Some(samples) => {
                        if samples.write(out) {
                            *current = None;
                        }
                        true
                    }
                    None => match series.next() {
                        Some(next) => {
                            put_metric(out, &next.labels, is_first);
                            *current = Some(Samples::open(out, next));
                            true
                        }
                        None => false,
                    },
                },
            };
            if !more {
                return true;
            }
            is_first = false;
        }
        false
    }
}

impl Samples {
    /// Begins with the list of points, or where there are none with that of histograms.
    fn open(out: &mut Vec<u8>, series: RangeSeries) -> Self {
        let list = if series.points.is_empty() && !series.histograms.is_empty() {
            out.extend_from_slice(b"\"histograms\":[");
            List::Histograms
        } else {
            out.extend_from_slice(b"\"values\":[");
            List::Points
        };
        Self {
            points: series.points.into_iter(),
            histograms: series.histograms.into_iter(),
            list,
            has_entry: false,
        }
    }

    /// Writes until the piece is long enough; whether these are all.
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE {
            let comma = if self.has_entry { &b","[..] } else { b"" };
            match self.list {
                List::Points => match self.points.next() {
                    Some((time_ms, value)) => {
                        out.extend_from_slice(comma);
                        put_point(out, time_ms, value);
                        self.has_entry = true;
                    }
                    None if self.histograms.len() == 0 => {
                        out.extend_from_slice(b"]}");
                        return true;
                    }
                    None => {
                        out.extend_from_slice(b"],\"histograms\":[");
                        self.list = List::Histograms;
                        self.has_entry = false;
                    }
                },
                List::Histograms => {
                    let Some((time_ms, histogram)) = self.histograms.next() else {
                        out.extend_from_slice(b"]}");
                        return true;
                    };
                    out.extend_from_slice(comma);
                    put_histogram(out, time_ms, &histogram);
                    self.has_entry = true;
                }
            }
        }
        false
    }
}

fn put_sample(
    out: &mut Vec<u8>,
    samples: &mut std::vec::IntoIter<InstantSample>,
    is_first: bool,
) -> bool {
    let Some(sample) = samples.next() else {
        return false;
    };
    put_metric(out, &sample.labels, is_first);
    if let Some(histogram) = &sample.histogram {
        out.extend_from_slice(b"\"histogram\":");
        put_histogram(out, sample.time_ms, histogram);
    } else {
        out.extend_from_slice(b"\"value\":");
        put_point(out, sample.time_ms, sample.value);
    }
    out.push(b'}');
    true
}

fn put_metric(out: &mut Vec<u8>, labels: &Labels, is_first: bool) {
    if !is_first {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"metric\":");
    put_json(out, labels);
    out.push(b',');
}

fn put_point(out: &mut Vec<u8>, time_ms: i64, value: f64) {
    out.push(b'[');
    put_time(out, time_ms);
    out.extend_from_slice(b",\"");
    put_number(out, value);
    out.extend_from_slice(b"\"]");
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value) -> (usize, String) {
        let answer = Answer {
            value,
            warnings: vec!["w".to_owned()],
            infos: Vec::new(),
            peak_samples: 0,
            samples: watchpost_promql::SampleCounts::default(),
        };
        let mut pieces = Pieces::new(answer, None);
        let all: Vec<Bytes> = std::iter::from_fn(|| pieces.next()).collect();
        assert!(pieces.is_done());
        for piece in &all {
            assert!(piece.len() < PIECE + 1_024, "{}", piece.len());
        }
        (all.len(), String::from_utf8(all.concat()).unwrap())
    }

    fn series(count: i64, points: i64) -> Value {
        let one = |at: i64| RangeSeries {
            labels: Labels::from_pairs([("x", at.to_string())]),
            points: (0..points).map(|at| (at * 1_000, 0.5)).collect(),
            histograms: Vec::new(),
        };
        Value::Matrix((0..count).map(one).collect())
    }

    #[test]
    fn answers_have_prometheus_s_shape() {
        let (_, found) = text(series(2, 2));
        assert_eq!(
            found,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[\
             {\"metric\":{\"x\":\"0\"},\"values\":[[0,\"0.5\"],[1,\"0.5\"]]},\
             {\"metric\":{\"x\":\"1\"},\"values\":[[0,\"0.5\"],[1,\"0.5\"]]}]},\"warnings\":[\"w\"]}"
        );
        let sample = InstantSample {
            labels: Labels::empty(),
            time_ms: 1,
            value: 2.0,
            histogram: None,
        };
        let (_, found) = text(Value::Vector(vec![sample]));
        assert_eq!(
            found,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[\
             {\"metric\":{},\"value\":[0.001,\"2\"]}]},\"warnings\":[\"w\"]}"
        );
        let (_, found) = text(Value::Vector(Vec::new()));
        assert!(found.contains("\"result\":[]}"), "{found}");
    }

    #[test]
    fn histograms_stand_beside_the_values() {
        let histogram = Arc::new(FloatHistogram::default());
        let text_of = |points: Vec<(i64, f64)>| {
            let series = RangeSeries {
                labels: Labels::empty(),
                points,
                histograms: vec![
                    (2_000, Arc::clone(&histogram)),
                    (3_000, Arc::clone(&histogram)),
                ],
            };
            text(Value::Matrix(vec![series])).1
        };
        let empty = "{\"count\":\"0\",\"sum\":\"0\"}";
        let both = format!("\"histograms\":[[2,{empty}],[3,{empty}]]}}]");
        let found = text_of(vec![(1_000, 5.0)]);
        assert!(
            found.contains(&format!("{{\"metric\":{{}},\"values\":[[1,\"5\"]],{both}")),
            "{found}"
        );
        let found = text_of(Vec::new());
        assert!(
            found.contains(&format!("{{\"metric\":{{}},{both}")),
            "{found}"
        );
    }

    #[test]
    fn a_long_answer_comes_in_pieces_that_are_one_document() {
        for (count, points) in [(3, 11_000), (20_000, 2), (1, 1), (5_000, 1)] {
            let (pieces, found) = text(series(count, points));
            assert_eq!(pieces > 1, found.len() > PIECE, "{count} {points}");
            let found: serde_json::Value = serde_json::from_str(&found).unwrap();
            let result = found["data"]["result"].as_array().unwrap();
            assert_eq!(result.len(), usize::try_from(count).unwrap());
            for series in result {
                let values = series["values"].as_array().unwrap();
                assert_eq!(values.len(), usize::try_from(points).unwrap());
            }
        }
    }
}
