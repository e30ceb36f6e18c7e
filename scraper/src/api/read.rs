//! `read`: samples for others, by remote read.
//!
//! A `prometheus.ReadRequest` in snappy's block format is answered with a `prometheus.ReadResponse` of
//! whole samples (the response type `SAMPLES`). Streamed chunks are Prometheus's own encoding; a client
//! that takes nothing else is told so. External labels are taken as labels of every series.
//!
//! Sources: <https://prometheus.io/docs/specs/prw/remote_read_api/>, `prompb/remote.proto`.

mod histogram;
mod message;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use watchpost_model::{Labels, MatchOp, Matcher};
use watchpost_tsdb::{Db, TimeRange};

use self::message::{Query, Writer};
use super::{App, Error};

/// The longest request, compressed and decoded.
const MAX_BODY: usize = 1 << 20;
const MAX_DECODED: usize = 8 << 20;
/// How long a client may take to send a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers a read request; errors are plain text.
pub(super) async fn read(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(body) => {
            let headers = [
                (CONTENT_TYPE, "application/x-protobuf"),
                (CONTENT_ENCODING, "snappy"),
            ];
            (headers, body).into_response()
        }
        Err((status, text)) => (status, text + "\n").into_response(),
    }
}

type Refused = (StatusCode, String);

async fn answer(app: &App, request: Request) -> Result<Vec<u8>, Refused> {
    let turn = tokio::time::timeout(TURN_TIMEOUT, app.reads.acquire());
    let Ok(Ok(_turn)) = turn.await else {
        let text = "too many remote reads at once".to_owned();
        return Err((StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let body = tokio::time::timeout(BODY_TIMEOUT, body(request.into_body()));
    let body = body.await.map_err(|_| {
        let text = "the body did not come in time".to_owned();
        (StatusCode::REQUEST_TIMEOUT, text)
    })??;
    let queries = decode(&body)?;
    let (db, external) = (app.db.clone(), app.external_labels.clone());
    let limit = app.bounds.read_samples;
    let work = app
        .queries
        .run(move |_| collect(&db, &queries, &external, limit));
    work.await.map_err(|error| match error {
        Error::BadData(text) => (StatusCode::BAD_REQUEST, text),
        error => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    })
}

async fn body(body: Body) -> Result<Bytes, Refused> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        let text = format!("expected a read request of at most {MAX_BODY} bytes: {error}");
        (StatusCode::BAD_REQUEST, text)
    })
}

fn decode(body: &[u8]) -> Result<Vec<Query>, Refused> {
    let refuse = |text: String| (StatusCode::BAD_REQUEST, text);
    let length = snap::raw::decompress_len(body).map_err(|error| refuse(error.to_string()))?;
    if length > MAX_DECODED {
        let text = format!("expected a read request of at most {MAX_DECODED} bytes decoded");
        return Err(refuse(text));
    }
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(|error| refuse(error.to_string()))?;
    message::read(&bytes).map_err(refuse)
}

/// The answer to all queries, compressed.
fn collect(
    db: &Db,
    queries: &[Query],
    external: &BTreeMap<String, String>,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::default();
    let mut held = 0_usize;
    for query in queries {
        let admit = |rows: usize| {
            held = held.saturating_add(rows);
            if limit > 0 && held > limit {
                return Err(Error::BadData(format!("exceeded sample limit ({limit})")));
            }
            Ok(())
        };
        let range = TimeRange::new(query.start_ms, query.end_ms);
        let matchers = inner(&query.matchers, external);
        let series = db.select_within(range, &matchers, admit)?.series;
        writer.result(series.iter().map(|one| (outer(&one.labels, external), one)));
    }
    snap::raw::Encoder::new()
        .compress_vec(&writer.finish())
        .map_err(|error| Error::Internal(error.to_string()))
}

/// The matchers that the store is asked. One that asks for just our external label is met by every
/// series; a label of a series goes before an external one, so all others are asked of the store.
fn inner(matchers: &[Matcher], external: &BTreeMap<String, String>) -> Vec<Matcher> {
    let is_ours = |matcher: &Matcher| {
        let value = external.get(matcher.name());
        matcher.op() == MatchOp::Equal && value.is_some_and(|value| value == matcher.value())
    };
    let others = matchers.iter().filter(|matcher| !is_ours(matcher));
    others.cloned().collect()
}

/// The labels of a series with the external ones that it does not have.
fn outer(labels: &Labels, external: &BTreeMap<String, String>) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    Labels::from_pairs(external).overlaid(labels, |_| true)
}
