//! Runs scripts of the Prometheus test language (`load`, `clear`, `eval`).

use std::path::Path;
use std::sync::Arc;

use watchpost_model::histogram::HistogramNotation;
use watchpost_model::{FloatHistogram, Labels, Matcher, Regex, is_stale};
use watchpost_promql::{Answer, Engine, Error, Features, Options, Steps, Value, parse_with};
use watchpost_tsdb::{Config, Db};

use crate::nhcb::nhcb;
use crate::notation::{Point, SeriesLine, series, time};

/// How a script's evals came out.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub passed: usize,
    pub total: usize,
    /// Evals over native histograms.
    pub native_passed: usize,
    pub native_total: usize,
    /// One line per eval that failed.
    pub failures: Vec<String>,
}

/// Runs a script file.
pub(crate) fn run(path: &Path, options: Options) -> Score {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut runner = Runner::new(options);
    let mut at = 0;
    while at < lines.len() {
        let (number, head) = (at + 1, lines[at]);
        at += 1;
        let body_from = at;
        while !head.is_empty() && at < lines.len() && !lines[at].is_empty() {
            at += 1;
        }
        let body = &lines[body_from..at];
        if head == "clear" {
            runner.clear();
            at = body_from;
        } else if let Some(rest) = head.strip_prefix("load_with_nhcb ") {
            runner.load(rest, body, true);
        } else if let Some(rest) = head.strip_prefix("load ") {
            runner.load(rest, body, false);
        } else if head.starts_with("eval") {
            runner.eval(number, head, body);
        } else {
            assert!(head.is_empty(), "{}:{number}: {head}", path.display());
        }
    }
    runner.score
}

struct Runner {
    db: Db,
    engine: Engine,
    /// Series with native histograms.
    native: Vec<Labels>,
    score: Score,
}

fn empty_db() -> Db {
    Db::in_memory(Config::default())
}

impl Runner {
    fn new(options: Options) -> Self {
        Self {
            db: empty_db(),
            engine: Engine::new(options),
            native: Vec::new(),
            score: Score::default(),
        }
    }

    fn clear(&mut self) {
        self.db = empty_db();
        self.native.clear();
    }

    fn load(&mut self, interval: &str, body: &[&str], with_nhcb: bool) {
        let interval = time(interval.trim());
        let lines: Vec<SeriesLine> = body
            .iter()
            .map(|line| series(line).unwrap_or_else(|| panic!("{line}")))
            .collect();
        for (place, SeriesLine { labels, points }) in lines.iter().enumerate() {
            // Of lines for the same series the last stands.
            if lines[place + 1..]
                .iter()
                .any(|later| later.labels == *labels)
            {
                continue;
            }
            if with_nhcb && let Some(name) = labels.metric_name().strip_suffix("_bucket") {
                let native = labels.with("__name__", name).with("le", "");
                self.native.push(native);
            }
            let Some(points) = points else {
                self.native.push(labels.clone());
                continue;
            };
            if points.iter().any(|it| matches!(it, Point::Histogram(_))) {
                self.native.push(labels.clone());
            }
            for (step, point) in points.iter().enumerate() {
                self.append(labels, interval * i64::try_from(step).unwrap(), point);
            }
        }
        if with_nhcb {
            for (labels, points) in nhcb(&lines) {
                for (step, histogram) in points {
                    let time_ms = interval * i64::try_from(step).unwrap();
                    self.append_histogram(&labels, time_ms, &histogram);
                }
            }
        }
    }

    /// A second sample at the same time is refused, as in Prometheus.
    fn append(&self, labels: &Labels, time_ms: i64, point: &Point) {
        match point {
            Point::Value(value) => {
                drop(self.db.append_single(labels, time_ms, *value, time_ms));
            }
            Point::Histogram(it) => self.append_histogram(labels, time_ms, &it.histogram),
            Point::Nothing => {}
        }
    }

    fn append_histogram(&self, labels: &Labels, time_ms: i64, histogram: &FloatHistogram) {
        let histogram = histogram.to_histogram();
        histogram.validate().unwrap();
        drop(
            self.db
                .append_single_histogram(labels, time_ms, &histogram, time_ms),
        );
    }

