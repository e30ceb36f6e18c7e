//! Decoding a column. Any bytes give values or an error.

use std::ops::Range;

use watchpost_model::absent_nan;

use super::gaps::{Runs, spread_holes};
use super::moves::{Bitmap, spread};
use super::numbers::Numbers;
use super::scale::{Reading, with_form};
use super::{
    ABSENT, BITS, DECIMAL, Flags, HOLES, KIND, MOST_ROWS, MOVES, NUMBERS, RAW, RUNS, SMALL,
};
use crate::log::bytes::{Malformed, Reader, unzigzag};

/// A column whose header was read.
#[derive(Clone, Copy, Debug)]
enum Plain<'a> {
    Absent,
    Constant(f64),
    Raw(&'a [[u8; 8]]),
    Numbers(Numbers<'a>),
}

/// How plain values are spread over rows.
#[derive(Clone, Copy, Debug)]
enum Gaps<'a> {
    None,
    Runs(Runs<'a>),
    Holes(Bitmap<'a>),
}

#[derive(Clone, Copy, Debug)]
struct Parsed<'a> {
    gaps: Gaps<'a>,
    /// How many rows have a value.
    present: usize,
    moves: Option<Bitmap<'a>>,
    /// How many values the plain column has.
    values: usize,
    plain: Plain<'a>,
    length: usize,
}

/// How many bytes a column takes; more may follow after it.
pub fn length(bytes: &[u8], rows: usize) -> Result<usize, Malformed> {
    // Most columns of a page stand still, and most others are plain numbers.
    match split(bytes)? {
        (ABSENT | SMALL..=KIND, _) => Ok(1),
        (NUMBERS, rest) if rows <= MOST_ROWS => Ok(1 + Numbers::parse(rest, rows)?.length),
        _ => Parsed::parse(bytes, rows).map(|parsed| parsed.length),
    }
}

/// Appends the values of some rows of a column; more may follow after it. On an error `out` may have
/// some of them.
pub fn decode(
    bytes: &[u8],
    rows: usize,
    range: Range<usize>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    if rows > MOST_ROWS || range.end > rows || range.start > range.end {
        return Err(Malformed);
    }
    // Most columns of a page stand still, and most others are plain numbers.
    match split(bytes)? {
        (kind @ SMALL..=KIND, _) => {
            out.resize(out.len() + range.len(), f64::from(kind - SMALL));
            return Ok(());
        }
        (NUMBERS, rest) => {
            return Plain::Numbers(Numbers::parse(rest, rows)?).read(range, out);
        }
        _ => {}
    }
    let parsed = Parsed::parse(bytes, rows)?;
    if matches!((parsed.gaps, parsed.moves), (Gaps::None, None)) {
        return parsed.plain.read(range, out);
    }
    let start = out.len();
    parsed.plain.read(0..parsed.values, out)?;
    if let Some(moves) = parsed.moves {
        out.resize(start + parsed.present, absent_nan());
        spread(moves, &mut out[start..]);
    }
    out.resize(start + rows, absent_nan());
    match parsed.gaps {
        Gaps::None => {}
        Gaps::Runs(runs) => runs.spread(&mut out[start..])?,
        Gaps::Holes(bitmap) => spread_holes(bitmap, &mut out[start..]),
    }
    out.truncate(start + range.end);
    out.drain(start..start + range.start);
    Ok(())
}

/// What appends values of some rows of a column, as [`decode`] does.
pub(crate) type Decode = fn(&[u8], usize, Range<usize>, &mut Vec<f64>) -> Result<(), Malformed>;

/// As [`decode`], but where the header tells that each row has a value that is a number, any number may
/// stand for it.
pub(crate) fn decode_presence(
    bytes: &[u8],
    rows: usize,
    range: Range<usize>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    if rows > MOST_ROWS || range.end > rows || range.start > range.end {
        return Err(Malformed);
    }
    if Flags::of(bytes)?.clean {
        out.resize(out.len() + range.len(), 0.0);
        return Ok(());
    }
    decode(bytes, rows, range, out)
}

impl<'a> Parsed<'a> {
    fn parse(bytes: &'a [u8], rows: usize) -> Result<Self, Malformed> {
        if rows > MOST_ROWS {
            return Err(Malformed);
        }
        let (mut kind, mut rest) = split(bytes)?;
        let (mut gaps, mut present, mut moves) = (Gaps::None, rows, None);
        if kind == RUNS {
            let (runs, after) = Runs::parse(rest, rows)?;
            (gaps, present, rest) = (Gaps::Runs(runs), runs.values, after);
        } else if kind == HOLES {
            let (bitmap, after) = Bitmap::parse(rest, rows)?;
            (gaps, present, rest) = (Gaps::Holes(bitmap), bitmap.count(), after);
        }
        if matches!(gaps, Gaps::None) {
        } else if present == 0 {
            // Only marks: there is no column inside.
            kind = ABSENT;
        } else {
            (kind, rest) = split(rest)?;
        }
        let mut values = present;
        if kind == MOVES {
            let (bitmap, after) = Bitmap::parse(rest, present)?;
            if !bitmap.get(0) {
                return Err(Malformed);
            }
            (moves, values) = (Some(bitmap), bitmap.count());
            (kind, rest) = split(after)?;
        }
        let (plain, after) = Plain::parse(kind, rest, values)?;
        Ok(Self {
            gaps,
            present,
            moves,
            values,
            plain,
            length: bytes.len() - after.len(),
        })
    }
}

fn split(bytes: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    let (tag, rest) = bytes.split_first().ok_or(Malformed)?;
    Ok((tag & KIND, rest))
}

impl<'a> Plain<'a> {
    /// Reads a plain column after its tag; gives what follows.
    fn parse(kind: u8, bytes: &'a [u8], rows: usize) -> Result<(Self, &'a [u8]), Malformed> {
        let mut reader = Reader(bytes);
        let plain = match kind {
            ABSENT => Self::Absent,
            BITS => {
                let bits = reader.0.first_chunk().ok_or(Malformed)?;
                reader.bytes(8)?;
                Self::Constant(f64::from_bits(u64::from_le_bytes(*bits)))
            }
            DECIMAL => {
                let form = reader.byte()?;
                let number = unzigzag(reader.number()?);
                Self::Constant(with_form(form, One(number)))
            }
            RAW => {
                let size = rows.checked_mul(8).ok_or(Malformed)?;
                Self::Raw(reader.bytes(size)?.as_chunks().0)
            }
            NUMBERS => {
                let numbers = Numbers::parse(bytes, rows)?;
                reader.bytes(numbers.length)?;
                Self::Numbers(numbers)
            }
            SMALL..=KIND => Self::Constant(f64::from(kind - SMALL)),
            _ => return Err(Malformed),
        };
        Ok((plain, reader.0))
    }

    fn read(&self, range: Range<usize>, out: &mut Vec<f64>) -> Result<(), Malformed> {
        match self {
            Self::Absent => out.resize(out.len() + range.len(), absent_nan()),
            Self::Constant(value) => out.resize(out.len() + range.len(), *value),
            Self::Raw(values) => {
                let values = values.get(range).ok_or(Malformed)?;
                out.extend(
                    values
                        .iter()
                        .map(|bits| f64::from_bits(u64::from_le_bytes(*bits))),
                );
            }
            Self::Numbers(numbers) => {
                return with_form(
                    numbers.own,
                    All {
                        numbers,
                        range,
                        out,
                    },
                );
            }
        }
        Ok(())
    }
}

/// One whole number as a value.
struct One(i64);

impl Reading for One {
    type Result = f64;

    fn read(self, convert: impl Fn(i64) -> f64) -> f64 {
        convert(self.0)
    }
}

/// Some rows of numbers as values.
struct All<'a, 'b> {
    numbers: &'b Numbers<'a>,
    range: Range<usize>,
    out: &'b mut Vec<f64>,
}

impl Reading for All<'_, '_> {
    type Result = Result<(), Malformed>;

    fn read(self, convert: impl Fn(i64) -> f64) -> Self::Result {
        self.numbers.read(self.range, self.out, convert)
    }
}

/// How many bytes some numbers take.
pub(crate) fn numbers_length(bytes: &[u8], rows: usize) -> Result<usize, Malformed> {
    if rows > MOST_ROWS {
        return Err(Malformed);
    }
    Numbers::parse(bytes, rows).map(|numbers| numbers.length)
}

/// Reads numbers, and gives how many bytes they took.
pub(crate) fn read_numbers(
    bytes: &[u8],
    rows: usize,
    out: &mut Vec<i64>,
) -> Result<usize, Malformed> {
    if rows > MOST_ROWS {
        return Err(Malformed);
    }
    let numbers = Numbers::parse(bytes, rows)?;
    numbers.read(0..rows, out, |number| number)?;
    Ok(numbers.length)
}
