//! `watchpost run`: the server itself.

use std::net::SocketAddr;
use std::time::Duration as StdDuration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use watchpost_exporter::port_holder;
use watchpost_model::Duration;
use watchpost_model::config::ByteSize;
use watchpost_promql::Options;
use watchpost_tsdb::Db;

use super::{Failure, check, say};
use crate::api::{App, Bounds, ConfigFile, Enabled};
use crate::config::Config;
use crate::embedded::{self, Exporter, ThisHost};
use crate::flags::{Feature, RunFlags};
use crate::server::{Server, Settings};
use crate::shutdown;

/// How long samples are kept where nobody says.
const RETENTION: Duration = Duration::from_secs(15 * 86_400);
/// How long samples are kept where only a size says what goes.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);
/// How many exemplars are kept where only the flag says that they are.
const EXEMPLARS: usize = 100_000;
/// How long threads may go on after everything has stopped.
const THREADS_TIMEOUT: StdDuration = StdDuration::from_millis(100);

/// Runs the verb: until SIGINT or SIGTERM; a second one ends it at once.
pub fn run(flags: &RunFlags) -> Result<(), Failure> {
    let config = flags
        .config
        .as_deref()
        .map(|file| check::read_config(file, flags.features.language()))
        .transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(flags, config));
    runtime.shutdown_timeout(THREADS_TIMEOUT);
    result
}

async fn serve(flags: &RunFlags, config: Option<Config>) -> Result<(), Failure> {
    let mut signals = Signals::new().context("cannot wait for signals")?;
    let listener = listen(flags.listen).await?;
    let (stopper, stopped) = shutdown::channel();
    let (config, host) = if let Some(config) = config {
        (config, None)
    } else {
        let host = embedded::start(stopped)
            .await
            .context("cannot start the exporter")?;
        (embedded::config(&host), Some(host))
    };
    let config_file = config_file(flags);
    let file = flags.config.as_ref().map(|path| path.display().to_string());
    let rule_groups = check::rule_groups(
        &file.unwrap_or_default(),
        &config,
        flags.features.language(),
    )?;
    let rules = check::rule_count(&rule_groups);
    let db = open(flags, &config).await?;
    let server = Server::start(Settings {
        db,
        rule_groups,
        external_url: external_url(flags, listener.local_addr()?),
        listener,
        queries: Options {
            lookback: flags.lookback,
            max_samples: flags.query_samples,
            timeout: flags.query_timeout,
            delayed_name_removal: flags.features.has(Feature::PromqlDelayedNameRemoval),
            subquery_step: config.global.evaluation_interval,
            ..Options::default()
        },
        query_concurrency: flags.query_concurrency,
        connections: flags.max_connections,
        directory: Some(flags.data.clone()),
        enabled: enabled(flags),
        bounds: Bounds {
            search_results: flags.max_search_results,
            subscribers: flags.max_subscribers,
            read_samples: flags.max_read_samples,
            reads: flags.max_reads,
        },
        features: flags.features.language(),
        config_file,
        flags: shown(flags, &config),
        config: config.clone(),
    })?;
    greet(flags, &config, host.as_ref(), &server);
    greet_rules(rules, &config);
    greet_end(host.is_some());
    warn_of_the_network(server.address());
    tokio::select! {
        () = signals.next(server.app()) => {}
        () = server.app().quit.notified() => {}
    }
    say(format_args!("Stopping; a second Ctrl-C ends it at once"));
    tokio::select! {
        () = server.stop() => {}
        () = signals.end() => return Err(Failure::Told),
    }
    stopper.stop();
    if let Some(Exporter::Here(task)) = host.map(|host| host.exporter) {
        task.abort();
    }
    Ok(())
}

/// The configuration file as it is now.
fn config_file(flags: &RunFlags) -> Option<ConfigFile> {
    let path = flags.config.clone()?;
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    Some(ConfigFile { path, text })
}

/// What requests may do besides reading.
fn enabled(flags: &RunFlags) -> Enabled {
    Enabled {
        admin: flags.admin_api,
        lifecycle: flags.lifecycle,
        remote_write_receiver: flags.remote_write_receiver,
        search: flags.features.has(Feature::SearchApi),
        step_stats: flags.features.has(Feature::PromqlPerStepStats),
        cors_origin: flags.cors_origin.clone(),
    }
}

/// Opens the store; the replay of its log takes the processor and waits for the disk.
async fn open(flags: &RunFlags, config: &Config) -> anyhow::Result<Db> {
    let store = watchpost_tsdb::Config {
        path: flags.data.clone(),
        retention: retention(flags, config),
        max_size: max_size(flags, config).0,
        max_exemplars: max_exemplars(flags, config),
        ..config.storage.tsdb.store()
    };
    tokio::task::spawn_blocking(move || Db::open(store))
        .await?
        .context("cannot open the store (--storage.tsdb.path)")
}

/// The listener of the page and the API. A port that is taken is told with who has it.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            anyhow::anyhow!(port_holder::taken(address))
        } else {
            anyhow::Error::new(error)
                .context(format!("cannot listen on {address} (--web.listen-address)"))
        }
    })
}

/// How many exemplars are kept: what the file says, or some with the flag.
fn max_exemplars(flags: &RunFlags, config: &Config) -> usize {
    let otherwise = if flags.features.has(Feature::ExemplarStorage) {
        EXEMPLARS
    } else {
        0
    };
    config.storage.exemplars.max_exemplars.unwrap_or(otherwise)
}

fn retention(flags: &RunFlags, config: &Config) -> Duration {
    let time = flags.retention.or(config.storage.tsdb.retention.time);
    let only_size = max_size(flags, config) > ByteSize(0);
    time.unwrap_or(if only_size { FOREVER } else { RETENTION })
}