    fn eval(&mut self, number: usize, head: &str, body: &[&str]) {
        let case = Case::read(head, body);
        let native = self.is_native(&case, body);
        let outcome = self.check(&case);
        let (passed, total) = if native {
            (&mut self.score.native_passed, &mut self.score.native_total)
        } else {
            (&mut self.score.passed, &mut self.score.total)
        };
        *total += 1;
        match outcome {
            Ok(()) => *passed += 1,
            Err(why) => {
                let line = format!("{number}: {}: {why}", case.expression);
                self.score.failures.push(line);
            }
        }
    }

    /// Whether an eval is about series that could not be loaded, or expects a native histogram.
    fn is_native(&self, case: &Case, body: &[&str]) -> bool {
        if body.iter().any(|line| line.contains("{{")) {
            return true;
        }
        match parse_with(&case.expression, FEATURES) {
            Ok(expr) => {
                let touches = |matchers: &Vec<Matcher>| {
                    self.native.iter().any(|labels| {
                        matchers
                            .iter()
                            .all(|matcher| matcher.matches(labels.get(matcher.name())))
                    })
                };
                expr.selectors().iter().any(touches)
            }
            Err(_) => self.native.iter().any(|labels| {
                let name = labels.metric_name();
                !name.is_empty() && case.expression.contains(name)
            }),
        }
    }

    fn check(&self, case: &Case) -> Result<(), String> {
        let answer = parse_with(&case.expression, FEATURES)
            .map_err(Error::Parse)
            .and_then(|expr| match case.when {
                When::At(time_ms) => self.engine.instant(&self.db, &expr, time_ms),
                When::Range(steps) => self.engine.range(&self.db, &expr, steps),
            });
        let answer = match (answer, &case.fail) {
            (Err(error), None) => return Err(error.to_string()),
            (Err(error), Some(messages)) => return check_failure(&error, messages),
            (Ok(_), Some(_)) => return Err("expected a failure, found an answer".to_owned()),
            (Ok(answer), None) => answer,
        };
        check_notes("warning", &case.warn, case.no_warn, &answer.warnings)?;
        check_notes("info", &case.info, case.no_info, &answer.infos)?;
        case.check_value(&answer)
    }
}

const FEATURES: Features = Features::ALL;

#[derive(Clone, Copy)]
enum When {
    At(i64),
    Range(Steps),
}

/// A text that must be met, exactly or by an expression.
enum Wanted {
    Any,
    Exact(String),
    Pattern(Regex),
}

impl Wanted {
    fn read(text: &str) -> Self {
        let text = text.trim();
        if let Some(exact) = text.strip_prefix("msg:") {
            return Self::Exact(exact.trim().to_owned());
        }
        match text.strip_prefix("regex:") {
            Some(pattern) => {
                Self::Pattern(Regex::new(&format!(".*(?:{}).*", pattern.trim())).unwrap())
            }
            None => Self::Any,
        }
    }

