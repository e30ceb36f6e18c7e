//! Exposition text: a page of samples as targets serve it.

mod number;
mod write;

pub use number::write_number;
pub use write::{Page, Series};
