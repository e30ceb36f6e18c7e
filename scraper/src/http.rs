//! Serves HTTP: how many connections, how long each may take, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::shutdown::Shutdown;

/// How long a client may take for a request's head, and stay silent between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may leave what it was sent unread, in milliseconds. The kernel ends the
/// connection then; otherwise clients that do not read could take all places for ever.
const UNREAD_TIMEOUT: u32 = 30_000;
/// The longest head of a request.
const HEAD_LIMIT: usize = 64 << 10;
/// How long requests may go on when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(700);
/// How long to wait when the system has no file left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is told to stop; requests under way are then answered, for a short while. More
/// clients than `connections` wait in the kernel's queue.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    connections: u32,
    shutdown: Shutdown,
) {
    let graceful = GracefulShutdown::new();
    let places = usize::try_from(connections).unwrap_or(1).max(1);
    let places = Arc::new(Semaphore::new(places));
    let mut stopped = std::pin::pin!(shutdown.wait());
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = graceful.watch(connection(stream, routes.clone()));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection ended early");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were cut off to stop in time");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    let set = stream
        .set_nodelay(true)
        .and_then(|()| Ok(set_tcp_user_timeout(&stream, UNREAD_TIMEOUT)?));
    if let Err(error) = set {
        // The client has hung up already; that is for its connection to find out.
        tracing::debug!(%error, "cannot set up a connection");
    }
    Ok((stream, place))
}

/// One client. Its address goes along with each request as [`ConnectInfo`].
fn connection(
    stream: TcpStream,
    routes: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let peer = stream.peer_addr().ok();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        routes.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
}
