//! Why a call is refused, and how that is told.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};

use super::wire::Refusal;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// As if there were no such route, since without TLS there is none off this host.
    #[error("not found")]
    NotLoopback,
    /// The address may not call.
    #[error("this address may not call commands")]
    Source,
    /// The call has another host's name, or comes from a web page.
    #[error("expected a host of `localhost` or a loopback address, and no origin")]
    Host,
    /// The call was passed on for someone else.
    #[error("expected a direct call, found one that a proxy passed on")]
    Proxy,
    /// The token is missing or wrong.
    #[error("expected `authorization: Bearer` and the right token")]
    Token,
    /// Too many calls in the last minute.
    #[error("too many calls, try again later")]
    Rate,
    /// Another method than the path takes.
    #[error("expected method {allowed}")]
    Method {
        /// The one that it takes.
        allowed: &'static str,
    },
    /// The host does not allow such an action.
    #[error("this host allows no such action")]
    UnknownAction,
    /// The body is not declared to be JSON.
    #[error("expected `content-type: application/json`")]
    ContentType,
    /// The body is too long.
    #[error("expected a body of at most {limit} bytes")]
    BodySize {
        /// How long it may be.
        limit: usize,
    },
    /// The body is not `{{}}`.
    #[error("expected the body `{{}}`, since actions take no parameters")]
    Body,
    /// All places are taken.
    #[error("too many actions are running, try again later")]
    Busy,
    /// The call could not be written down.
    #[error("the audit log cannot be written, so nothing was done")]
    Audit,
    /// The action ended without an answer, as when the exporter stops.
    #[error("the action was given up, its result is not known")]
    GivenUp,
}

impl Reason {
    /// One word for the audit log and the counters.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::NotLoopback => "not_loopback",
            Self::Source => "source",
            Self::Host => "host",
            Self::Proxy => "proxy",
            Self::Token => "token",
            Self::Rate => "rate_limit",
            Self::Method { .. } => "method",
            Self::UnknownAction => "unknown_action",
            Self::ContentType => "content_type",
            Self::BodySize { .. } => "body_size",
            Self::Body => "body",
            Self::Busy => "busy",
            Self::Audit => "audit",
            Self::GivenUp => "given_up",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NotLoopback | Self::UnknownAction => StatusCode::NOT_FOUND,
            Self::Source | Self::Host | Self::Proxy => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Rate | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodySize { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body => StatusCode::BAD_REQUEST,
            Self::Audit | Self::GivenUp => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Reason {
    fn into_response(self) -> Response {
        if self == Self::NotLoopback {
            return self.status().into_response();
        }
        let error = self.to_string();
        let mut response = (self.status(), Json(Refusal { error })).into_response();
        let extra = match self {
            Self::Token => Some((header::WWW_AUTHENTICATE, "Bearer")),
            Self::Method { allowed } => Some((header::ALLOW, allowed)),
            Self::Rate => Some((header::RETRY_AFTER, "60")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
