//! Compares the engine with a running Prometheus over random expressions.
//!
//! `differ write FILE [SEED]` writes the series as OpenMetrics, for `promtool tsdb
//! create-blocks-from openmetrics`. `differ compare HOST:PORT [COUNT] [SEED] [OURS:PORT]` asks both
//! for COUNT expressions, each at one time and over a range, and tells where they differ. Without
//! OURS the engine runs here over the same series; with it, a server that has imported them answers.
//! `DIFFER_ALL=1` shows differences in the last digits, too.

#[path = "../tests/it/generate.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it belongs to the tests"
)]
mod generate;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use generate::{LENGTH_MS, Random, START_MS, expression, series};
use serde_json::{Value as Json, json};
use watchpost_model::{Labels, format_value};
use watchpost_promql::{Answer, Engine, Features, Options, Steps, Value, parse, parse_with};
use watchpost_tsdb::{Config, Db};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text = |place: usize| args.get(place).map(String::as_str);
    let number = |place: usize, default: u64| text(place).map_or(Ok(default), str::parse::<u64>);
    match (text(0), text(1)) {
        (Some("write"), Some(file)) => {
            std::fs::write(file, open_metrics(&series(number(2, 1)?)))?;
            Ok(())
        }
        (Some("compare"), Some(peer)) => {
            let ours = match text(4) {
                Some(server) => Ours::Server(server.to_owned()),
                None => Ours::Here(Engine::new(Options::default()), filled()?),
            };
            compare(peer, &ours, number(2, 5_000)?, number(3, 1)?)
        }
        _ => Err("expected `write FILE` or `compare HOST:PORT`".into()),
    }
}

/// The series as an OpenMetrics page with times, that importers read.
fn open_metrics(all: &[generate::Sampled]) -> String {
    let mut out = String::new();
    for (labels, samples) in all {
        let pairs: Vec<String> = labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let name = labels.metric_name();
        for (time, value) in samples {
            let (seconds, millis) = (time / 1_000, time % 1_000);
            let value = format_value(*value);
            let pairs = pairs.join(",");
            let line = [name, "{", &pairs, "} ", &value, " "];
            out.extend(line);
            out.push_str(&seconds.to_string());
            out.push('.');
            out.extend(
                [millis / 100, millis / 10 % 10, millis % 10].map(|digit| digit.to_string()),
            );
            out.push('\n');
        }
    }
    out.push_str("# EOF\n");
    out
}

enum Ours {
    Here(Engine, Db),
    Server(String),
}

fn filled() -> Outcome<Db> {
    let db = Db::in_memory(Config::default());
    for (labels, samples) in series(1) {
        for (time, value) in samples {
            db.append_single(&labels, time, value, time)?;
        }
    }
    Ok(db)
}

/// A question: an expression at one time, or over steps.
struct Question {
    text: String,
    steps: Option<Steps>,
    time_ms: i64,
}

fn compare(peer: &str, ours: &Ours, count: u64, seed: u64) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    let mut random = Random(seed);
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    let all = std::env::var_os("DIFFER_ALL").is_some();
    for _ in 0..count {
        let text = expression(&mut random);
        // A server may not have the experimental part of the language switched on.
        if matches!(ours, Ours::Server(_)) && parse(&text).is_err() {
            continue;
        }
        let time_ms = START_MS + random.millis(LENGTH_MS);
        let step_ms = [15_000, 60_000, 97_000, 300_000]
            .get(random.below(4))
            .copied()
            .unwrap_or(15_000);
        let steps = Steps {
            start_ms: time_ms,
            end_ms: time_ms + step_ms * 12,
            step_ms,
        };
        for steps in [None, Some(steps)] {
            let question = Question {
                text: text.clone(),
                steps,
                time_ms,
            };
            let theirs = ask(peer, &question)?;
            let mine = match ours {
                Ours::Here(engine, db) => here(engine, db, &question),
                Ours::Server(server) => ask(server, &question)?,
            };
            let verdict = judge(&mine, &theirs);
            *tally.entry(verdict).or_default() += 1;
            if !verdict.starts_with("same") || (verdict.ends_with("digits") && all) {
                writeln!(out, "{verdict}: {text}\n  {time_ms} {steps:?}")?;
                writeln!(out, "  ours   {}", short(&mine))?;
                writeln!(out, "  theirs {}", short(&theirs))?;
            }
        }
    }
    writeln!(out, "{tally:?}")?;
    Ok(())
}

fn short(answer: &Json) -> String {
    answer.to_string().chars().take(700).collect()
}