    fn met_by(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => text == exact.trim_matches('"') || text == exact,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

/// One `eval`.
struct Case {
    expression: String,
    when: When,
    ordered: bool,
    fail: Option<Vec<Wanted>>,
    warn: Vec<Wanted>,
    info: Vec<Wanted>,
    no_warn: bool,
    no_info: bool,
    text: Option<String>,
    range_vector: Option<Steps>,
    scalar: Option<f64>,
    series: Vec<SeriesLine>,
}

impl Case {
    fn read(head: &str, body: &[&str]) -> Self {
        let (command, rest) = head.split_once(' ').unwrap();
        let rest = rest.trim();
        let (when, expression) = if let Some(rest) = rest.strip_prefix("instant at ") {
            let (at, expression) = rest.trim().split_once(char::is_whitespace).unwrap();
            (When::At(time(at)), expression)
        } else {
            let (steps, expression) = steps(rest.strip_prefix("range ").unwrap());
            (When::Range(steps), expression)
        };
        let mut case = Self {
            expression: expression.trim().to_owned(),
            when,
            ordered: command == "eval_ordered",
            fail: (command == "eval_fail").then(Vec::new),
            warn: Vec::new(),
            info: Vec::new(),
            no_warn: false,
            no_info: false,
            text: None,
            range_vector: None,
            scalar: None,
            series: Vec::new(),
        };
        for line in body {
            case.read_line(line);
        }
        case
    }

    fn read_line(&mut self, line: &str) {
        if let Some(expect) = line.strip_prefix("expect ") {
            let expect = expect.trim();
            let (kind, rest) = expect.split_once(' ').unwrap_or((expect, ""));
            match kind {
                "ordered" => self.ordered = true,
                "fail" => self.fail.get_or_insert_default().push(Wanted::read(rest)),
                "warn" => self.warn.push(Wanted::read(rest)),
                "info" => self.info.push(Wanted::read(rest)),
                "no_warn" => self.no_warn = true,
                "no_info" => self.no_info = true,
                "string" => {
                    let quoted = rest.trim();
                    self.text = Some(quoted.trim_matches(['"', '`', '\'']).to_owned());
                }
                "range" => self.range_vector = Some(steps(rest.strip_prefix("vector ").unwrap()).0),
                other => panic!("expect {other}"),
            }
        } else if let Ok(value) = line.parse::<f64>() {
            self.scalar = Some(value);
        } else {
            self.series
                .push(series(line).unwrap_or_else(|| panic!("{line}")));
        }
    }

    fn check_value(&self, answer: &Answer) -> Result<(), String> {
        match &answer.value {
            Value::String { value, .. } => {
                if self.text.as_ref() == Some(value) {
                    return Ok(());
                }
                Err(format!("found the string {value:?}"))
            }
            Value::Scalar { value, .. } => match self.scalar {
                Some(wanted) if near(wanted, *value) => Ok(()),
                wanted => Err(format!("expected {wanted:?}, found {value}")),
            },
            Value::Vector(vector) => {
                let found: Vec<Found> = vector
                    .iter()
                    .map(|one| match &one.histogram {
                        Some(histogram) => Found {
                            labels: one.labels.clone(),
                            floats: Vec::new(),
                            histograms: vec![(one.time_ms, Arc::clone(histogram))],
                        },
                        None => Found {
                            labels: one.labels.clone(),
                            floats: vec![(one.time_ms, one.value)],
                            histograms: Vec::new(),
                        },
                    })
                    .collect();
                let When::At(at) = self.when else {
                    return Err("found an instant vector".to_owned());
                };
                self.check_series(&found, |_| at)
            }
            Value::Matrix(matrix) => {
                let found: Vec<Found> = matrix
                    .iter()
                    .map(|one| Found {
                        labels: one.labels.clone(),
                        floats: one.points.clone(),
                        histograms: one.histograms.clone(),
                    })
                    .collect();
                let ((When::Range(steps), _) | (When::At(_), Some(steps))) =
                    (self.when, self.range_vector)
                else {
                    return Err("found a matrix".to_owned());
                };
                let step =
                    |step: usize| steps.start_ms + steps.step_ms * i64::try_from(step).unwrap();
                self.check_series(&found, step)
            }
        }
    }

    fn check_series(&self, found: &[Found], time_of: impl Fn(usize) -> i64) -> Result<(), String> {
        if let Some(scalar) = self.scalar {
            return Err(format!("expected the scalar {scalar}, found {found:?}"));
        }
        if found.len() != self.series.len() {
            let wanted = self.series.len();
            return Err(format!("expected {wanted} series, found {found:?}"));
        }
        for (place, wanted) in self.series.iter().enumerate() {
            let at = found.iter().position(|one| one.labels == wanted.labels);
            let Some(at) = at.filter(|at| !self.ordered || *at == place) else {
                return Err(format!(
                    "expected {} at {place}, found {found:?}",
                    wanted.labels
                ));
            };
            let points = wanted.points.as_ref().ok_or("start timestamps")?;
            found[at].check(points, &time_of)?;
        }
        Ok(())
    }
}

/// A series of an answer.
#[derive(Debug)]
struct Found {
    labels: Labels,
    floats: Vec<(i64, f64)>,
    histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

impl Found {
    fn check(&self, points: &[Point], time_of: &impl Fn(usize) -> i64) -> Result<(), String> {
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        for (step, point) in points.iter().enumerate() {
            match point {
                Point::Value(value) if !is_stale(*value) => floats.push((time_of(step), *value)),
                Point::Histogram(histogram) => histograms.push((time_of(step), histogram)),
                _ => {}
            }
        }
        let same_floats = floats.len() == self.floats.len()
            && floats
                .iter()
                .zip(&self.floats)
                .all(|((wanted_time, wanted), (time, value))| {
                    wanted_time == time && near(*wanted, *value)
                });
        if !same_floats {
            return Err(format!("expected {floats:?}, found {:?}", self.floats));
        }
        if histograms.len() != self.histograms.len() {
            let wanted = histograms.len();
            return Err(format!(
                "expected {wanted} histograms, found {:?}",
                self.histograms
            ));
        }
        for ((wanted_time, wanted), (time, histogram)) in histograms.iter().zip(&self.histograms) {
            if wanted_time != time || !near_histogram(wanted, histogram) {
                return Err(format!(
                    "expected {:?} at {wanted_time}, found {histogram:?} at {time}",
                    wanted.histogram
                ));
            }
        }
        Ok(())
    }
}

/// Whether all numbers are near each other, empty buckets aside.
fn near_histogram(wanted: &HistogramNotation, found: &FloatHistogram) -> bool {
    let compacted = |histogram: &FloatHistogram| {
        let mut histogram = histogram.clone();
        histogram.compact();
        histogram
    };
    let (tells_reset, wanted, found) = (
        wanted.tells_reset,
        compacted(&wanted.histogram),
        compacted(found),
    );
    let all_near =
        |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b));
    let numbers = |it: &FloatHistogram| [it.count, it.sum, it.zero_count, it.zero_threshold];
    wanted.schema == found.schema
        && (!tells_reset || wanted.counter_reset == found.counter_reset)
        && all_near(&numbers(&wanted), &numbers(&found))
        && all_near(&wanted.custom_values, &found.custom_values)
        && wanted.positive_spans == found.positive_spans
        && wanted.negative_spans == found.negative_spans
        && all_near(&wanted.positive_buckets, &found.positive_buckets)
        && all_near(&wanted.negative_buckets, &found.negative_buckets)
}

fn check_failure(error: &Error, wanted: &[Wanted]) -> Result<(), String> {
    let text = error.to_string();
    if wanted.iter().all(|wanted| wanted.met_by(&text)) {
        return Ok(());
    }
    Err(format!("found another failure: {text}"))
}

fn check_notes(kind: &str, wanted: &[Wanted], none: bool, found: &[String]) -> Result<(), String> {
    if none && !found.is_empty() {
        return Err(format!("expected no {kind}, found {found:?}"));
    }
    if !wanted
        .iter()
        .all(|wanted| found.iter().any(|note| wanted.met_by(note)))
    {
        return Err(format!("a {kind} is missing, found {found:?}"));
    }
    let foreign = found
        .iter()
        .find(|note| !wanted.is_empty() && !wanted.iter().any(|wanted| wanted.met_by(note)));
    match foreign {
        Some(note) => Err(format!("found another {kind}: {note}")),
        None => Ok(()),
    }
}

/// `from A to B step C`, and what follows.
fn steps(text: &str) -> (Steps, &str) {
    let mut rest = text.trim();
    let mut times = [0; 3];
    for (slot, word) in times.iter_mut().zip(["from", "to", "step"]) {
        rest = rest.strip_prefix(word).unwrap().trim_start();
        let (text, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        *slot = time(text);
        rest = tail.trim_start();
    }
    let [start_ms, end_ms, step_ms] = times;
    let steps = Steps {
        start_ms,
        end_ms,
        step_ms,
    };
    (steps, rest)
}

/// Equal but for a millionth, as Prometheus's own runner compares.
fn near(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < 1e-6 * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < 1e-6
}
