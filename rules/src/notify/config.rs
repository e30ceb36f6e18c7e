//! The section `notifications`: a part of `alertmanager.yml`.
//!
//! Keys, meaning and defaults are Alertmanager's, but for one: recovery mails are on unless
//! `send_resolved: false` says otherwise. What Alertmanager has and we do not is a fault that says
//! so. A section without `route` sends everything to its only receiver, grouped by `alertname`.

mod email;
mod not_yet;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use watchpost_model::Duration;
use watchpost_model::config::{Faults, Secret, Validate};

pub(crate) use email::{EmailSettings, Encryption, Password};
use not_yet::NotYet;

/// The most names of receivers that a fault lists.
const MAX_NAMES: usize = 10;

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Defaults for all receivers.
    pub global: Global,
    /// Who is told what, and how often.
    pub route: Option<Route>,
    /// Where notices go.
    pub receivers: Vec<Receiver>,
    templates: NotYet,
    inhibit_rules: NotYet,
    mute_time_intervals: NotYet,
    time_intervals: NotYet,
    tracing: NotYet,
}

/// Defaults for all receivers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Global {
    /// The mail server, `host:port`. Port 465 means TLS from the first byte.
    pub smtp_smarthost: String,
    /// The sender's address.
    pub smtp_from: String,
    /// The name by which we greet the mail server.
    pub smtp_hello: String,
    /// The user to log in as; empty for no login.
    pub smtp_auth_username: String,
    /// The password.
    pub smtp_auth_password: Secret,
    /// A file with the password, read before each mail.
    pub smtp_auth_password_file: Option<PathBuf>,
    /// Whether a server without STARTTLS is refused.
    pub smtp_require_tls: bool,
    /// Whether TLS is spoken from the first byte, whatever the port.
    pub smtp_force_implicit_tls: Option<bool>,
    /// How the server's certificate is checked.
    pub smtp_tls_config: TlsConfig,
    /// When an alert without an end is taken to have ended. Our own rules always tell the end, so
    /// this has a meaning only for alerts that others post.
    pub resolve_timeout: Duration,
    smtp_auth_identity: NotYet,
    smtp_auth_secret: NotYet,
    smtp_auth_secret_file: NotYet,
    http_config: NotYet,
    slack_api_url: NotYet,
    slack_api_url_file: NotYet,
    pagerduty_url: NotYet,
    opsgenie_api_key: NotYet,
    opsgenie_api_key_file: NotYet,
    opsgenie_api_url: NotYet,
    telegram_api_url: NotYet,
    victorops_api_key: NotYet,
    victorops_api_url: NotYet,
    webex_api_url: NotYet,
    wechat_api_url: NotYet,
    wechat_api_secret: NotYet,
    wechat_api_corp_id: NotYet,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            smtp_smarthost: String::new(),
            smtp_from: String::new(),
            smtp_hello: "localhost".to_owned(),
            smtp_auth_username: String::new(),
            smtp_auth_password: Secret::default(),
            smtp_auth_password_file: None,
            smtp_require_tls: true,
            smtp_force_implicit_tls: None,
            smtp_tls_config: TlsConfig::default(),
            resolve_timeout: Duration::from_secs(300),
            smtp_auth_identity: NotYet,
            smtp_auth_secret: NotYet,
            smtp_auth_secret_file: NotYet,
            http_config: NotYet,
            slack_api_url: NotYet,
            slack_api_url_file: NotYet,
            pagerduty_url: NotYet,
            opsgenie_api_key: NotYet,
            opsgenie_api_key_file: NotYet,
            opsgenie_api_url: NotYet,
            telegram_api_url: NotYet,
            victorops_api_key: NotYet,
            victorops_api_url: NotYet,
            webex_api_url: NotYet,
            wechat_api_url: NotYet,
            wechat_api_secret: NotYet,
            wechat_api_corp_id: NotYet,
        }
    }
}

/// The one route: who is told what, and how often.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// The receiver's name.
    pub receiver: String,
    /// Labels whose values a group of alerts shares; `...` for all labels, none for one group.
    pub group_by: Vec<String>,
    /// How long a new group waits for more alerts.
    pub group_wait: Duration,
    /// How long a group waits between notices.
    pub group_interval: Duration,
    /// How long until a notice about what still fires is sent again.
    pub repeat_interval: Duration,
    r#continue: NotYet,
    r#match: NotYet,
    match_re: NotYet,
    matchers: NotYet,
    mute_time_intervals: NotYet,
    active_time_intervals: NotYet,
    labels: NotYet,
    routes: NotYet,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            receiver: String::new(),
            group_by: Vec::new(),
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(5 * 60),
            repeat_interval: Duration::from_secs(4 * 3_600),
            r#continue: NotYet,
            r#match: NotYet,
            match_re: NotYet,
            matchers: NotYet,
            mute_time_intervals: NotYet,
            active_time_intervals: NotYet,
            labels: NotYet,
            routes: NotYet,
        }
    }
}

