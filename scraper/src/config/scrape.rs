//! What is scraped, and how.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use watchpost_model::config::{ByteSize, Faults, Validate};
use watchpost_model::{Duration, METRIC_NAME};

use super::{Authorization, BasicAuth, NotYet, RelabelConfig, TlsConfig};

/// One job: targets that are scraped in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the keys are Prometheus's")]
pub struct ScrapeConfig {
    /// The job's name, the label `job` of its series.
    pub job_name: String,
    /// How often the targets are scraped (`global.scrape_interval` where it is not given).
    pub scrape_interval: Option<Duration>,
    /// How long a scrape may take (`global.scrape_timeout` where it is not given).
    pub scrape_timeout: Option<Duration>,
    /// The path of the page.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Parameters of the page's URL.
    pub params: BTreeMap<String, Vec<String>>,
    /// Whether a label of the page goes before one of the target's; else the page's is renamed to
    /// `exported_<label>`.
    pub honor_labels: bool,
    /// Whether times on the page count.
    pub honor_timestamps: bool,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether a compressed page is asked for.
    pub enable_compression: bool,
    /// The longest page that is read, uncompressed (`global.body_size_limit` where it is 0).
    pub body_size_limit: ByteSize,
    /// The most samples a page may have (`global.sample_limit` where it is 0).
    pub sample_limit: usize,
    /// The most labels a series may have, those of its target included (`global.label_limit` where
    /// it is 0).
    pub label_limit: usize,
    /// The longest name of a label, in bytes (`global.label_name_length_limit` where it is 0).
    pub label_name_length_limit: usize,
    /// The longest value of a label, in bytes (`global.label_value_length_limit` where it is 0).
    pub label_value_length_limit: usize,
    /// The most targets; above, none of them is scraped (`global.target_limit` where it is 0).
    pub target_limit: usize,
    /// The targets.
    #[serde(deserialize_with = "no_empty_entries")]
    pub static_configs: Vec<StaticConfig>,
    /// Rules for the targets' labels.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules for the labels of the samples.
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// User name and password for the targets.
    pub basic_auth: Option<BasicAuth>,
    /// The `Authorization` header for the targets.
    pub authorization: Option<Authorization>,
    /// How the targets' certificates are checked.
    pub tls_config: TlsConfig,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "keep_dropped_targets",
        alias = "track_timestamps_staleness",
        alias = "scrape_protocols",
        alias = "fallback_scrape_protocol",
        alias = "scrape_failure_log_file",
        alias = "scrape_native_histograms",
        alias = "scrape_classic_histograms",
        alias = "always_scrape_classic_histograms",
        alias = "convert_classic_histograms_to_nhcb",
        alias = "native_histogram_bucket_limit",
        alias = "native_histogram_min_bucket_factor",
        alias = "metric_name_validation_scheme",
        alias = "metric_name_escaping_scheme",
        alias = "extra_scrape_metrics",
        alias = "bearer_token",
        alias = "bearer_token_file",
        alias = "oauth2",
        alias = "enable_http2",
        alias = "http_headers",
        alias = "proxy_url",
        alias = "no_proxy",
        alias = "proxy_from_environment",
        alias = "proxy_connect_header",
        alias = "aws_sd_configs",
        alias = "azure_sd_configs",
        alias = "consul_sd_configs",
        alias = "digitalocean_sd_configs",
        alias = "docker_sd_configs",
        alias = "dockerswarm_sd_configs",
        alias = "dns_sd_configs",
        alias = "ec2_sd_configs",
        alias = "eureka_sd_configs",
        alias = "file_sd_configs",
        alias = "gce_sd_configs",
        alias = "hetzner_sd_configs",
        alias = "http_sd_configs",
        alias = "ionos_sd_configs",
        alias = "kubernetes_sd_configs",
        alias = "kuma_sd_configs",
        alias = "lightsail_sd_configs",
        alias = "linode_sd_configs",
        alias = "marathon_sd_configs",
        alias = "nerve_sd_configs",
        alias = "nomad_sd_configs",
        alias = "oci_sd_configs",
        alias = "openstack_sd_configs",
        alias = "outscale_sd_configs",
        alias = "ovhcloud_sd_configs",
        alias = "puppetdb_sd_configs",
        alias = "scaleway_sd_configs",
        alias = "serverset_sd_configs",
        alias = "stackit_sd_configs",
        alias = "triton_sd_configs",
        alias = "uyuni_sd_configs",
        alias = "vultr_sd_configs"
    )]
    pub(crate) not_yet: NotYet,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            job_name: String::new(),
            scrape_interval: None,
            scrape_timeout: None,
            metrics_path: "/metrics".to_owned(),
            scheme: Scheme::Http,
            params: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            follow_redirects: true,
            enable_compression: true,
            body_size_limit: ByteSize(0),
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            target_limit: 0,
            static_configs: Vec::new(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            basic_auth: None,
            authorization: None,
            tls_config: TlsConfig::default(),
            not_yet: NotYet,
        }
    }
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Targets that are listed in the file, with labels that all of them get.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaticConfig {
    /// `host:port` of each target.
    pub targets: Vec<String>,
    /// Labels that all of them get.
    pub labels: BTreeMap<String, String>,
}

