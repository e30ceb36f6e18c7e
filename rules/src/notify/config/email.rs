//! What a mail needs to be sent, from its own section and the global one.

use std::collections::BTreeSet;
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

/// What is wrong with a login, and where.
struct LoginFault {
    in_global: bool,
    key: &'static str,
    message: &'static str,
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

impl Global {
    /// Tells the faults of these keys, once each; those of the login only where a mail uses it.
    pub(super) fn check<'a>(
        &self,
        mails: impl Iterator<Item = &'a EmailConfig>,
        faults: &mut Faults,
    ) {
        if !self.smtp_from.is_empty() {
            address::<Mailbox>("smtp_from", &self.smtp_from, faults);
        }
        if !self.smtp_smarthost.is_empty() {
            smarthost("smtp_smarthost", &self.smtp_smarthost, faults);
        }
        let mut told = BTreeSet::new();
        for fault in mails.filter_map(|mail| mail.login(self).err()) {
            if fault.in_global && told.insert(fault.key) {
                faults.add(fault.key, fault.message);
            }
        }
    }
}

impl EmailConfig {
    /// The mail's settings; `None` where there are faults. Those of values that are taken from
    /// `global` are [told there](Global::check).
    pub(crate) fn settle(&self, global: &Global, faults: &mut Faults) -> Option<EmailSettings> {
        let own = self.from.as_deref();
        let from = settled(("from", own), &global.smtp_from, faults, address);
        let to = address("to", &self.to, faults);
        let own = self.smarthost.as_deref();
        let place = settled(
            ("smarthost", own),
            &global.smtp_smarthost,
            faults,
            smarthost,
        );
        let login = self.login(global).unwrap_or_else(|fault| {
            if !fault.in_global {
                faults.add(fault.key, fault.message);
            }
            None
        });
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
            hello: self.hello.as_ref().unwrap_or(&global.smtp_hello).clone(),
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

    fn login(&self, global: &Global) -> Result<Option<Login>, LoginFault> {
        let (username, user_in_global) = match &self.auth_username {
            Some(own) => (own, false),
            None => (&global.smtp_auth_username, true),
        };
        let in_global = self.auth_password.is_none() && self.auth_password_file.is_none();
        let (given, file) = if in_global {
            let given = Some(&global.smtp_auth_password).filter(|given| !given.is_empty());
            (given, global.smtp_auth_password_file.as_ref())
        } else {
            (
                self.auth_password.as_ref(),
                self.auth_password_file.as_ref(),
            )
        };
        let fault = |in_global, [own, global]: [&'static str; 2], message| LoginFault {
            in_global,
            key: if in_global { global } else { own },
            message,
        };
        let key = ["auth_password", "smtp_auth_password"];
        let file_key = ["auth_password_file", "smtp_auth_password_file"];
        let (password, key) = match (given, file) {
            (Some(_), Some(_)) => {
                let message = "expected one of password and password file, found both";
                return Err(fault(in_global, key, message));
            }
            (Some(given), None) => (Password::Given(given.clone()), key),
            (None, Some(file)) => (Password::File(file.clone()), file_key),
            (None, None) if username.is_empty() => return Ok(None),
            (None, None) => {
                let key = ["auth_username", "smtp_auth_username"];
                let message = "expected a password for the user, found none";
                return Err(fault(user_in_global, key, message));
            }
        };
        if username.is_empty() {
            let message = "expected a user for the password, found none";
            return Err(fault(in_global, key, message));
        }
        Ok(Some(Login {
            username: username.clone(),
            password,
        }))
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

/// A mail's own value or the global one, whose faults are told there. Where both are missing, the
/// mail's is.
fn settled<T>(
    (key, own): (&str, Option<&str>),
    global: &str,
    faults: &mut Faults,
    read: impl Fn(&str, &str, &mut Faults) -> Option<T>,
) -> Option<T> {
    match own {
        None if !global.is_empty() => read(key, global, &mut Faults::default()),
        own => read(key, own.unwrap_or_default(), faults),
    }
}

fn smarthost(key: &str, text: &str, faults: &mut Faults) -> Option<(String, u16)> {
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
            faults.add(key, message);
            None
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
