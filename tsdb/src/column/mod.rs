//! Columns of finished blocks: the values of one series, encoded. Decoding gives the same bits.

pub(crate) mod decimal;
mod whole;

use watchpost_model::{absent_nan, is_absent};

/// An encoded column.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// No row has a value.
    Absent,
    /// All rows have the same bits.
    Constant(f64),
    /// Whole or decimal numbers near each other.
    Whole(Box<[u8]>),
    /// One value a row.
    Raw(Box<[f64]>),
}

/// Encodes the values of a column.
pub(crate) fn encode(values: &[f64]) -> Encoded {
    let Some(first) = values.first() else {
        return Encoded::Absent;
    };
    let bits = first.to_bits();
    if values.iter().all(|value| value.to_bits() == bits) {
        return if is_absent(*first) {
            Encoded::Absent
        } else {
            Encoded::Constant(*first)
        };
    }
    match whole::encode(values) {
        Some(column) => Encoded::Whole(column),
        None => Encoded::Raw(values.into()),
    }
}

impl Encoded {
    /// Appends the values of some rows.
    pub(crate) fn decode(&self, rows: std::ops::Range<usize>, out: &mut Vec<f64>) {
        match self {
            Self::Absent => out.resize(out.len() + rows.len(), absent_nan()),
            Self::Constant(value) => out.resize(out.len() + rows.len(), *value),
            Self::Whole(column) => whole::decode(column, rows, out),
            Self::Raw(values) => out.extend_from_slice(&values[rows]),
        }
    }

    /// How many bytes it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let heap = match self {
            Self::Absent | Self::Constant(_) => 0,
            Self::Whole(column) => column.len(),
            Self::Raw(values) => size_of_val(&**values),
        };
        size_of::<Self>() + heap
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64]) -> usize {
        let column = encode(values);
        for start in [0, values.len() / 3, values.len()] {
            for end in [start, values.len().max(start)] {
                let mut out = vec![1.5];
                column.decode(start..end, &mut out);
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&out[1..]), bits(&values[start..end]), "{column:?}");
            }
        }
        column.size() - size_of::<Encoded>()
    }

    #[test]
    fn plain_columns_are_small() {
        let column = |f: &dyn Fn(f64) -> f64| (0..120).map(|n| f(f64::from(n))).collect::<Vec<_>>();
        assert_eq!(check(&column(&|_| 7.0)), 0);
        assert_eq!(check(&column(&|_| f64::NAN)), 0);
        assert_eq!(check(&column(&|_| absent_nan())), 0);
        assert_eq!(check(&column(&|n| 1e12 + 15.0 * n)), 17);
        assert_eq!(check(&column(&|n| 1e12 + 1_000.0 * n + n % 3.0)), 17 + 119);
        assert_eq!(check(&column(&|n| (n * 37.0) % 100.0 / 100.0)), 17 + 120);
        assert_eq!(check(&column(&|n| n.sqrt())), 960);
    }

    proptest! {
        #[test]
        fn every_column_comes_back(
            values in vec(prop_oneof![
                any::<u64>().prop_map(f64::from_bits),
                any::<i32>().prop_map(f64::from),
            ], 0..130),
            decimals in vec(any::<i32>(), 0..130),
            places in 0..11_i32,
            spread in 0..31,
        ) {
            check(&values);
            let power = 10_f64.powi(places);
            let decimals: Vec<_> = decimals.iter().map(|n| f64::from(n >> spread) / power).collect();
            check(&decimals);
        }
    }
}
