//! What `--web.config.file` asks for, kept up to date: the file and those it names are looked at
//! once a second at most, when a client comes, and read again when one of them has changed.
//!
//! What cannot be read, or would take a protection away (as a file does of which half is written),
//! changes nothing: the log says so, and what was there before stays.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tower::ServiceExt;
use watchpost_model::config::Faults;

use super::auth::{Logins, Users, Verdict};
use super::rate::Bucket;
use super::refusals::Refusals;
use super::tls;
use super::web_config::{self, RateLimit, WebConfig, line_of};

/// How old what is known of the files may be.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The file is not longer.
const LONGEST_FILE: u64 = 1 << 20;

/// Why the file of `--web.config.file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot be read.
    #[error("cannot read the web configuration `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is wrong, or a file that it names is.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// It is less strict than the one that is in use.
    #[error("`{path}`: {what} while the program runs; restart it", path = path.display())]
    Weaker {
        /// The file.
        path: PathBuf,
        /// What it lacks, and that it may not.
        what: &'static str,
    },
    /// There are no random numbers to be had.
    #[error("the system gives no random numbers")]
    Random,
}

/// TLS, logins, headers and the limit of requests.
#[derive(Debug)]
pub struct Web {
    path: PathBuf,
    /// The routes below this path ask for credentials of their own.
    own_login: Option<&'static str>,
    kept: Mutex<Kept>,
    bucket: Mutex<Bucket>,
    logins: Arc<Logins>,
    /// Those who were not let in.
    pub(super) refusals: Refusals,
}

#[derive(Debug)]
struct Kept {
    settings: Arc<Settings>,
    looked: Instant,
    /// Whether somebody looks right now; on a disk that hangs, nobody else shall.
    is_looking: bool,
    stamps: Stamps,
}

/// What the files say.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) tls: Option<Arc<ServerConfig>>,
    users: Option<Users>,
    headers: Vec<(HeaderName, HeaderValue)>,
    rate_limit: RateLimit,
    /// The kind of client certificates that is asked for is one that keeps clients out.
    needs_certificate: bool,
    verifies_certificate: bool,
    has_names: bool,
}

/// Each file with what changes when it is written or replaced.
type Stamps = Vec<(PathBuf, Option<[i64; 6]>)>;

impl Web {
    /// Reads the file and all that it names. Requests to paths below `own_login` are let in
    /// without a login of this file, since their routes ask for their own.
    pub fn open(path: &Path, own_login: Option<&'static str>) -> Result<Arc<Self>, WebError> {
        let (settings, stamps) = load(path);
        let kept = Kept {
            settings: Arc::new(settings?),
            looked: Instant::now(),
            is_looking: false,
            stamps,
        };
        Ok(Arc::new(Self {
            path: path.to_owned(),
            own_login,
            kept: Mutex::new(kept),
            bucket: Mutex::default(),
            logins: Arc::new(Logins::new().ok_or(WebError::Random)?),
            refusals: Refusals::default(),
        }))
    }

    /// Whether connections are encrypted. It does not change.
    pub fn has_tls(&self) -> bool {
        self.kept.lock().settings.tls.is_some()
    }

    /// What the files say now, or said a second ago.
    pub(super) async fn settings(self: &Arc<Self>) -> Arc<Settings> {
        let now = Instant::now();
        {
            let mut kept = self.kept.lock();
            if kept.is_looking || now.saturating_duration_since(kept.looked) < LOOK_AGAIN {
                return Arc::clone(&kept.settings);
            }
            kept.looked = now;
            kept.is_looking = true;
        }
        let web = Arc::clone(self);
        // A disk may hang: then this client waits, and the others have what is known.
        let looked = tokio::task::spawn_blocking(move || {
            let _looking = Looking(&web);
            web.look();
        });
        if looked.await.is_err() {
            tracing::error!("reading the web configuration ended unexpectedly");
        }
        Arc::clone(&self.kept.lock().settings)
    }

