//! placeholder
pub mod collectors;
