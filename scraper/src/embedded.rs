//! The start without a configuration file: this machine is watched.
//!
//! An exporter runs in this process on a loopback port: 9100, or any free one where something else
//! has that. Where a `node_exporter` (or our own exporter) already answers on 9100, that one is
//! scraped. The target is named after the host and not after the port, so that its series go on
//! when the port changes from one start to the next.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration as StdDuration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use watchpost_model::Duration;

use crate::config::{Config, Global, ScrapeConfig, StaticConfig};
use crate::shutdown::Shutdown;

/// The port of `node_exporter`.
const PORT: u16 = 9_100;
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a program on the port may take to show that it is an exporter.
const PROBE_TIMEOUT: StdDuration = StdDuration::from_millis(500);
/// The longest beginning of a page that is looked at.
const PROBE_LIMIT: usize = 4 << 20;
/// What a page of host figures holds.
const PROBE_MARK: &str = "node_cpu_seconds_total";
/// What only a page of our own exporter holds.
const OWN_MARK: &str = "watchpost_exporter_build_info";

/// What is scraped when nothing is configured.
#[derive(Debug)]
pub(crate) struct ThisHost {
    /// The host's name.
    pub name: String,
    /// Where its exporter listens.
    pub address: SocketAddr,
    /// Who serves its figures.
    pub exporter: Exporter,
}

/// Who serves the figures of this host.
#[derive(Debug)]
pub(crate) enum Exporter {
    /// A task of this process.
    Here(JoinHandle<Result<(), watchpost_exporter::Error>>),
    /// Another process: a `watchpost-exporter`.
    Ours,
    /// Another process: a `node_exporter`, or what serves the same.
    Node,
}

/// Finds the exporter of this host, or starts one.
pub(crate) async fn start(shutdown: Shutdown) -> std::io::Result<ThisHost> {
    let name = host_name();
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let listener = match TcpListener::bind(usual).await {
        Ok(listener) => listener,
        Err(_) => match find(usual).await {
            Some(exporter) => {
                return Ok(ThisHost {
                    name,
                    address: usual,
                    exporter,
                });
            }
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        },
    };
    let address = listener.local_addr()?;
    let config = watchpost_exporter::Config::default();
    let exporter = watchpost_exporter::run(listener, config, shutdown.wait());
    Ok(ThisHost {
        name,
        address,
        exporter: Exporter::Here(tokio::spawn(exporter)),
    })
}

/// The configuration that scrapes this host.
pub(crate) fn config(host: &ThisHost) -> Config {
    let labels = BTreeMap::from([("instance".to_owned(), host.name.clone())]);
    Config {
        global: Global {
            scrape_interval: INTERVAL,
            evaluation_interval: INTERVAL,
            ..Global::default()
        },
        scrape_configs: vec![ScrapeConfig {
            job_name: "node".to_owned(),
            static_configs: vec![StaticConfig {
                targets: vec![host.address.to_string()],
                labels,
            }],
            ..ScrapeConfig::default()
        }],
        ..Config::default()
    }
}

/// The name of this host.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Who serves a page of host figures there.
async fn find(address: SocketAddr) -> Option<Exporter> {
    let page = tokio::time::timeout(PROBE_TIMEOUT, probe(address)).await;
    exporter_of(&page.ok()?.ok()?)
}

/// Whose page this is; nobody's where it has no host figures.
fn exporter_of(page: &str) -> Option<Exporter> {
    if !page.contains(PROBE_MARK) {
        None
    } else if page.contains(OWN_MARK) {
        Some(Exporter::Ours)
    } else {
        Some(Exporter::Node)
    }
}

async fn probe(address: SocketAddr) -> Result<String, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{address}/metrics");
    let mut response = client.get(url).send().await?;
    let mut page = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        page.extend_from_slice(&chunk);
        if page.len() > PROBE_LIMIT {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn our_exporter_is_told_from_a_node_exporter() {
        crate::cmd::prepare();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = watchpost_exporter::Config::default();
        let exporter = watchpost_exporter::run(listener, config, std::future::pending());
        let task = tokio::spawn(exporter);
        let page = probe(address).await.unwrap();
        task.abort();
        assert!(matches!(exporter_of(&page), Some(Exporter::Ours)));
        let page = "node_cpu_seconds_total{cpu=\"0\"} 1\n";
        assert!(matches!(exporter_of(page), Some(Exporter::Node)));
        assert!(exporter_of("up 1\n").is_none());
    }
}
