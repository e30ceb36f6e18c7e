//! The server: fetches pages, stores the samples, answers questions, shows the page.
//!
//! ```text
//! main -> flags -> cmd -> server: store -> scrape -> rules -> api (page, PromQL over HTTP)
//! ```
//!
//! The parts start in this order and stop in reverse ([`server`]). What can change without a
//! restart stands in the configuration file ([`config`]), the rest are flags ([`flags`]).

pub mod api;
pub mod clock;
pub mod cmd;
pub mod config;
mod embedded;
pub mod flags;
pub mod remote_write;
pub mod scrape;
pub mod server;
pub mod shutdown;
mod snapshots;
mod telemetry;
mod web;
