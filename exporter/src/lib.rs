//! The target: the numbers of this host, and a few allowed commands.
//!
//! ```text
//! main -> flags -> config -> serve -> server (connections) -> routes -> registry -> collectors
//! ```
//!
//! A scrape runs every collector within a deadline ([`registry`]), merges what they wrote, and
//! answers with text format 0.0.4. The names, types and labels are `node_exporter`'s.

pub mod collectors;
pub mod command;
pub mod config;
pub mod error;
pub mod flags;
pub mod logging;
pub mod port_holder;
pub mod registry;
mod routes;
pub mod server;
mod telemetry;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use collectors::Paths;
pub use config::Config;
pub use error::Error;
use flags::Flags;

/// What the exporter's clients may do.
const LIMITS: server::Limits = server::Limits {
    connections: 256,
    per_client: Some(64),
    head_bytes: 16 << 10,
    stop: Duration::from_millis(1_500),
};

/// Serves this host's numbers on a listener until `shutdown` is ready; then the requests under way
/// are answered, for at most 1.5 seconds.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let address = listener.local_addr().map_err(Error::Start)?;
    tell_who_may_command(&config, address);
    server::serve(listener, routes::routes(&config), LIMITS, shutdown).await;
    Ok(())
}

/// The program after its command line is read: serves on all addresses until it is told to stop
/// by SIGINT or SIGTERM.
pub fn serve(flags: Flags) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    let result = runtime.block_on(serve_until_told(flags));
    // Programs that still run are killed; a thread that hangs in the kernel is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve_until_told(flags: Flags) -> Result<(), Error> {
    look_at_mounts(&flags.config.settings.paths)?;
    let mut listeners = Vec::new();
    for address in flags.listen {
        tell_who_may_command(&flags.config, address);
        listeners.push(listen(address).await?);
    }
    let routes = routes::routes(&flags.config);
    let (stop, stopped) = tokio::sync::watch::channel(());
    let mut servers = JoinSet::new();
    for listener in listeners {
        let mut stopped = stopped.clone();
        let stopped = async move {
            // The channel closes when the program is told to stop.
            while stopped.changed().await.is_ok() {}
        };
        servers.spawn(server::serve(listener, routes.clone(), LIMITS, stopped));
    }
    told_to_stop().await.map_err(Error::Start)?;
    drop(stop);
    while servers.join_next().await.is_some() {}
    Ok(())
}

/// A wrong mount would give a page that looks right and lacks nearly all.
fn look_at_mounts(paths: &Paths) -> Result<(), Error> {
    if !paths.procfs.join("stat").is_file() {
        return Err(Error::NoProcfs(paths.procfs.clone()));
    }
    if !paths.sysfs.join("class").is_dir() {
        let path = paths.sysfs.display();
        tracing::warn!(%path, "no sysfs there (--path.sysfs), so no figures of sensors, batteries and clock rates");
    }
    Ok(())
}

/// Commands off this host need TLS, which is not there yet.
fn tell_who_may_command(config: &Config, address: SocketAddr) {
    if config.section.commands.is_some() && !address.ip().is_loopback() {
        tracing::warn!(%address, "commands are answered to callers on this host only, since this address is served without TLS");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = match TcpListener::bind(address).await {
        // A kernel without IPv6 has no `[::]`.
        Err(_) if address.ip() == std::net::Ipv6Addr::UNSPECIFIED => {
            let address = (std::net::Ipv4Addr::UNSPECIFIED, address.port());
            TcpListener::bind(address).await
        }
        bound => bound,
    };
    let listener = listener.map_err(|source| {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            Error::Taken(port_holder::taken(address))
        } else {
            Error::Listen { address, source }
        }
    })?;
    tracing::info!(%address, "listening");
    Ok(listener)
}

async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}
