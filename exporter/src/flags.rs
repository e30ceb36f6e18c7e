//! The command line: `node_exporter`'s flags, the collectors' ones made from their table.

mod listen;
mod missing;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::EnumValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::collectors::{ALL, Definition, Flag, FlagKind, Paths, Settings, check};
use crate::config::{Config, Section};
use crate::error::Error;
use crate::logging::{Format, Level};

pub use listen::{AddressError, addresses};
pub use missing::explain;

const AFTER_HELP: &str = "\
Every collector's switch has an opposite: --no-collector.cpu, --no-collector.netdev.netlink.

Examples:
  watchpost-exporter                                          serve this host at :9100/metrics
  watchpost-exporter --web.listen-address=127.0.0.1:9100      serve them to this host only
  watchpost-exporter --no-collector.vmstat --collector.processes
                                                              one collector less, one more
  watchpost-exporter --collector.disable-defaults --collector.cpu --collector.meminfo
                                                              these two only
  watchpost-exporter --path.procfs=/host/proc --path.sysfs=/host/sys --path.rootfs=/host
                                                              in a container: the host's mounts
  watchpost-exporter --web.config.file=web.yml                with TLS and logins: docs/web-config.md
  watchpost-exporter --config.file=config.yaml                with the file's section `exporter`

Commands (a host's status, its busiest processes, programs of your choice) are off. They are turned
on by `exporter.commands` of the configuration file: see docs/commands.md and examples/config.yaml.

Exit status: 0 done, 1 failed, 2 wrong use of the command line, 64 wrong configuration.";

/// Flags of collectors under the names that they had before, which `node_exporter` still takes.
const OLD_NAMES: [(&str, &str); 5] = [
    ("diskstats.ignored-devices", "diskstats.device-exclude"),
    ("filesystem.ignored-fs-types", "filesystem.fs-types-exclude"),
    (
        "filesystem.ignored-mount-points",
        "filesystem.mount-points-exclude",
    ),
    ("qdisk.device-exclude", "qdisc.device-exclude"),
    ("qdisk.device-include", "qdisc.device-include"),
];

/// A flag of `node_exporter` for which there is nothing to do: file systems of other hosts have a
/// thread each here, and the others none.
const STAT_WORKERS: &str = "collector.filesystem.stat-workers";

/// What the command line says.
#[derive(Debug)]
pub struct Flags {
    /// What the exporter is told.
    pub config: Config,
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// Whether the service manager passes the sockets to listen on.
    pub systemd_socket: bool,
    /// How many threads answer requests.
    pub threads: usize,
    /// Messages below this are not logged.
    pub log_level: Level,
    /// How messages are written.
    pub log_format: Format,
}

/// The command line's grammar.
pub fn command() -> Command {
    let collectors = ALL.iter().flat_map(collector_flags);
    Command::new("watchpost-exporter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves the numbers of this host to Prometheus and Watchpost")
        .override_usage("watchpost-exporter [FLAGS]")
        // node_exporter's two flags for it.
        .arg(
            Arg::new("help-long")
                .long("help-long")
                .hide(true)
                .action(ArgAction::Help),
        )
        .after_help(AFTER_HELP)
        .next_help_heading("Configuration and mounts")
        .args(path_flags())
        .next_help_heading("Web")
        .args(web_flags())
        .next_help_heading("Log")
        .args(log_flags())
        .next_help_heading("Collectors")
        .arg(switch(
            "collector.disable-defaults",
            "Set all collectors to disabled by default.",
        ))
        .args(collectors)
        .args(missing::switches_off())
        .arg(
            option(STAT_WORKERS, "")
                .value_parser(clap::value_parser!(usize))
                .hide(true),
        )
}

/// Reads a command line and the file it names.
pub fn read(matches: &ArgMatches) -> Result<Flags, Error> {
    let section = match matches.get_one::<PathBuf>("config.file") {
        Some(path) => Section::load(path)?,
        None => Section::default(),
    };
    let given: Vec<String> = texts(matches, "web.listen-address");
    let texts = match (given.is_empty(), section.listen.is_empty()) {
        (false, _) => given,
        (true, false) => section.listen.clone(),
        (true, true) => vec![":9100".to_owned()],
    };
    let mut listen = Vec::new();
    for text in &texts {
        listen.extend(addresses(text).map_err(Error::Address)?);
    }
    let (enabled, settings) = (enabled(matches), settings(matches)?);
    check(&enabled, &settings)?;
    let config = Config {
        enabled,
        settings,
        telemetry_path: telemetry_path(matches)?,
        own_metrics: !matches.get_flag("web.disable-exporter-metrics"),
        max_requests: matches.get_one("web.max-requests").copied().unwrap_or(40),
        openmetrics: matches.get_flag("web.enable-openmetrics"),
        // node_exporter takes an empty one for none.
        web_config: matches
            .get_one::<PathBuf>("web.config.file")
            .filter(|path| !path.as_os_str().is_empty())
            .cloned(),
        section,
        ..Config::default()
    };
    Ok(Flags {
        config,
        listen,
        systemd_socket: matches.get_flag("web.systemd-socket"),
        threads: one(matches, "runtime.gomaxprocs").unwrap_or(1),
        log_level: one(matches, "log.level").unwrap_or(Level::Info),
        log_format: one(matches, "log.format").unwrap_or(Format::Logfmt),
    })
}

/// A path may be empty, which clap's own parser refuses.
#[expect(
    clippy::unnecessary_wraps,
    reason = "clap takes a parser that can fail"
)]
fn path_or_nothing(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(text))
}

