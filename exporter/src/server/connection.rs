//! One connection: the handshake, the protocol, and when it ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::web::Web;
use super::{HEAD_TIMEOUT, Limits, tls};

/// How long a client may take for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client that is refused is listened to, and how much.
const LAST_TIMEOUT: Duration = Duration::from_secs(1);
const LAST_WORDS: u64 = 64 << 10;

/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 16;

/// What HTTP/2 may hold of one connection's data, each way.
const WINDOW: u32 = 64 << 10;

/// The type of a TLS record that begins a handshake.
const HANDSHAKE: u8 = 0x16;

/// What Go's server says, byte for byte.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Tells routes that a request came over TLS.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("no TLS handshake within {} seconds", HANDSHAKE_TIMEOUT.as_secs())]
    HandshakeTimeout,
    #[error("TLS handshake")]
    Handshake(#[source] std::io::Error),
    #[error("plain HTTP where TLS is served")]
    NotTls,
    #[error("idle for too long and still there when told to end")]
    Idle,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) routes: Router,
    pub(super) limits: Limits,
    pub(super) web: Option<Arc<Web>>,
    /// Changes when the server stops.
    pub(super) stop: watch::Receiver<()>,
}

/// Serves one client until it goes, is told to go, or the server stops.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Shared,
) -> Result<(), Ended> {
    let Some(web) = &shared.web else {
        let end = Client::new(peer, &shared, false).http1(TokioIo::new(stream));
        return end.await;
    };
    let Some(config) = web.settings().await.tls.clone() else {
        let end = Client::new(peer, &shared, false).http1(TokioIo::new(stream));
        return end.await;
    };
    // Plain connections shall not have to carry what this one needs.
    let ended = Box::pin(encrypted(stream, peer, &shared, config)).await;
    if let Err(Ended::Handshake(error)) = &ended
        && let Some(why) = tls::certificate_fault(error)
    {
        web.refusals.tell(Some(peer), &why);
    }
    ended
}

async fn encrypted(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Shared,
    config: Arc<ServerConfig>,
) -> Result<(), Ended> {
    let mut stop = shared.stop.clone();
    let stream = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(stream, config)) => {
            shaken.map_err(|_| Ended::HandshakeTimeout)??
        }
        _ = stop.changed() => return Ok(()),
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let client = Client::new(peer, shared, true);
    if is_http2 {
        client.http2(TokioIo::new(stream)).await
    } else {
        client.http1(TokioIo::new(stream)).await
    }
}

async fn handshake(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
) -> Result<tokio_rustls::server::TlsStream<TcpStream>, Ended> {
    let mut first = [0];
    let seen = stream.peek(&mut first).await.map_err(Ended::Handshake)?;
    let [first] = first;
    if seen == 1 && first != HANDSHAKE && first.is_ascii_uppercase() {
        stream.write_all(NOT_TLS).await.map_err(Ended::Handshake)?;
        end(stream).await;
        return Err(Ended::NotTls);
    }
    let accepted = TlsAcceptor::from(config).accept(stream).into_fallible();
    match accepted.await {
        Ok(stream) => Ok(stream),
        Err((error, stream)) => {
            end(stream).await;
            Err(Ended::Handshake(error))
        }
    }
}

/// Ends a connection whose client shall hear why: what it still sends is read, since the last that
/// it was told would be lost with a connection that is reset.
async fn end(mut stream: TcpStream) {
    let rest = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LAST_WORDS);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(LAST_TIMEOUT, rest).await {
        tracing::trace!(%error, "a refused client has gone");
    }
}

/// A client whose requests are answered.
struct Client<'a> {
    peer: SocketAddr,
    shared: &'a Shared,
    is_encrypted: bool,
    activity: Arc<Activity>,
}

/// The requests of a connection.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicUsize,
    under_way: AtomicUsize,
}

/// A request under way.
struct UnderWay(Arc<Activity>);

impl UnderWay {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Client<'a> {
    fn new(peer: SocketAddr, shared: &'a Shared, is_encrypted: bool) -> Self {
        Self {
            peer,
            shared,
            is_encrypted,
            activity: Arc::default(),
        }
    }

    async fn http1<I: Read + Write + Unpin>(self, io: I) -> Result<(), Ended> {
        let service = service_fn(|request| self.answer(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(self.shared.limits.head_bytes)
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            _ = stop.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        Ok(connection.await?)
    }

    /// HTTP/2 has no time limit of its own for heads and silence.
    async fn http2<I: Read + Write + Unpin>(self, io: I) -> Result<(), Ended> {
        let head = u32::try_from(self.shared.limits.head_bytes).unwrap_or(u32::MAX);
        let service = service_fn(|request| self.answer(request));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(head)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(WINDOW as usize)
            .keep_alive_interval(HEAD_TIMEOUT)
            .keep_alive_timeout(HEAD_TIMEOUT)
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            _ = stop.changed() => {}
            () = self.idle() => {}
        }
        connection.as_mut().graceful_shutdown();
        let end = tokio::time::timeout(HEAD_TIMEOUT, connection);
        Ok(end.await.map_err(|_| Ended::Idle)??)
    }

    /// Ready when no request has begun for a while and none is under way.
    async fn idle(&self) {
        let mut seen = None;
        loop {
            let begun = self.activity.begun.load(Ordering::Relaxed);
            let waits = self.activity.under_way.load(Ordering::Relaxed) > 0;
            if seen == Some(begun) && !waits {
                return;
            }
            seen = Some(begun);
            tokio::time::sleep(HEAD_TIMEOUT).await;
        }
    }

    /// The client's address goes along with each request as [`ConnectInfo`].
    fn answer(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.is_encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        let under_way = UnderWay::new(&self.activity);
        let routes = self.shared.routes.clone();
        let web = self.shared.web.clone();
        async move {
            let response = match web {
                None => routes.oneshot(request).await,
                Some(web) => web.answer(request, routes).await,
            };
            drop(under_way);
            response
        }
    }
}
