//! Reading a page like that of a `node_exporter` on a machine with 16 processors.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchpost_model::text::{
    Entry, Format, Page, Parser, Shape, Shapes, Step, Walk, parse_number, write_number,
};
use watchpost_model::{LabelsBuilder, MetricType};

const MODES: [&str; 8] = [
    "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user",
];

/// A number that differs from series to series: counts, seconds, bytes, shares.
fn number(at: usize) -> f64 {
    match at % 5 {
        0 => (at * 7_919 % 1_000) as f64,
        1 => (at * 104_729 % 10_000_000) as f64 / 100.0,
        2 => (at * 4_096 * 15_485_863 % (1 << 40)) as f64,
        3 => 0.0,
        _ => 1.0 / (at + 3) as f64,
    }
}

fn page() -> Vec<u8> {
    let mut page = Page::new();
    let mut at = 0;
    let mut next = || {
        at += 1;
        number(at)
    };
    page.family(
        "node_cpu_seconds_total",
        "Seconds the CPUs spent in each mode.",
        MetricType::Counter,
    );
    for cpu in 0..16 {
        for mode in MODES {
            page.sample(&[("cpu", &cpu.to_string()), ("mode", mode)], next());
        }
    }
    for field in 0..50 {
        let name = format!("node_memory_Field{field}_bytes");
        let help = format!("Memory information field Field{field}_bytes.");
        page.family(&name, &help, MetricType::Gauge);
        page.sample(&[], next());
    }
    for field in 0..17 {
        let name = format!("node_disk_field{field}_total");
        page.family(
            &name,
            "The total number of I/Os of a kind.",
            MetricType::Counter,
        );
        for device in ["nvme0n1", "nvme1n1", "dm-0", "dm-1", "sda"] {
            page.sample(&[("device", device)], next());
        }
    }
    for field in 0..40 {
        let name = format!("node_network_field{field}_total");
        page.family(
            &name,
            "Network device statistic of a kind.",
            MetricType::Counter,
        );
        for device in [
            "lo",
            "eth0",
            "eth1",
            "docker0",
            "br-0123456789ab",
            "veth01234ab",
        ] {
            page.sample(&[("device", device)], next());
        }
    }
    for field in ["avail", "free", "size", "files", "files_free"] {
        let name = format!("node_filesystem_{field}_bytes");
        page.family(&name, "Filesystem space in bytes.", MetricType::Gauge);
        for mount in ["/", "/boot/efi", "/home", "/var/lib/docker", "/srv"] {
            let labels = [
                ("device", "/dev/mapper/vg0-root"),
                ("fstype", "ext4"),
                ("mountpoint", mount),
            ];
            page.sample(&labels, next());
        }
    }
    page.finish().to_vec()
}

fn series(page: &[u8]) -> Vec<Vec<u8>> {
    samples(page).map(|sample| sample.series.to_vec()).collect()
}

fn samples(page: &[u8]) -> impl Iterator<Item = watchpost_model::text::Sample<'_>> {
    Parser::new(Format::Text, page).filter_map(|entry| match entry {
        Ok(Entry::Sample(sample)) => Some(sample),
        _ => None,
    })
}

fn parse(c: &mut Criterion) {
    let page = page();
    let known = series(&page);
    let mut group = c.benchmark_group("text");
    for throughput in [
        Throughput::Bytes(page.len() as u64),
        Throughput::Elements(known.len() as u64),
    ] {
        let unit = match throughput {
            Throughput::Bytes(_) => "bytes",
            _ => "samples",
        };
        group.throughput(throughput);
        group.bench_function(format!("unseen/{unit}"), |b| {
            b.iter(|| samples(black_box(&page)).map(|it| it.value).sum::<f64>());
        });
        group.bench_function(format!("unseen_labels/{unit}"), |b| {
            let mut labels = LabelsBuilder::default();
            b.iter(|| {
                for sample in samples(black_box(&page)) {
                    labels.clear();
                    black_box(sample.labels_into(&mut labels).is_ok());
                }
            });
        });
        group.bench_function(format!("known/{unit}"), |b| {
            b.iter(|| {
                let mut parser = Parser::new(Format::Text, black_box(&page));
                let mut known = known.iter();
                let mut expected = known.next();
                let mut sum = 0.0;
                while let Some(entry) = parser.next_like(expected.map_or(b"", |it| it)) {
                    if let Ok(Entry::Sample(sample)) = entry {
                        sum += sample.value;
                        expected = known.next();
                    }
                }
                sum
            });
        });
    }
    group.finish();
}

/// The shape of a page, whose lines are numbered.
fn shape(shapes: &mut Shapes<u32, ()>, page: &[u8]) -> Option<Arc<Shape<u32, ()>>> {
    let mut walk = Walk::new((Format::Text, true), (page, 0), &[]);
    let mut lines = Vec::new();
    while let Some(step) = walk.step(shapes) {
        if let Ok(Step::New(line)) = step {
            let number = u32::try_from(lines.len()).unwrap_or_default();
            lines.push(shapes.learn(&line, number));
        }
    }
    shapes.shape(lines, walk.tail(), |_| Ok::<_, ()>(())).ok()
}

/// Pages of many targets, all of one shape, in turn: their bytes are in no cache.
fn in_shape(c: &mut Criterion) {
    let page = page();
    let mut shapes = Shapes::default();
    let Some(shape) = shape(&mut shapes, &page) else {
        return;
    };
    let pages = vec![page.clone(); 1_000];
    let mut group = c.benchmark_group("shape");
    group.throughput(Throughput::Elements(shape.lines().len() as u64));
    let mut values = Vec::with_capacity(shape.lines().len());
    group.bench_function("unchanged", |b| {
        b.iter(|| {
            values.clear();
            shape.read(black_box(&page), |_, value| values.push(value))
        });
    });
    let mut turn = pages.iter().cycle();
    group.bench_function("unchanged_in_turn", |b| {
        b.iter(|| {
            values.clear();
            let page = turn.next().map_or(&[][..], |page| page);
            shape.read(black_box(page), |_, value| values.push(value))
        });
    });
    // Every line stands elsewhere than it is expected.
    group.bench_function("moved", |b| {
        b.iter(|| {
            let mut walk = Walk::new((Format::Text, true), (black_box(&page), 0), &[]);
            let mut lines = Vec::with_capacity(shape.lines().len());
            while let Some(Ok(Step::Value(line, _))) = walk.step(&shapes) {
                lines.push(line);
            }
            lines.len()
        });
    });
    group.finish();
}

fn numbers(c: &mut Criterion) {
    let values: Vec<_> = (0..1_000).map(number).collect();
    let texts: Vec<_> = values
        .iter()
        .map(|value| {
            let mut text = Vec::new();
            write_number(&mut text, *value);
            text
        })
        .collect();
    let mut group = c.benchmark_group("number");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("read", |b| {
        b.iter(|| {
            texts
                .iter()
                .filter_map(|it| parse_number(black_box(it)))
                .sum::<f64>()
        });
    });
    group.bench_function("write", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            for value in black_box(&values) {
                write_number(&mut out, *value);
            }
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, parse, in_shape, numbers);
criterion_main!(benches);
