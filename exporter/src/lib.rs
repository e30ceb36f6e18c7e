//! The target: the numbers of this host, and a few allowed commands.
pub mod collectors;
pub mod command;
pub mod error;
pub mod registry;
