//! What is served: the metrics, a page for people, and a sign of life.

mod gzip;
mod negotiate;
mod openmetrics;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Semaphore;

use crate::collectors::ALL;
use crate::command::Commands;
use crate::config::Config;
use crate::error::chain;
use crate::memory::Code;
use crate::registry::Registry;
use crate::telemetry::Telemetry;
use gzip::Gzip;
use negotiate::{Form, Packing};

/// The content type of text format 0.0.4.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type of OpenMetrics 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How much of a scrape's timeout the collectors may use.
const SHARE_OF_TIMEOUT: f64 = 0.8;

/// What the routes share.
#[derive(Debug)]
struct Shared {
    registry: Registry,
    /// What the exporter says about itself, if it shall.
    telemetry: Option<Telemetry>,
    telemetry_path: String,
    /// Places for scrapes; none where their number is not limited.
    places: Option<Semaphore>,
    max_requests: usize,
    /// Whether there is OpenMetrics.
    openmetrics: bool,
    gzip: Gzip,
}

/// All routes of an exporter, whose `code` is given back when it was used for the last time.
pub(crate) fn routes(config: &Config, code: Code) -> Router {
    let registry = Registry::new(config.collectors(), config.limits);
    code.give_back();
    let registry = registry.that_gives_back(code);
    let commands = commands(config);
    let register = |registry: &mut prometheus_client::registry::Registry| {
        if let Some(commands) = &commands {
            commands.register(registry);
        }
    };
    let shared = Arc::new(Shared {
        registry,
        telemetry: config.own_metrics.then(|| Telemetry::new(register)),
        telemetry_path: config.telemetry_path.clone(),
        places: (config.max_requests > 0).then(|| Semaphore::new(config.max_requests)),
        max_requests: config.max_requests,
        openmetrics: config.openmetrics,
        gzip: Gzip::default(),
    });
    let mut routes = Router::new()
        .route(&config.telemetry_path, get(metrics))
        .route("/-/healthy", get(healthy));
    if config.telemetry_path != "/" {
        routes = routes.route("/", get(landing));
    }
    let routes = routes.with_state(shared);
    let routes = match commands {
        Some(commands) => routes.merge(commands.router()),
        None => routes,
    };
    routes
        .fallback(async || (StatusCode::NOT_FOUND, "Not Found\n"))
        .method_not_allowed_fallback(async || {
            (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n")
        })
}

/// The commands, where the configuration has them and they are safe to have.
fn commands(config: &Config) -> Option<Commands> {
    if let Some(error) = &config.section.commands_refused {
        tracing::warn!(error, "commands are off");
    }
    match Commands::open(config.section.commands.as_ref()?) {
        Ok(commands) => Some(commands),
        Err(error) => {
            tracing::warn!(error = chain(&error), "commands are off");
            None
        }
    }
}

async fn healthy() -> &'static str {
    "Healthy\n"
}

async fn landing(State(shared): State<Arc<Shared>>) -> Html<String> {
    let mut collectors = String::new();
    for name in shared.registry.names() {
        // Writing to memory does not fail.
        let written = write!(collectors, "<li>{name}</li>");
        debug_assert!(written.is_ok(), "a String takes every write");
    }
    let host = sysinfo::System::host_name().unwrap_or_default();
    let system = sysinfo::System::long_os_version().unwrap_or_default();
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Watchpost exporter</title></head>\
         <body><h1>Watchpost exporter</h1><p>Version {version}, on {host} ({system}).</p>\
         <ul><li><a href=\"{path}\">Metrics</a></li><li><a href=\"/-/healthy\">Health</a></li></ul>\
         <h2>Collectors</h2><ul>{collectors}</ul></body></html>\n",
        version = env!("CARGO_PKG_VERSION"),
        host = escape(&host),
        system = escape(&system),
        path = escape(&shared.telemetry_path),
    ))
}

async fn metrics(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Some(telemetry) = &shared.telemetry else {
        return shared.scrape(&query, &headers).await;
    };
    let _in_flight = InFlight::new(&telemetry.in_flight);
    let response = shared.scrape(&query, &headers).await;
    telemetry.count(response.status().as_u16());
    response
}

