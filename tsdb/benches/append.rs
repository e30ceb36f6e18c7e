//! The cost of a sample, from the caller's row to memory and log.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use watchpost_model::{Duration, Labels};
use watchpost_tsdb::{Config, Db, Error, Group, Layout, Row, TimeRange};

const COLUMNS: usize = 1_000;

struct Feed {
    db: Db,
    group: Group,
    layout: Layout,
    values: Vec<f64>,
    time: i64,
}

impl Feed {
    fn new(db: Db) -> Result<Self, Error> {
        let lines = (0..COLUMNS).map(|column| {
            let value = column.to_string();
            db.line(
                &Labels::from_pairs([("__name__", "metric"), ("n", value.as_str())]),
                &[],
            )
        });
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            group: db.group(&Labels::from_pairs([("instance", "h1")]))?,
            layout: db.layout(&lines),
            values: (0_u32..).take(COLUMNS).map(f64::from).collect(),
            time: 0,
            db,
        })
    }

    /// A third of the values move, as on a real page: counters, and a few long fractions.
    fn row(&mut self) -> Result<(), Error> {
        self.time += 5_000;
        for (place, value) in self.values.iter_mut().enumerate() {
            match place % 30 {
                0..=6 => *value += 17.0,
                7..=8 => *value += 0.25,
                9 => *value = (*value + 1.0).sqrt(),
                _ => {}
            }
        }
        let row = Row {
            time_ms: self.time,
            layout: &self.layout,
            values: &self.values,
        };
        self.group.append(row, self.time).map(drop)
    }
}

fn config(path: &std::path::Path) -> Config {
    Config {
        path: path.to_owned(),
        retention: Duration::from_secs(3_600),
        log_file_size: 1 << 40,
        ..Config::default()
    }
}

fn append(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().ok();
    let logged = directory
        .as_ref()
        .and_then(|directory| Db::open(config(directory.path())).ok());
    let memory = Db::in_memory(config(std::path::Path::new("")));
    let stores = [("in_memory", Some(memory)), ("with_log", logged)];
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(COLUMNS as u64));
    for (name, db) in stores {
        let Some(mut feed) = db.and_then(|db| Feed::new(db).ok()) else {
            continue;
        };
        let mut rows = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                rows += 1;
                if rows % 1_000 == 0 {
                    black_box(feed.db.maintain(feed.time)).ok();
                }
                black_box(feed.row())
            });
        });
    }
    group.finish();
}

fn recover(criterion: &mut Criterion) {
    let Ok(directory) = tempfile::tempdir() else {
        return;
    };
    let rows = 2_000;
    if let Some(mut feed) = Db::open(config(directory.path()))
        .ok()
        .and_then(|db| Feed::new(db).ok())
    {
        for _ in 0..rows {
            black_box(feed.row()).ok();
        }
    }
    let mut group = criterion.benchmark_group("recover");
    group.sample_size(10);
    group.throughput(Throughput::Elements(rows * COLUMNS as u64));
    group.bench_function("replay", |bencher| {
        bencher.iter_batched(
            || (),
            |()| black_box(Db::open(config(directory.path()))),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn select(criterion: &mut Criterion) {
    let Ok(mut feed) = Feed::new(Db::in_memory(Config::default())) else {
        return;
    };
    let rows = 1_000;
    for _ in 0..rows {
        black_box(feed.row()).ok();
    }
    let mut group = criterion.benchmark_group("select");
    group.throughput(Throughput::Elements(rows * COLUMNS as u64));
    group.bench_function("all", |bencher| {
        bencher.iter(|| black_box(feed.db.select(TimeRange::ALL, &[])));
    });
    group.finish();
}

criterion_group!(benches, append, recover, select);
criterion_main!(benches);
