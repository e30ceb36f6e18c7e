//! What stops the exporter.

use std::path::PathBuf;

/// Why the exporter does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag's value is not allowed.
    #[error(transparent)]
    Flag(#[from] crate::collectors::FlagError),
    /// A listen address is not one.
    #[error("--web.listen-address: {0}")]
    Address(crate::flags::AddressError),
    /// The path of the metrics is not one.
    #[error("--web.telemetry-path: expected a path like `/metrics`, found `{0}`")]
    TelemetryPath(String),
    /// The configuration file could not be read.
    #[error("cannot read `{path}`", path = path.display())]
    ReadConfig {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] watchpost_model::config::Faults),
    /// The file of `--web.config.file` cannot be used.
    #[error(transparent)]
    Web(#[from] crate::server::WebError),
    /// The service manager has passed no socket to listen on, or one of another kind.
    #[error("--web.systemd-socket: {0}")]
    Socket(&'static str),
    /// The path of procfs is not one.
    #[error("--path.procfs: expected a mounted procfs, found no file `stat` in `{path}`", path = .0.display())]
    NoProcfs(PathBuf),
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process listens on the address: who, and what to do.
    #[error("{0}")]
    Taken(String),
    /// The runtime or its signals could not be set up.
    #[error("cannot start")]
    Start(#[source] std::io::Error),
}

/// An error and all that is behind it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
