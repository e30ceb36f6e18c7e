//! The HTTP API, in the shapes of Prometheus, and the page. All routes stand in [`router`].
//!
//! Queries run on threads of their own, at most so many at once; what waits longer than a query
//! may take is refused. Bodies of requests are limited, answers are compressed where the client
//! takes that.

mod admin;
mod error;
mod exemplars;
mod hosts;
mod params;
mod query;
mod response;
mod rules;
mod series;
mod state;
mod status;
mod targets;
mod write;

pub use error::Error;
pub use hosts::Hosts;
pub use params::Params;
pub use state::{App, QueryLimits};

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::web;

/// The longest body of a request: a query in a form.
const BODY_LIMIT: usize = 1 << 20;

/// The route table; nothing is routed elsewhere.
pub fn router(app: Arc<App>, hosts: Hosts) -> Router {
    let v1 = Router::new()
        .route("/query", get(query::instant).post(query::instant))
        .route("/query_range", get(query::range).post(query::range))
        .route(
            "/query_exemplars",
            get(exemplars::exemplars).post(exemplars::exemplars),
        )
        .route("/series", get(series::series).post(series::series))
        .route("/labels", get(series::labels).post(series::labels))
        .route("/label/{name}/values", get(series::values))
        .route("/metadata", get(series::metadata))
        .route("/targets", get(targets::targets))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/status/buildinfo", get(status::build))
        .route("/status/runtimeinfo", get(status::runtime))
        .route("/status/flags", get(status::flags))
        .route("/status/config", get(status::config))
        .route("/status/tsdb", get(status::tsdb))
        .route("/status/walreplay", get(status::wal_replay))
        .route("/write", post(write::write))
        .route("/admin/tsdb/snapshot", change(admin::snapshot))
        .route("/admin/tsdb/delete_series", change(admin::delete_series))
        .route(
            "/admin/tsdb/clean_tombstones",
            change(admin::clean_tombstones),
        )
        .fallback(no_such_endpoint);
    Router::new()
        .nest("/api/v1", v1)
        .route("/-/healthy", get(status::healthy))
        .route("/-/ready", get(status::ready))
        .route("/-/reload", post(status::reload).put(status::reload))
        .route("/metrics", get(status::metrics))
        .fallback(web::file)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(move |request, next| {
            hosts::check(hosts.clone(), request, next)
        }))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

/// What changes the store comes by POST or PUT, as in Prometheus.
fn change<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> MethodRouter<Arc<App>> {
    post(handler.clone()).put(handler)
}

async fn no_such_endpoint() -> Error {
    Error::NotFound("no such endpoint".to_owned())
}
