//! `watchpost query`: asks a running server, ours or a Prometheus.

mod client;
mod csv;
mod table;

use anyhow::{Context, anyhow};
use serde_json::Value;
use watchpost_promql::{Features, parse_with};

use self::client::Question;
use super::{Failure, block_on, say};
use crate::clock;
use crate::flags::{
    AskFlags, FormatFlags, InstantFlags, LabelsFlags, OutputFormat, QueryVerb, RangeFlags,
    SeriesFlags, SpanFlags,
};

/// How many steps a span has where nobody says.
const STEPS: i64 = 250;
/// How long a span is where nobody says, ms.
const SPAN_MS: i64 = 3_600_000;

/// Runs the verb.
pub fn run(verb: &QueryVerb) -> Result<(), Failure> {
    match verb {
        QueryVerb::Instant(flags) => ask(&flags.ask, &instant(flags)),
        QueryVerb::Range(flags) => ask(&flags.ask, &range(flags, clock::now_ms())?),
        QueryVerb::Series(flags) => ask(&flags.ask, &series(flags)),
        QueryVerb::Labels(flags) => ask(&flags.ask, &labels(flags)),
        QueryVerb::Format(flags) => format(flags),
    }
}

/// Writes an expression in its usual form.
fn format(flags: &FormatFlags) -> Result<(), Failure> {
    let expr = parse_with(&flags.expr, Features::ALL).map_err(|error| anyhow!("{error}"))?;
    say(format_args!("{}", expr.format()));
    Ok(())
}

/// Asks and writes the answer.
fn ask(flags: &AskFlags, question: &Question) -> Result<(), Failure> {
    let answer = block_on(client::ask(&flags.server, question))??;
    if flags.format == OutputFormat::Json {
        say(format_args!("{}", answer.text.trim_end()));
        return Ok(());
    }
    for note in answer.notes() {
        tracing::warn!("{note}");
    }
    let data = answer.json.get("data").unwrap_or(&Value::Null);
    match flags.format {
        OutputFormat::Csv => csv::write(data),
        _ => table::write(data),
    }
    Ok(())
}

fn instant(flags: &InstantFlags) -> Question {
    let question = Question::new("query").with("query", &flags.expr);
    match &flags.time {
        Some(time) => question.with("time", time),
        None => question,
    }
}

fn range(flags: &RangeFlags, now_ms: i64) -> anyhow::Result<Question> {
    let end_ms = time(flags.end.as_deref(), "--end")?.unwrap_or(now_ms);
    let start_ms = time(flags.start.as_deref(), "--start")?;
    let start_ms = start_ms.unwrap_or_else(|| end_ms.saturating_sub(SPAN_MS));
    let step = flags.step.clone().unwrap_or_else(|| {
        let span = end_ms.saturating_sub(start_ms);
        let step_ms = (span / STEPS).max(1_000);
        format!("{}", step_ms / 1_000)
    });
    Ok(Question::new("query_range")
        .with("query", &flags.expr)
        .with("start", &client::seconds(start_ms))
        .with("end", &client::seconds(end_ms))
        .with("step", &step))
}

fn series(flags: &SeriesFlags) -> Question {
    spanned(Question::new("series"), &flags.span, &flags.selectors)
}

fn labels(flags: &LabelsFlags) -> Question {
    let question = match &flags.name {
        Some(name) => Question::values_of(name),
        None => Question::new("labels"),
    };
    spanned(question, &flags.span, &flags.selectors)
}

fn spanned(mut question: Question, span: &SpanFlags, selectors: &[String]) -> Question {
    for selector in selectors {
        question = question.with("match[]", selector);
    }
    let limit = span.limit.map(|limit| limit.to_string());
    for (name, value) in [
        ("start", &span.start),
        ("end", &span.end),
        ("limit", &limit),
    ] {
        if let Some(value) = value {
            question = question.with(name, value);
        }
    }
    question
}

/// A time in ms.
fn time(text: Option<&str>, flag: &str) -> anyhow::Result<Option<i64>> {
    let Some(text) = text else {
        return Ok(None);
    };
    client::parse_time(text)
        .map(Some)
        .with_context(|| format!("expected RFC 3339 or Unix seconds as {flag}, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Flags, Verb};
    use clap::Parser;

    fn question(arguments: &[&str]) -> String {
        let arguments = [&["watchpost", "query"], arguments].concat();
        let flags = Flags::try_parse_from(arguments).unwrap();
        let Some(Verb::Query(verb)) = flags.verb else {
            panic!("expected the verb query");
        };
        let question = match &verb {
            QueryVerb::Instant(flags) => instant(flags),
            QueryVerb::Range(flags) => range(flags, 10_000_000).unwrap(),
            QueryVerb::Series(flags) => series(flags),
            QueryVerb::Labels(flags) => labels(flags),
            QueryVerb::Format(_) => panic!("nobody is asked"),
        };
        question.to_string()
    }

    #[test]
    fn flags_become_questions() {
        for (arguments, expected) in [
            (&["instant", "up"][..], "POST query query=up"),
            (
                &["instant", "up", "--time", "5"],
                "POST query query=up&time=5",
            ),
            (
                &["range", "up"],
                "POST query_range query=up&start=6400&end=10000&step=14",
            ),
            (
                &[
                    "range",
                    "up",
                    "--start",
                    "1",
                    "--end",
                    "1970-01-01T00:00:09.500Z",
                    "--step",
                    "1m",
                ],
                "POST query_range query=up&start=1&end=9.5&step=1m",
            ),
            (
                &["series", "up", "a{b=\"c\"}", "--limit", "3"],
                "POST series match%5B%5D=up&match%5B%5D=a%7Bb%3D%22c%22%7D&limit=3",
            ),
            (&["labels"], "POST labels "),
            (
                &["labels", "job", "--match", "up"],
                "GET label/job/values match%5B%5D=up",
            ),
            (
                &["labels", "a/b c_d"],
                "GET label/U__a_2f_b_20_c__d/values ",
            ),
        ] {
            assert_eq!(question(arguments), expected);
        }
        assert!(time(Some("yesterday"), "--start").is_err());
    }
}
