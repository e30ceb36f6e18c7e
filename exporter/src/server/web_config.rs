//! The file of `--web.config.file`: exporter-toolkit's, key by key.
//!
//! What is wrong with it is told with file, line and key, and never shows a hash or a private key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};
use watchpost_model::config::{Faults, Secret, Validate, load};

use super::auth;
use crate::go_duration;

/// The headers that may be added to every answer, each with its values; any where there are none.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WebConfig {
    pub(super) tls_server_config: TlsConfig,
    pub(super) http_server_config: HttpConfig,
    pub(super) basic_auth_users: BTreeMap<String, Secret>,
    pub(super) rate_limit: RateLimit,
}

/// `tls_server_config`. An empty text is as good as none.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsConfig {
    pub(super) cert: String,
    pub(super) cert_file: PathBuf,
    pub(super) key: Secret,
    pub(super) key_file: PathBuf,
    pub(super) client_auth_type: ClientAuth,
    pub(super) client_ca: String,
    pub(super) client_ca_file: PathBuf,
    /// None is any; an empty list is a fault, since it could mean either.
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: TlsVersion,
    pub(super) max_version: TlsVersion,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) prefer_server_cipher_suites: bool,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            cert: String::new(),
            cert_file: PathBuf::new(),
            key: Secret::default(),
            key_file: PathBuf::new(),
            client_auth_type: ClientAuth::Unsaid,
            client_ca: String::new(),
            client_ca_file: PathBuf::new(),
            client_allowed_sans: None,
            min_version: TlsVersion::TLS12,
            max_version: TlsVersion::TLS13,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            prefer_server_cipher_suites: true,
        }
    }
}

/// Which certificate a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum ClientAuth {
    /// Not said, which is no certificate.
    #[serde(rename = "")]
    Unsaid,
    /// None.
    NoClientCert,
    /// Any or none.
    RequestClientCert,
    /// Any.
    #[serde(alias = "RequireClientCert")]
    RequireAnyClientCert,
    /// One of the authority or none.
    VerifyClientCertIfGiven,
    /// One of the authority.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Whether a client without a certificate is refused.
    pub(super) fn needs_one(self) -> bool {
        matches!(
            self,
            Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert
        )
    }

    /// Whether a certificate must be the authority's.
    pub(super) fn verifies(self) -> bool {
        matches!(
            self,
            Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert
        )
    }

    /// Whether a client is asked for one.
    pub(super) fn asks(self) -> bool {
        !matches!(self, Self::Unsaid | Self::NoClientCert)
    }
}

/// The versions that the file may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum TlsVersion {
    TLS10,
    TLS11,
    TLS12,
    TLS13,
}

/// `http_server_config`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpConfig {
    pub(super) http2: bool,
    headers: BTreeMap<String, String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            http2: true,
            headers: BTreeMap::new(),
        }
    }
}

impl HttpConfig {
    /// The headers of every answer. A blank one is left out.
    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let given = self.headers.iter().filter(|(_, value)| !value.is_empty());
        given
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect()
    }
}

/// `rate_limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimit {
    /// The time after which one more request is let in; none is without limit.
    #[serde(deserialize_with = "go_duration")]
    pub(super) interval: Duration,
    /// So many may come at once.
    pub(super) burst: u32,
}

impl TlsConfig {
    /// Whether the section is there, so that TLS is on.
    pub(super) fn is_on(&self) -> bool {
        !(self.cert.is_empty()
            && self.cert_file.as_os_str().is_empty()
            && self.key.is_empty()
            && self.key_file.as_os_str().is_empty()
            && self.client_ca.is_empty()
            && self.client_ca_file.as_os_str().is_empty()
            && self.client_auth_type == ClientAuth::Unsaid)
    }

