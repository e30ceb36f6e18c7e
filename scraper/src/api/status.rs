//! `status/*`, health, readiness, and our own metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{App, Error, response};
use crate::clock;

/// The type of a page in text format 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn healthy() -> &'static str {
    "Watchpost is Healthy.\n"
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.ready.load(Ordering::Acquire) {
        (StatusCode::OK, "Watchpost is Ready.\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
    }
}

/// Whoever asks for a reload has to learn that nothing was read again.
pub(super) async fn reload() -> Error {
    Error::NotYet("reload is not supported yet: restart".to_owned())
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let page = app.telemetry.page();
    ([(CONTENT_TYPE, TEXT)], page).into_response()
}

pub(super) async fn build() -> Response {
    let data = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "watchpost",
    });
    response::success(&data, &[])
}

pub(super) async fn runtime(State(app): State<Arc<App>>) -> Response {
    let stats = app.db.stats();
    let directory = std::env::current_dir().unwrap_or_default();
    let data = json!({
        "startTime": clock::rfc3339(app.started_ms),
        "CWD": directory.display().to_string(),
        "serverTime": clock::rfc3339(clock::now_ms()),
        "reloadConfigSuccess": true,
        "lastConfigTime": clock::rfc3339(app.started_ms),
        "corruptionCount": stats.quarantined_files,
        "storageRetention": app.flags.iter()
            .find(|(name, _)| name == "storage.tsdb.retention.time")
            .map_or("", |(_, value)| value.as_str()),
    });
    response::success(&data, &[])
}

pub(super) async fn flags(State(app): State<Arc<App>>) -> Response {
    let flags: BTreeMap<&str, &str> = app
        .flags
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    response::success(&flags, &[])
}

pub(super) async fn config(State(app): State<Arc<App>>) -> Response {
    response::success(&json!({"yaml": app.config}), &[])
}

pub(super) async fn tsdb(State(app): State<Arc<App>>) -> Response {
    let stats = app.db.stats();
    let data = json!({
        "headStats": {
            "numSeries": stats.series,
            "minTime": stats.min_time_ms,
            "maxTime": stats.max_time_ms,
        },
    });
    response::success(&data, &[])
}
