//! The configuration file: composes the sections and checks what concerns more than one.
//!
//! One file can serve both programs. Here the `exporter` section is taken as it is; the exporter
//! reads and checks it.

mod glob;
mod global;
mod http;
mod not_yet;
mod relabel;
mod scrape;
mod sections;

pub use glob::matching_files;
pub use global::{DEFAULT_BODY_SIZE_LIMIT, Global};
pub use http::{Authorization, BasicAuth, TlsConfig};
pub use not_yet::{Misplaced, NotYet};
pub use relabel::{Action, Pattern, RelabelConfig};
pub use scrape::{Scheme, ScrapeConfig, StaticConfig};
pub(crate) use scrape::{check_address, port};
pub use sections::{Commands, HostCommands, Retention, Storage, Tsdb};

use std::collections::HashSet;
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use watchpost_model::config::{Faults, Validate, load};

/// The configuration file of `watchpost`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What holds for all jobs.
    pub global: Global,
    /// What is scraped.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Files of alert and recording rules; `*` and `?` in the last part of a path match names.
    pub rule_files: Vec<String>,
    /// Whether the shipped rules are loaded as well.
    pub shipped_rules: bool,
    /// Who is told of alerts.
    #[serde(skip_serializing)]
    pub notifications: Option<watchpost_rules::notify::Config>,
    /// How the commands of hosts are called.
    pub commands: Commands,
    /// How samples are stored.
    pub storage: Storage,
    /// The section of the other program.
    #[serde(skip_serializing)]
    pub(crate) exporter: IgnoredAny,
    /// What Prometheus has, or we plan, and do not have yet.
    #[serde(
        skip_serializing,
        rename = "remote_write",
        alias = "remote_read",
        alias = "alerting",
        alias = "scrape_config_files",
        alias = "tracing",
        alias = "otlp",
        alias = "runtime",
        alias = "notifications_file",
        alias = "web"
    )]
    pub(crate) not_yet: NotYet,
    /// What belongs under `notifications`.
    #[serde(
        skip_serializing,
        rename = "route",
        alias = "receivers",
        alias = "inhibit_rules",
        alias = "templates",
        alias = "mute_time_intervals",
        alias = "time_intervals"
    )]
    pub(crate) misplaced: Misplaced,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            global: Global::default(),
            scrape_configs: Vec::new(),
            rule_files: Vec::new(),
            shipped_rules: true,
            notifications: None,
            commands: Commands::default(),
            storage: Storage::default(),
            exporter: IgnoredAny,
            not_yet: NotYet,
            misplaced: Misplaced,
        }
    }
}

impl Config {
    /// Reads a file. Relative paths in it are relative to its directory.
    pub fn read(path: &Path) -> Result<Self, Faults> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let mut faults = Faults::new(name.as_str());
            faults.add("", format_args!("cannot read the file: {error}"));
            faults
        })?;
        let mut config: Self = load(&name, &text)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The rule files that a file names, also where the rest of it is faulty; none where not even
    /// they can be read.
    pub fn rule_files_of(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut named: RuleFiles = load("", &text).unwrap_or_default();
        resolve_patterns(
            path.parent().unwrap_or(Path::new("")),
            &mut named.rule_files,
        );
        named.rule_files
    }

    /// The configuration with all defaults, without secrets.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).unwrap_or_else(|error| format!("# {error}\n"))
    }

    /// Makes relative paths relative to a directory.
    fn resolve(&mut self, dir: &Path) {
        resolve_patterns(dir, &mut self.rule_files);
        http::resolve(dir, &mut self.global.query_log_file);
        for job in &mut self.scrape_configs {
            if let Some(auth) = &mut job.basic_auth {
                http::resolve(dir, &mut auth.password_file);
            }
            if let Some(auth) = &mut job.authorization {
                http::resolve(dir, &mut auth.credentials_file);
            }
            http::resolve(dir, &mut job.tls_config.ca_file);
        }
        if let Some(notifications) = &mut self.notifications {
            resolve_notifications(dir, notifications);
        }
        self.commands.resolve(dir);
    }
}

/// What is read of a file with faults elsewhere.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RuleFiles {
    rule_files: Vec<String>,
}

impl Validate for RuleFiles {
    fn validate(&self, _: &mut Faults) {}
}

fn resolve_patterns(dir: &Path, patterns: &mut [String]) {
    for pattern in patterns {
        *pattern = dir.join(&pattern).display().to_string();
    }
}

fn resolve_notifications(dir: &Path, config: &mut watchpost_rules::notify::Config) {
    http::resolve(dir, &mut config.global.smtp_auth_password_file);
    http::resolve(dir, &mut config.global.smtp_tls_config.ca_file);
    for email in config
        .receivers
        .iter_mut()
        .flat_map(|receiver| &mut receiver.email_configs)
    {
        http::resolve(dir, &mut email.auth_password_file);
        if let Some(tls) = &mut email.tls_config {
            http::resolve(dir, &mut tls.ca_file);
        }
    }
}

impl Validate for Config {
    fn validate(&self, faults: &mut Faults) {
        faults.within("global", |faults| self.global.validate(faults));
        let mut names = HashSet::new();
        for (at, job) in self.scrape_configs.iter().enumerate() {
            faults.within(&format!("scrape_configs[{at}]"), |faults| {
                job.validate(faults);
                if !job.job_name.is_empty() && !names.insert(&job.job_name) {
                    faults.add(
                        "job_name",
                        format_args!("expected a name of its own, found `{}` again", job.job_name),
                    );
                }
                if let Some(timeout) = job.scrape_timeout.filter(|timeout| !timeout.is_zero()) {
                    let interval = job.scrape_interval.unwrap_or(self.global.scrape_interval);
                    scrape::check_timeout(timeout, interval, faults);
                }
            });
        }
        if let Some(notifications) = &self.notifications {
            faults.within("notifications", |faults| notifications.validate(faults));
        }
        faults.within("commands", |faults| self.commands.validate(faults));
        faults.within("storage", |faults| self.storage.validate(faults));
    }
}
