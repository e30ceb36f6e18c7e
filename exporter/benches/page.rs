//! What a page of this host costs: all default collectors, and the dearest of them alone.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use watchpost_exporter::config::Config;
use watchpost_exporter::registry::Registry;

/// The collectors of the files that cost most.
const DEAR: [&str; 4] = ["netstat", "vmstat", "netclass", "meminfo"];

fn pages(criterion: &mut Criterion) {
    let config = Config::default();
    let registry = Registry::new(config.collectors(), config.limits);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return;
    };
    let mut group = criterion.benchmark_group("page");
    group.bench_function("default collectors", |bencher| {
        bencher.iter(|| {
            let page = runtime.block_on(registry.scrape(Duration::MAX, Vec::new));
            black_box(page);
        });
    });
    for name in DEAR {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let wanted = |have: &str| have == name;
                let page = registry.scrape_some(wanted, Duration::MAX, Vec::new);
                black_box(runtime.block_on(page));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pages);
criterion_main!(benches);
