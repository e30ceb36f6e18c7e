//! Queries over a thousand series that share their times, as a fleet's do.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchpost_model::Labels;
use watchpost_promql::{Engine, Steps, parse};
use watchpost_tsdb::{Config, Db, Row};

const HOSTS: usize = 100;
const LINES: usize = 10;
const ROWS: i64 = 360;
const INTERVAL_MS: i64 = 15_000;

/// 100 hosts with 10 counters each, 90 min at 15 s.
fn db() -> Result<Db, watchpost_tsdb::Error> {
    let db = Db::in_memory(Config::default());
    let lines = (0..LINES)
        .map(|cpu| {
            let cpu = cpu.to_string();
            let labels = [("__name__", "x"), ("cpu", cpu.as_str()), ("mode", "user")];
            db.line(&Labels::from_pairs(labels), &[])
        })
        .collect::<Result<Vec<_>, _>>()?;
    let layout = db.layout(&lines);
    for host in 0..HOSTS {
        let instance = format!("host{host}:9100");
        let labels = [("instance", instance.as_str()), ("job", "node")];
        let group = db.group(&Labels::from_pairs(labels))?;
        for row in 0..ROWS {
            let values: Vec<f64> = (0..LINES)
                .map(|line| row as f64 * (1.0 + line as f64 / 8.0))
                .collect();
            let time_ms = row * INTERVAL_MS;
            group.append(
                Row {
                    time_ms,
                    layout: &layout,
                    values: &values,
                },
                time_ms,
            )?;
        }
    }
    Ok(db)
}

fn queries(criterion: &mut Criterion) {
    let Ok(db) = db() else { return };
    let steps = Steps {
        start_ms: 30 * 60_000,
        end_ms: 89 * 60_000,
        step_ms: 60_000,
    };
    let engine = Engine::default();
    let mut group = criterion.benchmark_group("range_60_steps_1000_series");
    group.throughput(Throughput::Elements((HOSTS * LINES * 60) as u64));
    for text in [
        "x",
        "sum by (instance) (rate(x[5m]))",
        "max_over_time(x[5m])",
        "sum by (instance) (rate(x[5m])) / on (instance) count by (instance) (x)",
        "topk(5, x)",
    ] {
        let Ok(expr) = parse(text) else { continue };
        group.bench_function(text, |bencher| {
            bencher.iter(|| engine.range(black_box(&db), &expr, steps));
        });
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
