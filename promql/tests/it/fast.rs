//! Fast ways give what the plain ones do, to the last bit.

use watchpost_model::{Labels, MatchOp, Matcher, stale_nan};
use watchpost_promql::{Engine, Options, Steps, Value, parse};
use watchpost_tsdb::{Config, Db, Row, TimeRange};

const MINUTE: i64 = 60_000;

/// Hosts with counters and gauges that fall, end, come late and are not numbers.
fn db(directory: &std::path::Path) -> Db {
    let db = Db::open(Config {
        path: directory.to_owned(),
        ..Config::default()
    });
    let db = db.unwrap();
    let mut state = 7_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state % 1_000).unwrap())
    };
    let mut lines = Vec::new();
    for (name, extra) in [
        ("x_total", "cpu"),
        ("x_total", "cpu"),
        ("y", "zone"),
        ("z", "cpu"),
    ] {
        for number in 0..3 {
            let number = format!("{}{number}", lines.len() / 3);
            let labels = [("__name__", name), (extra, &number), ("mode", "user")];
            lines.push(db.line(&Labels::from_pairs(labels), &[]).unwrap());
        }
    }
    let layout = db.layout(&lines);
    for host in 0..20_i64 {
        let instance = format!("host{}", host * 7 % 20);
        let labels = [("instance", instance.as_str()), ("job", "node")];
        let group = db.group(&Labels::from_pairs(labels)).unwrap();
        let mut values = vec![0.0; lines.len()];
        for row in 0..200 {
            for (place, value) in values.iter_mut().enumerate() {
                *value = match place % 6 {
                    _ if row == 150 && host % 5 == 0 => stale_nan(),
                    4 if random() < 20.0 => f64::NAN,
                    5 if random() < 20.0 => f64::INFINITY,
                    _ if random() < 3.0 => 0.0,
                    0 => random() - 500.0,
                    _ if value.is_finite() => *value + random() / 7.0,
                    _ => 1.5,
                };
            }
            let time_ms = row * 15_000 + host % 3;
            let row = Row {
                time_ms,
                layout: &layout,
                values: &values,
            };
            group.append(row, time_ms).unwrap();
        }
    }
    db
}

fn answer(db: &Db, text: &str, threads: usize, instant: bool) -> Vec<String> {
    let engine = Engine::new(Options {
        threads,
        ..Options::default()
    });
    let expr = parse(text).unwrap();
    let answer = if instant {
        engine.instant(db, &expr, 40 * MINUTE)
    } else {
        let steps = Steps {
            start_ms: 2 * MINUTE,
            end_ms: 55 * MINUTE,
            step_ms: 47_000,
        };
        engine.range(db, &expr, steps)
    };
    let bits = |value: f64| {
        if value.is_nan() {
            u64::MAX
        } else {
            value.to_bits()
        }
    };
    let answer = answer.unwrap();
    let mut lines = match answer.value {
        Value::Matrix(matrix) => matrix
            .iter()
            .map(|one| {
                let points = one.points.iter().map(|(time, value)| (*time, bits(*value)));
                format!("{} {:?}", one.labels, points.collect::<Vec<_>>())
            })
            .collect(),
        Value::Vector(vector) => vector
            .iter()
            .map(|one| format!("{} {}", one.labels, bits(one.value)))
            .collect(),
        other => vec![format!("{other:?}")],
    };
    if !lines.is_empty() {
        lines.push(format!("{:?}", answer.samples));
    }
    lines
}

#[test]
fn an_aggregation_is_the_same_from_the_store_and_from_a_vector_however_many_threads_there_are() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [fast, general, sealed] = directories.each_ref().map(|at| db(at.path()));
    // Where something is deleted, all series are read at once.
    let none = Matcher::new(MatchOp::Equal, "no", "such").unwrap();
    general.delete(TimeRange::ALL, &[none]).unwrap();
    sealed.maintain(24 * 60 * MINUTE).unwrap();
    let db = fast;
    let inputs = [
        "rate(x_total[5m])",
        "increase(x_total[90s])",
        "delta(y[3m] offset 20s)",
        "max_over_time(z[2m])",
        "quantile_over_time(0.3, y[4m])",
        "x_total",
        "last_over_time({__name__=~\"x.*|z\"}[1m])",
        "{__name__!=\"\",job=\"node\"}",
        "x_total @ 1700",
    ];
    for input in inputs {
        for aggregation in [
            "sum by (instance)",
            "avg by (cpu)",
            "avg by (mode)",
            "min",
            "max without (instance)",
            "count by (__name__, job)",
            "group by (job)",
            "stddev by (mode, cpu)",
            "stdvar without (cpu, mode)",
        ] {
            let fast = format!("{aggregation} ({input})");
            assert_eq!(
                answer(&db, input, 2, false),
                answer(&general, input, 1, false)
            );
            // A double minus loses the metric name, as a function does.
            let slow = format!("{aggregation} (--({input}))");
            for instant in [false, true] {
                let expected = answer(&db, &fast, 1, instant);
                assert!(!expected.is_empty(), "{fast}");
                assert_eq!(answer(&db, &fast, 3, instant), expected, "{fast}");
                if !input.contains("__name__") && !aggregation.contains("__name__") {
                    assert_eq!(answer(&db, &slow, 2, instant), expected, "{fast}");
                }
                assert_eq!(answer(&general, &fast, 2, instant), expected, "{fast}");
                assert_eq!(answer(&sealed, &fast, 2, instant), expected, "{fast}");
            }
        }
    }
}
