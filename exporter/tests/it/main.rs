//! The exporter as its clients see it: started on a free port and asked over HTTP.

#[cfg(test)]
mod command_refusals;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod program;
#[cfg(test)]
mod start;
#[cfg(test)]
mod support;
#[cfg(test)]
mod web;
