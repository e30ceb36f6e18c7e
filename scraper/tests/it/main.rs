//! The server from outside: real HTTP, a real exporter, every port chosen by the system.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod admin;
mod api;
mod command_line;
mod config;
mod end_to_end;
mod example;
mod harness;
mod remote_write;
mod scrape_faults;
mod shutdown;
mod tsdb;
