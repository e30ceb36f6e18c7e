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

/// What is scraped when nothing is configured.
#[derive(Debug)]
pub(crate) struct ThisHost {
    /// The host's name.
    pub name: String,
    /// Where its exporter listens.
    pub address: SocketAddr,
    /// The exporter in this process; nothing where another process is scraped.
    pub exporter: Option<JoinHandle<Result<(), watchpost_exporter::Error>>>,
}

/// Finds the exporter of this host, or starts one.
pub(crate) async fn start(shutdown: Shutdown) -> std::io::Result<ThisHost> {
    let name = host_name();
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let listener = match TcpListener::bind(usual).await {
        Ok(listener) => listener,
        Err(_) if is_exporter(usual).await => {
            return Ok(ThisHost {
                name,
                address: usual,
                exporter: None,
            });
        }
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
    };
    let address = listener.local_addr()?;
    let config = watchpost_exporter::Config::default();
    let exporter = watchpost_exporter::run(listener, config, shutdown.wait());
    Ok(ThisHost {
        name,
        address,
        exporter: Some(tokio::spawn(exporter)),
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

/// Whether a page of host figures is served there.
async fn is_exporter(address: SocketAddr) -> bool {
    tokio::time::timeout(PROBE_TIMEOUT, probe(address))
        .await
        .is_ok_and(|found| found.is_ok_and(|found| found))
}

async fn probe(address: SocketAddr) -> Result<bool, reqwest::Error> {
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
    Ok(String::from_utf8_lossy(&page).contains(PROBE_MARK))
}