/// A path that no other route has.
fn telemetry_path(matches: &ArgMatches) -> Result<String, Error> {
    let path = text(matches, "web.telemetry-path");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    let taken = path.starts_with("/-/") || path.starts_with(crate::command::PATH);
    if path.starts_with('/') && path.chars().all(plain) && !taken {
        Ok(path)
    } else {
        Err(Error::TelemetryPath(path))
    }
}

fn path_flags() -> [Arg; 5] {
    let path = |name, default, help| {
        option(name, help)
            .default_value(default)
            .value_parser(clap::value_parser!(PathBuf))
    };
    [
        path("path.procfs", "/proc", "procfs mountpoint."),
        path("path.sysfs", "/sys", "sysfs mountpoint."),
        path("path.rootfs", "/", "rootfs mountpoint."),
        path("path.udev.data", "/run/udev/data", "udev data path."),
        option(
            "config.file",
            "The configuration file: its section `exporter`.",
        )
        .value_parser(clap::value_parser!(PathBuf)),
    ]
}

fn web_flags() -> [Arg; 8] {
    [
        option(
            "web.listen-address",
            "Addresses to listen on, such as `:9100`, `127.0.0.1:9100` or `[::1]:9100`. Repeatable. [default: :9100]",
        )
        .action(ArgAction::Append),
        option("web.telemetry-path", "Path of the metrics.").default_value("/metrics"),
        switch(
            "web.disable-exporter-metrics",
            "Leave out the metrics about the exporter itself (promhttp_*, process_*).",
        ),
        option("web.max-requests", "How many scrapes may run at once; 0 is without limit.")
            .default_value("40")
            .value_parser(clap::value_parser!(usize)),
        option(
            "web.config.file",
            "The file that sets up TLS, client certificates and logins: exporter-toolkit's.",
        )
        .value_parser(path_or_nothing),
        switch(
            "web.systemd-socket",
            "Listen on the sockets that systemd passes instead of --web.listen-address.",
        ),
        switch(
            "web.enable-openmetrics",
            "Serve OpenMetrics 1.0.0 to those who ask for it.",
        ),
        option(
            "runtime.gomaxprocs",
            "How many threads answer requests; 1 is enough for all but very many clients.",
        )
        .default_value("1")
        .value_parser(clap::value_parser!(usize)),
    ]
}

fn log_flags() -> [Arg; 2] {
    [
        option("log.level", "Log only messages of this severity or above.")
            .default_value("info")
            .ignore_case(true)
            .value_parser(EnumValueParser::<Level>::new()),
        option("log.format", "The form of log messages.")
            .default_value("logfmt")
            .ignore_case(true)
            .value_parser(EnumValueParser::<Format>::new()),
    ]
}

