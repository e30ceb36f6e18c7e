//! Tests of the crate's parts together.

mod conformance;
mod round_trip;
