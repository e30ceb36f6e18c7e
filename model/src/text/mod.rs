//! Exposition text: a page of samples as targets serve it.

mod entry;
mod error;
mod lex;
mod line_number;
mod number;
mod openmetrics;
mod parse;
mod shape;
mod shapes;
#[cfg(test)]
mod tests;
mod transcribe;
mod walk;
mod write;

pub use entry::{Entry, Exemplar, Format, Sample};
pub use error::ParseError;
pub use number::{parse_number, write_number};
pub use parse::Parser;
pub use shape::{KnownLine, Shape, Unknown};
pub use shapes::Shapes;
pub use transcribe::transcribe;
pub use walk::{Step, Walk};
pub use write::{Page, Series};
