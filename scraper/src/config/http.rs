//! How a target is called: credentials and TLS.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchpost_model::config::{Faults, Secret, Validate};

use super::NotYet;

/// A user name and a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BasicAuth {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "username_file",
        alias = "username_ref",
        alias = "password_ref"
    )]
    pub(crate) not_yet: NotYet,
}

/// The `Authorization` header of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorization {
    /// The header's first word.
    #[serde(rename = "type")]
    pub scheme: String,
    /// The rest of the header.
    pub credentials: Secret,
    /// The file that holds the rest of the header.
    pub credentials_file: Option<PathBuf>,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            credentials: Secret::default(),
            credentials_file: None,
        }
    }
}

/// How a target's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The file of certificates that are trusted, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is accepted.
    pub insecure_skip_verify: bool,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "ca",
        alias = "cert",
        alias = "cert_file",
        alias = "key",
        alias = "key_file",
        alias = "server_name",
        alias = "min_version",
        alias = "max_version"
    )]
    pub(crate) not_yet: NotYet,
}

impl Validate for BasicAuth {
    fn validate(&self, faults: &mut Faults) {
        if !self.password.is_empty() && self.password_file.is_some() {
            faults.add(
                "password_file",
                "expected one of `password` and `password_file`, found both",
            );
        }
    }
}

impl Validate for Authorization {
    fn validate(&self, faults: &mut Faults) {
        if !self.credentials.is_empty() && self.credentials_file.is_some() {
            faults.add(
                "credentials_file",
                "expected one of `credentials` and `credentials_file`, found both",
            );
        }
        if self.scheme.trim().eq_ignore_ascii_case("basic") {
            faults.add(
                "type",
                "expected another type than `Basic`: use `basic_auth`",
            );
        }
    }
}

/// Makes a relative path relative to the configuration file's directory.
pub(super) fn resolve(dir: &Path, path: &mut Option<PathBuf>) {
    if let Some(path) = path {
        *path = dir.join(&path);
    }
}
