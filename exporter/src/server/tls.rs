//! From `tls_server_config` to what the TLS library takes.

mod certificate;
mod client;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{ALL_CIPHER_SUITES, ALL_KX_GROUPS, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, CipherSuite, NamedGroup, RootCertStore, ServerConfig,
    SupportedProtocolVersion,
};
use watchpost_model::config::Faults;

use super::web_config::{TlsConfig, TlsVersion, WebConfig};
use client::Judge;

/// Sessions that clients may take up again. Those who scrape keep their connections open.
const SESSIONS: usize = 64;

/// No file of certificates is longer.
const LONGEST_FILE: u64 = 4 << 20;

/// The suites that can be named. Those without a second name are Go's that are not offered.
const CIPHER_SUITES: [(&str, Option<CipherSuite>); 17] = [
    (
        "TLS_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256),
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384),
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", None),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", None),
];

/// The curves that can be named, likewise.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519", Some(NamedGroup::X25519)),
    ("X25519MLKEM768", None),
];

/// Finds the names of suites and curves that are not offered.
pub(super) fn check_names(config: &TlsConfig, faults: &mut Faults) {
    check_list(
        &CIPHER_SUITES,
        "cipher_suites",
        &config.cipher_suites,
        faults,
    );
    check_list(
        &CURVES,
        "curve_preferences",
        &config.curve_preferences,
        faults,
    );
}

fn check_list<T: Copy>(
    known: &[(&'static str, Option<T>)],
    key: &str,
    given: &[String],
    faults: &mut Faults,
) {
    for (at, name) in given.iter().enumerate() {
        let found = known.iter().find(|(known, _)| known == name);
        if matches!(found, Some((_, Some(_)))) {
            continue;
        }
        let offered = known.iter().filter(|(_, offered)| offered.is_some());
        let offered: Vec<_> = offered.map(|(name, _)| *name).collect();
        let offered = offered.join("`, `");
        let message = if found.is_some() {
            format!(
                "`{name}` is node_exporter's but not offered here, only `{offered}`; leave it out"
            )
        } else {
            format!("expected one of `{offered}`, found `{name}`")
        };
        faults.add(&format!("{key}[{at}]"), message);
    }
}

/// What a name of the list stands for.
fn meant<T: Copy>(known: &[(&str, Option<T>)], name: &str) -> Option<T> {
    known.iter().find(|(known, _)| *known == name)?.1
}

/// Why a key's value cannot be used.
type Refusal = (&'static str, String);

/// Reads the certificates and keys and puts together what the TLS library takes.
pub(super) fn server_config(web: &WebConfig) -> Result<ServerConfig, Refusal> {
    let config = &web.tls_server_config;
    let provider = Arc::new(provider(config));
    let versions: Vec<&'static SupportedProtocolVersion> =
        [(TlsVersion::TLS13, &TLS13), (TlsVersion::TLS12, &TLS12)]
            .into_iter()
            .filter(|(version, _)| (config.min_version..=config.max_version).contains(version))
            .map(|(_, version)| version)
            .collect();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| ("cipher_suites", error.to_string()))?;
    let builder = if config.client_auth_type.asks() {
        builder.with_client_cert_verifier(Arc::new(judge(config, &provider)?))
    } else {
        builder.with_no_client_auth()
    };
    let (certificates, key) = (certificates(config)?, private_key(config)?);
    let mut server = builder
        .with_single_cert(certificates, key)
        .map_err(|error| unusable(config, &error))?;
    server.ignore_client_order = config.prefer_server_cipher_suites;
    server.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    if web.http_server_config.http2 {
        server.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(server)
}

fn provider(config: &TlsConfig) -> CryptoProvider {
    let mut provider = default_provider();
    if !config.cipher_suites.is_empty() {
        let named = config.cipher_suites.iter();
        let wanted: Vec<_> = named
            .filter_map(|name| meant(&CIPHER_SUITES, name))
            .collect();
        // As in Go, the list is for TLS 1.2; the suites of TLS 1.3 are always there.
        let new = ALL_CIPHER_SUITES
            .iter()
            .filter(|suite| suite.tls13().is_some());
        let old = wanted.iter().filter_map(|wanted| {
            let mut suites = ALL_CIPHER_SUITES.iter();
            suites.find(|suite| suite.suite() == *wanted && suite.tls13().is_none())
        });
        provider.cipher_suites = new.chain(old).copied().collect();
    }
    if !config.curve_preferences.is_empty() {
        let named = config.curve_preferences.iter();
        let wanted = named.filter_map(|name| meant(&CURVES, name));
        provider.kx_groups = wanted
            .filter_map(|wanted| {
                let mut groups = ALL_KX_GROUPS.iter();
                groups.find(|group| group.name() == wanted).copied()
            })
            .collect();
    }
    provider
}

fn judge(config: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Judge, Refusal> {
    let kind = config.client_auth_type;
    let trusted = authorities(config)?;
    let authority = if kind.verifies() {
        let fault = |error: String| ("client_ca_file", error);
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots
                .add(certificate.clone())
                .map_err(|error| fault(error.to_string()))?;
        }
        if trusted.is_empty() {
            // As in Go: who names no authority means those of the system.
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .allow_unauthenticated()
                .build()
                .map_err(|error| fault(format!("expected a client CA: {error}")))?;
        Some(verifier)
    } else {
        None
    };
    Ok(Judge {
        kind,
        authority,
        trusted,
        names: config.client_allowed_sans.clone().unwrap_or_default(),
        algorithms: provider.signature_verification_algorithms,
    })
}

fn authorities(config: &TlsConfig) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    if config.client_ca.is_empty() && config.client_ca_file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let (key, pem) = either(
        ("client_ca", config.client_ca.as_bytes()),
        ("client_ca_file", &config.client_ca_file),
    )?;
    parse_certificates(key, &pem)
}

fn certificates(config: &TlsConfig) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let (key, pem) = either(
        ("cert", config.cert.as_bytes()),
        ("cert_file", &config.cert_file),
    )?;
    parse_certificates(key, &pem)
}

fn private_key(config: &TlsConfig) -> Result<PrivateKeyDer<'static>, Refusal> {
    let (key, pem) = either(
        ("key", config.key.expose().as_bytes()),
        ("key_file", &config.key_file),
    )?;
    if pem.windows(9).any(|nine| nine == b"ENCRYPTED") {
        let message = "expected a private key that is not encrypted, found one that is";
        return Err((key, message.to_owned()));
    }
    // The reader's own error could show a line of the key.
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| (key, "expected a private key in PEM, found none".to_owned()))
}

