//! Answers, in Prometheus's shape: `{"status":"success","data":...}`.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// `{"status":"success","data":...}` with warnings where there are some.
pub(super) fn success(data: &impl Serialize, warnings: &[String]) -> Response {
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    put_json(&mut body, data);
    put_notes(&mut body, warnings, &[]);
    body.push(b'}');
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// The warnings and infos, where there are some.
pub(super) fn put_notes(body: &mut Vec<u8>, warnings: &[String], infos: &[String]) {
    for (key, list) in [(&b",\"warnings\":"[..], warnings), (b",\"infos\":", infos)] {
        if !list.is_empty() {
            body.extend_from_slice(key);
            put_json(body, &list);
        }
    }
}

pub(super) fn put_json(body: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "all keys of our answers are texts");
}
