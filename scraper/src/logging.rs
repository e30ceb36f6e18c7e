//! Where log messages go: standard error, as text or JSON.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::flags::{LogFlags, LogFormat, LogLevel};

/// Starts logging. A second call in one process changes nothing. `RUST_LOG`, where it is set, goes
/// before the flag.
pub fn start(flags: &LogFlags) {
    let level = match flags.level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy()
        .add_directives_for_libraries();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match flags.format {
        LogFormat::Logfmt => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging is already started");
    }
}

/// Keeps the libraries' own chatter out of the log.
trait QuietLibraries {
    fn add_directives_for_libraries(self) -> Self;
}

impl QuietLibraries for EnvFilter {
    fn add_directives_for_libraries(self) -> Self {
        [
            "hyper=info",
            "hyper_util=info",
            "reqwest=info",
            "rustls=info",
            "h2=info",
        ]
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(self, EnvFilter::add_directive)
    }
}
