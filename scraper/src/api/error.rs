//! Why a request fails, in Prometheus's words.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The request is wrong.
    BadData(String),
    /// The request is right and cannot be done.
    Execution(String),
    /// It took too long.
    Timeout(String),
    /// Nobody waited for it any more.
    Canceled(String),
    /// It is there and not enabled, or there is no room for it.
    Unavailable(String),
    /// There is no such thing.
    NotFound(String),
    /// There is no such thing yet.
    NotYet(String),
    /// Something of ours is broken.
    Internal(String),
}

impl Error {
    /// A parameter has a wrong value.
    pub fn parameter(name: &str, reason: impl fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter \"{name}\": {reason}"))
    }

    /// The same without the words that name a parameter.
    pub(super) fn without_parameter(self, name: &str) -> Self {
        let words = format!("invalid parameter \"{name}\": ");
        match self {
            Self::BadData(text) => {
                let rest = text.strip_prefix(&words).map(str::to_owned);
                Self::BadData(rest.unwrap_or(text))
            }
            other => other,
        }
    }

    /// The status, the type's name and the text.
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::BadData(text) => (StatusCode::BAD_REQUEST, "bad_data", text),
            Self::Execution(text) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", text),
            Self::Canceled(text) => (client_closed_request(), "canceled", text),
            Self::Timeout(text) => (StatusCode::SERVICE_UNAVAILABLE, "timeout", text),
            Self::Unavailable(text) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
            Self::NotFound(text) => (StatusCode::NOT_FOUND, "not_found", text),
            Self::NotYet(text) => (StatusCode::NOT_IMPLEMENTED, "not_implemented", text),
            Self::Internal(text) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", text),
        }
    }
}

/// What is told, in Prometheus's order.
#[derive(Serialize)]
struct Body<'a> {
    status: &'static str,
    #[serde(rename = "errorType")]
    kind: &'static str,
    error: &'a str,
}

/// 499, which nginx made for requests whose client has gone; no client reads it.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts().2)
    }
}

impl From<watchpost_promql::Error> for Error {
    fn from(error: watchpost_promql::Error) -> Self {
        use watchpost_promql::Error as Query;
        let text = error.to_string();
        match error {
            Query::Parse(_) | Query::WrongType(_) => Self::parameter("query", text),
            Query::Timeout => Self::Timeout(text),
            Query::Canceled => Self::Canceled(text),
            Query::Execution(_) | Query::TooManySamples(_) => Self::Execution(text),
        }
    }
}

impl From<watchpost_tsdb::Error> for Error {
    fn from(error: watchpost_tsdb::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, kind, text) = self.parts();
        let body = Body {
            status: "error",
            kind,
            error: text,
        };
        (status, Json(body)).into_response()
    }
}
