//! The ring: segments, and what becomes of them.
#![expect(dead_code, reason = "the segments themselves are about to come")]

mod name;
mod plan;
mod tombstones;

pub(crate) use tombstones::{Hidden, Tombstones};
