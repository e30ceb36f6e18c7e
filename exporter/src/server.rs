//! The HTTP server of both programs: the routes, the limits, and the graceful stop.

mod auth;
mod clients;
mod connection;
mod rate;
mod refusals;
mod tls;
mod web;
mod web_config;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use clients::Clients;
pub use connection::Encrypted;
use connection::Shared;
pub use web::{Web, WebError};

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

/// Serves the routes in plain HTTP until `shutdown` is ready and the requests under way are
/// answered.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    serve_web(listener, routes, limits, None, shutdown).await;
}

/// Serves the routes as the file of `--web.config.file` asks for.
pub async fn serve_web(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    web: Option<Arc<Web>>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let shared = Shared {
        routes,
        limits,
        web,
        stop: stopping,
    };
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
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Err(error) = connection::serve(stream, peer, shared).await {
                let error = crate::error::chain(&error);
                tracing::debug!(error, %peer, "connection ended early");
            }
            drop((place, visit));
        });
    }
    drop((listener, shared));
    // Those who listen hear that the sender has gone, and their end is heard here.
    stop.send_replace(());
    if tokio::time::timeout(limits.stop, stop.closed())
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
