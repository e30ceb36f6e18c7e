//! Answers, in Prometheus's shape: `{"status":"success","data":...}`.

use std::io::Write;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use watchpost_model::text::write_number;
use watchpost_model::{Labels, format_value};
use watchpost_promql::{Answer, Value};

/// `{"status":"success","data":...}` with warnings where there are some.
pub(super) fn success(data: &impl Serialize, warnings: &[String]) -> Response {
    let mut body = Vec::with_capacity(256);
    put(&mut body, b"{\"status\":\"success\",\"data\":");
    put_json(&mut body, data);
    finish(body, warnings, &[])
}

/// The answer to a query.
pub(super) fn answer(answer: &Answer) -> Response {
    let mut body = Vec::with_capacity(1_024);
    put(
        &mut body,
        b"{\"status\":\"success\",\"data\":{\"resultType\":",
    );
    put_value(&mut body, &answer.value);
    put(&mut body, b"}");
    finish(body, &answer.warnings, &answer.infos)
}

fn finish(mut body: Vec<u8>, warnings: &[String], infos: &[String]) -> Response {
    for (key, list) in [("warnings", warnings), ("infos", infos)] {
        if !list.is_empty() {
            put(&mut body, b",\"");
            put(&mut body, key.as_bytes());
            put(&mut body, b"\":");
            put_json(&mut body, &list);
        }
    }
    put(&mut body, b"}");
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn put_value(body: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Scalar { time_ms, value } => {
            put(body, b"\"scalar\",\"result\":");
            put_point(body, *time_ms, *value);
        }
        Value::String { time_ms, value } => {
            put(body, b"\"string\",\"result\":[");
            put_time(body, *time_ms);
            put(body, b",");
            put_json(body, value);
            put(body, b"]");
        }
        Value::Vector(samples) => {
            put(body, b"\"vector\",\"result\":[");
            for (at, sample) in samples.iter().enumerate() {
                put_metric(body, at, &sample.labels);
                put(body, b"\"value\":");
                put_point(body, sample.time_ms, sample.value);
                put(body, b"}");
            }
            put(body, b"]");
        }
        Value::Matrix(series) => {
            put(body, b"\"matrix\",\"result\":[");
            for (at, series) in series.iter().enumerate() {
                put_metric(body, at, &series.labels);
                put(body, b"\"values\":[");
                for (at, (time_ms, value)) in series.points.iter().enumerate() {
                    if at > 0 {
                        put(body, b",");
                    }
                    put_point(body, *time_ms, *value);
                }
                put(body, b"]}");
            }
            put(body, b"]");
        }
    }
}

fn put_metric(body: &mut Vec<u8>, at: usize, labels: &Labels) {
    put(
        body,
        if at > 0 {
            b",{\"metric\":"
        } else {
            b"{\"metric\":"
        },
    );
    put_json(body, labels);
    put(body, b",");
}

fn put_point(body: &mut Vec<u8>, time_ms: i64, value: f64) {
    put(body, b"[");
    put_time(body, time_ms);
    put(body, b",\"");
    put_number(body, value);
    put(body, b"\"]");
}

/// Seconds, with three decimals where they are not whole.
fn put_time(body: &mut Vec<u8>, time_ms: i64) {
    let sign = if time_ms < 0 { "-" } else { "" };
    let (seconds, millis) = (
        time_ms.unsigned_abs() / 1_000,
        time_ms.unsigned_abs() % 1_000,
    );
    if millis == 0 {
        put_text(body, format_args!("{sign}{seconds}"));
    } else {
        put_text(body, format_args!("{sign}{seconds}.{millis:03}"));
    }
}

/// The shortest digits that read back the same, with an exponent only below 1e-6 and from 1e21 on.
fn put_number(body: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if size.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) {
        write_number(body, value);
    } else {
        put(body, format_value(value).as_bytes());
    }
}

fn put(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend_from_slice(bytes);
}

fn put_text(body: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = body.write_fmt(text);
    debug_assert!(written.is_ok(), "a Vec takes every write");
}

fn put_json(body: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "all keys of our answers are texts");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_are_written_as_prometheus_writes_them() {
        for (time_ms, value, text) in [
            (1_435_781_451_781, 1.0, "[1435781451.781,\"1\"]"),
            (1_000, f64::INFINITY, "[1,\"+Inf\"]"),
            (1_050, f64::NAN, "[1.050,\"NaN\"]"),
            (-1_500, -0.25, "[-1.500,\"-0.25\"]"),
            (0, 1e21, "[0,\"1e+21\"]"),
            (0, 1.5e20, "[0,\"150000000000000000000\"]"),
            (0, 1e-7, "[0,\"1e-07\"]"),
            (0, 0.000_001, "[0,\"0.000001\"]"),
            (0, -0.0, "[0,\"-0\"]"),
        ] {
            let mut body = Vec::new();
            put_point(&mut body, time_ms, value);
            assert_eq!(String::from_utf8(body).unwrap(), text);
        }
    }
}
