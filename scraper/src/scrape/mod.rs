//! Fetches pages on a schedule and stores their samples.
//!
//! A [`Manager`] holds a pool of targets per job. Each target has a task of its own with a phase of
//! its own (`schedule`), so that a slow target delays no other. One round of a target is a
//! `cycle`: fetch (`client`) into a buffer (`buffers`), read the page beside the shape of the last
//! one (`reading`; targets with the same lines share them by `class`), append one row (`ingest`).
//! What came of it is kept in the [`Target`] for the API.
//!
//! Promises: a page is stored whole or not at all; a target that does not answer, or answers
//! wrongly, has `up 0` and ends its series at that time; a round that we could not make is a gap
//! and is counted, never `up 0`.

mod buffers;
mod class;
mod client;
mod cycle;
mod feed;
mod ingest;
mod labels;
mod limits;
mod manager;
mod metadata;
mod pool;
mod reading;
pub mod relabel;
mod response;
mod schedule;
mod target;
mod wire;

pub use client::{Client, ClientError, FetchError};
pub use feed::Feed;
pub use manager::{Counters, Manager};
pub use pool::Pool;
pub use target::{Health, State, Target, TargetError};
