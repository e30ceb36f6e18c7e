//! Columns: the values of one series in some rows, encoded. Decoding gives the same bits.
//!
//! ```text
//! column  = tag (one byte) | content
//! tag     = kind (six bits) | clean << 6 | rising << 7
//!
//! 0  absent    no row has a value
//! 1  bits      all rows have these bits: u64
//! 2  decimal   all rows have this value: form (see `scale`) | signed
//! 3  raw       the bits of each row: u64*
//! 4  numbers   see `numbers`; its six bits are the form
//! 5  moves     rows whose value is another than in the row before: bitmap | column of these values
//! 6  runs      runs of values and of marks: run* | column of the values, where there are any
//! 7  holes     rows that have a value: bitmap | column of the values
//! 8  histograms  see `histograms`: histograms | column of the values, some of which stand for one
//! 16 and up    all rows have the whole number `kind - 16`
//! ```
//!
//! How many rows there are is known from elsewhere. `clean`: no row has a mark (absent, stale) or
//! another NaN. `rising`: no NaN, and no value is less than the one before it, marks aside. The
//! columns inside `moves`, `runs` and `holes` have no marks, and those inside `moves` no moves.

mod decode;
mod encode;
mod gaps;
mod histograms;
mod moves;
mod numbers;
mod pack;
mod plan;
mod scale;
#[cfg(test)]
mod tests;

pub(crate) use decode::{Decode, decode_presence};
pub use decode::{decode, length};
pub(crate) use decode::{numbers_length, read_numbers};
pub(crate) use encode::put_numbers;
pub use encode::{Scratch, encode};
pub(crate) use histograms::{decode_marked, encode_marked, length_marked};

use crate::log::bytes::Malformed;

/// How many rows a column can have at most.
pub(crate) const MOST_ROWS: usize = 4_096;

pub(crate) const ABSENT: u8 = 0;
const BITS: u8 = 1;
const DECIMAL: u8 = 2;
const RAW: u8 = 3;
const NUMBERS: u8 = 4;
const MOVES: u8 = 5;
const RUNS: u8 = 6;
const HOLES: u8 = 7;
const HISTOGRAMS: u8 = 8;
const SMALL: u8 = 16;

const KIND: u8 = 0x3f;
const CLEAN: u8 = 0x40;
const RISING: u8 = 0x80;

/// What is known of a column without decoding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// No row has a value.
    pub absent: bool,
    /// No row has a mark or another NaN.
    pub clean: bool,
    /// There is no NaN, and no value is less than the one before it, marks aside.
    pub rising: bool,
}

impl Flags {
    /// Reads the flags of an encoded column.
    pub fn of(column: &[u8]) -> Result<Self, Malformed> {
        let tag = *column.first().ok_or(Malformed)?;
        Ok(Self {
            absent: tag & KIND == ABSENT,
            clean: tag & CLEAN != 0,
            rising: tag & RISING != 0,
        })
    }
}

/// The name of a column's encoding, for statistics.
pub fn kind_name(column: &[u8]) -> &'static str {
    match column.first().map_or(ABSENT, |tag| tag & KIND) {
        ABSENT => "absent",
        BITS => "constant bits",
        DECIMAL => "constant decimal",
        RAW => "raw",
        NUMBERS => "numbers",
        MOVES => "moves",
        RUNS => "runs",
        HOLES => "holes",
        HISTOGRAMS => "histograms",
        _ => "constant small",
    }
}