impl Validate for ScrapeConfig {
    fn validate(&self, faults: &mut Faults) {
        if self.job_name.is_empty() {
            faults.add("job_name", "expected a name, found none");
        }
        for (key, value) in [
            ("scrape_interval", self.scrape_interval),
            ("scrape_timeout", self.scrape_timeout),
        ] {
            if value.is_some_and(Duration::is_zero) {
                faults.add(key, "expected more than 0s, found 0s");
            }
        }
        if self.basic_auth.is_some() && self.authorization.is_some() {
            faults.add(
                "authorization",
                "expected one of `basic_auth` and `authorization`, found both",
            );
        }
        if let Some(auth) = &self.basic_auth {
            faults.within("basic_auth", |faults| auth.validate(faults));
        }
        if let Some(auth) = &self.authorization {
            faults.within("authorization", |faults| auth.validate(faults));
        }
        for (at, group) in self.static_configs.iter().enumerate() {
            faults.within(&format!("static_configs[{at}]"), |faults| {
                group.validate(faults);
            });
        }
        for (key, rules) in [
            ("relabel_configs", &self.relabel_configs),
            ("metric_relabel_configs", &self.metric_relabel_configs),
        ] {
            for (at, rule) in rules.iter().enumerate() {
                faults.within(&format!("{key}[{at}]"), |faults| rule.validate(faults));
            }
        }
    }
}

impl Validate for StaticConfig {
    fn validate(&self, faults: &mut Faults) {
        for (at, target) in self.targets.iter().enumerate() {
            if let Err(reason) = check_address(target) {
                faults.add(&format!("targets[{at}]"), reason);
            }
        }
        for name in self.labels.keys() {
            if name.is_empty() || name == METRIC_NAME {
                faults.add(
                    "labels",
                    format_args!("expected a label name, found `{name}`"),
                );
            }
        }
    }
}

/// An entry that holds nothing is a slip of the hand, not a list of no targets.
fn no_empty_entries<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<StaticConfig>, D::Error> {
    let entries = Vec::<Option<StaticConfig>>::deserialize(deserializer)?;
    let all: Option<Vec<_>> = entries.into_iter().collect();
    all.ok_or_else(|| D::Error::custom("expected targets in each entry, found an empty one"))
}

/// A target's address is a host and perhaps a port; the path and the scheme have keys of their own.
pub(crate) fn check_address(address: &str) -> Result<(), String> {
    if address.is_empty() {
        return Err("expected `host:port`, found an empty text".to_owned());
    }
    if address.contains('/') {
        return Err(format!(
            "expected `host:port` without scheme and path (they are `scheme` and `metrics_path`), found `{address}`"
        ));
    }
    if let Some(wrong) = address.chars().find(|c| !is_of_an_address(*c)) {
        return Err(format!(
            "expected `host:port`, found `{wrong}` in it (a user and a password are `basic_auth`, parameters are `params`)"
        ));
    }
    match port(address) {
        Some(port) if !port.parse::<u16>().is_ok_and(|port| port > 0) => Err(format!(
            "expected a port from 1 to 65535 after the `:`, found `{address}`"
        )),
        _ => Ok(()),
    }
}

/// What stands after the host's colon; an IPv6 address stands in brackets or has no port.
pub(crate) fn port(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    let is_whole = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    is_whole.then_some(port)
}

/// Letters of any script are for names that the resolver translates.
fn is_of_an_address(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']')
}

/// A scrape has to end before the next begins.
pub(super) fn check_timeout(timeout: Duration, interval: Duration, faults: &mut Faults) {
    if timeout.is_zero() {
        faults.add("scrape_timeout", "expected more than 0s, found 0s");
    } else if timeout > interval {
        faults.add(
            "scrape_timeout",
            format_args!("expected at most scrape_interval ({interval}), found {timeout}"),
        );
    }
}
