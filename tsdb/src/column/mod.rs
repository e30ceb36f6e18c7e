//! Columns of finished blocks: the values of one series, encoded. Decoding gives the same bits.

pub(crate) mod decimal;

use watchpost_model::{absent_nan, is_absent};

/// An encoded column.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// No row has a value.
    Absent,
    /// All rows have the same bits.
    Constant(f64),
    /// One value a row.
    Raw(Box<[f64]>),
}

/// Encodes the values of a column.
pub(crate) fn encode(values: &[f64]) -> Encoded {
    let Some(first) = values.first() else {
        return Encoded::Absent;
    };
    if values
        .iter()
        .all(|value| value.to_bits() == first.to_bits())
    {
        return if is_absent(*first) {
            Encoded::Absent
        } else {
            Encoded::Constant(*first)
        };
    }
    Encoded::Raw(values.into())
}

impl Encoded {
    /// Appends the values of some rows.
    pub(crate) fn decode(&self, rows: std::ops::Range<usize>, out: &mut Vec<f64>) {
        match self {
            Self::Absent => out.resize(out.len() + rows.len(), absent_nan()),
            Self::Constant(value) => out.resize(out.len() + rows.len(), *value),
            Self::Raw(values) => out.extend_from_slice(&values[rows]),
        }
    }

    /// How many bytes it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let heap = match self {
            Self::Absent | Self::Constant(_) => 0,
            Self::Raw(values) => size_of_val(&**values),
        };
        size_of::<Self>() + heap
    }
}
