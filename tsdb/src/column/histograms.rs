//! Columns with native histograms among their values.
//!
//! ```text
//! 8 histograms = count: number | size: number | histogram * count | column
//! ```
//!
//! The histograms take `size` bytes and stand in the order in which the rows come to them; each may be
//! told by its difference to the one before it (see `histogram::codec`). A value of the column inside
//! that is the mark of place `k` is histogram `k`.

use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::histogram::{histogram_index, histogram_mark};
use watchpost_model::{Histogram, absent_nan};

use super::{Flags, HISTOGRAMS, KIND, Scratch, decode, encode, length};
use crate::histogram::{self, Histograms, Marked};
use crate::log::bytes::{Malformed, Reader, put_number};

/// Appends a column some of whose values may stand for histograms of a list.
pub(crate) fn encode_marked(
    values: &[f64],
    list: &impl Marked,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    if !values.iter().any(|value| histogram_index(*value).is_some()) {
        return encode(values, scratch, out);
    }
    let mut places: HashMap<u32, f64> = HashMap::default();
    let mut encoded = Vec::new();
    let (mut count, mut before): (u32, Option<Arc<Histogram>>) = (0, None);
    let own = |value: &f64| {
        let Some(place) = histogram_index(*value) else {
            return *value;
        };
        *places.entry(place).or_insert_with(|| {
            let Some(histogram) = list.at(place) else {
                return absent_nan();
            };
            histogram::encode(&histogram, before.as_deref(), &mut encoded);
            before = Some(histogram);
            count += 1;
            histogram_mark(count - 1)
        })
    };
    let own: Vec<f64> = values.iter().map(own).collect();
    out.push(HISTOGRAMS);
    put_number(out, count.into());
    put_number(out, encoded.len() as u64);
    out.extend_from_slice(&encoded);
    encode(&own, scratch, out);
}

/// Appends the values of some rows of a column; its histograms go to a list.
pub(crate) fn decode_marked(
    bytes: &[u8],
    rows: usize,
    range: Range<usize>,
    list: &Histograms,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let start = out.len();
    let Some(inside) = Inside::parse(bytes, rows)? else {
        decode(bytes, rows, range, out)?;
        let values = out.get(start..).unwrap_or_default();
        let stray = |value: &f64| histogram_index(*value).is_some();
        // Only damage makes a mark that stands for nothing.
        if !Flags::of(bytes)?.clean && values.iter().any(stray) {
            return Err(Malformed);
        }
        return Ok(());
    };
    decode(inside.column, rows, range, out)?;
    let values = out.get_mut(start..).unwrap_or_default();
    let mut wanted = vec![false; inside.count];
    for place in values.iter().filter_map(|value| histogram_index(*value)) {
        *wanted.get_mut(place as usize).ok_or(Malformed)? = true;
    }
    let end = wanted
        .iter()
        .rposition(|wanted| *wanted)
        .map_or(0, |at| at + 1);
    let (mut reader, mut before) = (Reader(inside.histograms), None);
    let mut places = Vec::with_capacity(end);
    for wanted in wanted.iter().take(end) {
        let histogram = Arc::new(histogram::decode(&mut reader, before.as_deref())?);
        places.push(if *wanted {
            list.add(Arc::clone(&histogram))
        } else {
            absent_nan()
        });
        before = Some(histogram);
    }
    for value in values {
        if let Some(place) = histogram_index(*value) {
            *value = *places.get(place as usize).ok_or(Malformed)?;
        }
    }
    Ok(())
}

/// How many bytes a column takes that may have histograms.
pub(crate) fn length_marked(bytes: &[u8], rows: usize) -> Result<usize, Malformed> {
    match Inside::parse(bytes, rows)? {
        None => length(bytes, rows),
        Some(inside) => {
            let before = bytes.len() - inside.column.len();
            Ok(before + length(inside.column, rows)?)
        }
    }
}

/// What a column with histograms is made of.
struct Inside<'a> {
    count: usize,
    histograms: &'a [u8],
    column: &'a [u8],
}

impl<'a> Inside<'a> {
    /// Nothing where the column has no histograms.
    fn parse(bytes: &'a [u8], rows: usize) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader(bytes);
        if reader.byte()? & KIND != HISTOGRAMS {
            return Ok(None);
        }
        let count = reader.count()?;
        let size = reader.count()?;
        // A histogram has at least its flags, and a row to stand in.
        if count > size || count > rows {
            return Err(Malformed);
        }
        let histograms = reader.bytes(size)?;
        Ok(Some(Self {
            count,
            histograms,
            column: reader.0,
        }))
    }
}
