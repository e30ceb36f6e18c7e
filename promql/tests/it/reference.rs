//! The engine beside a slow evaluator that is written as plainly as the documentation: instant by
//! instant over the tree, every sample looked at each time.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use watchpost_model::{Labels, MatchOp, Matcher, format_value};
use watchpost_promql::{Engine, Features, RangeSeries, Steps, Value, parse_with};
use watchpost_tsdb::{Config, Db};

use crate::generate::{LENGTH_MS, Random, START_MS, Sampled, expression, series};
use crate::plain::{
    Found, Slow, Why, computed, folded, matched, nameless, number, of_value, of_window, once, text,
    texts,
};

const LOOKBACK_MS: i64 = 300_000;
const SUBQUERY_STEP_MS: i64 = 60_000;

struct World<'w> {
    data: &'w [Sampled],
    start: i64,
    end: i64,
}

impl World<'_> {
    fn value(&self, node: &Json, time: i64) -> Found<Slow> {
        match text(node, "type") {
            "numberLiteral" => Ok(Slow::Scalar(number(text(node, "val")))),
            "parenExpr" => self.value(&node["expr"], time),
            "vectorSelector" => Ok(Slow::Vector(self.newest(node, time))),
            "matrixSelector" => Ok(self.window(node, time)),
            "subquery" => self.subquery(node, time),
            "unaryExpr" => self.unary(node, time),
            "aggregation" => self.aggregation(node, time),
            "binaryExpr" => self.binary(node, time),
            "call" => self.call(node, time),
            _ => Err(Why::Unknown),
        }
    }

    fn scalar(&self, node: &Json, time: i64) -> Found<f64> {
        match self.value(node, time)? {
            Slow::Scalar(value) => Ok(value),
            _ => Err(Why::Unknown),
        }
    }

    fn vector(&self, node: &Json, time: i64) -> Found<Vec<(Labels, f64)>> {
        match self.value(node, time)? {
            Slow::Vector(vector) => Ok(vector),
            _ => Err(Why::Unknown),
        }
    }

    /// The time a selector or subquery looks at.
    fn at(&self, node: &Json, time: i64) -> i64 {
        let time = match text(node, "startOrEnd") {
            "start" => self.start,
            "end" => self.end,
            _ => node["timestamp"].as_i64().unwrap_or(time),
        };
        time - node["offset"].as_i64().unwrap()
    }

    /// The series of a selector with their samples after one time and up to another.
    fn select(&self, node: &Json, after: i64, to: i64) -> Vec<(Labels, Vec<(i64, f64)>)> {
        let matchers: Vec<Matcher> = node["matchers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let op = match text(one, "type") {
                    "=" => MatchOp::Equal,
                    "!=" => MatchOp::NotEqual,
                    "=~" => MatchOp::Regex,
                    _ => MatchOp::NotRegex,
                };
                Matcher::new(op, text(one, "name"), text(one, "value")).unwrap()
            })
            .collect();
        let passes = |labels: &Labels| {
            matchers
                .iter()
                .all(|matcher| matcher.matches(labels.get(matcher.name())))
        };
        let within = |samples: &[(i64, f64)]| -> Vec<(i64, f64)> {
            let inside = |(time, _): &&(i64, f64)| *time > after && *time <= to;
            samples.iter().filter(inside).copied().collect()
        };
        self.data
            .iter()
            .filter(|(labels, _)| passes(labels))
            .map(|(labels, samples)| (labels.clone(), within(samples)))
            .filter(|(_, samples)| !samples.is_empty())
            .collect()
    }

    fn newest(&self, node: &Json, time: i64) -> Vec<(Labels, f64)> {
        let time = self.at(node, time);
        self.select(node, time - LOOKBACK_MS, time)
            .into_iter()
            .map(|(labels, samples)| (labels, samples.last().unwrap().1))
            .collect()
    }

    fn window(&self, node: &Json, time: i64) -> Slow {
        let time = self.at(node, time);
        let start = time - node["range"].as_i64().unwrap();
        Slow::Range(self.select(node, start, time), (start, time))
    }

    fn subquery(&self, node: &Json, time: i64) -> Found<Slow> {
        let time = self.at(node, time);
        let start = time - node["range"].as_i64().unwrap();
        let step = match node["step"].as_i64().unwrap() {
            0 => SUBQUERY_STEP_MS,
            step => step,
        };
        let mut series: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        let mut now = (start / step + 1) * step;
        while now <= time {
            for (labels, value) in self.vector(&node["expr"], now)? {
                series.entry(labels).or_default().push((now, value));
            }
            now += step;
        }
        Ok(Slow::Range(series.into_iter().collect(), (start, time)))
    }

    fn unary(&self, node: &Json, time: i64) -> Found<Slow> {
        let minus = text(node, "op") == "-";
        match self.value(&node["expr"], time)? {
            Slow::Scalar(value) => Ok(Slow::Scalar(if minus { -value } else { value })),
            Slow::Vector(vector) if minus => once(
                vector
                    .iter()
                    .map(|(labels, value)| (nameless(labels), -value))
                    .collect(),
            ),
            other => Ok(other),
        }
    }

    fn aggregation(&self, node: &Json, time: i64) -> Found<Slow> {
        let op = text(node, "op");
        if matches!(
            op,
            "topk" | "bottomk" | "limitk" | "limit_ratio" | "count_values"
        ) {
            return Err(Why::Unknown);
        }
        let names = texts(&node["grouping"]);
        let without = node["without"].as_bool().unwrap();
        let rank = match op {
            "quantile" => self.scalar(&node["param"], time)?,
            _ => 0.0,
        };
        let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        for (labels, value) in self.vector(&node["expr"], time)? {
            let key = if without {
                labels.retain(|name| name != "__name__" && !names.contains(&name))
            } else {
                labels.retain(|name| names.contains(&name))
            };
            groups.entry(key).or_default().push(value);
        }
        let groups = groups.into_iter();
        groups
            .map(|(labels, values)| Ok((labels, folded(op, rank, &values)?)))
            .collect::<Found<_>>()
            .map(Slow::Vector)
    }

    fn binary(&self, node: &Json, time: i64) -> Found<Slow> {
        let op = text(node, "op");
        let as_bool = node["bool"].as_bool().unwrap();
        let comparison = matches!(op, "==" | "!=" | "<" | "<=" | ">" | ">=");
        let filter = comparison && !as_bool;
        let kept = |left: f64, right: f64, kept: f64| {
            let value = computed(op, left, right);
            if filter {
                (value > 0.0).then_some(kept)
            } else {
                Some(value)
            }
        };
        let label = |labels: &Labels| {
            if filter {
                labels.clone()
            } else {
                nameless(labels)
            }
        };
        match (
            self.value(&node["lhs"], time)?,
            self.value(&node["rhs"], time)?,
        ) {
            (Slow::Scalar(left), Slow::Scalar(right)) => {
                Ok(Slow::Scalar(computed(op, left, right)))
            }
            (Slow::Vector(left), Slow::Scalar(right)) => {
                let values = left.iter().filter_map(|(labels, value)| {
                    Some((label(labels), kept(*value, right, *value)?))
                });
                once(values.collect())
            }
            (Slow::Scalar(left), Slow::Vector(right)) => {
                let values = right.iter().filter_map(|(labels, value)| {
                    Some((label(labels), kept(left, *value, *value)?))
                });
                once(values.collect())
            }
            (Slow::Vector(left), Slow::Vector(right)) => {
                matched(node, &left, &right, (filter, comparison), kept)
            }
            _ => Err(Why::Unknown),
        }
    }

    fn call(&self, node: &Json, time: i64) -> Found<Slow> {
        let name = text(&node["func"], "name");
        let args = node["args"].as_array().unwrap();
        match name {
            "time" => return Ok(Slow::Scalar(time as f64 / 1_000.0)),
            "pi" => return Ok(Slow::Scalar(std::f64::consts::PI)),
            "vector" => {
                let value = self.scalar(&args[0], time)?;
                return Ok(Slow::Vector(vec![(Labels::empty(), value)]));
            }
            "scalar" => {
                let value = match self.vector(&args[0], time)?.as_slice() {
                    [(_, value)] => *value,
                    _ => f64::NAN,
                };
                return Ok(Slow::Scalar(value));
            }
            // These have tests of their own.
            "absent"
            | "absent_over_time"
            | "timestamp"
            | "histogram_quantile"
            | "histogram_fraction"
            | "double_exponential_smoothing"
            | "label_replace"
            | "label_join" => return Err(Why::Unknown),
            "sort" | "sort_desc" => return self.vector(&args[0], time).map(Slow::Vector),
            _ => {}
        }
        let mut numbers = Vec::new();
        let mut input = None;
        for arg in args {
            match self.value(arg, time)? {
                Slow::Scalar(value) => numbers.push(value),
                other => input = Some(other),
            }
        }
        match input {
            Some(Slow::Vector(vector)) => {
                let mut out = Vec::new();
                for (labels, value) in vector {
                    if let Some(value) = of_value(name, value, &numbers)? {
                        out.push((nameless(&labels), value));
                    }
                }
                once(out)
            }
            Some(Slow::Range(series, window)) => {
                let mut out = Vec::new();
                for (labels, samples) in series {
                    if let Some(value) = of_window(name, &samples, &numbers, (window, time))? {
                        let keeps = name == "last_over_time";
                        out.push((if keeps { labels } else { nameless(&labels) }, value));
                    }
                }
                once(out)
            }
            _ => Err(Why::Unknown),
        }
    }
}

