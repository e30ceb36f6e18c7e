//! The HTTP server of both programs: the routes, the limits, and the graceful stop.

mod clients;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use clients::Clients;

/// How long a client may take for a request's head, and stay silent between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may leave what it was sent unread, in milliseconds. The kernel ends the
/// connection then; otherwise clients that do not read could take all places for ever.
const UNREAD_TIMEOUT: u32 = 30_000;

/// How long to wait when the system has no file left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What differs between servers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections of one client at once; more are closed. None where a proxy may stand before
    /// the server, which then is the only client.
    pub per_client: Option<usize>,
    /// The longest head of a request, in bytes.
    pub head_bytes: usize,
    /// How long requests may go on when the server stops.
    pub stop: Duration,
}

/// Serves the routes until `shutdown` is ready and the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places));
    let clients = Arc::new(Clients::new(limits.per_client.unwrap_or(usize::MAX)));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Some(visit) = clients.enter(peer.ip()) else {
            tracing::debug!(%peer, "connection closed: its client has too many");
            continue;
        };
        let connection = graceful.watch(connection(stream, peer, routes.clone(), limits));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "connection ended early");
            }
            drop((place, visit));
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.stop, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were cut off to stop in time");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    let set = stream
        .set_nodelay(true)
        .and_then(|()| Ok(set_tcp_user_timeout(&stream, UNREAD_TIMEOUT)?));
    if let Err(error) = set {
        // The client has hung up already; that is for its connection to find out.
        tracing::debug!(%error, "cannot set up a connection");
    }
    Ok((stream, peer, place))
}

/// One client. Its address goes along with each request as [`ConnectInfo`].
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    limits: Limits,
) -> impl GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service)
}
