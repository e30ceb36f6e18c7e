//! Series and values as test scripts write them: `up{job="a"} 1 2+3x4 _ stale`.

use watchpost_model::histogram::HistogramNotation;
use watchpost_model::{Duration, Labels, MatchOp, stale_nan};
use watchpost_promql::parse_selector;

/// What stands at one step of a series.
#[derive(Clone, Debug)]
pub(crate) enum Point {
    Value(f64),
    Histogram(HistogramNotation),
    Nothing,
}

/// A series as it is written.
#[derive(Clone, Debug)]
pub(crate) struct SeriesLine {
    pub labels: Labels,
    /// `None` where the line has start timestamps.
    pub points: Option<Vec<Point>>,
}

/// A time or a duration in ms: a number is seconds.
pub(crate) fn time(text: &str) -> i64 {
    let (negative, size) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
    let with_unit = if is_number {
        format!("{size}s")
    } else {
        size.to_owned()
    };
    let millis = with_unit.parse::<Duration>().unwrap().as_millis();
    if negative { -millis } else { millis }
}

/// A line of a `load`, or one that is expected.
pub(crate) fn series(line: &str) -> Option<SeriesLine> {
    let end = name_end(line);
    let (name, values) = line.split_at(end);
    let labels = labels(name.trim().trim_end_matches("@st"))?;
    let special = name.trim().ends_with("@st");
    let points = if special { None } else { Some(points(values)?) };
    Some(SeriesLine { labels, points })
}

/// Where the labels end: the first blank outside braces and quotes.
fn name_end(line: &str) -> usize {
    let mut depth = 0;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        let rest = line.get(at..).unwrap();
        match (quote, character) {
            (Some(_), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), close) if close == open && !escaped => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 && !rest.starts_with("}@") {
                    return at + 1;
                }
            }
            // Blanks may stand between name and braces.
            (None, blank) if depth == 0 && blank.is_whitespace() && !opens(rest) => return at,
            _ => {}
        }
        escaped = false;
    }
    line.len()
}

fn opens(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('{') && !rest.starts_with("{{")
}

fn labels(text: &str) -> Option<Labels> {
    if text.replace(' ', "") == "{}" {
        return Some(Labels::empty());
    }
    let matchers = parse_selector(text).ok()?;
    let pairs = matchers
        .iter()
        .filter(|matcher| matcher.op() == MatchOp::Equal);
    Some(Labels::from_pairs(
        pairs.map(|matcher| (matcher.name(), matcher.value())),
    ))
}

fn points(text: &str) -> Option<Vec<Point>> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        rest = if rest.starts_with("{{") {
            histograms(rest, &mut all)?
        } else {
            let (word, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            numbers(word, &mut all)?;
            tail
        }
        .trim_start();
    }
    Some(all)
}

fn numbers(word: &str, all: &mut Vec<Point>) -> Option<()> {
    let (value, times) = match word.split_once('x') {
        Some((value, times)) => (value, Some(times.parse::<usize>().ok()?)),
        None => (word, None),
    };
    if value == "_" {
        all.extend(vec![Point::Nothing; times.unwrap_or(1)]);
        return Some(());
    }
    let (start, step) = start_and_step(value)?;
    let mut now = start;
    for _ in 0..=times.unwrap_or(0) {
        all.push(Point::Value(now));
        now += step;
    }
    Some(())
}

/// `{{...}}`, `{{...}}x2`, `{{...}}+{{...}}x2` or `{{...}}-{{...}}x2`, and what follows.
fn histograms<'t>(text: &'t str, all: &mut Vec<Point>) -> Option<&'t str> {
    let (mut now, mut rest) = histogram(text)?;
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-'));
    let mut step = None;
    if sign.is_some() {
        let (histogram, tail) = histogram(rest.get(1..)?)?;
        step = Some(histogram.histogram);
        rest = tail;
    }
    let mut times = 0;
    if let Some(count) = rest.strip_prefix('x') {
        let end = count.find(char::is_whitespace).unwrap_or(count.len());
        let (count, tail) = count.split_at(end);
        times = count.parse().ok()?;
        rest = tail;
    }
    all.push(Point::Histogram(now.clone()));
    for _ in 0..times {
        if let Some(step) = &step {
            let next = if sign == Some('+') {
                now.histogram.plus(step)
            } else {
                now.histogram.minus(step)
            };
            now.histogram = next.ok()?.0;
        }
        all.push(Point::Histogram(now.clone()));
    }
    Some(rest)
}

fn histogram(text: &str) -> Option<(HistogramNotation, &str)> {
    let end = text.find("}}")? + 2;
    let (histogram, rest) = text.split_at(end);
    Some((histogram.parse().ok()?, rest))
}

/// `1`, `1+2` or `1-2`.
fn start_and_step(text: &str) -> Option<(f64, f64)> {
    if let Some(value) = number(text) {
        return Some((value, 0.0));
    }
    let signs = text
        .char_indices()
        .skip(1)
        .filter(|(_, c)| matches!(c, '+' | '-'));
    for (at, _) in signs {
        let (start, step) = text.split_at(at);
        if let (Some(start), Some(step)) = (number(start), number(step)) {
            return Some((start, step));
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(stale_nan());
    }
    text.parse().ok()
}
