//! `watchpost query`: asks a running server.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::{Failure, block_on, complain, say};
use crate::flags::{InstantFlags, OutputFormat, QueryVerb};

/// The longest answer that is read.
const ANSWER_LIMIT: usize = 256 << 20;
/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(130);

/// Runs the verb.
pub fn run(verb: &QueryVerb) -> Result<(), Failure> {
    match verb {
        QueryVerb::Instant(flags) => Ok(block_on(instant(flags))??),
    }
}

/// An answer of the API.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

async fn instant(flags: &InstantFlags) -> anyhow::Result<()> {
    let mut url = endpoint(&flags.server)?;
    url.query_pairs_mut().append_pair("query", &flags.expr);
    if let Some(time) = &flags.time {
        url.query_pairs_mut().append_pair("time", time);
    }
    let body = fetch(url).await?;
    let answer: Answer = serde_json::from_slice(&body)
        .with_context(|| format!("`{}` did not answer as Prometheus does", flags.server))?;
    if answer.status != "success" {
        bail!("{}", answer.error);
    }
    match flags.format {
        OutputFormat::Json => say(format_args!(
            "{}",
            String::from_utf8_lossy(&body).trim_end()
        )),
        OutputFormat::Table => {
            for warning in &answer.warnings {
                tracing::warn!("{warning}");
            }
            if let Some(data) = &answer.data {
                table(data);
            }
        }
    }
    Ok(())
}

/// Where a server answers queries; without a scheme it is http.
fn endpoint(server: &str) -> anyhow::Result<Url> {
    let scheme = if server.contains("://") {
        ""
    } else {
        "http://"
    };
    let server = server.trim_end_matches('/');
    Url::parse(&format!("{scheme}{server}/api/v1/query"))
        .with_context(|| format!("expected a URL as --server, found `{server}`"))
}

async fn fetch(url: Url) -> anyhow::Result<Vec<u8>> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut response = client.get(url).send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            bail!("expected an answer of at most {ANSWER_LIMIT} bytes, found more");
        }
    }
    Ok(body)
}

/// One line a series: its labels, then its value (or all of its values).
fn table(data: &Data) {
    if matches!(data.result_type.as_str(), "scalar" | "string") {
        say(format_args!("{}", point(&data.result)));
        return;
    }
    let rows: Vec<(String, String)> = data.result.as_array().map_or_else(Vec::new, |series| {
        series
            .iter()
            .map(|series| (labels(series), values(series)))
            .collect()
    });
    if rows.is_empty() {
        complain(format_args!("no series"));
    }
    let width = rows
        .iter()
        .map(|(labels, _)| labels.chars().count())
        .max()
        .unwrap_or(0);
    for (labels, value) in rows {
        say(format_args!("{labels:width$}  {value}"));
    }
}

fn labels(series: &Value) -> String {
    let pairs = series.get("metric").and_then(Value::as_object);
    let pairs = pairs.into_iter().flatten();
    watchpost_model::Labels::from_pairs(
        pairs.map(|(name, value)| (name, value.as_str().unwrap_or_default())),
    )
    .to_string()
}

fn values(series: &Value) -> String {
    match (
        series.get("value"),
        series.get("values").and_then(Value::as_array),
    ) {
        (Some(value), _) => point(value),
        (None, Some(values)) => values.iter().map(point).collect::<Vec<_>>().join(" "),
        (None, None) => String::new(),
    }
}

/// The value of `[time, value]`.
fn point(pair: &Value) -> String {
    let value = pair.get(1).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_leave_out_the_scheme() {
        for (server, url) in [
            ("127.0.0.1:9090", "http://127.0.0.1:9090/api/v1/query"),
            ("localhost:9090/", "http://localhost:9090/api/v1/query"),
            (
                "https://w.example.org/p",
                "https://w.example.org/p/api/v1/query",
            ),
        ] {
            assert_eq!(endpoint(server).unwrap().as_str(), url);
        }
        assert!(endpoint("http://[").is_err());
    }
}
