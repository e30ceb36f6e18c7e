//! Exposition text: a page of samples as targets serve it.

mod entry;
mod error;
mod lex;
mod number;
mod openmetrics;
mod parse;
#[cfg(test)]
mod tests;
mod transcribe;
mod write;

pub use entry::{Entry, Exemplar, Format, Sample};
pub use error::ParseError;
pub use number::{parse_number, write_number};
pub use parse::Parser;
pub use transcribe::transcribe;
pub use write::{Page, Series};
