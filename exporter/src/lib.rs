//! placeholder
pub mod collectors;
pub mod command;
