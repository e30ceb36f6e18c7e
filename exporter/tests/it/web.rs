//! TLS, client certificates and logins, with real handshakes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use watchpost_exporter::{Config, command};

use super::start::{Exporter, config};

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// `ann:secret` as a header carries it.
const ANN: &str = "authorization: Basic YW5uOnNlY3JldA==\r\n";

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];
static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];

type Authority = CertifiedIssuer<'static, KeyPair>;

/// An authority that signs certificates.
fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, both in PEM and DER.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    fn new(authority: &Authority, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        Self { certificate, key }
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("server.crt"), self.certificate.pem()).unwrap();
        std::fs::write(folder.join("server.key"), self.key.serialize_pem()).unwrap();
    }
}

/// A folder with all that a server needs, and who may ask it.
struct Stage {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Stage {
    /// With a web configuration of these lines below `tls_server_config`, which has a certificate.
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority("ours");
        Identity::new(&authority, "localhost").write(folder.path());
        std::fs::write(folder.path().join("ca.crt"), authority.pem()).unwrap();
        let stage = Self { folder, authority };
        stage.write(lines);
        stage
    }

    fn write(&self, lines: &str) {
        let text =
            format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{lines}");
        std::fs::write(self.folder.path().join("web.yml"), text).unwrap();
    }

    fn config(&self) -> Config {
        let path = self.folder.path().join("web.yml");
        config(&[
            "--collector.disable-defaults",
            "--collector.loadavg",
            &format!("--web.config.file={}", path.display()),
        ])
    }

    async fn start(&self) -> Exporter {
        Exporter::start(self.config()).await
    }

    fn client(&self) -> Client {
        Client {
            root: self.authority.der().clone(),
            identity: None,
            versions: &BOTH,
            protocol: "http/1.1",
        }
    }

    /// A client with a certificate of an authority for a name.
    fn client_of(&self, authority: &Authority, name: &str) -> Client {
        Client {
            identity: Some(Identity::new(authority, name)),
            ..self.client()
        }
    }
}

struct Client {
    root: CertificateDer<'static>,
    identity: Option<Identity>,
    versions: &'static [&'static SupportedProtocolVersion],
    protocol: &'static str,
}

impl Client {
    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                let chain = vec![certificate.der().clone()];
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![self.protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }

    /// The whole answer, or why there is none.
    async fn ask(&self, exporter: &Exporter, path: &str, headers: &str) -> Result<String, String> {
        let asked = async {
            let mut stream = self.connect(exporter.address).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok(String::from_utf8(answer).unwrap())
        };
        let asked = tokio::time::timeout(LIMIT, asked).await.unwrap();
        asked.map_err(|error: std::io::Error| error.to_string())
    }

    /// The status, or why there is none.
    async fn status(&self, exporter: &Exporter, headers: &str) -> Result<u16, String> {
        let answer = self.ask(exporter, "/metrics", headers).await?;
        Ok(answer.split(' ').nth(1).unwrap().parse().unwrap())
    }
}

fn users() -> String {
    let hash = bcrypt::hash_with_salt("secret", 4, [1; 16]).unwrap();
    format!("basic_auth_users:\n  ann: {hash}\n")
}

#[tokio::test]
async fn only_who_logs_in_is_answered() {
    let headers = "http_server_config:\n  headers: {X-Frame-Options: deny}\n";
    let stage = Stage::new(&format!("{}{headers}", users()));
    let exporter = stage.start().await;
    let client = stage.client();
    for (headers, status) in [
        (ANN, 200),
        ("", 401),
        ("authorization: Basic YW5uOndyb25n\r\n", 401),
        ("authorization: Basic Ym9iOnNlY3JldA==\r\n", 401),
        ("authorization: Basic YW5u\r\n", 401),
        ("authorization: Bearer secret\r\n", 401),
        (ANN, 200),
    ] {
        let found = client.status(&exporter, headers).await;
        assert_eq!(found, Ok(status), "{headers}");
    }
    let refused = client.ask(&exporter, "/-/healthy", "").await.unwrap();
    assert!(refused.contains("www-authenticate: Basic\r\n"), "{refused}");
    assert!(refused.contains("x-frame-options: deny\r\n"), "{refused}");
    exporter.stop().await;
}

#[tokio::test]
async fn each_kind_of_client_certificates_lets_in_whom_it_should() {
    let other = authority("other");
    for (kind, none, strange) in [
        ("NoClientCert", true, true),
        ("RequestClientCert", true, true),
        ("RequireAnyClientCert", false, true),
        ("VerifyClientCertIfGiven", true, false),
        ("RequireAndVerifyClientCert", false, false),
    ] {
        let ca = if kind == "NoClientCert" {
            ""
        } else {
            "  client_ca_file: ca.crt\n"
        };
        let stage = Stage::new(&format!("  client_auth_type: {kind}\n{ca}"));
        let exporter = stage.start().await;
        for versions in [&NEW, &OLD] {
            for (client, is_in) in [
                (stage.client(), none),
                (stage.client_of(&stage.authority, "ann"), true),
                (stage.client_of(&other, "ann"), strange),
            ] {
                let client = Client { versions, ..client };
                let found = client.status(&exporter, "").await;
                assert_eq!(found.is_ok(), is_in, "{kind}: {found:?}");
            }
        }
        exporter.stop().await;
    }
}

