//! Where log messages of both programs go: standard error, as logfmt or JSON.

mod json;
mod logfmt;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use json::Json;
use logfmt::Logfmt;

/// The variable that goes before the level, in the form of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "WATCHPOST_LOG";

/// Libraries that tell of each connection at level debug.
const CHATTY: [&str; 5] = [
    "hyper=info",
    "hyper_util=info",
    "reqwest=info",
    "rustls=info",
    "h2=info",
];

/// How severe a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Everything.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What needs attention.
    Warn,
    /// What failed.
    Error,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `key=value` pairs, a message a line.
    Logfmt,
    /// A JSON object a line.
    Json,
}

/// Starts logging messages of `level` and above. A second call in one process changes nothing.
pub fn start(level: Level, format: Format) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| filter(level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    let started = match format {
        Format::Logfmt => log.event_format(Logfmt).try_init(),
        Format::Json => log.event_format(Json).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging is already started");
    }
}

fn filter(level: Level) -> EnvFilter {
    let (level, chatty) = match level {
        Level::Debug => (LevelFilter::DEBUG, CHATTY.as_slice()),
        Level::Info => (LevelFilter::INFO, [].as_slice()),
        Level::Warn => (LevelFilter::WARN, [].as_slice()),
        Level::Error => (LevelFilter::ERROR, [].as_slice()),
    };
    chatty
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(
            EnvFilter::default().add_directive(level.into()),
            EnvFilter::add_directive,
        )
}
