//! Which pages of other origins may read answers (`--web.cors.origin`).
//!
//! Prometheus lets every page of the web read what it answers where nobody says otherwise. This
//! server has no login and mostly listens on loopback, where a stranger's page in a browser of this
//! machine would reach it: so none may where the flag is not given.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use watchpost_model::Regex;

/// What Prometheus allows.
const ALLOWED: [(HeaderName, &str); 3] = [
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        "Accept, Authorization, Content-Type, Origin",
    ),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
];

/// Adds the headers that let a page of an origin read the answer.
pub(super) async fn allow(origins: Option<Regex>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = next.run(request).await;
    let Some(origins) = origins else {
        return response;
    };
    let headers = response.headers_mut();
    let all = origins.as_str() == ".*";
    if !all {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    let text = origin.as_ref().and_then(|origin| origin.to_str().ok());
    let Some(origin) = origin
        .as_ref()
        .filter(|_| text.is_some_and(|text| origins.is_match(text)))
    else {
        return response;
    };
    for (name, value) in ALLOWED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let origin = if all {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response
}
