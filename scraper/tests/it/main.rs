//! The server from outside: real HTTP, a real exporter, every port chosen by the system.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod api;
mod config;
mod end_to_end;
mod harness;
mod scrape_faults;
mod shutdown;
