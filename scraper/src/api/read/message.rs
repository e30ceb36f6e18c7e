//! The messages of remote read.
//!
//! ```text
//! ReadRequest   queries 1: Query, accepted_response_types 2: enum (0 samples, 1 streamed chunks)
//! Query         start_timestamp_ms 1, end_timestamp_ms 2, matchers 3: LabelMatcher, hints 4
//! LabelMatcher  type 1: enum (0 `=`, 1 `!=`, 2 `=~`, 3 `!~`), name 2, value 3
//! ReadResponse  results 1: QueryResult
//! QueryResult   timeseries 1: TimeSeries
//! TimeSeries    labels 1: (name 1, value 2), samples 2: (value 1: double, timestamp 2: int64, ms),
//!               histograms 4: see `histogram`
//! ```

use watchpost_model::{Labels, MatchOp, Matcher, is_absent};
use watchpost_tsdb::Series;

use super::histogram::put_histogram;
use crate::remote_write::wire::{Fields, Malformed, Value};

/// The response type of whole samples.
const SAMPLES: u64 = 0;
/// More matchers than this have no use; each may hold a compiled expression.
const MAX_MATCHERS: usize = 1_000;

/// Which samples are asked for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) matchers: Vec<Matcher>,
}

/// Reads a request.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Query>, String> {
    let mut queries = Vec::new();
    let mut accepted = Vec::new();
    let mut matchers = 0;
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next().map_err(malformed)? {
        match field {
            (1, Value::Bytes(bytes)) => {
                let query = query(bytes)?;
                matchers += query.matchers.len() + 1;
                if matchers > MAX_MATCHERS {
                    return Err(format!("expected at most {MAX_MATCHERS} matchers"));
                }
                queries.push(query);
            }
            (2, Value::Varint(kind)) => accepted.push(kind),
            (2, Value::Bytes(packed)) => accepted.extend(varints(packed)?),
            (1 | 2, _) => return Err(malformed(Malformed)),
            _ => {}
        }
    }
    if !accepted.is_empty() && !accepted.contains(&SAMPLES) {
        return Err(format!(
            "server does not support any of the requested response types: {accepted:?}; supported: \
             [{SAMPLES}] (SAMPLES)"
        ));
    }
    Ok(queries)
}

fn malformed(error: Malformed) -> String {
    error.to_string()
}

fn varints(bytes: &[u8]) -> Result<Vec<u64>, String> {
    let mut fields = Fields::new(bytes);
    let mut found = Vec::new();
    while !fields.rest().is_empty() {
        found.push(fields.varint().map_err(malformed)?);
    }
    Ok(found)
}

fn query(bytes: &[u8]) -> Result<Query, String> {
    let mut query = Query::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next().map_err(malformed)? {
        match field {
            (1, Value::Varint(time)) => query.start_ms = time.cast_signed(),
            (2, Value::Varint(time)) => query.end_ms = time.cast_signed(),
            (3, Value::Bytes(bytes)) => query.matchers.push(matcher(bytes)?),
            (1..=3, _) => return Err(malformed(Malformed)),
            _ => {}
        }
    }
    Ok(query)
}

fn matcher(bytes: &[u8]) -> Result<Matcher, String> {
    let (mut op, mut name, mut value) = (MatchOp::Equal, "", "");
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next().map_err(malformed)? {
        match field {
            (1, Value::Varint(kind)) => op = match_op(kind)?,
            (2, Value::Bytes(bytes)) => name = text(bytes)?,
            (3, Value::Bytes(bytes)) => value = text(bytes)?,
            (1..=3, _) => return Err(malformed(Malformed)),
            _ => {}
        }
    }
    Matcher::new(op, name, value).map_err(|error| error.to_string())
}

fn match_op(kind: u64) -> Result<MatchOp, String> {
    match kind {
        0 => Ok(MatchOp::Equal),
        1 => Ok(MatchOp::NotEqual),
        2 => Ok(MatchOp::Regex),
        3 => Ok(MatchOp::NotRegex),
        other => Err(format!("invalid matcher type {other}")),
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a matcher is not UTF-8".to_owned())
}

/// Writes an answer.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Adds the answer to a query.
    pub(super) fn result<'a>(&mut self, series: impl Iterator<Item = (Labels, &'a Series)>) {
        let (mut result, mut one) = (Vec::new(), Vec::new());
        for (labels, series) in series {
            one.clear();
            put_series(&mut one, &labels, series);
            put_bytes(&mut result, 1, &one);
        }
        put_bytes(&mut self.0, 1, &result);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

fn put_series(out: &mut Vec<u8>, labels: &Labels, series: &Series) {
    let mut part = Vec::new();
    for (name, value) in labels {
        part.clear();
        put_bytes(&mut part, 1, name.as_bytes());
        put_bytes(&mut part, 2, value.as_bytes());
        put_bytes(out, 1, &part);
    }
    for (row, (time_ms, value)) in series.times.iter().zip(series.values.iter()).enumerate() {
        part.clear();
        if let Some(histogram) = series.histogram(row) {
            put_histogram(&mut part, *time_ms, &histogram);
            put_bytes(out, 4, &part);
        } else if !is_absent(*value) {
            // Stale markers are samples here: the other side looks for them.
            part.push(0x09);
            part.extend_from_slice(&value.to_le_bytes());
            part.push(0x10);
            put_varint(&mut part, time_ms.cast_unsigned());
            put_bytes(out, 2, &part);
        }
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(matcher: &[u8], accepted: &[u8]) -> Vec<u8> {
        let mut query = vec![0x08, 5, 0x10, 10];
        put_bytes(&mut query, 3, matcher);
        let mut request = Vec::new();
        put_bytes(&mut request, 1, &query);
        request.extend_from_slice(accepted);
        request
    }

    #[test]
    fn requests_are_read() {
        let matcher = [&[0x08, 2, 0x12, 1, b'a', 0x1a, 2][..], b"x."].concat();
        let found = read(&request(&matcher, &[0x10, 1, 0x10, 0])).unwrap();
        assert_eq!((found[0].start_ms, found[0].end_ms), (5, 10));
        assert_eq!(found[0].matchers[0].to_string(), "a=~\"x.\"");
    }

    #[test]
    fn requests_that_cannot_be_answered_are_refused_in_words() {
        let plain = [0x12, 1, b'a'];
        for (matcher, accepted, text) in [
            (&plain[..], &[0x10, 1][..], "response types: [1]"),
            (&plain, &[0x12, 1, 1], "response types: [1]"),
            (&[0x08, 9], &[], "invalid matcher type 9"),
            (&[0x12, 1, 0xff], &[], "not UTF-8"),
            (&[0x08, 2, 0x1a, 1, b'('], &[], "("),
            (&[0x0d], &[], "not a valid protobuf message"),
        ] {
            let error = read(&request(matcher, accepted)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        let many = request(&plain, &[]).repeat(600);
        assert!(read(&many).unwrap_err().contains("at most"));
    }
}
