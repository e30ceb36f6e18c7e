//! The command endpoint: who may call, then what is called, then the answer.
//!
//! A call is judged in this order: from this host, or over TLS; from an allowed address; by a name
//! of this host (TLS sees to that itself), and not by a web page or a proxy; with the token; not too often; an action on the list; a body that
//! is `{}`; a free place; an audit line. The first that fails refuses the call, and a missing
//! token and a wrong one have the same answer.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::any;
use http_body_util::LengthLimitError;
use subtle::ConstantTimeEq;

use super::audit::{Call, Event};
use super::refusal::Reason;
use super::service::Service;
use super::wire::{Outcome, PATH, RunRequest};
use crate::server::Encrypted;

/// The longest body of a call; it is `{}`.
const LONGEST_BODY: usize = 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What proxies add to the requests that they pass on.
const FORWARDED: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// The routes. The server puts the caller's address into each request as [`ConnectInfo`]; a
/// request without one is refused.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(PATH, any(answer))
        .route(&format!("{PATH}/{{*action}}"), any(answer))
        .with_state(service)
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let source = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let Some(source) = source.map(|ConnectInfo(source)| *source) else {
        return Reason::NotLoopback.into_response();
    };
    // A call that has begun goes on and is on record, also when its caller hangs up.
    let call = tokio::spawn(judge(service, source, request));
    let response = call.await;
    response.unwrap_or_else(|_| Reason::GivenUp.into_response())
}

async fn judge(service: Arc<Service>, source: SocketAddr, request: Request) -> Response {
    let mut call = Call {
        id: service.audit.next_id(),
        source,
        authenticated: false,
        action: requested(&request).unwrap_or_default().to_owned(),
    };
    match serve(&service, &mut call, request).await {
        Ok(response) => response,
        Err(reason) => service.refuse(call, reason).await.into_response(),
    }
}

/// The action as the caller wrote it; it is not decoded, so that nothing needs to be decoded twice.
fn requested(request: &Request) -> Option<&str> {
    request.uri().path().strip_prefix(PATH)?.strip_prefix('/')
}

async fn serve(service: &Service, call: &mut Call, request: Request) -> Result<Response, Reason> {
    let is_encrypted = request.extensions().get::<Encrypted>().is_some();
    check_caller(service, call.source, is_encrypted, request.headers())?;
    call.authenticated = true;
    service.take_turn(Instant::now())?;
    if requested(&request).is_none() {
        return list(service, call, request.method()).await;
    }
    let action = service.action(&call.action)?;
    if request.method() != Method::POST {
        return Err(Reason::Method { allowed: "POST" });
    }
    check_body(request).await?;
    let outcome: Outcome = service.run(call, &action).await?;
    Ok(Json(outcome).into_response())
}

async fn list(service: &Service, call: &Call, method: &Method) -> Result<Response, Reason> {
    if method != Method::GET {
        return Err(Reason::Method { allowed: "GET" });
    }
    service.record(call, Event::Listed).await?;
    service.telemetry.count(None, "listed");
    Ok(Json(service.list()).into_response())
}

fn check_caller(
    service: &Service,
    source: SocketAddr,
    is_encrypted: bool,
    headers: &HeaderMap,
) -> Result<(), Reason> {
    let address = source.ip().to_canonical();
    let is_allowed = service.allows(address);
    // Who is elsewhere and was not named is not even told that there are commands.
    let may_know = address.is_loopback() || (is_encrypted && is_allowed);
    if !may_know {
        return Err(Reason::NotLoopback);
    }
    if !is_allowed {
        return Err(Reason::Source);
    }
    // A name that an attacker's server answers for is no name of this host, whatever address it
    // resolves to; and a page in a browser says where it is from. Over TLS the certificate has
    // shown the browser whose name it is.
    let is_named = is_encrypted || headers.get(header::HOST).is_some_and(is_own_name);
    if !is_named || headers.contains_key(header::ORIGIN) {
        return Err(Reason::Host);
    }
    // A proxy on this host would lend its loopback address to whoever can reach it.
    if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
        return Err(Reason::Proxy);
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    let right = token.ct_eq(service.token.expose().as_bytes());
    if bool::from(right) {
        Ok(())
    } else {
        Err(Reason::Token)
    }
}

