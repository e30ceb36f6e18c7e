//! `watchpost tsdb snapshot|delete|clean`: changes the store of a running server, by asking it, or one
//! that no server has open.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Url;
use serde::Deserialize;

use super::super::{block_on, say};
use crate::clock;
use crate::flags::{DeleteFlags, ServerFlags, SnapshotFlags};
use crate::snapshots::{SNAPSHOTS, snapshot_name};

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

/// Makes a snapshot and says where.
pub(super) fn snapshot(flags: &SnapshotFlags) -> anyhow::Result<()> {
    if let Some(directory) = &flags.server.directory {
        super::is_there(directory)?;
        let path = directory
            .join(SNAPSHOTS)
            .join(snapshot_name(clock::now_ms()));
        super::open_for_writing(directory)?.snapshot(&path, !flags.skip_head)?;
        say(format_args!("{}", path.display()));
        return Ok(());
    }
    let skip = flags.skip_head.to_string();
    let answer = call(&flags.server, "snapshot", &[("skip_head", skip)])?;
    let name = answer.data.context("the server named no snapshot")?.name;
    say(format_args!(
        "{SNAPSHOTS}/{name} in the server's data directory"
    ));
    Ok(())
}

/// Deletes series.
pub(super) fn delete(flags: &DeleteFlags) -> anyhow::Result<()> {
    if let Some(directory) = &flags.server.directory {
        super::is_there(directory)?;
        let range = super::range(flags.min_time, flags.max_time)?;
        let selectors = super::selectors(&flags.selectors)?;
        let db = super::open_for_writing(directory)?;
        for matchers in selectors {
            db.delete(range, &matchers)?;
        }
        return Ok(());
    }
    // What is wrong is told before anyone is asked.
    super::range(flags.min_time, flags.max_time)?;
    super::selectors(&flags.selectors)?;
    let mut parameters: Vec<(&str, String)> = Vec::new();
    for selector in &flags.selectors {
        parameters.push(("match[]", selector.clone()));
    }
    for (name, time) in [("start", flags.min_time), ("end", flags.max_time)] {
        parameters.extend(time.map(|time| (name, clock::rfc3339(time))));
    }
    call(&flags.server, "delete_series", &parameters).map(drop)
}

/// Takes deleted samples out of the files.
pub(super) fn clean(flags: &ServerFlags) -> anyhow::Result<()> {
    if let Some(directory) = &flags.directory {
        super::is_there(directory)?;
        return Ok(super::open_for_writing(directory)?.clean_tombstones()?);
    }
    call(flags, "clean_tombstones", &[]).map(drop)
}

fn call(flags: &ServerFlags, verb: &str, parameters: &[(&str, String)]) -> anyhow::Result<Answer> {
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
    let (status, body) = block_on(post(url))?.with_context(|| {
        format!("no answer from `{server}`: --server names a running server, --storage.tsdb.path a directory that no server has open")
    })?;
    if status.is_success() && body.is_empty() {
        return Ok(Answer {
            error: String::new(),
            data: None,
        });
    }
    let answer: Answer = serde_json::from_slice(&body)
        .with_context(|| format!("`{server}` answered {status} and not as Prometheus does"))?;
    if status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
        bail!(
            "`{server}` refuses: {}; start it with --web.enable-admin-api",
            answer.error
        );
    }
    if !status.is_success() {
        bail!("`{server}` refuses: {}", answer.error);
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
