//! What a running server does to its own store: `watchpost tsdb snapshot|delete|clean`.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Url;
use serde::Deserialize;

use super::super::{block_on, say};
use crate::flags::{DeleteFlags, ServerFlags, SnapshotFlags};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_hours(1);
/// The longest answer that is read.
const ANSWER_LIMIT: usize = 1 << 20;

/// An answer of the API.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    name: String,
}

/// Makes a snapshot and says its name.
pub(super) fn snapshot(flags: &SnapshotFlags) -> anyhow::Result<()> {
    let skip = flags.skip_head.to_string();
    let parameters = [("skip_head", skip.as_str())];
    let answer = call(&flags.server, "snapshot", &parameters)?;
    let name = answer.data.context("the server named no snapshot")?.name;
    say(format_args!("snapshots/{name}"));
    Ok(())
}

/// Deletes series.
pub(super) fn delete(flags: &DeleteFlags) -> anyhow::Result<()> {
    let times = [("start", &flags.start), ("end", &flags.end)];
    let parameters: Vec<(&str, &str)> = flags
        .selectors
        .iter()
        .map(|selector| ("match[]", selector.as_str()))
        .chain(
            times
                .iter()
                .filter_map(|(name, time)| Some((*name, time.as_deref()?))),
        )
        .collect();
    call(&flags.server, "delete_series", &parameters).map(drop)
}

/// Takes deleted samples out of the files.
pub(super) fn clean(flags: &ServerFlags) -> anyhow::Result<()> {
    call(flags, "clean_tombstones", &[]).map(drop)
}

fn call(flags: &ServerFlags, verb: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let server = flags.server.trim_end_matches('/');
    let scheme = if server.contains("://") {
        ""
    } else {
        "http://"
    };
    let mut url = Url::parse(&format!("{scheme}{server}/api/v1/admin/tsdb/{verb}"))
        .with_context(|| format!("expected a URL as --server, found `{server}`"))?;
    for (name, value) in parameters {
        url.query_pairs_mut().append_pair(name, value);
    }
    let (status, body) = block_on(post(url))??;
    if status.is_success() && body.is_empty() {
        return Ok(Answer {
            error: String::new(),
            data: None,
        });
    }
    let answer: Answer = serde_json::from_slice(&body)
        .with_context(|| format!("`{server}` answered {status} and not as Prometheus does"))?;
    if !status.is_success() {
        bail!("{}", answer.error);
    }
    Ok(answer)
}

async fn post(url: Url) -> anyhow::Result<(reqwest::StatusCode, Vec<u8>)> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut response = client.post(url).send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            bail!("expected an answer of at most {ANSWER_LIMIT} bytes, found more");
        }
    }
    Ok((response.status(), body))
}
