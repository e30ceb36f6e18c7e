//! What the crate does as a whole: rules over a real store, mails over real sockets.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod manager;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod promtool;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod world;