/// `--collector.NAME`, its opposite, and the collector's own flags.
fn collector_flags(definition: &Definition) -> Vec<Arg> {
    let state = if definition.default_on {
        "enabled"
    } else {
        "disabled"
    };
    let name = format!("collector.{}", definition.name);
    let help = format!("{} (default: {state})", definition.help);
    let mut args = with_opposite(name, help);
    args.extend(definition.flags.iter().flat_map(own_flag));
    args
}

fn own_flag(flag: &Flag) -> Vec<Arg> {
    let name = format!("collector.{}", flag.name);
    match flag.kind {
        FlagKind::Switch { default } => {
            let state = if default { "enabled" } else { "disabled" };
            with_opposite(name, format!("{} (default: {state})", flag.help))
        }
        FlagKind::Pattern { default } | FlagKind::Text { default } if default.is_empty() => {
            vec![option(name, flag.help)]
        }
        FlagKind::Pattern { default } | FlagKind::Text { default } => {
            vec![option(name, format!("{} [default: {default}]", flag.help))]
        }
        FlagKind::Number { default, .. } => {
            vec![option(name, format!("{} [default: {default}]", flag.help))]
        }
        FlagKind::Time { default } => {
            vec![option(
                name,
                format!("{} [default: {default:?}]", flag.help),
            )]
        }
        FlagKind::List => vec![option(name, flag.help).action(ArgAction::Append)],
    }
}

fn with_opposite(name: String, help: String) -> Vec<Arg> {
    let opposite = format!("no-{name}");
    vec![
        switch(name.clone(), help).overrides_with(opposite.clone()),
        switch(opposite, "").hide(true).overrides_with(name),
    ]
}

fn option(name: impl Into<String>, help: impl Into<String>) -> Arg {
    let name = name.into();
    let old = OLD_NAMES
        .iter()
        .filter(|(_, new)| name.strip_prefix("collector.") == Some(new));
    Arg::new(name.clone())
        .aliases(old.map(|(old, _)| format!("collector.{old}")))
        .long(name)
        .help(help.into())
        .value_name("VALUE")
        .overrides_with_all(Vec::<String>::new())
}

fn switch(name: impl Into<String>, help: impl Into<String>) -> Arg {
    let name = name.into();
    Arg::new(name.clone())
        .long(name)
        .help(help.into())
        .action(ArgAction::SetTrue)
}

fn enabled(matches: &ArgMatches) -> std::collections::BTreeSet<&'static str> {
    let defaults = !matches.get_flag("collector.disable-defaults");
    let is_on = |definition: &&Definition| {
        let name = format!("collector.{}", definition.name);
        said(matches, &name).unwrap_or(defaults && definition.default_on)
    };
    ALL.iter()
        .filter(is_on)
        .map(|definition| definition.name)
        .collect()
}

/// Whether a switch or its opposite was given.
fn said(matches: &ArgMatches, name: &str) -> Option<bool> {
    if matches.get_flag(name) {
        Some(true)
    } else if matches.get_flag(&format!("no-{name}")) {
        Some(false)
    } else {
        None
    }
}

fn settings(matches: &ArgMatches) -> Result<Settings, Error> {
    let path = |name| {
        matches
            .get_one::<PathBuf>(name)
            .cloned()
            .unwrap_or_default()
    };
    let mut settings = Settings::new(Paths {
        procfs: path("path.procfs"),
        sysfs: path("path.sysfs"),
        rootfs: path("path.rootfs"),
        udev_data: path("path.udev.data"),
    });
    for flag in ALL.iter().flat_map(|definition| definition.flags) {
        let name = format!("collector.{}", flag.name);
        let values = match flag.kind {
            FlagKind::Switch { .. } => said(matches, &name)
                .map(|on| on.to_string())
                .into_iter()
                .collect(),
            _ => texts(matches, &name),
        };
        if !values.is_empty() {
            settings.set(flag, values)?;
        }
    }
    Ok(settings)
}

fn one<T: Copy + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.get_one(name).copied()
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one(name).cloned().unwrap_or_default()
}

fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches
        .get_many(name)
        .map(|values| values.cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
