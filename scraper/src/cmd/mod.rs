//! The verbs of the command line, one a file.

pub mod check;
pub mod command;
pub mod query;
pub mod run;
pub mod tsdb;

use std::io::Write;
use std::process::ExitCode;

use watchpost_model::config::Faults;

/// A configuration is wrong (`EX_USAGE` of sysexits.h).
const WRONG_CONFIG: u8 = 64;

/// Why a verb failed.
#[derive(Debug)]
pub enum Failure {
    /// Something did not work.
    Failed(anyhow::Error),
    /// The configuration is wrong.
    Config(Faults),
    /// It failed, and what there is to say was said.
    Told,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        match error.into().downcast::<Faults>() {
            Ok(faults) => Self::Config(faults),
            Err(error) => Self::Failed(error),
        }
    }
}

/// What has to be done before any verb: names the cryptography that TLS uses.
pub fn prepare() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("the cryptography provider is already installed");
    }
}

/// Tells the failure on standard error and gives the exit code.
pub fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Failed(error)) => {
            complain(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
        Err(Failure::Config(faults)) => {
            complain(format_args!("{faults}"));
            ExitCode::from(WRONG_CONFIG)
        }
    }
}

/// Writes a line to standard error.
pub(crate) fn complain(text: std::fmt::Arguments<'_>) {
    put(&mut std::io::stderr(), text);
}

/// Writes a line to standard output.
pub(crate) fn say(text: std::fmt::Arguments<'_>) {
    put(&mut std::io::stdout(), text);
}

/// Where nobody reads any more there is nobody to tell either.
fn put(out: &mut impl Write, text: std::fmt::Arguments<'_>) {
    drop(writeln!(out, "{text}"));
}

/// A runtime for verbs that ask another program.
fn block_on<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(future))
}
