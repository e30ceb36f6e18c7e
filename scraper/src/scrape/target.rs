//! One endpoint that is scraped: its labels, its URL, and how it is.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use reqwest::Url;
use watchpost_model::{Duration, Labels, LabelsBuilder};

use super::relabel;
use crate::config::{Global, ScrapeConfig, check_address};

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";

/// A target and what came of its last scrape.
#[derive(Debug)]
pub struct Target {
    /// The labels of its series.
    pub labels: Labels,
    /// The labels before the label rules.
    pub discovered: Labels,
    /// Where its page is.
    pub url: Url,
    /// How often it is scraped.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    health: Mutex<Health>,
}

/// What came of a target's last scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Whether it answered with a good page.
    pub state: State,
    /// Why not; empty where it did.
    pub last_error: String,
    /// When the last scrape began, ms.
    pub last_scrape_ms: Option<i64>,
    /// How long it took, in seconds.
    pub last_duration: f64,
    /// Samples on the last page.
    pub samples: usize,
}

/// Whether a target answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last page was good.
    Up,
    /// There was no page, or not a good one.
    Down,
}

impl State {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Why labels do not make a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The label rules left no address.
    #[error("no address")]
    NoAddress,
    /// The address is not `host:port`.
    #[error("{0}")]
    Address(String),
    /// The labels do not make a URL.
    #[error("expected an http or https URL, found `{0}`")]
    Url(String),
    /// A label that holds a duration holds something else.
    #[error("label `{label}`: {reason}")]
    Duration {
        /// The label.
        label: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Target {
    /// The target of an address with the labels of its entry. `Ok(Err(..))` is a target that the
    /// label rules drop, with its labels.
    pub fn new(
        job: &ScrapeConfig,
        global: &Global,
        address: &str,
        entry: &BTreeMap<String, String>,
    ) -> Result<Result<Self, Labels>, TargetError> {
        let discovered = discovered_labels(job, global, address, entry);
        let mut labels = discovered.builder();
        if !relabel::apply(&job.relabel_configs, &mut labels) {
            return Ok(Err(discovered));
        }
        let interval = duration(&labels, INTERVAL)?;
        let timeout = duration(&labels, TIMEOUT)?;
        if timeout > interval {
            return Err(TargetError::Duration {
                label: TIMEOUT,
                reason: format!("expected at most the interval ({interval}), found {timeout}"),
            });
        }
        let url = url(job, &labels)?;
        if labels.get("instance").is_empty() {
            let address = labels.get(ADDRESS).to_owned();
            labels.set("instance", &address);
        }
        Ok(Ok(Self {
            labels: labels.build().retain(|name| !name.starts_with("__")),
            discovered,
            url,
            interval,
            timeout,
            health: Mutex::default(),
        }))
    }

    /// How it is now.
    pub fn health(&self) -> Health {
        self.health.lock().clone()
    }

    /// Notes what came of a scrape and gives what was before.
    pub fn set_health(&self, health: Health) -> Health {
        std::mem::replace(&mut *self.health.lock(), health)
    }

    /// A number that spreads targets over their interval: the same for the same labels and URL,
    /// from start to start.
    pub fn spread(&self) -> u64 {
        let text = format!("{}{}", self.labels, self.url);
        // FNV-1a with 64 bits.
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

fn discovered_labels(
    job: &ScrapeConfig,
    global: &Global,
    address: &str,
    entry: &BTreeMap<String, String>,
) -> Labels {
    let interval = job.scrape_interval.unwrap_or(global.scrape_interval);
    let timeout = job
        .scrape_timeout
        .unwrap_or_else(|| global.timeout_for(interval));
    let mut labels = LabelsBuilder::default();
    for (name, values) in &job.params {
        let first = values.first().map_or("", String::as_str);
        labels.set(&format!("{PARAM}{name}"), first);
    }
    labels
        .set("job", &job.job_name)
        .set(INTERVAL, &interval.to_string())
        .set(TIMEOUT, &timeout.to_string())
        .set(METRICS_PATH, &job.metrics_path)
        .set(SCHEME, job.scheme.as_str());
    for (name, value) in entry {
        labels.set(name, value);
    }
    labels.set(ADDRESS, address).build()
}

fn duration(labels: &LabelsBuilder, label: &'static str) -> Result<Duration, TargetError> {
    let fault = |reason: String| TargetError::Duration { label, reason };
    let duration: Duration = labels
        .get(label)
        .parse()
        .map_err(|error: watchpost_model::DurationError| fault(error.to_string()))?;
    if duration.is_zero() {
        return Err(fault("expected more than 0s, found 0s".to_owned()));
    }
    Ok(duration)
}

/// The URL from the labels; the first value of a parameter may come from a label, the others come
/// from the file.
fn url(job: &ScrapeConfig, labels: &LabelsBuilder) -> Result<Url, TargetError> {
    let address = labels.get(ADDRESS);
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    check_address(address).map_err(TargetError::Address)?;
    let scheme = labels.get(SCHEME);
    let path = labels.get(METRICS_PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let text = format!("{scheme}://{address}{slash}{path}");
    let fault = || TargetError::Url(text.clone());
    let mut url = Url::parse(&text).map_err(|_| fault())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(fault());
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, values) in &job.params {
        for value in values.iter().skip(1) {
            pairs.push((name.clone(), value.clone()));
        }
    }
    for (name, value) in labels.iter() {
        if let Some(name) = name.strip_prefix(PARAM) {
            pairs.insert(0, (name.to_owned(), value.to_owned()));
        }
    }
    if !pairs.is_empty() {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        url.query_pairs_mut().extend_pairs(&pairs);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> ScrapeConfig {
        serde_json::from_str(text).unwrap()
    }

    fn target(job: &ScrapeConfig) -> Result<Target, TargetError> {
        let global = Global::default();
        Target::new(job, &global, "web1:9100", &BTreeMap::new()).map(Result::unwrap)
    }

    #[test]
    fn a_target_has_job_and_instance_and_its_url() {
        let target = target(&job(
            r#"{"job_name":"node","metrics_path":"m","params":{"b":["2","3"],"a":["x y"]}}"#,
        ))
        .unwrap();
        assert_eq!(
            target.labels.to_string(),
            r#"{instance="web1:9100", job="node"}"#
        );
        assert_eq!(target.url.as_str(), "http://web1:9100/m?a=x+y&b=2&b=3");
        assert_eq!(
            (target.interval.to_string(), target.timeout.to_string()),
            ("1m".into(), "10s".into())
        );
    }

    #[test]
    fn label_rules_may_change_everything_about_a_target() {
        let target = target(&job(r#"{"job_name":"node","relabel_configs":[
                {"source_labels":["__address__"],"regex":"(.*):.*","target_label":"instance"},
                {"target_label":"__scheme__","replacement":"https"},
                {"target_label":"__param_module","replacement":"m"},
                {"target_label":"__scrape_interval__","replacement":"20s"}]}"#))
        .unwrap();
        assert_eq!(target.labels.get("instance"), "web1");
        assert_eq!(target.url.as_str(), "https://web1:9100/metrics?module=m");
        assert_eq!(target.interval.to_string(), "20s");
    }

    #[test]
    fn labels_that_make_no_target_are_refused() {
        for (rule, error) in [
            (
                r#"{"target_label":"__address__","replacement":""}"#,
                "no address",
            ),
            (
                r#"{"target_label":"__scheme__","replacement":"ftp"}"#,
                "expected an http or https URL, found `ftp://web1:9100/metrics`",
            ),
            (
                r#"{"target_label":"__scrape_timeout__","replacement":"2m"}"#,
                "label `__scrape_timeout__`: expected at most the interval (1m), found 2m",
            ),
        ] {
            let job = job(&format!(
                r#"{{"job_name":"node","relabel_configs":[{rule}]}}"#
            ));
            assert_eq!(target(&job).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn the_spread_is_the_same_from_start_to_start() {
        let job = job(r#"{"job_name":"node"}"#);
        assert_eq!(
            target(&job).unwrap().spread(),
            target(&job).unwrap().spread()
        );
    }
}
