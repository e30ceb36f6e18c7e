//! Times queries over a store of the shape of a fleet: 1,000 hosts with 100 series each, 2 h at 15 s.
//!
//! `fleet [head|half|sealed] [HOSTS] [REPEATS] [QUERY..]` prints for each query the median time, the
//! processor time of all threads, and a checksum of the answer.
#![expect(clippy::print_stdout, reason = "a program")]

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use watchpost_model::Labels;
use watchpost_promql::{Engine, Steps, Value, parse};
use watchpost_tsdb::{Config, Db, LineId, Row};

/// Times of the first row; a window of 2 h begins here.
const START_MS: i64 = 1_700_006_400_000;
const INTERVAL_MS: i64 = 15_000;
const ROWS: i64 = 480;

const QUERIES: [(&str, &str, bool); 8] = [
    (
        "q1",
        r#"avg by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))"#,
        true,
    ),
    (
        "q2",
        "topk(5, sum by (instance)(rate(node_network_receive_bytes_total[5m])))",
        true,
    ),
    (
        "q3",
        "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
        true,
    ),
    (
        "q4",
        r#"100 - avg by (instance)(rate(node_cpu_seconds_total{mode="idle"}[5m]))*100 > 80"#,
        false,
    ),
    ("q6", r#"count({__name__=~".+"})"#, false),
    (
        "one",
        r#"avg by (mode) (rate(node_cpu_seconds_total{instance="host-0007:9100"}[5m]))"#,
        true,
    ),
    (
        "raw",
        r#"rate(node_cpu_seconds_total{mode!="idle"}[5m])"#,
        true,
    ),
    (
        "max",
        "max by (mode) (max_over_time(node_cpu_seconds_total[5m]))",
        true,
    ),
];

/// How a series goes on.
#[derive(Clone, Copy)]
enum Kind {
    Constant,
    /// A counter of whole things.
    Count(f64),
    /// A counter of hundredths of seconds.
    Seconds(f64),
    Gauge,
}

fn lines(db: &Db) -> Result<Vec<(LineId, Kind)>, Box<dyn Error>> {
    let mut lines = Vec::new();
    let mut add = |kind: Kind, labels: &[(&str, &str)]| {
        let labels = labels.iter().copied();
        lines.push((db.line(&Labels::from_pairs(labels), &[])?, kind));
        Ok::<(), watchpost_tsdb::Error>(())
    };
    let modes = [
        ("idle", 0.7),
        ("iowait", 0.01),
        ("irq", 0.0),
        ("nice", 0.0),
        ("softirq", 0.005),
        ("steal", 0.0),
        ("system", 0.08),
        ("user", 0.2),
    ];
    for cpu in ["0", "1"] {
        for (mode, rate) in modes {
            let kind = if rate > 0.0 {
                Kind::Seconds(rate)
            } else {
                Kind::Constant
            };
            let name = ("__name__", "node_cpu_seconds_total");
            add(kind, &[name, ("cpu", cpu), ("mode", mode)])?;
        }
    }
    for (name, rate) in [
        ("node_network_receive_bytes_total", 150_000.0),
        ("node_network_transmit_bytes_total", 90_000.0),
        ("node_network_receive_packets_total", 220.0),
        ("node_network_transmit_packets_total", 180.0),
    ] {
        for device in ["eth0", "eth1"] {
            add(Kind::Count(rate), &[("__name__", name), ("device", device)])?;
        }
    }
    let bounds = [
        ("0.005", 12.0),
        ("0.01", 30.0),
        ("0.025", 52.0),
        ("0.05", 70.0),
        ("0.1", 83.0),
        ("0.25", 90.0),
        ("0.5", 94.5),
        ("1", 97.0),
        ("2.5", 98.5),
        ("5", 99.3),
        ("10", 99.8),
        ("+Inf", 100.0),
    ];
    for (bound, rate) in bounds {
        let name = ("__name__", "http_request_duration_seconds_bucket");
        let handler = ("handler", "/api/v1/h0");
        add(Kind::Count(rate), &[name, handler, ("le", bound)])?;
    }
    for number in 0..64 {
        let name = format!("node_other_{number}");
        let kind = match number % 4 {
            0 => Kind::Gauge,
            1 => Kind::Count(50.0),
            _ => Kind::Constant,
        };
        add(kind, &[("__name__", name.as_str())])?;
    }
    Ok(lines)
}

fn random(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

fn fill(db: &Db, hosts: usize) -> Result<(), Box<dyn Error>> {
    let lines = lines(db)?;
    let ids: Vec<_> = lines.iter().map(|(id, _)| *id).collect();
    let layout = db.layout(&ids);
    let mut groups = Vec::new();
    for host in 0..hosts {
        let instance = format!("host-{host:04}:9100");
        let labels = [("instance", instance.as_str()), ("job", "node")];
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ ((host as u64 + 1) << 20);
        let values: Vec<f64> = (0..lines.len())
            .map(|_| (random(&mut state) * 1e5).floor())
            .collect();
        groups.push((db.group(&Labels::from_pairs(labels))?, values, state));
    }
    let mut row = vec![0.0; lines.len()];
    for number in 0..ROWS {
        let time_ms = START_MS + number * INTERVAL_MS;
        for (group, values, state) in &mut groups {
            for ((value, out), (_, kind)) in values.iter_mut().zip(&mut row).zip(&lines) {
                match kind {
                    Kind::Constant => {}
                    Kind::Count(rate) => *value += (rate * 30.0 * random(state)).floor(),
                    Kind::Seconds(rate) => *value += (rate * 3_000.0 * random(state)).floor(),
                    Kind::Gauge => *value += (random(state) * 200.0 - 100.0).floor() * 4_096.0,
                }
                *out = match kind {
                    Kind::Seconds(_) => *value / 100.0,
                    _ => *value,
                };
            }
            let row = Row {
                time_ms,
                layout: &layout,
                values: &row,
            };
            group.append(row, time_ms)?;
        }
    }
    Ok(())
}

fn checksum(value: &Value) -> u64 {
    let mut hash = DefaultHasher::new();
    match value {
        Value::Matrix(series) => {
            for one in series {
                one.labels.hash(&mut hash);
                for (time, value) in &one.points {
                    (time, value.to_bits()).hash(&mut hash);
                }
            }
        }
        Value::Vector(samples) => {
            for one in samples {
                one.labels.hash(&mut hash);
                (one.time_ms, one.value.to_bits()).hash(&mut hash);
            }
        }
        _ => {}
    }
    hash.finish()
}

/// Processor time of all threads, in ticks of 10 ms.
fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
    field(11).unwrap_or(0) + field(12).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |place: usize| args.get(place).map_or("", String::as_str);
    let hosts = arg(1).parse().unwrap_or(1_000);
    let repeats = arg(2).parse().unwrap_or(20);
    let directory = tempfile::tempdir()?;
    let db = Db::open(Config {
        path: directory.path().to_owned(),
        ..Config::default()
    })?;
    let began = Instant::now();
    let shift = match arg(0) {
        // The window ends in the middle of what is asked for.
        "half" => ROWS / 2 * INTERVAL_MS,
        _ => 0,
    };
    fill(&db, hosts)?;
    let end_ms = START_MS + (ROWS - 1) * INTERVAL_MS;
    if arg(0) != "head" {
        db.maintain(end_ms + 3 * 3_600_000 - shift)?;
    }
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
    let engine = Engine::default();
    for (name, text, is_range) in QUERIES {
        if args.len() > 3 && !args.iter().skip(3).any(|wanted| wanted == name) {
            continue;
        }
        let expr = parse(text)?;
        let steps = Steps {
            start_ms: end_ms - 3_600_000,
            end_ms,
            step_ms: 60_000,
        };
        let mut times = Vec::new();
        let mut sum = 0;
        let before = ticks();
        for _ in 0..repeats {
            let began = Instant::now();
            let answer = if is_range {
                engine.range(&db, &expr, steps)?
            } else {
                engine.instant(&db, &expr, end_ms)?
            };
            times.push(began.elapsed().as_secs_f64() * 1e3);
            sum = checksum(&answer.value);
        }
        let cpu = (ticks() - before) as f64 * 10.0 / f64::from(repeats);
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let least = times.first().copied().unwrap_or_default();
        println!(
            "{name:4} median {median:8.2} ms  least {least:8.2} ms  cpu {cpu:8.1} ms  {sum:016x}"
        );
    }
    Ok(())
}