    /// Reads the files again if one of them has changed.
    fn look(&self) {
        let (before, stamps) = {
            let kept = self.kept.lock();
            (Arc::clone(&kept.settings), kept.stamps.clone())
        };
        if stamps.iter().all(|(path, then)| stamp(path) == *then) {
            return;
        }
        let (settings, stamps) = load(&self.path);
        let settings = settings.and_then(|settings| match settings.lacks(&before) {
            None => Ok(settings),
            Some(what) => Err(WebError::Weaker {
                path: self.path.clone(),
                what,
            }),
        });
        let mut kept = self.kept.lock();
        kept.stamps = stamps;
        match settings {
            Ok(settings) => {
                kept.settings = Arc::new(settings);
                tracing::info!(path = %self.path.display(), "web configuration read again");
            }
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(
                    error,
                    "the web configuration has changed and cannot be used; what was read before stays in use"
                );
            }
        }
    }

    /// Answers a request if it may be answered.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        routes: Router,
    ) -> Result<Response, Infallible> {
        let settings = self.settings().await;
        let limit = settings.rate_limit;
        if !self.bucket.lock().takes(limit, Instant::now()) {
            let wait = [(RETRY_AFTER, Bucket::retry_after(limit).to_string())];
            return Ok((StatusCode::TOO_MANY_REQUESTS, wait, "Too Many Requests\n").into_response());
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| *peer);
        let has_login = request.headers().contains_key(AUTHORIZATION);
        let verdict = match &settings.users {
            Some(users) if !self.has_own_login(request.uri().path()) => {
                let header = request.headers().get(AUTHORIZATION);
                self.logins.judge(users, header).await
            }
            _ => Verdict::Known,
        };
        let mut response = match verdict {
            Verdict::Known => routes.oneshot(request).await?,
            Verdict::Unknown => {
                let why = if has_login { "wrong login" } else { "no login" };
                self.refusals.tell(peer, why);
                let ask = [(WWW_AUTHENTICATE, "Basic")];
                (StatusCode::UNAUTHORIZED, ask, "Unauthorized\n").into_response()
            }
            Verdict::Busy => {
                let text = "too many logins are being checked, try again later\n";
                (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
            }
        };
        for (name, value) in &settings.headers {
            response.headers_mut().insert(name, value.clone());
        }
        Ok(response)
    }

    fn has_own_login(&self, path: &str) -> bool {
        let rest = self.own_login.and_then(|own| path.strip_prefix(own));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Whoever looks at the files, as long as it is held.
struct Looking<'a>(&'a Web);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.kept.lock().is_looking = false;
    }
}

impl Settings {
    /// Which protection there was before is not there any more.
    fn lacks(&self, before: &Self) -> Option<&'static str> {
        let gone = |before: bool, now: bool| before && !now;
        if self.tls.is_some() != before.tls.is_some() {
            Some("TLS cannot be switched on or off")
        } else if gone(before.users.is_some(), self.users.is_some()) {
            Some("`basic_auth_users` cannot be left out")
        } else if gone(before.needs_certificate, self.needs_certificate)
            || gone(before.verifies_certificate, self.verifies_certificate)
        {
            Some("`client_auth_type` cannot ask for less")
        } else if gone(before.has_names, self.has_names) {
            Some("`client_allowed_sans` cannot be left out")
        } else {
            None
        }
    }
}

/// What the files say, and how they were before they were read, so that no change is missed.
fn load(path: &Path) -> (Result<Settings, WebError>, Stamps) {
    let mut stamps = vec![(path.to_owned(), stamp(path))];
    let settings = read(path).and_then(|(text, config)| {
        let files = config.tls_server_config.files();
        stamps.extend(files.map(|file| (file.to_owned(), stamp(file))));
        settings(path, &text, config)
    });
    (settings, stamps)
}

fn read(path: &Path) -> Result<(String, WebConfig), WebError> {
    let unread = |source| WebError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = read_bounded(path, LONGEST_FILE).map_err(unread)?;
    let text =
        String::from_utf8(bytes).map_err(|_| unread(io::Error::other("expected text in UTF-8")))?;
    let config = web_config::read(path, &text)?;
    Ok((text, config))
}

fn settings(path: &Path, text: &str, config: WebConfig) -> Result<Settings, WebError> {
    let section = &config.tls_server_config;
    let tls = if section.is_on() {
        let server = tls::server_config(&config).map_err(|(key, message)| {
            let mut faults = Faults::new(path.display().to_string());
            let line = line_of(text, key);
            faults.add_at(line, &format!("tls_server_config.{key}"), message);
            faults
        })?;
        Some(Arc::new(server))
    } else {
        None
    };
    Ok(Settings {
        needs_certificate: section.client_auth_type.needs_one(),
        verifies_certificate: section.client_auth_type.verifies(),
        has_names: section.client_allowed_sans.is_some(),
        tls,
        headers: config.http_server_config.headers(),
        rate_limit: config.rate_limit,
        users: Users::new(config.basic_auth_users),
    })
}

/// Reads a file that is not longer than it may be.
pub(super) fn read_bounded(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("expected a regular file"));
    }
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        let message = format!("expected at most {longest} bytes, found more");
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}

fn stamp(path: &Path) -> Option<[i64; 6]> {
    let found = std::fs::metadata(path).ok()?;
    Some([
        found.dev().cast_signed(),
        found.ino().cast_signed(),
        found.size().cast_signed(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime_nsec() ^ found.ctime(),
    ])
}

#[cfg(test)]
mod tests;