/// Whether a `Host` is `localhost` or a loopback address, with or without a port.
fn is_own_name(host: &header::HeaderValue) -> bool {
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

async fn check_body(request: Request) -> Result<(), Reason> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| {
            let kind = value.as_bytes().split(|c| *c == b';').next();
            kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
        });
    if !is_json {
        return Err(Reason::ContentType);
    }
    let body: Body = request.into_body();
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, LONGEST_BODY));
    let body = read.await.map_err(|_| Reason::Body)?.map_err(|error| {
        let too_long = error
            .source()
            .is_some_and(<dyn Error>::is::<LengthLimitError>);
        if too_long {
            let limit = LONGEST_BODY;
            Reason::BodySize { limit }
        } else {
            Reason::Body
        }
    })?;
    serde_json::from_slice::<RunRequest>(&body)
        .map(drop)
        .map_err(|_| Reason::Body)
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::super::{Commands, Config};
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    /// The status and body of a list that is asked for from an address.
    async fn list_from(source: Option<&str>, audit_log: &std::path::Path) -> (u16, Vec<u8>) {
        list_over(false, source, audit_log).await
    }

    /// 10.0.0.0/8 is allowed.
    async fn list_over(
        is_encrypted: bool,
        source: Option<&str>,
        audit_log: &std::path::Path,
    ) -> (u16, Vec<u8>) {
        let mut sources = super::super::Network::LOOPBACK.to_vec();
        sources.push("10.0.0.0/8".parse().unwrap());
        let config = Config {
            allowed_sources: sources,
            token: watchpost_model::config::Secret::new(TOKEN),
            audit_log: audit_log.to_owned(),
            ..Config::default()
        };
        let mut request = Request::get(PATH)
            .header(
                header::HOST,
                if is_encrypted { "host" } else { "localhost" },
            )
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Body::empty())
            .unwrap();
        if let Some(source) = source {
            let source: SocketAddr = source.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(source));
        }
        if is_encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        let router = Commands::open(&config).unwrap().router();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, body.to_vec())
    }

    #[tokio::test]
    async fn who_is_not_on_this_host_finds_no_route_and_is_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        assert_eq!(list_from(Some("127.0.0.1:5"), &log).await.0, 200);
        assert_eq!(list_from(Some("[::1]:5"), &log).await.0, 200);
        assert_eq!(list_from(Some("[::ffff:127.0.0.1]:5"), &log).await.0, 200);
        for source in ["10.0.0.1:5", "[::ffff:10.0.0.1]:5", "[2001:db8::1]:5"] {
            let nothing = (404, Vec::new());
            assert_eq!(list_from(Some(source), &log).await, nothing);
        }
        let audit = std::fs::read_to_string(&log).unwrap();
        assert_eq!(audit.matches("not_loopback").count(), 3);
        assert_eq!(list_from(None, &log).await, (404, Vec::new()));
    }

    #[tokio::test]
    async fn over_tls_those_elsewhere_who_are_named_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        for source in ["10.0.0.1:5", "[::ffff:10.0.0.1]:5", "127.0.0.1:5"] {
            assert_eq!(list_over(true, Some(source), &log).await.0, 200, "{source}");
        }
        for source in ["11.0.0.1:5", "[2001:db8::1]:5"] {
            let nothing = (404, Vec::new());
            assert_eq!(list_over(true, Some(source), &log).await, nothing);
        }
    }

    #[test]
    fn only_names_of_this_host_are_its_own() {
        for (host, own) in [
            ("localhost", true),
            ("localhost:9100", true),
            ("LOCALHOST:1", true),
            ("127.0.0.1:9100", true),
            ("127.9.9.9", true),
            ("[::1]:9100", true),
            ("[::1]", true),
            ("evil.example:9100", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:9100", false),
            ("10.0.0.1:9100", false),
            ("localhost:9100:80", false),
            ("", false),
        ] {
            let value = header::HeaderValue::from_static(host);
            assert_eq!(is_own_name(&value), own, "{host}");
        }
    }
}
