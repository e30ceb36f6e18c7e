//! The receiver of remote write 1.0: samples that others send.
//!
//! ```text
//! body -> snappy -> series, read where they stand (message, wire)
//!      -> target and line, mostly by one comparison with what is expected (known, labels)
//!      -> rows: what a target has at one time (batch) -> the store
//! ```
//!
//! The store takes rows of groups; a sender sends series by series. The group of a series is its
//! `job` and `instance`, its line the other labels: so received series stand in the store as scraped
//! ones do.
//!
//! A request whose samples cannot all be taken (out of order, other values, labels that are none) is
//! answered with an error that names the reasons after the others were stored: the sender is to drop
//! it. Where the store itself fails the sender is to try again; what is stored already is accepted
//! again. Everything that was refused is counted by its reason.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

mod batch;
pub(crate) mod histogram;
mod known;
mod labels;
mod message;
mod outcome;
mod receiver;
#[cfg(test)]
mod tests;
pub(crate) mod wire;
mod worker;

pub use outcome::{Outcome, Reason};
pub(crate) use receiver::MAX_BODY;
pub use receiver::{Counters, ReceiveError, Receiver};
