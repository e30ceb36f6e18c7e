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
mod go_duration;
pub mod logging;
mod memory;
pub mod port_holder;
pub mod registry;
mod routes;
pub mod server;
mod systemd_socket;
mod telemetry;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use collectors::Paths;
pub use config::Config;
pub use error::Error;
use flags::Flags;
use memory::Code;

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
    let web = web(&config)?;
    tell_who_may_command(&config, web.as_deref(), address);
    let routes = routes::routes(&config, Code::default());
    server::serve_web(listener, routes, LIMITS, web, shutdown).await;
    Ok(())
}

/// The program after its command line is read: serves on all addresses until it is told to stop
/// by SIGINT or SIGTERM.
pub fn serve(flags: Flags) -> Result<(), Error> {
    let code = Code::of_this_program();
    code.give_back();
    let mut builder = match flags.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let most = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = builder
        .worker_threads(flags.threads.clamp(1, most))
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    let result = runtime.block_on(serve_until_told(flags, code));
    // Programs that still run are killed; a thread that hangs in the kernel is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve_until_told(flags: Flags, code: Code) -> Result<(), Error> {
    look_at_mounts(&flags.config.settings.paths)?;
    let web = web(&flags.config)?;
    let mut listeners = Vec::new();
    if flags.systemd_socket {
        listeners = systemd_socket::listeners()?;
    } else {
        for address in flags.listen {
            listeners.push(listen(address).await?);
        }
    }
    let on: Vec<_> = flags.config.enabled.iter().copied().collect();
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, collectors = on.join(","), "starting");
    for listener in &listeners {
        let address = listener.local_addr().map_err(Error::Start)?;
        let tls = web.as_ref().is_some_and(|web| web.has_tls());
        tracing::info!(%address, tls, "listening");
        tell_who_may_command(&flags.config, web.as_deref(), address);
    }
    let routes = routes::routes(&flags.config, code.clone());
    code.give_back();
    let (stop, stopped) = tokio::sync::watch::channel(());
    let mut servers = JoinSet::new();
    for listener in listeners {
        let mut stopped = stopped.clone();
        let stopped = async move {
            // The channel closes when the program is told to stop.
            while stopped.changed().await.is_ok() {}
        };
        servers.spawn(server::serve_web(
            listener,
            routes.clone(),
            LIMITS,
            web.clone(),
            stopped,
        ));
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

/// How the page is served, if a file says so. The routes of commands ask for their token.
fn web(config: &Config) -> Result<Option<Arc<server::Web>>, Error> {
    let open = |path: &PathBuf| server::Web::open(path, Some(command::PATH));
    Ok(config.web_config.as_ref().map(open).transpose()?)
}

/// Commands off this host need TLS.
fn tell_who_may_command(config: &Config, web: Option<&server::Web>, address: SocketAddr) {
    let has_tls = web.is_some_and(server::Web::has_tls);
    if config.section.commands.is_some() && !address.ip().is_loopback() && !has_tls {
        tracing::warn!(%address, "commands are answered to callers on this host only, since this address is served without TLS (--web.config.file)");
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