    /// The files that are named, which are read again when they change.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.cert_file, &self.key_file, &self.client_ca_file]
            .into_iter()
            .filter(|path| !path.as_os_str().is_empty())
            .map(PathBuf::as_path)
    }

    fn validate(&self, faults: &mut Faults) {
        let has = |text: bool, path: &Path| !text || !path.as_os_str().is_empty();
        if self.is_on() && !has(self.cert.is_empty(), &self.cert_file) {
            faults.add("", "expected `cert` or `cert_file`, found neither");
        }
        if self.is_on() && !has(self.key.is_empty(), &self.key_file) {
            faults.add("", "expected `key` or `key_file`, found neither");
        }
        for (key, version) in [
            ("min_version", self.min_version),
            ("max_version", self.max_version),
        ] {
            if version < TlsVersion::TLS12 {
                let message = "expected `TLS12` or `TLS13`, found an older version, which is broken and not offered";
                faults.add(key, message);
            }
        }
        if self.max_version < self.min_version {
            faults.add("max_version", "expected at least `min_version`, found less");
        }
        let authority = has(self.client_ca.is_empty(), &self.client_ca_file);
        if authority && !self.client_auth_type.asks() {
            let message = "expected a kind that asks for certificates, since there is a client CA; found none";
            faults.add("client_auth_type", message);
        }
        if self.client_allowed_sans.as_ref().is_some_and(Vec::is_empty) {
            let message = "expected at least one name, found none, which refuses every client; leave the key out to let in any";
            faults.add("client_allowed_sans", message);
        }
        if self.client_allowed_sans.is_some() && !self.client_auth_type.needs_one() {
            let message = "expected `client_auth_type` to be `RequireAnyClientCert` or `RequireAndVerifyClientCert`, since others let a client in without a certificate";
            faults.add("client_allowed_sans", message);
        }
        super::tls::check_names(self, faults);
    }
}

impl Validate for WebConfig {
    fn validate(&self, faults: &mut Faults) {
        faults.within("tls_server_config", |faults| {
            self.tls_server_config.validate(faults);
        });
        for (name, value) in &self.http_server_config.headers {
            let key = format!("http_server_config.headers.{name}");
            match HEADERS.iter().find(|(known, _)| known == name) {
                None => {
                    let names = HEADERS.map(|(name, _)| name).join("`, `");
                    faults.add(
                        &key,
                        format_args!("this header cannot be set, only `{names}`"),
                    );
                }
                Some((_, [])) => {}
                Some((_, values)) if values.contains(&value.as_str()) || value.is_empty() => {}
                Some((_, values)) => {
                    let values = values.join("` or `");
                    faults.add(&key, format_args!("expected `{values}`, found `{value}`"));
                }
            }
            if value.parse::<HeaderValue>().is_err() {
                faults.add(
                    &key,
                    "expected visible characters only, since it is a header",
                );
            }
        }
        for (user, hash) in &self.basic_auth_users {
            if let Err(error) = auth::check_hash(hash.expose()) {
                faults.add(&format!("basic_auth_users.{user}"), error);
            }
        }
        if !self.rate_limit.interval.is_zero() && self.rate_limit.burst == 0 {
            faults.add(
                "rate_limit.burst",
                "expected at least 1, found 0, which refuses every request",
            );
        }
    }
}

/// Reads the file's text. Paths in it count from the file's folder.
pub(super) fn read(path: &Path, text: &str) -> Result<WebConfig, Faults> {
    let mut config: WebConfig = load(&path.display().to_string(), text).map_err(hide)?;
    let tls = &mut config.tls_server_config;
    let folder = path.parent().unwrap_or(Path::new(""));
    for path in [
        &mut tls.cert_file,
        &mut tls.key_file,
        &mut tls.client_ca_file,
    ] {
        if !path.as_os_str().is_empty() {
            *path = folder.join(&path);
        }
    }
    Ok(config)
}

/// Takes out of the messages what stands where it does not belong and may be secret.
fn hide(faults: Faults) -> Faults {
    let secret = |text: &str| text.contains("$2") || text.contains("PRIVATE");
    let mut hidden = Faults::default();
    for mut fault in faults {
        if secret(&fault.key) {
            fault.key = String::from("<secret>");
        }
        if secret(&fault.message) {
            fault.message = String::from("expected something else, found what may be a secret");
        }
        let mut one = Faults::new(fault.file);
        one.add_at(fault.line, &fault.key, fault.message);
        hidden.extend(one);
    }
    hidden
}

/// The line of a key in a file of the usual layout.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let is_it = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    text.lines().position(is_it).map(|at| at + 1)
}

/// A time as Go writes it: `1s`, `1m30s`, `1.5s`, `100ms`, `0`.
fn go_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    go_duration::parse(&text).ok_or_else(|| de::Error::custom(NotADuration(text)))
}

struct NotADuration(String);

