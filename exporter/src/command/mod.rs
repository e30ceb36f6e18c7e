//! A few named actions that a caller may ask this host for.
//!
//! The host decides, the caller only names an action. Promises: off unless the configuration has a
//! `commands` section, and then no route exists at all; no shell and no action that takes a
//! program or an argument from the caller; off loopback over TLS only; every call
//! leaves an audit line, refused ones too, and what cannot be written down is not done.

mod audit;
mod builtin;
mod config;
mod http;
mod limits;
mod network;
mod refusal;
mod run;
mod service;
mod telemetry;
mod trust;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use prometheus_client::registry::Registry;

use service::Service;

pub use config::{ActionConfig, Config, LONGEST_TIMEOUT, TokenError, is_action_name};
pub use network::{Network, NetworkError};
pub use trust::{Trust, Untrusted, read_config};
pub use wire::{
    ActionInfo, ActionKind, ActionList, Outcome, PATH, Refusal, RunRequest, Status, printable,
};

/// Why commands stay off although the configuration has them.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The token's file cannot be read.
    #[error("cannot read the token file `{path}`", path = path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others can read the token.
    #[error("the token file `{path}` is not safe", path = path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Untrusted,
    },
    /// The token is not good enough.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// The actions of this host, ready to be called.
#[derive(Clone, Debug)]
pub struct Commands {
    service: Arc<Service>,
}

impl Commands {
    /// Makes a checked configuration ready.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let service = Service::new(config, Instant::now())?;
        Ok(Self {
            service: Arc::new(service),
        })
    }

    /// The routes under [`PATH`]. Each request must carry the caller's address as axum's
    /// `ConnectInfo<SocketAddr>` in its extensions.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.service))
    }

    /// Adds the counters of calls to the exporter's own metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.service.telemetry.register(registry);
    }
}
