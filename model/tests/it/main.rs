//! Tests of the crate's parts together.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod transcribe;
