//! What a mail needs to be sent, from its own section and the global one.

use std::path::PathBuf;

use lettre::message::{Mailbox, Mailboxes, header::HeaderName};
use watchpost_model::config::{Faults, Secret};

use super::{EmailConfig, Global, TlsConfig};

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
