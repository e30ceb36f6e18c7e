use super::*;

const HASH: &str = "$2y$04$uNzdYCszaWKqIKXyF6YkSOVMEfZBNkjIP4HkuHJpVmfPMd4j0Ew6q";

/// A folder with a certificate, its key and a web configuration of these lines.
fn folder(lines: &str) -> (tempfile::TempDir, Arc<Web>) {
    let folder = tempfile::tempdir().unwrap();
    put_certificate(folder.path());
    std::fs::write(folder.path().join("web.yml"), lines).unwrap();
    let web = Web::open(&folder.path().join("web.yml"), None).unwrap();
    (folder, web)
}

fn put_certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("a.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("a.key"), made.signing_key.serialize_pem()).unwrap();
}

/// Whether something else is in use after a file was written.
fn changes(web: &Web, path: &Path, text: &str) -> bool {
    let before = Arc::clone(&web.kept.lock().settings);
    std::fs::write(path, text).unwrap();
    web.look();
    !Arc::ptr_eq(&before, &web.kept.lock().settings)
}

#[test]
fn what_is_wrong_or_weaker_changes_nothing() {
    let tls = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n";
    let strict =
        format!("{tls}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [x]\n");
    let users = format!("basic_auth_users: {{ann: {HASH}}}\n");
    let whole = format!("{strict}{users}");
    let (folder, web) = folder(&whole);
    let path = folder.path().join("web.yml");
    for end in 0..whole.len() - 2 {
        let half = whole.get(..end).unwrap();
        assert!(!changes(&web, &path, half), "{half}");
    }
    let without = |what: &str| whole.replace(what, "");
    for weaker in [
        without("  client_allowed_sans: [x]\n"),
        without(&users),
        users.clone(),
        "{".to_owned(),
    ] {
        assert!(!changes(&web, &path, &weaker), "{weaker}");
    }
    let more = format!("{whole}http_server_config: {{http2: false}}\n");
    assert!(changes(&web, &path, &more));
    let bob = more.replace("ann", "bob");
    assert!(changes(&web, &path, &bob));
}

#[test]
fn files_that_are_named_are_read_again_and_broken_ones_are_not_used() {
    let (folder, web) = folder("tls_server_config: {cert_file: a.crt, key_file: a.key}\n");
    let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
    web.look();
    assert!(!changes(&web, &certificate, "no certificate"));
    let before = Arc::clone(&web.kept.lock().settings);
    std::fs::remove_file(&certificate).unwrap();
    web.look();
    assert!(Arc::ptr_eq(&before, &web.kept.lock().settings));
    put_certificate(folder.path());
    web.look();
    assert!(!Arc::ptr_eq(&before, &web.kept.lock().settings));
    assert!(!changes(&web, &key, "no key"));
}

#[tokio::test]
async fn while_somebody_looks_at_the_files_the_others_have_what_is_known() {
    let (folder, web) = folder("");
    let before = Arc::clone(&web.kept.lock().settings);
    let lines = "http_server_config: {http2: false}\n";
    std::fs::write(folder.path().join("web.yml"), lines).unwrap();
    for (is_looking, is_known) in [(true, true), (false, false)] {
        web.kept.lock().is_looking = is_looking;
        web.kept.lock().looked = Instant::now().checked_sub(LOOK_AGAIN).unwrap();
        assert_eq!(Arc::ptr_eq(&before, &web.settings().await), is_known);
    }
    assert!(!web.kept.lock().is_looking);
}

/// Of `openssl x509 -req` without extensions.
const OF_VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBFTCBuwIUeUReiYPHtrbMDCx2uKIiJzIi4aMwCgYIKoZIzj0EAwIwDDEKMAgG\n\
A1UEAwwBeDAgFw0yNjExMjAxNDM0NTRaGA8yMTI2MTAyNzE0MzQ1NFowDDEKMAgG\n\
A1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABB7cnaD+/MEezq1+5ycG\n\
qJZcqBIAAvX2MxdV3+TaSKx1v6ORLJNYnrbX7j/5hSA18AJqXyj1I6VIX0+rutUf\n\
q8AwCgYIKoZIzj0EAwIDSQAwRgIhAPmuqiRtlhywYjZpZttBI8ny95Yw4y/WlPk0\n\
3DbT4mVxAiEAlBtiKzud9Ul5hdBDzNrXU0KEIm6ksAVp05oLYY28dAA=\n\
-----END CERTIFICATE-----\n";

#[test]
fn a_file_that_is_named_and_wrong_is_told_with_its_key() {
    let (folder, _) = folder("");
    let path = folder.path().join("web.yml");
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(folder.path().join("other.key"), other).unwrap();
    std::fs::write(folder.path().join("long"), vec![b'x'; 5 << 20]).unwrap();
    std::fs::write(folder.path().join("old.crt"), OF_VERSION_1).unwrap();
    for (lines, told) in [
        (
            "cert_file: none, key_file: a.key",
            "cert_file: cannot read `",
        ),
        ("cert_file: ., key_file: a.key", "expected a regular file"),
        (
            "cert_file: long, key_file: a.key",
            "expected at most 4194304 bytes",
        ),
        (
            "cert_file: a.key, key_file: a.key",
            "cert_file: expected certificates in PEM",
        ),
        (
            "cert_file: a.crt, key_file: a.crt",
            "key_file: expected a private key in PEM",
        ),
        (
            "cert: x, key_file: a.key",
            ".cert: expected certificates in PEM",
        ),
        (
            "cert_file: a.crt, key_file: other.key",
            "key_file: expected the key of the certificate, found another one",
        ),
        (
            "cert_file: old.crt, key_file: a.key",
            "cert_file: expected a certificate of X.509 version 3, found one of version 1",
        ),
        (
            "cert_file: a.crt, key_file: a.key, client_auth_type: RequireAnyClientCert, client_ca_file: web.yml",
            "client_ca_file: expected certificates in PEM",
        ),
        (
            "cert_file: a.crt, key_file: a.key, curve_preferences: [CurveP521]",
            "curve_preferences[0]: `CurveP521` is node_exporter's but not offered here",
        ),
        (
            "cert_file: a.crt, key_file: a.key, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
            "cipher_suites[0]: `TLS_RSA_WITH_AES_128_CBC_SHA` is node_exporter's but not",
        ),
    ] {
        std::fs::write(&path, format!("\ntls_server_config: {{{lines}}}\n")).unwrap();
        let error = crate::error::chain(&Web::open(&path, None).unwrap_err());
        assert!(error.contains(told), "{told} not in:\n{error}");
        assert!(
            error.starts_with(&format!("{}:", path.display())),
            "{error}"
        );
    }
}
