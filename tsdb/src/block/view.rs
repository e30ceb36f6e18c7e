//! Reading a block. Any bytes give a block or an error.

use std::ops::Range;

use watchpost_model::absent_nan;

use super::{STRIDE, regular};
use crate::column::{self, Flags, MOST_ROWS};
use crate::histogram::Histograms;
use crate::log::bytes::{Malformed, Reader};

/// A block in bytes that end with it.
#[derive(Clone, Copy, Debug)]
pub struct BlockView<'a> {
    rows: usize,
    columns: usize,
    times: &'a [u8],
    sequences: &'a [u8],
    offsets: &'a [[u8; 4]],
    /// The columns.
    body: &'a [u8],
}

impl<'a> BlockView<'a> {
    /// Reads the head of a block.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let rows = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
        let columns = reader.count()?;
        if rows == 0 || rows > MOST_ROWS {
            return Err(Malformed);
        }
        let (times, rest) = regular::split(reader.0, rows)?;
        let (sequences, rest) = regular::split(rest, rows)?;
        let mut reader = Reader(rest);
        let offsets = reader.bytes(4 * (columns.saturating_sub(1) / STRIDE))?;
        // A column has at least one byte.
        if columns > reader.0.len() {
            return Err(Malformed);
        }
        Ok(Self {
            rows,
            columns,
            times,
            sequences,
            offsets: offsets.as_chunks().0,
            body: reader.0,
        })
    }

    /// How many rows it has, at least one.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns it has. Slots from there on have no values.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Appends the times of the rows.
    pub fn times(&self, out: &mut Vec<i64>) -> Result<(), Malformed> {
        regular::read(self.times, self.rows, out)
    }

    /// Appends the order of acceptance of the rows.
    pub fn sequences(&self, out: &mut Vec<u64>) -> Result<(), Malformed> {
        let mut numbers = Vec::with_capacity(self.rows);
        regular::read(self.sequences, self.rows, &mut numbers)?;
        out.extend(numbers.into_iter().map(i64::cast_unsigned));
        Ok(())
    }

    /// Whether a slot has no value in any row.
    pub fn lacks(&self, slot: usize) -> bool {
        let flags = self.bytes(slot).and_then(Flags::of);
        flags.is_ok_and(|flags| flags.absent)
    }

    /// Appends the values of some rows of a slot. For histograms marks are given.
    pub fn column(
        &self,
        slot: usize,
        rows: Range<usize>,
        out: &mut Vec<f64>,
    ) -> Result<(), Malformed> {
        self.marked_column(slot, rows, &Histograms::default(), out)
    }

    /// Appends the values of some rows of a slot; the histograms go to a list.
    pub(crate) fn marked_column(
        &self,
        slot: usize,
        rows: Range<usize>,
        list: &Histograms,
        out: &mut Vec<f64>,
    ) -> Result<(), Malformed> {
        if slot >= self.columns {
            out.resize(out.len() + rows.len(), absent_nan());
            return Ok(());
        }
        column::decode_marked(self.bytes(slot)?, self.rows, rows, list, out)
    }

    /// The encoded column of a slot, with all that follows in the block.
    pub fn bytes(&self, slot: usize) -> Result<&'a [u8], Malformed> {
        if slot >= self.columns {
            return Ok(&[column::ABSENT]);
        }
        let mut bytes = self.body.get(self.strip(slot)?..).ok_or(Malformed)?;
        for _ in 0..slot % STRIDE {
            let length = column::length_marked(bytes, self.rows)?;
            bytes = bytes.get(length..).ok_or(Malformed)?;
        }
        Ok(bytes)
    }

    /// Finds columns in the order of their slots.
    pub(crate) fn walk(&self) -> Walk<'a> {
        Walk {
            view: *self,
            slot: 0,
            at: self.body,
        }
    }

    /// Where in the body the column begins that has the offset before a slot's.
    fn strip(&self, slot: usize) -> Result<usize, Malformed> {
        let Some(place) = (slot / STRIDE).checked_sub(1) else {
            return Ok(0);
        };
        let offset = self.offsets.get(place).ok_or(Malformed)?;
        usize::try_from(u32::from_le_bytes(*offset)).map_err(|_| Malformed)
    }

    /// All encoded columns in the order of their slots, each with all that follows in the block: the
    /// cheap way to read many.
    pub fn all(&self) -> Columns<'a> {
        Columns {
            rows: self.rows,
            left: self.columns,
            rest: self.body,
        }
    }
}

/// Finds columns in the order of their slots, without going over any twice.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    view: BlockView<'a>,
    slot: usize,
    /// The column of the slot, with all that follows.
    at: &'a [u8],
}

impl<'a> Walk<'a> {
    /// The encoded column of a slot that is not before the last one, with all that follows in the
    /// block.
    pub(crate) fn to(&mut self, slot: usize) -> Result<&'a [u8], Malformed> {
        if slot / STRIDE > self.slot / STRIDE {
            let start = self.view.strip(slot)?;
            self.at = self.view.body.get(start..).ok_or(Malformed)?;
            self.slot = slot / STRIDE * STRIDE;
        }
        while self.slot < slot {
            let length = column::length_marked(self.at, self.view.rows)?;
            self.at = self.at.get(length..).ok_or(Malformed)?;
            self.slot += 1;
        }
        Ok(self.at)
    }
}

/// The encoded columns of a block.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    rows: usize,
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Columns<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let column = self.rest;
        let length = match column::length_marked(column, self.rows) {
            Ok(length) => length,
            Err(error) => {
                self.left = 0;
                return Some(Err(error));
            }
        };
        self.rest = column.get(length..).unwrap_or_default();
        Some(Ok(column))
    }
}
