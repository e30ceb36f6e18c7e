//! Blocks and columns without the checksums of the files around them: any bytes are read or refused,
//! and what is read is the same bits when it is written and read again.

use watchpost_tsdb::internals::{BlockView, Flags, Scratch, decode, encode, encode_block, length};

/// The bytes as a block, as a column (the first two bytes say how many rows), and as values.
pub fn target(data: &[u8]) {
    as_block(data);
    if let Some((rows, column)) = data.split_first_chunk() {
        as_column(column, usize::from(u16::from_le_bytes(*rows)));
    }
    let (values, _) = data.as_chunks();
    let values: Vec<_> = values
        .iter()
        .map(|bits| f64::from_le_bytes(*bits))
        .collect();
    again(&values[..values.len().min(4_096)]);
}

fn as_block(data: &[u8]) {
    let Ok(view) = BlockView::parse(data) else {
        return;
    };
    let rows = view.rows();
    let mut times = Vec::new();
    if view.times(&mut times).is_ok() {
        assert_eq!(times.len(), rows);
    }
    let mut sequences = Vec::new();
    if view.sequences(&mut sequences).is_ok() {
        assert_eq!(sequences.len(), rows);
    }
    for column in view.all().take(200).flatten() {
        as_column(column, rows);
    }
    for slot in 0..=view.columns().min(200) {
        let (mut all, mut half) = (Vec::new(), Vec::new());
        if view.column(slot, 0..rows, &mut all).is_ok() {
            assert_eq!(all.len(), rows);
            view.column(slot, rows / 2..rows, &mut half)
                .expect("a part of what was read");
            assert_eq!(bits(&half), bits(&all[rows / 2..]));
        }
    }
}

fn as_column(column: &[u8], rows: usize) {
    let mut values = Vec::new();
    if decode(column, rows, 0..rows, &mut values).is_ok() {
        assert_eq!(values.len(), rows);
        assert!(length(column, rows).expect("the length of what was read") <= column.len());
        again(&values);
    }
}

/// Writes values and reads them again.
fn again(values: &[f64]) {
    let mut column = Vec::new();
    encode(values, &mut Scratch::default(), &mut column);
    assert!(column.len() <= 9 * values.len() + 2);
    assert_eq!(length(&column, values.len()), Ok(column.len()));
    let mut read = Vec::new();
    decode(&column, values.len(), 0..values.len(), &mut read).expect("what was written");
    assert_eq!(bits(&read), bits(values));
    let flags = Flags::of(&column).expect("a tag");
    assert!(!flags.clean || !values.iter().any(|value| value.is_nan()));
}

fn bits(values: &[f64]) -> Vec<u64> {
    // The places of histograms depend on what was read with them.
    let place = |value: f64| watchpost_model::histogram::histogram_index(value).is_some();
    let bits = |value: &f64| if place(*value) { 1 } else { value.to_bits() };
    values.iter().map(bits).collect()
}

/// Blocks of the usual shapes.
pub fn seeds() -> Vec<Vec<u8>> {
    let absent = f64::from_bits(0x7ff0_0000_0000_0a05);
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let noise = |row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
    let value = |slot: usize, row: u64| match slot % 12 {
        0 => 5.0,
        1 => std::f64::consts::PI,
        2 => (row * 3_000 + noise(row)) as f64,
        3 => (row * 1_500 + noise(row)) as f64 / 100.0,
        4 => (row * 15 + row % 3) as f64 * 0.001,
        5 => noise(row) as f64 * 4_096.0,
        6 => noise(row) as f64 / 1e9,
        7 => (row / 9) as f64,
        8 => (noise(row) as f64).sqrt(),
        9 if row == 20 => stale,
        9 if row > 20 => absent,
        10 if row % 3 == 0 => absent,
        _ => row as f64,
    };
    let block = |rows: u64, columns: usize| {
        let times: Vec<_> = (0..rows)
            .map(|row| 15_000 * row as i64 + row as i64 % 4)
            .collect();
        let sequences: Vec<_> = (0..rows).map(|row| row * 1_000 + row % 7).collect();
        let mut block = Vec::new();
        let column =
            |slot: usize, out: &mut Vec<f64>| out.extend((0..rows).map(|row| value(slot, row)));
        encode_block(&times, &sequences, columns, column, &mut block);
        block
    };
    vec![
        block(1, 12),
        block(32, 40),
        block(32, 12),
        block(120, 12),
        block(240, 3),
    ]
}