/// The answer of the HTTP API.
fn ask(server: &str, question: &Question) -> Outcome<Json> {
    let seconds = |millis: i64| format!("{}.{:03}", millis / 1_000, millis % 1_000);
    let (path, times) = match question.steps {
        None => ("query", format!("time={}", seconds(question.time_ms))),
        Some(steps) => (
            "query_range",
            format!(
                "start={}&end={}&step={}",
                seconds(steps.start_ms),
                seconds(steps.end_ms),
                seconds(steps.step_ms)
            ),
        ),
    };
    let body = format!("query={}&{times}", encoded(&question.text));
    let mut stream = TcpStream::connect(server)?;
    write!(
        stream,
        "POST /api/v1/{path} HTTP/1.0\r\nHost: {server}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    let answer: Json = serde_json::from_str(&text)?;
    let list = |name: &str| answer.get(name).cloned().unwrap_or_else(|| json!([]));
    match answer.get("data") {
        Some(data) => Ok(json!({
            "data": data, "warnings": list("warnings"), "infos": list("infos"),
        })),
        None => Ok(json!({ "error": answer.get("error"), "type": answer.get("errorType") })),
    }
}

fn encoded(text: &str) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    text.bytes()
        .flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The engine's answer in the shape of the API's.
fn here(engine: &Engine, db: &Db, question: &Question) -> Json {
    let expr = match parse_with(&question.text, Features::ALL) {
        Ok(expr) => expr,
        Err(error) => return json!({ "error": error.to_string(), "type": "bad_data" }),
    };
    let answer = match question.steps {
        None => engine.instant(db, &expr, question.time_ms),
        Some(steps) => engine.range(db, &expr, steps),
    };
    match answer {
        Ok(answer) => told(&answer),
        Err(error) => json!({ "error": error.to_string(), "type": "execution" }),
    }
}

fn told(answer: &Answer) -> Json {
    let point = |time_ms: i64, value: f64| json!([time_ms as f64 / 1_000.0, format_value(value)]);
    let metric = |labels: &Labels| {
        let pairs = labels
            .iter()
            .map(|(name, value)| (name.to_owned(), json!(value)));
        Json::Object(pairs.collect())
    };
    let (kind, result) = match &answer.value {
        Value::Scalar { time_ms, value } => ("scalar", point(*time_ms, *value)),
        Value::String { time_ms, value } => ("string", json!([*time_ms as f64 / 1_000.0, value])),
        Value::Vector(samples) => {
            let one = |sample: &watchpost_promql::InstantSample| json!({ "metric": metric(&sample.labels), "value": point(sample.time_ms, sample.value) });
            ("vector", samples.iter().map(one).collect())
        }
        Value::Matrix(series) => {
            let one = |series: &watchpost_promql::RangeSeries| {
                let points: Vec<Json> = series
                    .points
                    .iter()
                    .map(|(time, value)| point(*time, *value))
                    .collect();
                json!({ "metric": metric(&series.labels), "values": points })
            };
            ("matrix", series.iter().map(one).collect())
        }
    };
    json!({
        "data": { "resultType": kind, "result": result },
        "warnings": answer.warnings, "infos": answer.infos,
    })
}

/// How two answers compare.
fn judge(mine: &Json, theirs: &Json) -> &'static str {
    match (mine.get("data"), theirs.get("data")) {
        (None, None) if mine.get("error") == theirs.get("error") => "same error",
        (None, None) => "another error",
        (None, Some(_)) => "only ours is an error",
        (Some(_), None) => "only theirs is an error",
        (Some(mine_data), Some(their_data)) => {
            let (a, b) = (flat(mine_data), flat(their_data));
            if a.keys().ne(b.keys()) {
                return "another result";
            }
            let pairs: Vec<(&String, &String)> = a.values().zip(b.values()).collect();
            if pairs.iter().any(|(a, b)| !near(a, b)) {
                return "another value";
            }
            let notes = |answer: &Json, name: &str| {
                let list = answer.get(name).and_then(Json::as_array).cloned();
                let mut texts: Vec<String> = list
                    .unwrap_or_default()
                    .iter()
                    .map(Json::to_string)
                    .collect();
                texts.sort();
                texts
            };
            let noted = |name: &str| notes(mine, name) == notes(theirs, name);
            if !noted("warnings") || !noted("infos") {
                return "another note";
            }
            if pairs.iter().all(|(a, b)| a == b) {
                "same"
            } else {
                "same but for the last digits"
            }
        }
    }
}

/// Every value by its labels and time.
fn flat(data: &Json) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let kind = data
        .get("resultType")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let Some(result) = data.get("result") else {
        return out;
    };
    let mut add = |metric: &Json, point: &Json| {
        let part = |place: usize| point.get(place).cloned().unwrap_or_default();
        let time = part(0).as_f64().unwrap_or_default();
        let value = part(1).as_str().unwrap_or_default().to_owned();
        out.insert(format!("{kind} {metric} {time:.3}"), value);
    };
    if matches!(kind, "scalar" | "string") {
        add(&Json::Null, result);
        return out;
    }
    for series in result.as_array().into_iter().flatten() {
        let metric = series.get("metric").cloned().unwrap_or_default();
        if let Some(point) = series.get("value") {
            add(&metric, point);
        }
        for point in series
            .get("values")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            add(&metric, point);
        }
    }
    out
}

/// Whether two numbers are the same but for rounding.
fn near(a: &str, b: &str) -> bool {
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else {
        return a == b;
    };
    a == b || (x.is_nan() && y.is_nan()) || (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1e-3)
}
