//! The built-in page: the files of `dashboards/web`, kept in the program.
//!
//! A file has a tag of its content, so that a browser asks again and gets nothing new where nothing
//! changed. The page may load and call nothing but this server.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// A file of the page.
struct File {
    path: &'static str,
    tag: &'static str,
    content: &'static [u8],
}

/// Which ending means which type of content.
const TYPES: [(&str, &str); 8] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
];

/// The views of the page, each with the address that leads to it: mails, and people who know
/// Prometheus, name a view by its path. The addresses are relative, for servers behind a prefix.
const VIEWS: [(&str, &str); 4] = [
    ("hosts", "./#/hosts"),
    ("alerts", "./#/alerts"),
    ("targets", "./#/targets"),
    ("rules", "./#/rules"),
];

/// Serves a file of the page; `/` is its start, and the path of a view leads to it.
pub(crate) async fn file(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if let Some((_, address)) = VIEWS.iter().find(|(view, _)| *view == path) {
        return (StatusCode::SEE_OTHER, [(LOCATION, *address)]).into_response();
    }
    let Some(file) = FILES.iter().find(|file| file.path == path) else {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let known = request.headers().get(IF_NONE_MATCH);
    let mut response = if known.is_some_and(|tag| tag == file.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type(path))], file.content).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (ETAG, file.tag),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    let ending = path.rsplit('.').next().unwrap_or_default();
    TYPES
        .iter()
        .find(|(have, _)| *have == ending)
        .map_or("application/octet-stream", |(_, kind)| kind)
}
