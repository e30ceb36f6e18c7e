//! A small D-Bus client: method calls with texts as arguments, and their answers.
//!
//! It blocks, as collectors may. Each connection has an end: whatever is not there by then is an
//! error. What a peer sends is held to limits of our own, far below D-Bus's 128 MiB. Signals are
//! read over. A library of the full protocol would add 28 crates for the six methods that are
//! called here.
//!
//! Source: <https://dbus.freedesktop.org/doc/dbus-specification.html>.

mod address;
mod connection;
mod message;
pub(super) mod property;
#[cfg(test)]
pub(super) mod tests;
mod wire;

pub(super) use address::Address;
pub(super) use connection::{Connection, Peer};
pub(super) use message::{Call, Reply};
pub(super) use wire::{Malformed, Value};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The address cannot be used.
    #[error("expected a D-Bus address `unix:path=...` or `unix:abstract=...`, found `{0}`")]
    Address(String),
    /// The connection failed or its time is over.
    #[error("D-Bus at {address}")]
    Io {
        address: Address,
        source: std::io::Error,
    },
    /// The peer does not let us in.
    #[error("D-Bus at {address}: expected `OK` to a login as user {user}, found `{found}`")]
    Login {
        address: Address,
        user: u32,
        found: String,
    },
    /// The peer does not speak D-Bus.
    #[error("D-Bus at {address}")]
    Malformed { address: Address, source: Malformed },
    /// The peer answers with an error.
    #[error("{method}: {refusal}")]
    Refused { method: String, refusal: Refusal },
}

/// An error as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Such as `org.freedesktop.DBus.Error.AccessDenied`.
    pub(super) name: String,
    pub(super) message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}