/// Counts a scrape as long as it is held; the client may go away at any time.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Shared {
    async fn scrape(&self, query: &[(String, String)], headers: &HeaderMap) -> Response {
        let place = self.places.as_ref().map(Semaphore::try_acquire);
        if matches!(place, Some(Err(_))) {
            let limit = self.max_requests;
            let text = format!("limit of concurrent requests reached ({limit}), try again later\n");
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        }
        let choice = match Choice::read(query, &self.registry) {
            Ok(choice) => choice,
            Err(text) => return (StatusCode::BAD_REQUEST, text).into_response(),
        };
        let own = || {
            let telemetry = self.telemetry.as_ref();
            telemetry.map(Telemetry::text).unwrap_or_default()
        };
        let patience = patience(headers);
        let page = match choice {
            Choice::All => self.registry.scrape(patience, own).await,
            choice => {
                let wanted = |name: &str| choice.wants(name);
                self.registry.scrape_some(wanted, patience, own).await
            }
        };
        let form = if self.openmetrics {
            negotiate::form(headers)
        } else {
            Form::Text
        };
        answer(page, form, negotiate::packing(headers), &self.gzip)
    }
}

/// How long the client waits for the page, less what the way to it may take: a page that lacks a
/// collector is worth more than one that comes too late.
fn patience(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get("x-prometheus-scrape-timeout-seconds")
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .filter(|seconds: &f64| *seconds > 0.0);
    let wait =
        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds * SHARE_OF_TIMEOUT).ok());
    wait.unwrap_or(Duration::MAX)
}

/// The page in the form and packing that the client takes.
fn answer(page: Bytes, form: Form, packing: Packing, gzip: &Gzip) -> Response {
    let (kind, page) = match form {
        Form::Text => (TEXT_FORMAT, page),
        Form::OpenMetrics => (OPENMETRICS, openmetrics::transcribe(&page).into()),
    };
    let kind = [(CONTENT_TYPE, kind), (VARY, "accept, accept-encoding")];
    let packed = match packing {
        Packing::Plain => None,
        Packing::Gzip => gzip.pack(&page).map(|packed| ("gzip", packed)),
        Packing::Zstd => zstd(&page).ok().map(|packed| ("zstd", packed)),
    };
    match packed {
        Some((name, packed)) => (kind, [(CONTENT_ENCODING, name)], packed).into_response(),
        None => (kind, page).into_response(),
    }
}

fn zstd(page: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(page, 1)
}

/// Which collectors a request asks for: `collect[]` names those, `exclude[]` the others.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    All,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Choice {
    fn read(query: &[(String, String)], registry: &Registry) -> Result<Self, String> {
        let named = |key| {
            let pairs = query.iter().filter(move |(name, _)| name == key);
            pairs.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let (only, but) = (named("collect[]"), named("exclude[]"));
        // An exclude of what is not there is fulfilled anyway.
        for name in &only {
            if !ALL.iter().any(|definition| definition.name == name)
                && !registry.names().any(|have| have == name)
            {
                return Err(format!("missing collector: {name}\n"));
            }
        }
        match (only.is_empty(), but.is_empty()) {
            (true, true) => Ok(Self::All),
            (true, false) => Ok(Self::AllBut(but)),
            (false, false) => {
                Err("combined collect and exclude queries are not allowed\n".to_owned())
            }
            (false, true) => {
                let off = |name: &&String| !registry.names().any(|have| have == **name);
                match only.iter().find(off) {
                    Some(name) => Err(format!("disabled collector: {name}\n")),
                    None => Ok(Self::Only(only)),
                }
            }
        }
    }

    fn wants(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|n| n == name),
            Self::AllBut(names) => !names.iter().any(|n| n == name),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_have_most_of_the_scrapes_timeout() {
        let of = |text: &'static str| {
            let name = axum::http::HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
            patience(&HeaderMap::from_iter([(name, text.parse().unwrap())]))
        };
        assert_eq!(of("1.5"), Duration::from_millis(1_200));
        for none in ["", "x", "0", "-1", "NaN", "1e300"] {
            assert_eq!(of(none), Duration::MAX, "{none}");
        }
        assert_eq!(patience(&HeaderMap::new()), Duration::MAX);
    }
}
