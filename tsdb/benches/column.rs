//! The cost of a value: encoding and decoding columns of 120 rows of the usual shapes, and whole
//! blocks of 32 rows.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use watchpost_tsdb::internals::{BlockView, Scratch, decode, encode, encode_block};

const ROWS: u32 = 120;
const BLOCK_ROWS: u32 = 32;
const COLUMNS: usize = 1_000;

/// A number below a bound that looks random, the same in each run.
fn noise(row: u32, bound: u32) -> f64 {
    f64::from(
        row.wrapping_mul(2_654_435_761)
            .rotate_left(15)
            .wrapping_mul(0x9e37_79b9)
            % bound,
    )
}

/// A shape of column: its name, and its value in a row.
type Shape = (&'static str, fn(u32) -> f64);

const SHAPES: [Shape; 8] = [
    ("zero", |_| 0.0),
    ("counter", |row| {
        1e9 + f64::from(row) * 3_300.0 + noise(row, 6_600)
    }),
    ("seconds", |row| {
        (1e6 + f64::from(row) * 1_500.0 + noise(row, 100)).floor() / 100.0
    }),
    ("milliseconds", |row| {
        (1e6 + f64::from(row) * 15.0 + noise(row, 9)) * 0.001
    }),
    ("pages", |row| 4_096.0 * (1e6 + noise(row, 1_000))),
    ("durations", |row| (20_000.0 + noise(row, 130_000)) / 1e9),
    ("rare", |row| f64::from(row / 40)),
    ("fractions", |row| noise(row, 1 << 30).sqrt()),
];

fn columns(criterion: &mut Criterion) {
    for (name, shape) in SHAPES {
        let values: Vec<_> = (0..ROWS).map(shape).collect();
        let mut scratch = Scratch::default();
        let mut column = Vec::new();
        encode(&values, &mut scratch, &mut column);
        let mut group = criterion.benchmark_group("column");
        group.throughput(Throughput::Elements(u64::from(ROWS)));
        group.bench_function(BenchmarkId::new("encode", name), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                encode(black_box(&values), &mut scratch, &mut out);
            });
        });
        group.bench_function(BenchmarkId::new("decode", name), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                decode(black_box(&column), values.len(), 0..values.len(), &mut out)
            });
        });
        group.finish();
    }
}

/// As on a real page: two thirds of the columns stand still.
fn blocks(criterion: &mut Criterion) {
    let columns: Vec<Vec<f64>> = (0..COLUMNS)
        .map(|slot| {
            let (_, shape) = SHAPES.get(slot % (3 * SHAPES.len())).unwrap_or(&SHAPES[0]);
            (0..BLOCK_ROWS).map(shape).collect()
        })
        .collect();
    let times: Vec<_> = (0..i64::from(BLOCK_ROWS)).map(|row| row * 15_000).collect();
    let sequences: Vec<_> = (0..u64::from(BLOCK_ROWS)).collect();
    let mut block = Vec::new();
    let write = |block: &mut Vec<u8>| {
        let column = |slot: usize, out: &mut Vec<f64>| out.extend_from_slice(&columns[slot]);
        encode_block(&times, &sequences, columns.len(), column, block);
    };
    write(&mut block);
    let mut group = criterion.benchmark_group("block");
    group.throughput(Throughput::Elements(u64::from(BLOCK_ROWS) * COLUMNS as u64));
    group.bench_function("encode", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            write(black_box(&mut out));
        });
    });
    group.bench_function("decode", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            let view = BlockView::parse(black_box(&block))?;
            for column in view.all() {
                out.clear();
                decode(column?, view.rows(), 0..view.rows(), &mut out)?;
            }
            Ok::<_, watchpost_tsdb::internals::Malformed>(())
        });
    });
    group.finish();
}

criterion_group!(benches, columns, blocks);
criterion_main!(benches);
