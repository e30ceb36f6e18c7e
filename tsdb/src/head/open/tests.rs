//! Open rows, held to plain lists of rows.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<Option<u8>>),
    Insert(usize),
    Put(usize, Vec<Option<u8>>),
    Drop(usize),
    Keep(Vec<bool>),
}

fn row() -> impl Strategy<Value = Vec<Option<u8>>> {
    prop_oneof![
        vec(proptest::option::weighted(0.8, 0..3_u8), 0..8),
        vec(proptest::option::weighted(0.8, 0..3_u8), 60..200),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => row().prop_map(Step::Push),
        1 => any::<usize>().prop_map(Step::Insert),
        3 => (any::<usize>(), row()).prop_map(|(place, row)| Step::Put(place, row)),
        1 => (0..4_usize).prop_map(Step::Drop),
        1 => vec(any::<bool>(), 200).prop_map(Step::Keep),
    ]
}

fn value(cell: Option<u8>) -> f64 {
    cell.map_or_else(absent_nan, f64::from)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn key(time: i64) -> RowKey {
    RowKey {
        time,
        sequence: time.unsigned_abs(),
        file: 1,
    }
}

/// The rows as plain lists of values, `times` a multiple of 1,000 but for inserted ones.
fn run(steps: &[Step]) -> (OpenRows, Vec<(i64, Vec<f64>)>) {
    let (mut open, mut plain) = (OpenRows::default(), Vec::<(i64, Vec<f64>)>::new());
    let mut next = 0;
    for step in steps {
        match step {
            Step::Push(row) => {
                next += 1_000;
                let row: Vec<_> = row.iter().map(|cell| value(*cell)).collect();
                open.push(key(next), &row, &mut ());
                plain.push((next, row));
            }
            Step::Insert(place) => {
                let place = place % (plain.len() + 1);
                next += 1_000;
                let time = plain.get(place).map_or(next, |(time, _)| time - 1);
                if plain.iter().all(|(have, _)| *have != time) {
                    open.insert(place, key(time));
                    plain.insert(place, (time, Vec::new()));
                }
            }
            Step::Put(place, row) if !plain.is_empty() => {
                let place = place % plain.len();
                let have = &mut plain[place].1;
                have.resize(have.len().max(row.len()), absent_nan());
                let mut cells = Vec::new();
                for (slot, cell) in row.iter().enumerate() {
                    if cell.is_some() && is_absent(have[slot]) {
                        have[slot] = value(*cell);
                        cells.push((slot, value(*cell)));
                    }
                }
                open.put(place, &cells);
            }
            Step::Drop(rows) => {
                open.drop_front(*rows);
                plain.drain(..(*rows).min(plain.len()));
            }
            Step::Keep(keep) => {
                let kept: Vec<_> = (0..open.width()).filter(|slot| keep[*slot]).collect();
                open.renumber(&kept);
                for (_, row) in &mut plain {
                    let get = |slot: &usize| row.get(*slot).copied();
                    *row = kept
                        .iter()
                        .map(|slot| get(slot).unwrap_or_else(absent_nan))
                        .collect();
                }
            }
            Step::Put(..) => {}
        }
    }
    (open, plain)
}

proptest! {
    #[test]
    fn rows_are_what_was_put(steps in vec(step(), 0..40)) {
        let (open, plain) = run(&steps);
        let times: Vec<_> = open.keys().map(|key| key.time).collect();
        prop_assert_eq!(times, plain.iter().map(|(time, _)| *time).collect::<Vec<_>>());
        let expected = |slot: usize| -> Vec<f64> {
            let cells = plain.iter().map(|(_, row)| row.get(slot).copied());
            cells.map(|cell| cell.unwrap_or_else(absent_nan)).collect()
        };
        for (start, end) in [(0, plain.len()), (plain.len() / 3, plain.len() * 2 / 3)] {
            let mut tiles = open.tiles(start..end);
            for slot in 0..open.width() + 2 {
                let mut column = Vec::new();
                open.column(slot, start..end, &mut column);
                prop_assert_eq!(bits(&column), bits(&expected(slot)[start..end]));
                if slot % 3 == 0 {
                    column.clear();
                    tiles.column(slot, &mut column);
                    prop_assert_eq!(bits(&column), bits(&expected(slot)[start..end]));
                }
            }
        }
        for (place, (_, row)) in plain.iter().enumerate() {
            let mut values = Vec::new();
            open.values(place, &mut values);
            values.resize(values.len().max(row.len()), absent_nan());
            for (slot, value) in row.iter().enumerate() {
                prop_assert_eq!(values[slot].to_bits(), value.to_bits());
                prop_assert_eq!(open.value(place, slot).to_bits(), value.to_bits());
            }
        }
    }
}