fn near(a: f64, b: f64) -> bool {
    let close = (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-3);
    close || (a.is_nan() && b.is_nan()) || format_value(a) == format_value(b)
}

/// Compares the answers at each step; how many there were.
fn compare(text: &str, time: i64, fast: &[RangeSeries], slow: &[Slow]) -> usize {
    let mut compared = 0;
    for (step, slow) in (0..).zip(slow) {
        let now = time + step * 60_000;
        let fast: BTreeMap<Labels, f64> = fast
            .iter()
            .filter_map(|one| {
                let point = one.points.iter().find(|(time, _)| *time == now)?;
                Some((one.labels.clone(), point.1))
            })
            .collect();
        let wanted: BTreeMap<Labels, f64> = match slow {
            Slow::Scalar(value) => BTreeMap::from([(Labels::empty(), *value)]),
            Slow::Vector(vector) => vector.iter().cloned().collect(),
            Slow::Range(..) => continue,
        };
        let same = fast.keys().eq(wanted.keys())
            && fast
                .values()
                .zip(wanted.values())
                .all(|(a, b)| near(*a, *b));
        assert!(same, "{text} at {now}\n{fast:?}\n{wanted:?}");
        compared += 1;
    }
    compared
}

#[test]
fn the_engine_answers_as_a_slow_and_plain_evaluator_does() {
    let data = series(2);
    let db = Db::in_memory(Config::default());
    for (labels, samples) in &data {
        for (time, value) in samples {
            db.append_single(labels, *time, *value, *time).unwrap();
        }
    }
    let engine = Engine::default();
    let mut random = Random(1);
    let (mut compared, mut errors) = (0, 0);
    for _ in 0..4_000 {
        let text = expression(&mut random);
        let time = START_MS + random.millis(LENGTH_MS);
        let Ok(expr) = parse_with(&text, Features::ALL) else {
            continue;
        };
        let tree: Json = serde_json::from_str(&expr.ast_json()).unwrap();
        let steps = Steps {
            start_ms: time,
            end_ms: time + 180_000,
            step_ms: 60_000,
        };
        let world = World {
            data: &data,
            start: time,
            end: steps.end_ms,
        };
        let slow: Found<Vec<Slow>> = (0..4)
            .map(|step| world.value(&tree, time + step * 60_000))
            .collect();
        let slow = match slow {
            Err(Why::Unknown) => continue,
            Err(Why::Error) => {
                errors += 1;
                assert!(engine.range(&db, &expr, steps).is_err(), "{text}");
                continue;
            }
            Ok(slow) => slow,
        };
        let fast = match engine.range(&db, &expr, steps) {
            Ok(answer) => answer.value,
            // As in Prometheus, a subquery is evaluated between the windows of the steps, too.
            Err(error) => {
                assert!(text.contains(':'), "{text}: {error}");
                continue;
            }
        };
        let Value::Matrix(fast) = fast else {
            panic!("{text}");
        };
        compared += compare(&text, time, &fast, &slow);
    }
    println!("{compared} answers are the same, {errors} the same error");
    assert!(compared > 5_000 && errors > 30);
}
