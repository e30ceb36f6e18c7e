//! The cost of a value that a query reads: from the head's blocks, and from segments.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchpost_model::{Duration, Labels, Matcher};
use watchpost_tsdb::{Config, Db, Error, Row, TimeRange};

const GROUPS: u32 = 1_000;
const LINES: u32 = 14;
const ROWS: u32 = 480;
const STEP_MS: i64 = 15_000;
const START: i64 = 1_000 * 7_200_000;

/// A thousand hosts with the CPU counters of a metric, for two hours.
fn fill(db: &Db) -> Result<(), Error> {
    let lines = (0..LINES).map(|line| {
        let mode = format!("mode_{line}");
        let labels = [
            ("__name__", "node_cpu_seconds_total"),
            ("mode", mode.as_str()),
        ];
        db.line(&Labels::from_pairs(labels), &[])
    });
    let layout = db.layout(&lines.collect::<Result<Vec<_>, _>>()?);
    let groups = (0..GROUPS).map(|group| {
        let instance = format!("host-{group}:9100");
        let labels = [
            ("instance", instance.as_str()),
            ("job", "node"),
            ("site", "berlin"),
        ];
        db.group(&Labels::from_pairs(labels))
    });
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    for row in 0..ROWS {
        let time_ms = START + i64::from(row) * STEP_MS;
        for (group, number) in groups.iter().zip(0..) {
            let value =
                |line: u32| f64::from((row * (line + 1) * 7 + number) * 13 % 100_000) / 100.0;
            let values: Vec<_> = (0..LINES).map(value).collect();
            let row = Row {
                time_ms,
                layout: &layout,
                values: &values,
            };
            group.append(row, time_ms)?;
        }
    }
    Ok(())
}

fn select(criterion: &mut Criterion) {
    let Ok(directory) = tempfile::tempdir() else {
        return;
    };
    let config = Config {
        path: directory.path().to_owned(),
        sync_interval: Duration::ZERO,
        ..Config::default()
    };
    let Ok(db) = Db::open(config) else { return };
    if fill(&db).is_err() {
        return;
    }
    let mut group = criterion.benchmark_group("select");
    group.sample_size(10);
    let all = u64::from(GROUPS * LINES);
    let metric = [Matcher::equal("__name__", "node_cpu_seconds_total")];
    for place in ["head", "segment"] {
        group.throughput(Throughput::Elements(all * u64::from(ROWS)));
        group.bench_function(format!("two_hours_{place}"), |bencher| {
            bencher.iter(|| black_box(db.select(TimeRange::ALL, &metric)));
        });
        let hour = TimeRange::new(START + 1_000_000, START + 1_300_000);
        group.throughput(Throughput::Elements(all * 20));
        group.bench_function(format!("five_minutes_{place}"), |bencher| {
            bencher.iter(|| black_box(db.select(hour, &metric)));
        });
        group.throughput(Throughput::Elements(all));
        group.bench_function(format!("label_values_{place}"), |bencher| {
            bencher.iter(|| black_box(db.label_values("instance", TimeRange::ALL, &metric)));
        });
        if db
            .sync()
            .and_then(|()| db.maintain(START + 2 * 7_200_000))
            .is_err()
        {
            return;
        }
    }
    group.finish();
}

criterion_group!(benches, select);
criterion_main!(benches);
