//! The server from outside: real HTTP, a real exporter, every port chosen by the system.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod admin;
mod api;
mod bad_input;
mod command_line;
mod config;
mod end_to_end;
mod example;
mod grafana;
mod harness;
mod query_records;
mod remote_write;
mod routes;
mod scrape_faults;
mod shutdown;
mod tsdb;
