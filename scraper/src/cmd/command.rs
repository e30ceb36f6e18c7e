//! `watchpost command`: calls the commands that a host allows.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use watchpost_exporter::command::{
    ActionList, LONGEST_TIMEOUT, Outcome, PATH, Refusal, RunRequest, Status, is_action_name,
    printable,
};
use watchpost_model::config::Secret;

use super::{Failure, block_on, say};
use crate::config::Config;
use crate::flags::{CommandVerb, HostFlags};
use crate::scrape::{Pool, Target};

/// The longest answer that is read.
const ANSWER_LIMIT: usize = 16 << 20;
/// How long a host may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a call may take beyond the longest action.
const SLACK: Duration = Duration::from_mins(1);

/// Runs the verb.
pub fn run(verb: &CommandVerb) -> Result<(), Failure> {
    match verb {
        CommandVerb::List(host) => {
            let host = Host::find(host)?;
            Ok(block_on(list(&host))??)
        }
        CommandVerb::Run { host, action } => {
            let host = Host::find(host)?;
            if block_on(call(&host, action))?? {
                Ok(())
            } else {
                Err(Failure::Told)
            }
        }
    }
}

/// Where a host's commands are, and what lets us in.
struct Host {
    base: Url,
    token: Secret,
}

impl Host {
    fn find(flags: &HostFlags) -> Result<Self, Failure> {
        let config = match &flags.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        let base = match target(&config, &flags.host)? {
            Some(url) => url,
            None if flags.host.contains(':') => Url::parse(&format!("http://{}", flags.host))?,
            None => {
                return Err(anyhow::anyhow!(
                    "no target has the instance `{}`: expected one of the configuration (--config.file) or HOST:PORT",
                    flags.host
                )
                .into());
            }
        };
        let file = flags
            .token_file
            .as_deref()
            .or_else(|| config.commands.token_file(&flags.host));
        let Some(file) = file else {
            return Err(anyhow::anyhow!(
                "no token for `{}`: expected --token-file, or `commands.token_file` in the configuration",
                flags.host
            )
            .into());
        };
        Ok(Self {
            base,
            token: read_token(file)?,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> anyhow::Result<T> {
        let url = self.base.join(path)?;
        if url.scheme() == "http" && !is_loopback(&url) {
            bail!(
                "`{url}` is neither on this machine nor TLS: the token would go over the network in clear"
            );
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(LONGEST_TIMEOUT.as_std() + SLACK)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut request = client
            .request(method.clone(), url)
            .bearer_auth(self.token.expose());
        if method == Method::POST {
            request = request.json(&RunRequest::default());
        }
        let mut response = request.send().await?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_LIMIT {
                bail!("expected an answer of at most {ANSWER_LIMIT} bytes, found more");
            }
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .context("the host did not answer as an exporter does");
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => bail!("refused ({status}): {}", printable(&refusal.error)),
            Err(_) if status == reqwest::StatusCode::NOT_FOUND => {
                bail!(
                    "the host has no commands: they are off until its own configuration turns them on"
                )
            }
            Err(_) => bail!("the host answered {status}"),
        }
    }
}

/// The address of the target that has this instance.
fn target(config: &Config, host: &str) -> Result<Option<Url>, Failure> {
    for job in &config.scrape_configs {
        let pool = Pool::new(job, &config.global)?;
        let found = pool.targets.iter().find(|target| is_named(target, host));
        if let Some(target) = found {
            return Ok(Some(target.url.clone()));
        }
    }
    Ok(None)
}

fn is_named(target: &Target, host: &str) -> bool {
    target.labels.get("instance") == host || target.discovered.get("__address__") == host
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn read_token(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token file `{}`", file.display()))?;
    let token = text.trim();
    if token.is_empty() {
        bail!(
            "token file `{}`: expected a token, found nothing",
            file.display()
        );
    }
    Ok(Secret::new(token))
}

async fn list(host: &Host) -> anyhow::Result<()> {
    let list: ActionList = host.ask(Method::GET, PATH).await?;
    let width = list
        .actions
        .iter()
        .map(|action| action.name.len())
        .max()
        .unwrap_or(0);
    for action in &list.actions {
        say(format_args!(
            "{:width$}  {}",
            printable(&action.name),
            printable(&action.description)
        ));
    }
    Ok(())
}

/// Runs an action; true where it went well.
async fn call(host: &Host, action: &str) -> anyhow::Result<bool> {
    if !is_action_name(action) {
        bail!(
            "expected the name of an action (at most 64 lower-case letters, digits, `_` and `-`), found `{action}`"
        );
    }
    let outcome: Outcome = host.ask(Method::POST, &format!("{PATH}/{action}")).await?;
    // The host is asked because it may be in trouble; it does not get at this terminal.
    say(format_args!("{}", printable(outcome.output.trim_end())));
    if outcome.truncated {
        tracing::warn!("the output was longer than the host's limit and is cut off");
    }
    match (outcome.status, outcome.exit_code) {
        (Status::Ok, _) => {}
        (Status::Timeout, _) => tracing::error!(
            "the action ended: timeout: the host stopped it at its time limit, after {:.1} s \
             (`timeout` of the action in the host's own configuration)",
            outcome.duration_seconds
        ),
        (status, Some(code)) => tracing::error!(code, "the action ended: {}", status.as_str()),
        (status, None) => tracing::error!("the action ended: {}", status.as_str()),
    }
    Ok(outcome.status == Status::Ok)
}