/// How many bytes all files may take; 0 is no limit.
fn max_size(flags: &RunFlags, config: &Config) -> ByteSize {
    let size = flags.max_size.or(config.storage.tsdb.retention.size);
    size.unwrap_or_default()
}

/// For how long, or up to which size, samples are kept.
fn kept(flags: &RunFlags, config: &Config) -> String {
    let (time, size) = (retention(flags, config), max_size(flags, config));
    if size == ByteSize(0) {
        time.to_string()
    } else if time == FOREVER {
        format!("up to {size}")
    } else {
        format!("{time}, up to {size}")
    }
}

/// The flags as the API shows them.
fn shown(flags: &RunFlags, config: &Config) -> Vec<(String, String)> {
    let file = flags.config.as_ref().map(|path| path.display().to_string());
    [
        ("config.file", file.unwrap_or_default()),
        ("storage.tsdb.path", flags.data.display().to_string()),
        (
            "storage.tsdb.retention.time",
            retention(flags, config).to_string(),
        ),
        (
            "storage.tsdb.retention.size",
            max_size(flags, config).to_string(),
        ),
        ("web.listen-address", flags.listen.to_string()),
        (
            "web.external-url",
            flags.external_url.clone().unwrap_or_default(),
        ),
        ("web.enable-admin-api", flags.admin_api.to_string()),
        ("web.enable-lifecycle", flags.lifecycle.to_string()),
        (
            "web.cors.origin",
            flags
                .cors_origin
                .as_ref()
                .map_or_else(String::new, |origin| origin.as_str().to_owned()),
        ),
        (
            "web.max-notifications-subscribers",
            flags.max_subscribers.to_string(),
        ),
        ("web.search.max-limit", flags.max_search_results.to_string()),
        (
            "storage.remote.read-sample-limit",
            flags.max_read_samples.to_string(),
        ),
        (
            "storage.remote.read-concurrent-limit",
            flags.max_reads.to_string(),
        ),
        ("enable-feature", flags.features.names()),
        (
            "web.enable-remote-write-receiver",
            flags.remote_write_receiver.to_string(),
        ),
        ("web.max-connections", flags.max_connections.to_string()),
        ("query.timeout", flags.query_timeout.to_string()),
        ("query.max-concurrency", flags.query_concurrency.to_string()),
        ("query.max-samples", flags.query_samples.to_string()),
        ("query.lookback-delta", flags.lookback.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Says what runs, in a few lines.
fn greet(flags: &RunFlags, config: &Config, host: Option<&ThisHost>, server: &Server) {
    if let Some(host) = host {
        let how = match host.exporter {
            Exporter::Here(_) => "its exporter runs in this process on",
            Exporter::Ours => "a watchpost-exporter already answers on",
            Exporter::Node => "a node_exporter already answers on",
        };
        say(format_args!(
            "Watchpost {} watches this machine ({}): {how} {}, scraped every {}",
            env!("CARGO_PKG_VERSION"),
            host.name,
            host.address,
            config.global.scrape_interval,
        ));
    } else {
        let pools = server.app().scrape.pools();
        let targets: usize = pools.iter().map(|pool| pool.targets.len()).sum();
        say(format_args!(
            "Watchpost {} watches {targets} targets of {} jobs",
            env!("CARGO_PKG_VERSION"),
            pools.len(),
        ));
    }
    let data = std::path::absolute(&flags.data).unwrap_or_else(|_| flags.data.clone());
    say(format_args!(
        "  page   http://{}/",
        page_address(server.address())
    ));
    say(format_args!(
        "  data   {} (kept {})",
        data.display(),
        kept(flags, config)
    ));
}

fn greet_rules(rules: usize, config: &Config) {
    let told = if config.notifications.is_some() {
        "notices go to the receiver of `notifications`"
    } else {
        "no receiver is configured: alerts show on the page only"
    };
    say(format_args!("  rules  {rules}; {told}"));
}

fn greet_end(embedded: bool) {
    say(format_args!("  stop   Ctrl-C"));
    if embedded {
        say(format_args!(
            "  add    another host: run watchpost-exporter on both hosts, write both into a copy of\n         \
             examples/minimal.yaml, and start again with --config.file=minimal.yaml"
        ));
    }
}

/// Whoever reaches the page reads everything: there is no login yet.
fn warn_of_the_network(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "the page and the API have no login yet: everyone who reaches this address can read them"
        );
    }
}

/// Under which URL others reach the page: what the flag says, or this host's name where the page is
/// served to the network.
fn external_url(flags: &RunFlags, address: SocketAddr) -> String {
    match &flags.external_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None if address.ip().is_unspecified() => {
            format!("http://{}:{}", embedded::host_name(), address.port())
        }
        None => format!("http://{address}"),
    }
}

/// A browser cannot open the address that stands for all addresses.
fn page_address(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from(([127, 0, 0, 1], address.port()))
    } else {
        address
    }
}

/// The signals that a server gets.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Ends when the program is asked to end. SIGHUP opens log files anew.
    async fn next(&mut self, app: &App) {
        loop {
            tokio::select! {
                () = ended(&mut self.interrupt, &mut self.terminate) => return,
                _ = self.hangup.recv() => match app.reload() {
                    Ok(()) => tracing::warn!(
                        "SIGHUP: log files are opened anew; reload is not supported yet: restart to read \
                         the configuration again"
                    ),
                    Err(error) => tracing::warn!(%error, "SIGHUP"),
                },
            }
        }
    }

    /// Ends when the program is asked to end.
    async fn end(&mut self) {
        ended(&mut self.interrupt, &mut self.terminate).await;
    }
}

async fn ended(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
