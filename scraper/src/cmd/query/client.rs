//! One question to a server, and its answer.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{StatusCode, Url};
use serde_json::Value;

/// The longest answer that is read.
const ANSWER_LIMIT: usize = 256 << 20;
/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(130);

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    path: String,
    /// Whether the parameters go in the URL.
    in_url: bool,
    pairs: Vec<(&'static str, String)>,
}

impl Question {
    /// A question by POST: expressions may be long.
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            in_url: false,
            pairs: Vec::new(),
        }
    }

    /// The values of a label. A name that a path cannot hold is escaped.
    pub(super) fn values_of(label: &str) -> Self {
        Self {
            path: format!("label/{}/values", escape(label)),
            in_url: true,
            pairs: Vec::new(),
        }
    }

    /// The same with a parameter.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.pairs.push((name, value.to_owned()));
        self
    }

    fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.in_url { "GET" } else { "POST" };
        write!(f, "{method} {} {}", self.path, self.form())
    }
}

/// Names of letters, digits and underscores as they are, others as Prometheus escapes them in paths.
fn escape(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(is_plain) && !name.starts_with("U__") {
        return name.to_owned();
    }
    let mut escaped = "U__".to_owned();
    for character in name.chars() {
        match character {
            '_' => escaped.push_str("__"),
            c if is_plain(c) => escaped.push(c),
            c => escaped.extend(["_", &format!("{:x}", u32::from(c)), "_"]),
        }
    }
    escaped
}

/// An answer that tells of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) json: Value,
}

impl Answer {
    /// Warnings and infos.
    pub(super) fn notes(&self) -> impl Iterator<Item = &str> {
        ["warnings", "infos"]
            .into_iter()
            .filter_map(|key| self.json.get(key)?.as_array())
            .flatten()
            .filter_map(Value::as_str)
    }
}

/// Asks a server.
pub(super) async fn ask(server: &str, question: &Question) -> anyhow::Result<Answer> {
    let mut url = endpoint(server, &question.path)?;
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let request = if question.in_url {
        url.set_query(Some(&question.form()));
        client.get(url)
    } else {
        let form = "application/x-www-form-urlencoded";
        client
            .post(url)
            .header("content-type", form)
            .body(question.form())
    };
    let mut response = request
        .send()
        .await
        .with_context(|| format!("cannot ask `{server}`"))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            bail!("expected an answer of at most {ANSWER_LIMIT} bytes, found more");
        }
    }
    read(server, status, &body)
}

fn read(server: &str, status: StatusCode, body: &[u8]) -> anyhow::Result<Answer> {
    let text = String::from_utf8_lossy(body).into_owned();
    let json: Value = serde_json::from_str(&text).with_context(|| {
        format!("`{server}` did not answer as Prometheus does (status {status})")
    })?;
    if json.get("status").and_then(Value::as_str) != Some("success") {
        let error = json.get("error").and_then(Value::as_str);
        bail!("{}", error.unwrap_or("the answer tells of no success"));
    }
    Ok(Answer { text, json })
}

/// Where a server answers; without a scheme it is http.
fn endpoint(server: &str, path: &str) -> anyhow::Result<Url> {
    let scheme = if server.contains("://") {
        ""
    } else {
        "http://"
    };
    let server = server.trim_end_matches('/');
    Url::parse(&format!("{scheme}{server}/api/v1/{path}"))
        .with_context(|| format!("expected a URL as --server, found `{server}`"))
}

/// RFC 3339 or Unix seconds, in ms.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let millis = (text.parse::<f64>().ok()? * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (millis.abs() < 9.0e15).then_some(millis as i64)
}

/// Unix seconds, with decimals where there are some.
pub(super) fn seconds(time_ms: i64) -> String {
    let (seconds, millis) = (time_ms.div_euclid(1_000), time_ms.rem_euclid(1_000));
    if millis == 0 {
        seconds.to_string()
    } else {
        format!("{}", time_ms as f64 / 1_000.0)
    }
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
            assert_eq!(endpoint(server, "query").unwrap().as_str(), url);
        }
        assert!(endpoint("http://[", "query").is_err());
    }

    #[test]
    fn a_failure_is_told_in_the_server_s_words() {
        let read = |body: &str| read("s", StatusCode::OK, body.as_bytes());
        let failed = read(r#"{"status":"error","errorType":"bad_data","error":"no such thing"}"#);
        assert_eq!(failed.unwrap_err().to_string(), "no such thing");
        let odd = read("<html>").unwrap_err().to_string();
        assert_eq!(odd, "`s` did not answer as Prometheus does (status 200 OK)");
        let answer = read(r#"{"status":"success","data":[],"warnings":["w"],"infos":["i"]}"#);
        assert_eq!(answer.unwrap().notes().collect::<Vec<_>>(), ["w", "i"]);
    }
}
