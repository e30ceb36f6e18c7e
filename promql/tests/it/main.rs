//! The engine from outside: scripts, errors, and what holds for every text.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod expressions;
#[cfg(test)]
mod fast;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod nhcb;
#[cfg(test)]
mod notation;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod script;
