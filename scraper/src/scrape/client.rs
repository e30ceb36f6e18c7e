//! Fetches a page, with a limit on its size and on the time it takes.
//!
//! Pages over plain HTTP come the short way (`wire`); TLS and redirects are the library's.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, Url};
use watchpost_model::config::{ByteSize, Secret};

use super::buffers::Buffers;
use super::cycle::{Body, Place};
use super::wire::{Connection, WireError};
use crate::config::{Authorization, BasicAuth, ScrapeConfig};

/// Text formats in the order of preference; the same as Prometheus asks for without protobuf.
const FORMATS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const USER_AGENT: &str = concat!("watchpost/", env!("CARGO_PKG_VERSION"));
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Fetches the pages of one job.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    credentials: Credentials,
    body_limit: ByteSize,
    /// The headers of a plain request that are the same for all targets.
    headers: String,
    follows_redirects: bool,
}

/// What goes into the `authorization` header.
#[derive(Clone, Debug)]
enum Credentials {
    None,
    Basic(BasicAuth),
    Header(Authorization),
}

/// Why a job's client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file of certificates cannot be read.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificates or another setting are not accepted.
    #[error("cannot prepare the HTTP client")]
    Build(#[source] reqwest::Error),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not done in time.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// Another status than 200.
    #[error("server returned HTTP status {0}")]
    Status(StatusCode),
    /// The page is too long.
    #[error("body size limit exceeded (limit: {0}, uncompressed)")]
    TooLarge(ByteSize),
    /// The job has too many targets.
    #[error("{0}")]
    TargetLimit(String),
    /// A file with a password or token cannot be read.
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What the file holds cannot stand in a header.
    #[error("the credentials hold a character that cannot stand in an HTTP header")]
    Header,
}

impl Client {
    /// A client for the targets of a job.
    pub fn new(job: &ScrapeConfig, body_limit: ByteSize) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(FORMATS));
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .no_proxy()
            // A redirect must not tell another host the parameters of this one's URL.
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .gzip(job.enable_compression)
            .zstd(job.enable_compression)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_mins(5));
        if !job.follow_redirects {
            builder = builder.redirect(reqwest::redirect::Policy::none());
        }
        if let Some(path) = &job.tls_config.ca_file {
            let pem = std::fs::read(path).map_err(|source| ClientError::Read {
                path: path.clone(),
                source,
            })?;
            let trusted =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(ClientError::Build)?;
            builder = builder.tls_certs_only(trusted);
        }
        if job.tls_config.insecure_skip_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        Ok(Self {
            http: builder.build().map_err(ClientError::Build)?,
            credentials: Credentials::of(job),
            body_limit,
            headers: plain_headers(job.enable_compression),
            follows_redirects: job.follow_redirects,
        })
    }

    /// Fetches a page. The time runs from connecting to the
    /// last byte.
    pub(super) async fn fetch(
        &self,
        (url, connection): (&Url, &mut Connection),
        timeout: Duration,
        buffers: &Buffers,
    ) -> Result<Body, FetchError> {
        let fetched = async {
            if url.scheme() != "http" {
                return self.fetch_by_library(url, timeout, buffers).await;
            }
            match self.fetch_plain(url, connection, timeout, buffers).await {
                Err(FetchError::Status(status))
                    if self.follows_redirects && status.is_redirection() =>
                {
                    self.fetch_by_library(url, timeout, buffers).await
                }
                fetched => fetched,
            }
        };
        tokio::time::timeout(timeout, fetched)
            .await
            .unwrap_or(Err(FetchError::Timeout(timeout)))
    }

    async fn fetch_plain(
        &self,
        url: &Url,
        connection: &mut Connection,
        timeout: Duration,
        buffers: &Buffers,
    ) -> Result<Body, FetchError> {
        let seconds = timeout.as_secs_f64();
        let mut headers = format!("{}{TIMEOUT_HEADER}: {seconds}\r\n", self.headers);
        if !matches!(self.credentials, Credentials::None) {
            let request = self.credentials.add_to(self.http.get(url.clone())).await?;
            let request = request.build().map_err(connection_error)?;
            let value = request.headers().get(AUTHORIZATION);
            let value = value.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
            let value = value.ok_or(FetchError::Header)?;
            headers = format!("{headers}authorization: {value}\r\n");
        }
        let limit = usize::try_from(self.body_limit.0).unwrap_or(usize::MAX);
        let page = connection.get(url, &headers, (timeout, limit), buffers);
        page.await.map_err(|error| match error {
            WireError::TooLarge => FetchError::TooLarge(self.body_limit),
            WireError::Status(status) => {
                let known = StatusCode::from_u16(status);
                known.map_or_else(
                    |_| FetchError::Connection(error.to_string()),
                    FetchError::Status,
                )
            }
            error => FetchError::Connection(error.to_string()),
        })
    }

    async fn fetch_by_library(
        &self,
        url: &Url,
        timeout: Duration,
        buffers: &Buffers,
    ) -> Result<Body, FetchError> {
        let request = self
            .http
            .get(url.clone())
            .header(TIMEOUT_HEADER, timeout.as_secs_f64().to_string());
        let request = self.credentials.add_to(request).await?;
        let mut response = request.send().await.map_err(connection_error)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let limit = usize::try_from(self.body_limit.0).unwrap_or(usize::MAX);
        let mut buffer = buffers.take();
        while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
            if buffer.page.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge(self.body_limit));
            }
            buffer.page.extend_from_slice(&chunk);
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(Body {
            content_type: content_type.unwrap_or_default().to_owned(),
            place: Place::Page,
            buffer,
        })
    }
}

impl Credentials {
    fn of(job: &ScrapeConfig) -> Self {
        match (&job.basic_auth, &job.authorization) {
            (Some(basic), _) => Self::Basic(basic.clone()),
            (None, Some(header)) => Self::Header(header.clone()),
            (None, None) => Self::None,
        }
    }

    /// Files are read at each scrape, so that a changed secret needs no restart.
    async fn add_to(&self, request: RequestBuilder) -> Result<RequestBuilder, FetchError> {
        match self {
            Self::None => Ok(request),
            Self::Basic(auth) => {
                let password = secret(&auth.password, auth.password_file.as_ref()).await?;
                Ok(request.basic_auth(&auth.username, Some(password.expose())))
            }
            Self::Header(auth) => {
                let token = secret(&auth.credentials, auth.credentials_file.as_ref()).await?;
                let text = format!("{} {}", auth.scheme.trim(), token.expose());
                let mut value = HeaderValue::from_str(&text).map_err(|_| FetchError::Header)?;
                value.set_sensitive(true);
                Ok(request.header(AUTHORIZATION, value))
            }
        }
    }
}

/// The headers of a request, as whole lines.
fn plain_headers(compressed: bool) -> String {
    let encoding = if compressed { "gzip" } else { "identity" };
    format!("accept: {FORMATS}\r\naccept-encoding: {encoding}\r\nuser-agent: {USER_AGENT}\r\n")
}

async fn secret(text: &Secret, file: Option<&PathBuf>) -> Result<Secret, FetchError> {
    let Some(path) = file else {
        return Ok(text.clone());
    };
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(source) => Err(FetchError::Secret {
            path: path.clone(),
            source,
        }),
    }
}

/// The error with its causes, without the URL (the reader knows the target).
fn connection_error(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let part = inner.to_string();
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = inner.source();
    }
    FetchError::Connection(text)
}