fn parse_certificates(
    key: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err((key, "expected certificates in PEM, found none".to_owned())),
    }
}

/// A file's content goes before a text of the same meaning, as in exporter-toolkit.
fn either(
    (text_key, text): (&'static str, &[u8]),
    (file_key, path): (&'static str, &Path),
) -> Result<(&'static str, Vec<u8>), Refusal> {
    if path.as_os_str().is_empty() {
        return Ok((text_key, text.to_vec()));
    }
    let pem = super::web::read_bounded(path, LONGEST_FILE).map_err(|error| {
        (
            file_key,
            format!("cannot read `{}`: {error}", path.display()),
        )
    })?;
    Ok((file_key, pem))
}

/// What the library says of a certificate and a key that cannot be used, or not together.
fn unusable(config: &TlsConfig, error: &rustls::Error) -> Refusal {
    let of = |text, file, path: &Path| {
        if path.as_os_str().is_empty() {
            text
        } else {
            file
        }
    };
    let certificate = of("cert", "cert_file", &config.cert_file);
    let key = of("key", "key_file", &config.key_file);
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let message = "expected the key of the certificate, found another one";
            (key, message.to_owned())
        }
        rustls::Error::InvalidCertificate(why) if is_version_1(why) => {
            let message = "expected a certificate of X.509 version 3, found one of version 1 (made without extensions)";
            (certificate, message.to_owned())
        }
        rustls::Error::InvalidCertificate(why) => {
            let message =
                format!("expected a certificate that can be used, found one that cannot: {why}");
            (certificate, message)
        }
        error => (
            key,
            format!(
                "expected an RSA key of 2,048 to 8,192 bits, an ECDSA key on P-256 or P-384 or an Ed25519 key: {error}"
            ),
        ),
    }
}

/// The library has no kind of its own for it.
fn is_version_1(why: &CertificateError) -> bool {
    matches!(why, CertificateError::Other(other) if format!("{other:?}").contains("UnsupportedCertVersion"))
}

/// Why a client's certificate was refused, if that is what ended a handshake.
pub(super) fn certificate_fault(error: &std::io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::NoCertificatesPresented => Some("no certificate".to_owned()),
        rustls::Error::InvalidCertificate(why) => Some(match why {
            CertificateError::UnknownIssuer => "a certificate of an unknown authority".to_owned(),
            CertificateError::ApplicationVerificationFailure => {
                "a certificate with none of the allowed names".to_owned()
            }
            CertificateError::Other(why) => {
                format!("a certificate that cannot be trusted: {}", why.0)
            }
            why => format!("a certificate that cannot be trusted: {why}"),
        }),
        _ => None,
    }
}
