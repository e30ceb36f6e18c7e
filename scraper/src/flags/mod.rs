//! The command line: Prometheus's flags, and our verbs.

mod features;
mod query;
mod tsdb;

pub use features::{Feature, FeatureFlags};
pub use query::{
    AskFlags, FormatFlags, InstantFlags, LabelsFlags, OutputFormat, QueryVerb, RangeFlags,
    SeriesFlags, SpanFlags,
};
pub use tsdb::{
    AnalyzeFlags, DeleteFlags, DirectoryFlags, DumpFlags, DumpFormat, ImportFlags, ServerFlags,
    SnapshotFlags, TsdbVerb,
};

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use watchpost_exporter::logging::{Format, Level};
use watchpost_model::config::ByteSize;
use watchpost_model::{Duration, Regex};

const EXAMPLES: &str = "\
Examples:
  watchpost                              watch this machine
  watchpost --config.file=hosts.yaml     watch the hosts that the file names
  watchpost --web.listen-address=:9090   serve it to the network (no login yet)
  watchpost check config hosts.yaml      all faults, with file, line and key
  watchpost check rules rules/*.yaml     the same for rule files
  watchpost query instant 'up == 0'      which targets are down, asked of a server
  watchpost query range --step=1m up     the last hour, minute by minute
  watchpost query labels job             the names of all jobs that are stored
  watchpost command list --config.file=hosts.yaml this-host
  watchpost command run --config.file=hosts.yaml this-host status
                                         the host's own commands; so far only a
                                         host's exporter on loopback is called

The page is at http://127.0.0.1:9090. To add another host, run watchpost-exporter
on both, write both into a copy of examples/minimal.yaml and start again with
--config.file (examples/config.yaml has every key).

Exit status: 0 done, 1 failed, 2 wrong command line, 64 wrong configuration.";

/// Watches machines: scrapes exporters, stores the samples, answers `PromQL`, judges by rules and
/// sends notices, and shows all of it on a page.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "watchpost",
    about = "Watches machines: scrapes exporters, stores the samples, answers PromQL, judges by rules and \
             sends notices, and shows all of it on a page",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub struct Flags {
    /// What to do; to run where nothing is named.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The flags of `run`.
    #[command(flatten)]
    pub run: RunFlags,
    /// How the program logs.
    #[command(flatten)]
    pub log: LogFlags,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Scrape, store, judge and serve the page (what happens without a verb).
    Run(Box<RunFlags>),
    /// Find all faults of configuration and rule files.
    #[command(subcommand)]
    Check(CheckVerb),
    /// Ask a running watchpost or Prometheus.
    #[command(subcommand)]
    Query(QueryVerb),
    /// Look into a store, and move samples in and out.
    #[command(subcommand)]
    Tsdb(TsdbVerb),
    /// Call a command that this host allows (other hosts are not called yet).
    #[command(subcommand)]
    Command(CommandVerb),
}

/// What to check.
#[derive(Clone, Debug, Subcommand)]
pub enum CheckVerb {
    /// A configuration file, with the rule files it names.
    Config {
        /// The file.
        file: PathBuf,
        /// What the expressions of its rules may use.
        #[command(flatten)]
        features: FeatureFlags,
    },
    /// Rule files.
    Rules {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What their expressions may use.
        #[command(flatten)]
        features: FeatureFlags,
    },
}

/// What to do with a host's commands.
#[derive(Clone, Debug, Subcommand)]
pub enum CommandVerb {
    /// The actions that a host allows.
    List(HostFlags),
    /// Run one action on a host and print its output.
    Run {
        /// Which host, and how to reach it.
        #[command(flatten)]
        host: HostFlags,
        /// The name of the action.
        action: String,
    },
}

/// Which host, and how to reach it.
#[derive(Args, Clone, Debug)]
pub struct HostFlags {
    /// The host: the instance label of a target of the configuration file, or an address.
    #[arg(
        help = "The instance label of a target of the configuration file, or HOST:PORT; so far on loopback only"
    )]
    pub host: String,
    /// The configuration file that names the host's target and token file.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The file that holds the token; goes before the configuration's.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// The flags of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunFlags {
    /// The configuration file. Without it this machine is watched, by an exporter in this process.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the samples are stored.
    #[arg(long = "storage.tsdb.path", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// How long samples are kept (15d where neither this flag nor the configuration says; no limit where
    /// only a size is given).
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION")]
    pub retention: Option<Duration>,
    /// How many bytes all files of the store may take, such as 512MB (no limit where neither this
    /// flag nor the configuration says).
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE")]
    pub max_size: Option<ByteSize>,
    /// Where the page and the API are served.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9090",
        value_parser = listen_address
    )]
    pub listen: SocketAddr,
    /// Under which URL others reach the page; links in notices begin with it.
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<String>,
    /// How long a query may take.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m")]
    pub query_timeout: Duration,
    /// How many queries may run at once.
    #[arg(long = "query.max-concurrency", value_name = "N", default_value_t = 20)]
    pub query_concurrency: u32,
    /// How many samples a query may hold at once.
    #[arg(
        long = "query.max-samples",
        value_name = "N",
        default_value_t = 50_000_000
    )]
    pub query_samples: usize,
    /// How far an instant selector looks back.
    #[arg(
        long = "query.lookback-delta",
        value_name = "DURATION",
        default_value = "5m"
    )]
    pub lookback: Duration,
    /// Whether requests may make snapshots and delete samples, at /api/v1/admin/tsdb.
    #[arg(long = "web.enable-admin-api")]
    pub admin_api: bool,
    /// Whether samples that others send by remote write are taken, at /api/v1/write.
    #[arg(long = "web.enable-remote-write-receiver")]
    pub remote_write_receiver: bool,
    /// How many connections the page and the API serve at once.
    #[arg(long = "web.max-connections", value_name = "N", default_value_t = 512)]
    pub max_connections: u32,
    /// Whether requests may reload (log files are opened anew) and stop the program, at /-/reload and
    /// /-/quit.
    #[arg(long = "web.enable-lifecycle")]
    pub lifecycle: bool,
    /// Which origins' pages may read answers: a regular expression for the whole origin, such as
    /// https?://(a|b)\.example\.org (none where it is not given; .* lets every page of the web read).
    #[arg(long = "web.cors.origin", value_name = "REGEX", value_parser = regex)]
    pub cors_origin: Option<Regex>,
    /// How many may listen to live notifications at once.
    #[arg(
        long = "web.max-notifications-subscribers",
        value_name = "N",
        default_value_t = 16
    )]
    pub max_subscribers: usize,
    /// How many results a search may ask for; 0 is no limit.
    #[arg(
        long = "web.search.max-limit",
        value_name = "N",
        default_value_t = 10_000
    )]
    pub max_search_results: usize,
    /// How many samples an answer to remote read may have; 0 is no limit.
    #[arg(
        long = "storage.remote.read-sample-limit",
        value_name = "N",
        default_value_t = 50_000_000
    )]
    pub max_read_samples: usize,
    /// How many remote reads may run at once.
    #[arg(
        long = "storage.remote.read-concurrent-limit",
        value_name = "N",
        default_value_t = 10
    )]
    pub max_reads: usize,
    /// What is off until it is asked for.
    #[command(flatten)]
    pub features: FeatureFlags,
}

/// How the program logs.
#[derive(Args, Clone, Debug)]
pub struct LogFlags {
    /// The least severe messages that are logged.
    #[arg(
        id = "log.level",
        long = "log.level",
        help = "The least severe messages that are logged: debug, info, warn, error",
        value_name = "LEVEL",
        hide_possible_values = true,
        global = true,
        value_enum,
        default_value_t = Level::Info
    )]
    pub level: Level,
    /// How messages are written, to standard error.
    #[arg(
        id = "log.format",
        long = "log.format",
        help = "How messages are written, to standard error: logfmt, json",
        value_name = "FORMAT",
        hide_possible_values = true,
        global = true,
        value_enum,
        default_value_t = Format::Logfmt
    )]
    pub format: Format,
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// `127.0.0.1:9090`, `[::1]:9090`, `localhost:9090`, or `:9090` for all addresses.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let fault = || format!("expected an address like `127.0.0.1:9090` or `:9090`, found `{text}`");
    let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
    let port: u16 = port.parse().map_err(|_| fault())?;
    let host = match host {
        "" => "0.0.0.0",
        "localhost" => "127.0.0.1",
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let host = host.parse().map_err(|_| fault())?;
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Flags::command().debug_assert();
    }

    fn help_of_all(command: &mut clap::Command, seen: &mut Vec<String>) {
        seen.push(command.render_long_help().to_string());
        for verb in command.get_subcommands_mut() {
            help_of_all(verb, seen);
        }
    }

    #[test]
    fn help_is_plain_text_in_short_lines() {
        use clap::CommandFactory;
        let mut command = Flags::command();
        command.build();
        let mut texts = Vec::new();
        help_of_all(&mut command, &mut texts);
        assert!(texts.len() > 8);
        for text in texts {
            assert!(!text.contains('`'), "{text}");
        }
        for line in EXAMPLES.lines() {
            assert!(line.len() <= 82, "{line}");
        }
    }

    #[test]
    fn flags_work_with_and_without_the_verb_run() {
        let plain =
            Flags::try_parse_from(["watchpost", "--storage.tsdb.path=x", "--log.level=warn"]);
        assert_eq!(plain.unwrap().run.data, PathBuf::from("x"));
        let named = Flags::try_parse_from(["watchpost", "run", "--web.listen-address=:0"]).unwrap();
        let Some(Verb::Run(run)) = named.verb else {
            panic!("expected the verb run");
        };
        assert_eq!(run.listen.to_string(), "0.0.0.0:0");
    }

    #[test]
    fn listen_addresses_may_leave_out_the_host() {
        for (text, address) in [
            (":9090", "0.0.0.0:9090"),
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:9090", "[::1]:9090"),
        ] {
            assert_eq!(listen_address(text).unwrap().to_string(), address);
        }
        for text in ["9090", "a b:1", "127.0.0.1:99999", ""] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }
}