impl fmt::Display for NotADuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(f, "expected a time like `1s` or `1m30s`, found `{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$uNzdYCszaWKqIKXyF6YkSOVMEfZBNkjIP4HkuHJpVmfPMd4j0Ew6q";

    fn faults(text: &str) -> String {
        read(Path::new("/etc/web.yml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let text = "tls_server_config: {cert_file: a.crt, key_file: /b.key}";
        let config = read(Path::new("/etc/x/web.yml"), text).unwrap();
        let files: Vec<_> = config.tls_server_config.files().collect();
        assert_eq!(files, [Path::new("/etc/x/a.crt"), Path::new("/b.key")]);
        assert!(
            !read(Path::new("web.yml"), "")
                .unwrap()
                .tls_server_config
                .is_on()
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_key() {
        for (text, told) in [
            (
                "tls_server_config:\n  cert_file: x\n",
                "/etc/web.yml:1: tls_server_config: expected `key` or `key_file`, found neither",
            ),
            (
                "tls_server_config:\n  cert_file: x\n  key_file: y\n  min_version: TLS10\n",
                "/etc/web.yml:4: tls_server_config.min_version: expected `TLS12` or `TLS13`",
            ),
            (
                "tls_server_config:\n  cert_file: x\n  key_file: y\n  client_ca_file: z\n",
                "tls_server_config.client_auth_type: expected a kind that asks",
            ),
            (
                "tls_server_config: {cert_file: x, key_file: y, client_allowed_sans: [a]}",
                "/etc/web.yml:1: tls_server_config.client_allowed_sans: expected `client_auth_type`",
            ),
            (
                "tls_server_config: {cert_file: x, key_file: y, client_auth_type: Some}",
                "expected one of ",
            ),
            (
                "tls_server_config: {cert_fiel: x}",
                "did you mean `cert_file`",
            ),
            (
                "http_server_config:\n  headers:\n    Server: x\n",
                "/etc/web.yml:3: http_server_config.headers.Server: this header cannot be set",
            ),
            (
                "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
                "expected `deny` or `sameorigin`, found `allow`",
            ),
            ("rate_limit: {interval: 1 s}", "expected a time like `1s`"),
            (
                "rate_limit: {interval: 1s}",
                "rate_limit.burst: expected at least 1",
            ),
            (
                "tls_server_config: {cert_file: x, key_file: y, client_allowed_sans: []}",
                "tls_server_config.client_allowed_sans: expected at least one name",
            ),
            ("junk: 1", "unknown key `junk`"),
        ] {
            let faults = faults(text);
            assert!(faults.contains(told), "{told} not in:\n{faults}");
        }
    }

    #[test]
    fn a_wrong_hash_is_told_with_its_user() {
        let told = faults("basic_auth_users:\n  ann: secret\n");
        let start = "/etc/web.yml:2: basic_auth_users.ann: expected a bcrypt hash of 60 characters";
        assert!(told.starts_with(start), "{told}");
    }

    #[test]
    fn the_example_is_right_and_has_every_key() {
        let text = include_str!("../../../examples/web-config.yml");
        let path = Path::new("examples/web-config.yml");
        assert!(!read(path, text).unwrap().tls_server_config.is_on());
        // The reader names all keys of a section where one is unknown.
        for section in ["", "tls_server_config", "http_server_config", "rate_limit"] {
            let unknown = if section.is_empty() {
                "qqqqqqqqqqqq: 1".to_owned()
            } else {
                format!("{section}: {{qqqqqqqqqqqq: 1}}")
            };
            let told = faults(&unknown);
            let keys: Vec<_> = told.split('`').skip(3).step_by(2).collect();
            assert!(keys.len() > 1, "{told}");
            for key in keys {
                assert!(text.contains(&format!("{key}:")), "{key}");
            }
        }
    }

    #[test]
    fn hashes_and_keys_are_never_shown() {
        let broken = HASH.get(..50).unwrap();
        for text in [
            format!("basic_auth_users: {HASH}"),
            format!("basic_auth_users: {{ann: {broken}}}"),
            format!("{HASH}: x"),
            format!("rate_limit: {HASH}"),
            format!("basic_auth_users:\n  ann:\n    {HASH}: x\n"),
        ] {
            let faults = faults(&text);
            assert!(!faults.contains("uNzdYC"), "{faults}");
        }
        let config = read(
            Path::new("w"),
            &format!("basic_auth_users: {{ann: {HASH}}}"),
        );
        assert!(!format!("{:?}", config.unwrap()).contains("uNzdYC"));
    }
}