#[tokio::test]
async fn a_client_is_told_why_its_certificate_is_refused() {
    let stage = Stage::new(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [ann.example]\n",
    );
    let exporter = stage.start().await;
    let ann = stage.client_of(&stage.authority, "ann.example");
    assert_eq!(ann.status(&exporter, "").await, Ok(200));
    let bob = stage.client_of(&stage.authority, "bob.example");
    let eve = stage.client_of(&authority("other"), "ann.example");
    for (client, told) in [
        (stage.client(), "CertificateRequired"),
        (bob, "AccessDenied"),
        (eve, "UnknownCA"),
    ] {
        let refused = client.status(&exporter, "").await.unwrap_err();
        assert!(refused.contains(told), "{told} not in {refused}");
    }
    exporter.stop().await;
}

#[tokio::test]
async fn a_version_that_is_too_low_and_plain_http_are_refused() {
    let stage = Stage::new("  min_version: TLS13\n");
    let exporter = stage.start().await;
    let old = Client {
        versions: &OLD,
        ..stage.client()
    };
    let refused = old.status(&exporter, "").await.unwrap_err();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
    assert_eq!(stage.client().status(&exporter, "").await, Ok(200));
    let plain = exporter.get("/metrics").await;
    assert_eq!(plain.status, 400);
    let told = "Client sent an HTTP request to an HTTPS server.\n";
    assert_eq!(plain.text(), told);
    exporter.stop().await;
}

#[tokio::test]
async fn a_changed_certificate_is_shown_without_a_restart() {
    let stage = Stage::new("");
    let exporter = stage.start().await;
    let shown = async || {
        let stream = stage.client().connect(exporter.address).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let new = Identity::new(&stage.authority, "localhost");
    assert_ne!(shown().await, *new.certificate.der());
    new.write(stage.folder.path());
    let end = Instant::now() + LIMIT;
    while shown().await != *new.certificate.der() {
        assert!(Instant::now() < end, "the certificate stays as it was");
    }
    exporter.stop().await;
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_on() {
    let stage = Stage::new(&users());
    let exporter = stage.start().await;
    let client = Client {
        protocol: "h2",
        ..stage.client()
    };
    let stream = client.connect(exporter.address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let shaken = hyper::client::conn::http2::handshake(executor, io).await;
    let (mut sender, connection) = shaken.unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get("https://localhost/metrics")
        .header("authorization", "Basic YW5uOnNlY3JldA==")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    // The server stops while the client keeps its connection.
    exporter.stop().await;
    connection.await.unwrap().unwrap();

    let stage = Stage::new("http_server_config: {http2: false}\n");
    let exporter = stage.start().await;
    let client = Client {
        protocol: "h2",
        ..stage.client()
    };
    let refused = client.connect(exporter.address).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"));
    exporter.stop().await;
}

#[tokio::test]
async fn logins_and_limits_need_no_tls() {
    let stage = Stage::new("");
    let text = format!("{}rate_limit: {{interval: 1h, burst: 2}}\n", users());
    std::fs::write(stage.folder.path().join("web.yml"), text).unwrap();
    let exporter = stage.start().await;
    assert_eq!(exporter.get("/metrics").await.status, 401);
    assert_eq!(exporter.get_with("/metrics", ANN).await.status, 200);
    let refused = exporter.get_with("/metrics", ANN).await;
    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: 3600"));
    exporter.stop().await;
}

#[tokio::test]
async fn commands_have_a_token_instead_of_a_login() {
    let stage = Stage::new(&users());
    let mut config = stage.config();
    config.section.commands = Some(command::Config {
        token: watchpost_model::config::Secret::new("0123456789abcdef"),
        audit_log: stage.folder.path().join("audit.log"),
        ..command::Config::default()
    });
    let exporter = Exporter::start(config).await;
    let client = stage.client();
    let token = "authorization: Bearer 0123456789abcdef\r\n";
    for (path, headers, status) in [
        (command::PATH, token, "200"),
        (command::PATH, "", "401"),
        (command::PATH, ANN, "401"),
        ("/api/v1/commands/../../../metrics", token, "404"),
        ("/api/v1/commandsx", token, "401"),
        ("/metrics", token, "401"),
        ("/metrics", ANN, "200"),
    ] {
        let answer = client.ask(&exporter, path, headers).await.unwrap();
        let found = answer.split(' ').nth(1).unwrap();
        assert_eq!(found, status, "{path} {headers}");
    }
    exporter.stop().await;
}
