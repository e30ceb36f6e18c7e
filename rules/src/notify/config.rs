//! The section `notifications`: a part of `alertmanager.yml`.
//!
//! Keys, meaning and defaults are Alertmanager's, but for one: recovery mails are on unless
//! `send_resolved: false` says otherwise. What Alertmanager has and we do not is a fault that says
//! so. A section without `route` sends everything to its only receiver, grouped by `alertname`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lettre::message::{Mailbox, Mailboxes, header::HeaderName};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use watchpost_model::Duration;
use watchpost_model::config::{Faults, Secret, Validate};

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

/// A key that Alertmanager has and we do not: nothing may stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct NotYet;

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Empty;
        impl<'de> Visitor<'de> for Empty {
            type Value = NotYet;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("nothing: this key of Alertmanager is not supported yet")
            }

            fn visit_unit<E>(self) -> Result<NotYet, E> {
                Ok(NotYet)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NotYet, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(NotYet),
                    Some(_) => Err(A::Error::custom(not_yet())),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NotYet, A::Error> {
                match map.next_entry::<IgnoredAny, IgnoredAny>()? {
                    None => Ok(NotYet),
                    Some(_) => Err(A::Error::custom(not_yet())),
                }
            }
        }
        deserializer
            .deserialize_any(Empty)
            .map_err(|_| D::Error::custom(not_yet()))
    }
}

fn not_yet() -> &'static str {
    "this key of Alertmanager is not supported yet"
}

/// How one mail is sent, with everything in its place.
#[derive(Clone, Debug)]
pub(crate) struct EmailSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) hello: String,
    pub(crate) from: Mailbox,
    pub(crate) to: Mailboxes,
    pub(crate) login: Option<Login>,
    pub(crate) encryption: Encryption,
    pub(crate) tls: TlsConfig,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) send_resolved: bool,
}

/// A user and the password's place.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: Password,
}

/// Where a password is.
#[derive(Clone, Debug)]
pub(crate) enum Password {
    Given(Secret),
    File(PathBuf),
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Implicit,
    StartTls,
    None,
}

/// Headers that every mail has, set by us.
const OUR_HEADERS: [&str; 9] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
];

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
            let name = &self.receiver;
            faults.add(
                "receiver",
                format_args!("expected the name of a receiver, found `{name}`"),
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

impl EmailConfig {
    /// The mail's settings; `None` where there are faults.
    pub(crate) fn settle(&self, global: &Global, faults: &mut Faults) -> Option<EmailSettings> {
        let or_global = |own: &Option<String>, global: &str| match own {
            Some(own) => own.clone(),
            None => global.to_owned(),
        };
        let from = address("from", &or_global(&self.from, &global.smtp_from), faults);
        let to = address("to", &self.to, faults);
        let place = smarthost(&or_global(&self.smarthost, &global.smtp_smarthost), faults);
        let login = self.login(global, faults);
        let headers = self.headers(faults);
        let (host, port) = place?;
        let implicit = self.force_implicit_tls.or(global.smtp_force_implicit_tls);
        let encryption = if implicit.unwrap_or(port == 465) {
            Encryption::Implicit
        } else if self.require_tls.unwrap_or(global.smtp_require_tls) {
            Encryption::StartTls
        } else {
            Encryption::None
        };
        if encryption == Encryption::None && login.is_some() && !is_loopback(&host) {
            let message =
                "expected `require_tls: true`: the password would cross the network in clear text";
            faults.add("", message);
            return None;
        }
        Some(EmailSettings {
            host,
            port,
            hello: or_global(&self.hello, &global.smtp_hello),
            from: from?,
            to: to?,
            login,
            encryption,
            tls: self
                .tls_config
                .clone()
                .unwrap_or_else(|| global.smtp_tls_config.clone()),
            headers,
            send_resolved: self.send_resolved.unwrap_or(true),
        })
    }

    fn login(&self, global: &Global, faults: &mut Faults) -> Option<Login> {
        let username = self
            .auth_username
            .as_ref()
            .unwrap_or(&global.smtp_auth_username);
        let own = self.auth_password.is_some() || self.auth_password_file.is_some();
        let (given, file) = if own {
            (self.auth_password.clone(), self.auth_password_file.clone())
        } else {
            let given = &global.smtp_auth_password;
            let given = (!given.is_empty()).then(|| given.clone());
            (given, global.smtp_auth_password_file.clone())
        };
        let password = match (given, file) {
            (Some(_), Some(_)) => {
                faults.add(
                    "auth_password",
                    "expected one of password and password file, found both",
                );
                return None;
            }
            (Some(given), None) => Password::Given(given),
            (None, Some(file)) => Password::File(file),
            (None, None) if username.is_empty() => return None,
            (None, None) => {
                faults.add(
                    "auth_password",
                    "expected a password for the user, found none",
                );
                return None;
            }
        };
        if username.is_empty() {
            faults.add(
                "auth_username",
                "expected a user for the password, found none",
            );
            return None;
        }
        Some(Login {
            username: username.clone(),
            password,
        })
    }

    fn headers(&self, faults: &mut Faults) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        for (name, text) in &self.headers {
            let ours = OUR_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name));
            let complaint = match HeaderName::new_from_ascii(name.clone()) {
                _ if ours => "setting this header is not supported yet",
                _ if text.contains("{{") => "templates in headers are not supported yet",
                _ if text.contains(['\r', '\n']) => "expected one line, found several",
                Err(_) => "expected the name of a header",
                Ok(name) => {
                    headers.push((name, text.clone()));
                    continue;
                }
            };
            faults.within("headers", |faults| faults.add(name, complaint));
        }
        headers
    }
}

/// An address, or several.
fn address<T: std::str::FromStr>(key: &str, text: &str, faults: &mut Faults) -> Option<T> {
    let complaint = if text.is_empty() {
        "expected an address, found none".to_owned()
    } else if text.contains("{{") {
        "templates in addresses are not supported yet".to_owned()
    } else {
        match text.parse() {
            Ok(address) => return Some(address),
            Err(_) => format!("expected an address like `ops@example.com`, found `{text}`"),
        }
    };
    faults.add(key, complaint);
    None
}

fn smarthost(text: &str, faults: &mut Faults) -> Option<(String, u16)> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        Some((host.to_owned(), port.parse().ok().filter(|port| *port > 0)?))
    });
    match parts {
        Some((host, port)) if !host.is_empty() => Some((host, port)),
        _ => {
            let found = if text.is_empty() { "nothing" } else { text };
            let message =
                format_args!("expected a mail server like `mail.example.com:587`, found {found}");
            faults.add("smarthost", message);
            None
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
