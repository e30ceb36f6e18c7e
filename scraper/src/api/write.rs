//! `write`: samples that others send, by remote write 1.0.
//!
//! Answers are plain text, as Prometheus's: 204 where everything is stored; 400 where some or all
//! of it was refused (not to be sent again); 5xx where it should be sent again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::App;
use crate::clock;
use crate::remote_write::{MAX_BODY, ReceiveError, Receiver};

/// How long a sender may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// Takes a write request.
pub(super) async fn write(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(receiver) = &app.receiver else {
        let text =
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    match receive(receiver, request).await {
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Ok(Some(fault)) => (StatusCode::BAD_REQUEST, fault).into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// OTLP is not taken; a sender shall learn that and not try again.
pub(super) async fn otlp() -> (StatusCode, &'static str) {
    let text = "the OTLP receiver is not supported yet; samples are taken by remote write at /api/v1/write\n";
    (StatusCode::NOT_FOUND, text)
}

/// Stores what a request holds; gives what was wrong with a part of it.
async fn receive(
    receiver: &Arc<Receiver>,
    request: Request,
) -> Result<Option<String>, (StatusCode, String)> {
    check_headers(request.headers()).map_err(|text| (StatusCode::UNSUPPORTED_MEDIA_TYPE, text))?;
    let announced = text(request.headers(), &CONTENT_LENGTH).parse().ok();
    let room = receiver
        .room(announced.unwrap_or(MAX_BODY))
        .await
        .map_err(|error| status(&error))?;
    let reading = read(request.into_body(), announced.unwrap_or(0));
    let Ok(body) = tokio::time::timeout(BODY_TIMEOUT, reading).await else {
        let text = "the body did not come in time".to_owned();
        return Err((StatusCode::REQUEST_TIMEOUT, text));
    };
    let outcome = Arc::clone(receiver).receive(body?, clock::now_ms()).await;
    drop(room);
    outcome
        .map(|outcome| outcome.fault())
        .map_err(|error| status(&error))
}

/// Reads a body to its end.
async fn read(mut body: Body, announced: usize) -> Result<Vec<u8>, (StatusCode, String)> {
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > MAX_BODY {
                let text = format!("expected a write request of at most {MAX_BODY} bytes");
                return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

fn status(error: &ReceiveError) -> (StatusCode, String) {
    let status = match error {
        ReceiveError::Bad(_) => StatusCode::BAD_REQUEST,
        ReceiveError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ReceiveError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ReceiveError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string())
}

/// Version 1.0 in snappy is what we read. Headers that are not there say so too: the first senders
/// did not set them.
fn check_headers(headers: &HeaderMap) -> Result<(), String> {
    let kind = text(headers, &CONTENT_TYPE);
    let mut parts = kind.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(format!(
            "expected application/x-protobuf as the content type, found {kind}"
        ));
    }
    for part in parts {
        let message = part
            .strip_prefix("proto=")
            .map(|name| name.trim_matches('"'));
        if message.is_some_and(|name| name != "prometheus.WriteRequest") {
            return Err(format!(
                "{} protobuf message is not accepted by this server; only prometheus.WriteRequest is accepted",
                message.unwrap_or_default()
            ));
        }
    }
    let encoding = text(headers, &CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(format!(
            "{encoding} encoding (compression) is not accepted by this server; only snappy is accepted"
        ));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    value.unwrap_or_default()
}
