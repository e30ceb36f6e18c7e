//! The exporter from outside: real listeners on port 0, real HTTP.

#[cfg(test)]
mod command_refusals;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod support;