/// Where notices go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    /// The name, by which a route asks for it.
    pub name: String,
    /// Mails to send.
    pub email_configs: Vec<EmailConfig>,
    discord_configs: NotYet,
    incidentio_configs: NotYet,
    jira_configs: NotYet,
    mattermost_configs: NotYet,
    msteams_configs: NotYet,
    msteamsv2_configs: NotYet,
    opsgenie_configs: NotYet,
    pagerduty_configs: NotYet,
    pushover_configs: NotYet,
    rocketchat_configs: NotYet,
    slack_configs: NotYet,
    sns_configs: NotYet,
    telegram_configs: NotYet,
    victorops_configs: NotYet,
    webex_configs: NotYet,
    webhook_configs: NotYet,
    wechat_configs: NotYet,
}

/// A mail to send. What it leaves out is taken from `global`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    /// The addresses, with commas between them.
    pub to: String,
    /// The sender's address.
    pub from: Option<String>,
    /// The mail server, `host:port`.
    pub smarthost: Option<String>,
    /// The name by which we greet the mail server.
    pub hello: Option<String>,
    /// The user to log in as.
    pub auth_username: Option<String>,
    /// The password.
    pub auth_password: Option<Secret>,
    /// A file with the password, read before each mail.
    pub auth_password_file: Option<PathBuf>,
    /// Whether a server without STARTTLS is refused.
    pub require_tls: Option<bool>,
    /// Whether TLS is spoken from the first byte, whatever the port.
    pub force_implicit_tls: Option<bool>,
    /// How the server's certificate is checked.
    pub tls_config: Option<TlsConfig>,
    /// Headers to add.
    pub headers: BTreeMap<String, String>,
    /// Whether recoveries are told. True unless stated.
    pub send_resolved: Option<bool>,
    auth_identity: NotYet,
    auth_secret: NotYet,
    auth_secret_file: NotYet,
    html: NotYet,
    text: NotYet,
    threading: NotYet,
}

/// How a server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// The name that the certificate must bear; the server's by default.
    pub server_name: String,
    /// Whether any certificate will do.
    pub insecure_skip_verify: bool,
    ca: NotYet,
    cert: NotYet,
    cert_file: NotYet,
    key: NotYet,
    key_file: NotYet,
    min_version: NotYet,
    max_version: NotYet,
}

impl Config {
    /// The route, or what stands for one where the section has none.
    pub(crate) fn effective_route(&self) -> Option<Route> {
        match (&self.route, self.receivers.as_slice()) {
            (Some(route), _) => Some(route.clone()),
            (None, [only]) => Some(Route {
                receiver: only.name.clone(),
                group_by: vec!["alertname".to_owned()],
                ..Route::default()
            }),
            (None, _) => None,
        }
    }
}

impl Validate for Config {
    fn validate(&self, faults: &mut Faults) {
        let mails = self
            .receivers
            .iter()
            .flat_map(|receiver| &receiver.email_configs);
        faults.within("global", |faults| self.global.check(mails, faults));
        let mut names = BTreeSet::new();
        for (at, receiver) in self.receivers.iter().enumerate() {
            faults.within(&format!("receivers[{at}]"), |faults| {
                if receiver.name.is_empty() {
                    faults.add("name", "expected a name, found none");
                } else if !names.insert(receiver.name.as_str()) {
                    let name = &receiver.name;
                    faults.add(
                        "name",
                        format_args!("expected a name of its own, found `{name}` again"),
                    );
                }
                for (at, email) in receiver.email_configs.iter().enumerate() {
                    faults.within(&format!("email_configs[{at}]"), |faults| {
                        email.settle(&self.global, faults);
                    });
                }
            });
        }
        match &self.route {
            Some(route) => faults.within("route", |faults| route.check(&names, faults)),
            None if self.receivers.len() > 1 => {
                faults.add(
                    "route",
                    "expected a route that names one of the receivers, found none",
                );
            }
            None => {}
        }
    }
}

impl Route {
    fn check(&self, receivers: &BTreeSet<&str>, faults: &mut Faults) {
        if !receivers.contains(self.receiver.as_str()) {
            let known = listed(receivers);
            let found = match self.receiver.as_str() {
                "" => "none".to_owned(),
                name => format!("`{name}`"),
            };
            faults.add(
                "receiver",
                format_args!("expected the name of a receiver{known}, found {found}"),
            );
        }
        let mut labels = BTreeSet::new();
        for label in &self.group_by {
            let all = label == "..." && self.group_by.len() > 1;
            if label.is_empty() || all || !labels.insert(label) {
                let message = "expected label names, each once, or `...` alone, found";
                faults.add("group_by", format_args!("{message} `{label}`"));
            }
        }
        let spans = [
            ("group_interval", self.group_interval),
            ("repeat_interval", self.repeat_interval),
        ];
        for (key, span) in spans {
            if span.is_zero() {
                faults.add(key, "expected a duration above 0, found `0s`");
            }
        }
    }
}

/// ` (one of a, b)`: the first few names.
fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    let end = if names.len() > MAX_NAMES { ", ..." } else { "" };
    match shown.as_slice() {
        [] => String::new(),
        shown => format!(" (one of {}{end})", shown.join(", ")),
    }
}
