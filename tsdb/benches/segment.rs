//! Segments through the store: two hours of a fleet sealed, then one series and one metric of all
//! hosts read from the file, and matchers alone.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up ends")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchpost_model::{Duration, Labels, MatchOp, Matcher};
use watchpost_tsdb::{Config, Db, Row, TimeRange};

const HOSTS: usize = 100;
const METRICS: u32 = 50;
/// Lines of each metric.
const CPUS: u32 = 8;
const ROWS: i64 = 480;
const STEP_MS: i64 = 15_000;
/// A window's first millisecond.
const START_MS: i64 = 7_200_000 * 200_000;

/// A number below a bound that looks random, the same in each run.
fn noise(seed: u64, bound: u64) -> u64 {
    let mixed = (seed ^ (seed >> 9)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) % bound
}

fn config(directory: &tempfile::TempDir) -> Config {
    Config {
        path: directory.path().to_owned(),
        retention: Duration::from_secs(1_000 * 365 * 86_400),
        ..Config::default()
    }
}

/// Half of the columns stand still, a quarter are counters, a quarter decimals.
fn value(host: u64, line: u64, row: u64, sum: &mut u64) -> f64 {
    *sum += noise(host << 40 | line << 20 | row, 3_000);
    let whole = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    match line % 4 {
        0 | 1 => whole(line),
        2 => whole(*sum),
        _ => whole(noise(*sum, 10_000)) / 100.0,
    }
}

/// Appends the rows of a window to all hosts.
fn fill(db: &Db) {
    let lines: Vec<_> = (0..METRICS * CPUS)
        .map(|line| {
            let metric = format!("node_subsystem_{}_seconds_total", line / CPUS);
            let cpu = (line % CPUS).to_string();
            let labels = Labels::from_pairs([("__name__", metric.as_str()), ("cpu", &cpu)]);
            db.line(&labels, &[]).unwrap()
        })
        .collect();
    let layout = db.layout(&lines);
    for host in 0..HOSTS as u64 {
        let instance = format!("host-{host:04}:9100");
        let labels = Labels::from_pairs([("job", "node"), ("instance", instance.as_str())]);
        let group = db.group(&labels).unwrap();
        let mut sums = vec![0; lines.len()];
        for row in 0..ROWS {
            let time_ms = START_MS + row * STEP_MS + i64::try_from(host).unwrap();
            let values: Vec<_> = (0..)
                .zip(&mut sums)
                .map(|(line, sum)| value(host, line, row.cast_unsigned(), sum))
                .collect();
            let row = Row {
                time_ms,
                layout: &layout,
                values: &values,
            };
            group.append(row, time_ms).unwrap();
        }
    }
}

/// Long after the window, so that it is sealed.
const LATER_MS: i64 = START_MS + 6 * 7_200_000;

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("segment");
    group.sample_size(10);
    group.throughput(Throughput::Elements(
        (HOSTS as u64) * u64::from(METRICS * CPUS) * 480,
    ));
    group.bench_function("seal", |b| {
        b.iter_batched(
            || {
                let directory = tempfile::tempdir().unwrap();
                let db = Db::open(config(&directory)).unwrap();
                fill(&db);
                (db, directory)
            },
            |(db, directory)| {
                db.maintain(LATER_MS).unwrap();
                (db, directory)
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn read(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(config(&directory)).unwrap();
    fill(&db);
    db.maintain(LATER_MS).unwrap();
    let metric = Matcher::equal("__name__", "node_subsystem_7_seconds_total");
    let series = [
        metric.clone(),
        Matcher::equal("cpu", "3"),
        Matcher::equal("instance", "host-0042:9100"),
    ];
    let hour = TimeRange::new(START_MS + 1_800_000, START_MS + 5_400_000);
    let mut group = c.benchmark_group("segment");
    for (name, range, matchers) in [
        ("one series, all of it", TimeRange::ALL, &series[..]),
        ("one metric, all of it", TimeRange::ALL, &series[..1]),
        ("one metric, an hour", hour, &series[..1]),
    ] {
        let selection = db.select(range, matchers).unwrap();
        let values = selection
            .series
            .iter()
            .map(|series| series.times.len() as u64);
        group.throughput(Throughput::Elements(values.sum()));
        group.bench_function(name, |b| {
            b.iter(|| black_box(db.select(range, matchers).unwrap()));
        });
    }
    group.finish();
}

fn matching(c: &mut Criterion) {
    let db = Db::in_memory(Config::default());
    fill(&db);
    // A range without rows: what is left is to find the series.
    let nothing = TimeRange::new(0, 1);
    let metric = Matcher::equal("__name__", "node_subsystem_7_seconds_total");
    let hosts = |pattern: &str| Matcher::new(MatchOp::Regex, "instance", pattern).unwrap();
    let mut group = c.benchmark_group("matching");
    for (name, matchers) in [
        ("a metric", vec![metric.clone()]),
        (
            "a metric of a job",
            vec![metric.clone(), Matcher::equal("job", "node")],
        ),
        (
            "a metric of some hosts",
            vec![metric, hosts("host-00[1-3].:9100")],
        ),
        ("a host", vec![Matcher::equal("instance", "host-0042:9100")]),
        (
            "all",
            vec![Matcher::new(MatchOp::Regex, "__name__", "node_.+").unwrap()],
        ),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| black_box(db.select(nothing, &matchers).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, write, read, matching);
criterion_main!(benches);
