use proptest::collection::vec;
use proptest::prelude::*;
use watchpost_model::absent_nan;

use super::*;

fn encoded(times: &[i64], sequences: &[u64], columns: &[Vec<f64>]) -> Vec<u8> {
    let mut out = Vec::new();
    let column = |slot: usize, values: &mut Vec<f64>| values.extend_from_slice(&columns[slot]);
    encode_block(times, sequences, columns.len(), column, &mut out);
    out
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn check(times: &[i64], sequences: &[u64], columns: &[Vec<f64>]) -> usize {
    let bytes = encoded(times, sequences, columns);
    let view = BlockView::parse(&bytes).unwrap();
    assert_eq!((view.rows(), view.columns()), (times.len(), columns.len()));
    let mut read = Vec::new();
    view.times(&mut read).unwrap();
    assert_eq!(read, times);
    let mut read = Vec::new();
    view.sequences(&mut read).unwrap();
    assert_eq!(read, sequences);
    let mut all = view.all();
    for (slot, column) in columns.iter().enumerate() {
        let full = [
            column.as_slice(),
            &vec![absent_nan(); times.len() - column.len()],
        ]
        .concat();
        let middle = times.len() / 2;
        for rows in [0..times.len(), middle..times.len(), 0..middle] {
            let mut read = Vec::new();
            view.column(slot, rows.clone(), &mut read).unwrap();
            assert_eq!(bits(&read), bits(&full[rows]));
        }
        assert_eq!(all.next().unwrap().unwrap(), view.bytes(slot).unwrap());
        let mut walk = view.walk();
        for wanted in [slot / 3, slot / 2, slot] {
            assert_eq!(walk.to(wanted).unwrap(), view.bytes(wanted).unwrap());
        }
        assert_eq!(view.lacks(slot), column.is_empty());
    }
    assert!(all.next().is_none());
    assert!(view.lacks(columns.len()));
    bytes.len()
}

/// A scrape every 15 s with some milliseconds of jitter, among those of a thousand groups.
fn rows(count: usize) -> (Vec<i64>, Vec<u64>) {
    let jitter = |n: i64| n * n * 7 % 5;
    let times = (0..).map(|n| 1_795_189_147_806 + 15_000 * n + jitter(n));
    let sequences = (0..).map(|n: i64| 5_000 + 1_000 * n + jitter(n + 3));
    (
        times.take(count).collect(),
        sequences.map(i64::cast_unsigned).take(count).collect(),
    )
}

#[test]
fn blocks_of_any_length_come_back() {
    for count in [1, 2, 31, 32, 33, 240, 4_096] {
        let (times, sequences) = rows(count);
        let columns: Vec<_> = (0..100_usize)
            .map(|slot| match slot % 4 {
                0 => vec![slot as f64; count],
                1 => (0..count).map(|row| (row * slot) as f64).collect(),
                2 => Vec::new(),
                _ => vec![0.5; count / 2],
            })
            .map(|values: Vec<f64>| {
                if values.len() < count && count == 1 {
                    Vec::new()
                } else {
                    values
                }
            })
            .collect();
        check(&times, &sequences, &columns);
    }
}

#[test]
fn regular_rows_cost_about_a_byte() {
    let (times, sequences) = rows(120);
    let empty = check(&times, &sequences, &[]);
    assert!(empty < 120, "{empty}");
    // Missed scrapes cost a few bytes each.
    let (mut times, sequences) = rows(120);
    times.iter_mut().skip(40).for_each(|time| *time += 30_000);
    times.iter_mut().skip(90).for_each(|time| *time += 600_000);
    let gaps = check(&times, &sequences, &[]);
    assert!(gaps < 160, "{gaps}");
}

#[test]
fn a_row_without_columns_and_one_of_any_numbers_come_back() {
    check(&[i64::MIN, i64::MAX], &[u64::MAX, 0], &[vec![1.0]]);
    check(&[0], &[0], &[]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(view) = BlockView::parse(&bytes) {
            for slot in 0..=view.columns() {
                let mut out = Vec::new();
                if view.column(slot, 0..view.rows(), &mut out).is_ok() {
                    prop_assert_eq!(out.len(), view.rows());
                }
                view.lacks(slot);
            }
            view.times(&mut Vec::new()).ok();
            view.sequences(&mut Vec::new()).ok();
            prop_assert!(view.all().count() <= view.columns());
        }
    }

    #[test]
    fn damaged_blocks_are_read_or_refused(
        values in vec(vec(any::<i8>(), 0..40), 0..70),
        flips in vec((any::<u16>(), 0..8_u8), 1..4),
        cut in any::<u16>(),
    ) {
        let (times, sequences) = rows(40);
        let columns: Vec<Vec<f64>> = values
            .iter()
            .map(|column| column.iter().map(|n| f64::from(*n)).collect())
            .collect();
        check(&times, &sequences, &columns);
        let mut bytes = encoded(&times, &sequences, &columns);
        for (place, bit) in flips {
            let place = usize::from(place) % bytes.len();
            bytes[place] ^= 1 << bit;
        }
        bytes.truncate(bytes.len() - usize::from(cut) % 20);
        if let Ok(view) = BlockView::parse(&bytes) {
            for slot in 0..view.columns() {
                view.column(slot, 0..view.rows(), &mut Vec::new()).ok();
            }
            view.times(&mut Vec::new()).ok();
            view.all().for_each(drop);
        }
    }
}
