//! The HTTP API, in the shapes of Prometheus, and the page. All routes stand in [`router`].
//!
//! Queries run on threads of their own, at most so many at once; what waits longer than a query
//! may take is refused. Bodies of requests are limited, answers are compressed where the client
//! takes that.

mod admin;
mod answer;
mod cors;
mod enabled;
mod error;
mod exemplars;
mod features;
mod federate;
mod form;
mod format;
mod histogram;
mod hosts;
mod label_name;
mod lifecycle;
mod notifications;
mod number;
mod observe;
mod openapi;
mod params;
mod queries;
mod query;
mod read;
mod response;
mod rules;
mod scrape;
mod search;
mod self_metrics;
mod series;
mod state;
mod status;
mod targets;
mod write;

pub use enabled::{Bounds, Enabled};
pub use error::Error;
pub use hosts::Hosts;
pub use notifications::Notices;
pub use params::Params;
pub use queries::Queries;
pub(crate) use queries::QueryLog;
pub use state::{App, ConfigFile};

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::web;

/// The longest body of a request but those of remote write and read: a form, as long as Go takes it.
const BODY_LIMIT: usize = 10 << 20;

/// How hard answers are compressed: gzip's first level leaves several times as many bytes, the usual
/// one takes several times as long.
const COMPRESSION: i32 = 3;

/// The route table; nothing is routed elsewhere.
pub fn router(app: Arc<App>, hosts: Hosts) -> Router {
    let origins = app.enabled.cors_origin.clone();
    let v1 = asking()
        .merge(telling())
        .route("/write", post(write::write))
        .route("/read", post(read::read))
        .route("/otlp/v1/metrics", post(write::otlp))
        .route("/admin/tsdb/snapshot", change(admin::snapshot))
        .route("/admin/tsdb/delete_series", change(admin::delete_series))
        .route(
            "/admin/tsdb/clean_tombstones",
            change(admin::clean_tombstones),
        )
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(options))
        .layer(middleware::from_fn(move |request, next| {
            cors::allow(origins.clone(), request, next)
        }));
    Router::new()
        .nest("/api/v1", v1)
        .route("/federate", get(federate::federate))
        .route("/-/healthy", get(lifecycle::healthy))
        .route("/-/ready", get(lifecycle::ready))
        .route(
            "/-/reload",
            change(lifecycle::reload).get(lifecycle::only_post_or_put),
        )
        .route(
            "/-/quit",
            change(lifecycle::quit).get(lifecycle::only_post_or_put),
        )
        .route("/metrics", get(status::metrics))
        .fallback(web::file)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(move |request, next| {
            hosts::check(hosts.clone(), request, next)
        }))
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(COMPRESSION)))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            observe::observe,
        ))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

/// The routes that ask for samples and series.
fn asking() -> Router<Arc<App>> {
    Router::new()
        .route("/query", ask(query::instant))
        .route("/query_range", ask(query::range))
        .route("/format_query", ask(format::format))
        .route("/parse_query", ask(format::parse))
        .route("/query_exemplars", ask(exemplars::exemplars))
        .route("/series", ask(series::series))
        .route("/labels", ask(series::labels))
        .route("/label/{name}/values", get(series::values))
        .route("/metadata", get(series::metadata))
        .route("/search/metric_names", ask(search::metric_names))
        .route("/search/label_names", ask(search::label_names))
        .route("/search/label_values", ask(search::label_values))
}

/// The routes that tell of the server.
fn telling() -> Router<Arc<App>> {
    Router::new()
        .route("/scrape_pools", get(scrape::pools))
        .route("/scrape_pools/config", get(scrape::config))
        .route("/targets", get(targets::targets))
        .route("/targets/metadata", get(scrape::metadata))
        .route("/targets/relabel_steps", get(scrape::relabel_steps))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/alertmanagers", get(rules::alertmanagers))
        .route("/status/buildinfo", get(status::build))
        .route("/status/runtimeinfo", get(status::runtime))
        .route("/status/flags", get(status::flags))
        .route("/status/config", get(status::config))
        .route("/status/tsdb", get(status::tsdb))
        .route("/status/tsdb/blocks", get(status::blocks))
        .route("/status/walreplay", get(status::wal_replay))
        .route("/status/self_metrics", get(self_metrics::self_metrics))
        .route("/notifications", get(notifications::notifications))
        .route("/notifications/live", get(notifications::live))
        .route("/features", get(features::features))
        .route("/openapi.yaml", get(openapi::openapi))
}

/// What may be long comes by GET or POST.
fn ask<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> MethodRouter<Arc<App>> {
    get(handler.clone()).post(handler)
}

/// A browser asks with OPTIONS whether it may ask; the headers are those of every answer.
async fn options(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

/// What changes the store comes by POST or PUT, as in Prometheus.
fn change<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> MethodRouter<Arc<App>> {
    post(handler.clone()).put(handler)
}

async fn method_not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n")
}

async fn no_such_endpoint() -> Error {
    Error::NotFound("no such endpoint".to_owned())
}
