use proptest::collection::vec;
use proptest::prelude::*;
use watchpost_model::{NORMAL_NAN_BITS, absent_nan, is_absent, is_stale, stale_nan};

use super::*;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Encodes, decodes in parts, and gives the size.
fn check(values: &[f64]) -> usize {
    let mut column = Vec::new();
    encode(values, &mut Scratch::default(), &mut column);
    let size = column.len();
    let rows = values.len();
    for padding in [0, 3, 100] {
        column.resize(size + padding, 0xa5);
        assert_eq!(length(&column, rows).unwrap(), size);
        for start in [0, rows / 3, rows / 2, rows] {
            for end in [start, start + (rows - start) / 2, rows] {
                let mut out = vec![1.5];
                decode(&column, rows, start..end, &mut out).unwrap();
                assert_eq!(bits(&out[1..]), bits(&values[start..end]), "{column:x?}");
            }
        }
    }
    let flags = Flags::of(&column).unwrap();
    assert_eq!(flags.absent, values.iter().all(|value| is_absent(*value)));
    assert_eq!(
        flags.clean,
        rows > 0 && !values.iter().any(|value| value.is_nan())
    );
    let present: Vec<_> = values
        .iter()
        .filter(|value| !is_absent(**value) && !is_stale(**value))
        .collect();
    let known = !present.is_empty() && !present.iter().any(|value| value.is_nan());
    assert_eq!(flags.rising, known && present.is_sorted());
    assert!(size <= 2 + rows * 9, "{size} bytes for {rows} rows");
    size
}

fn column(rows: i32, value: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..rows).map(|row| value(f64::from(row))).collect()
}

#[test]
fn plain_columns_are_small() {
    assert_eq!(check(&[]), 1);
    assert_eq!(check(&column(120, |_| 0.0)), 1);
    assert_eq!(check(&column(120, |_| 47.0)), 1);
    assert_eq!(check(&column(120, |_| 48.0)), 3);
    assert_eq!(check(&column(120, |_| -1.5)), 3);
    assert_eq!(check(&column(120, |_| 1_795_189_147.0)), 7);
    assert_eq!(check(&column(120, |_| std::f64::consts::PI)), 9);
    assert_eq!(check(&column(120, |_| f64::NAN)), 9);
    assert_eq!(check(&column(120, |_| absent_nan())), 1);
    assert_eq!(check(&column(120, |_| stale_nan())), 3);
    // Tag, plan, extras, least step, first.
    assert_eq!(check(&column(120, |n| 1e12 + 15.0 * n)), 3 + 1 + 6);
    assert_eq!(check(&column(120, |n| n * n % 101.0 / 100.0)), 3 + 1 + 105);
    assert!(check(&column(120, |n| 1e12 + 1_000.0 * n + n % 3.0)) < 45);
    assert!(check(&column(120, |n| (n / 31.0).floor())) < 15);
    assert!(check(&column(120, |n| (n / 3.0).floor() * 512.0)) < 30);
    assert!(check(&column(120, |n| 1_795_189_147.123 + 15.0 * n)) < 30);
}

#[test]
fn series_that_begin_and_end_inside_cost_little() {
    let mut values = column(120, |n| 7.0 * n);
    values[..30].fill(absent_nan());
    values[100] = stale_nan();
    values[101..].fill(absent_nan());
    assert!(check(&values) < 20);
    let half = column(120, |n| if n % 2.0 == 0.0 { n } else { absent_nan() });
    assert!(check(&half) < 25);
}

#[test]
fn noise_is_not_larger_than_its_bits() {
    let values = column(120, |n| (n + 1.0).sqrt().sin());
    assert!(check(&values) <= 961);
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        f64::from_bits(state)
    };
    let values: Vec<_> = (0..4_096).map(|_| random()).collect();
    assert!(check(&values) <= 4_096 * 8 + 1);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => any::<u64>().prop_map(f64::from_bits),
        4 => any::<i32>().prop_map(f64::from),
        4 => (-100..100_i32).prop_map(|n| f64::from(n) / 10.0),
        2 => (0..5_u32).prop_map(f64::from),
        1 => Just(-0.0),
        1 => Just(f64::NAN),
        1 => Just(f64::from_bits(NORMAL_NAN_BITS)),
        1 => Just(f64::INFINITY),
        3 => Just(absent_nan()),
        2 => Just(stale_nan()),
    ]
}

/// Runs of the same kind of value, as series have.
fn runs() -> impl Strategy<Value = Vec<f64>> {
    vec((value(), 1..40_usize, any::<i16>()), 0..12).prop_map(|runs| {
        let run = |(value, length, step): (f64, usize, i16)| {
            (0..length).map(move |row| {
                if value.is_nan() {
                    value
                } else {
                    value + f64::from(step >> 4) * row as f64
                }
            })
        };
        runs.into_iter().flat_map(run).collect()
    })
}

proptest! {
    #[test]
    fn every_column_comes_back(
        values in vec(value(), 0..130),
        runs in runs(),
        decimals in vec(any::<i32>(), 0..300),
        places in 0..11_i32,
        spread in 0..31,
    ) {
        check(&values);
        check(&runs);
        let power = 10_f64.powi(places);
        let decimals: Vec<_> = decimals.iter().map(|n| f64::from(n >> spread) / power).collect();
        check(&decimals);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in vec(any::<u8>(), 0..300),
        rows in 0..5_000_usize,
    ) {
        let mut out = Vec::new();
        if decode(&bytes, rows, 0..rows, &mut out).is_ok() {
            prop_assert_eq!(out.len(), rows);
            prop_assert!(length(&bytes, rows).unwrap() <= bytes.len());
        }
    }

    #[test]
    fn flipped_bits_are_read_or_refused(
        values in runs(),
        flips in vec((any::<u16>(), 0..8_u8), 1..4),
        start in any::<u16>(),
    ) {
        let mut bytes = Vec::new();
        encode(&values, &mut Scratch::default(), &mut bytes);
        for (place, bit) in flips {
            let place = usize::from(place) % bytes.len();
            bytes[place] ^= 1 << bit;
        }
        let start = usize::from(start) % (values.len() + 1);
        let mut out = Vec::new();
        if decode(&bytes, values.len(), start..values.len(), &mut out).is_ok() {
            prop_assert_eq!(out.len(), values.len() - start);
        }
    }
}
