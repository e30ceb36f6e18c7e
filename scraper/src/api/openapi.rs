//! `openapi.yaml`: what is served, for programs. A test compares it with the table of routes.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{Error, Params};

/// The description, in `OpenAPI` 3.1.
pub(super) const OPENAPI: &str = include_str!("openapi.yaml");

pub(super) async fn openapi(params: Params) -> Result<Response, Error> {
    match params.get("openapi_version") {
        "" | "3.1" => {
            Ok(([(CONTENT_TYPE, "application/yaml; charset=utf-8")], OPENAPI).into_response())
        }
        other => Err(Error::parameter(
            "openapi_version",
            format_args!("expected 3.1, found {other:?}"),
        )),
    }
}
