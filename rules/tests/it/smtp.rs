//! A small mail server on a loopback port: EHLO, STARTTLS, AUTH PLAIN and LOGIN, MAIL, RCPT, DATA.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    None,
    StartTls,
    Implicit,
}

/// A mail that the server accepted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
    pub(crate) encrypted: bool,
    /// `user password`
    pub(crate) login: Option<String>,
}

/// What the server saw and how it answers.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) mails: Vec<Received>,
    pub(crate) commands: Vec<String>,
    /// Replies to the next ends of DATA, before mails are accepted.
    pub(crate) replies: VecDeque<String>,
    /// Whether logins are refused.
    pub(crate) refuses_logins: bool,
}

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The certificate for `localhost`, PEM.
    pub(crate) certificate: String,
    pub(crate) log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(tls: Encryption) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = Session {
                    log: Arc::clone(&shared),
                    mail: Received::default(),
                };
                tokio::spawn(serve(stream, acceptor.clone(), tls, session));
            }
        });
        Self {
            port,
            certificate: cert.pem(),
            log,
            task,
        }
    }

    pub(crate) fn mails(&self) -> Vec<Received> {
        self.log.lock().mails.clone()
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, tls: Encryption, mut session: Session) {
    if tls == Encryption::Implicit {
        if let Ok(stream) = acceptor.accept(stream).await {
            session.mail.encrypted = true;
            drop(session.converse(stream, false, true).await);
        }
        return;
    }
    let offers = tls == Encryption::StartTls;
    if let Ok(Some(stream)) = session.converse(stream, offers, true).await
        && let Ok(stream) = acceptor.accept(stream).await
    {
        session.mail.encrypted = true;
        drop(session.converse(stream, false, false).await);
    }
}

struct Session {
    log: Arc<Mutex<Log>>,
    mail: Received,
}

impl Session {
    /// Talks until the end, or until the client wants TLS, when the stream comes back.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        starttls: bool,
        greet: bool,
    ) -> io::Result<Option<S>> {
        let mut stream = BufStream::new(stream);
        if greet {
            say(&mut stream, "220 localhost ready").await?;
        }
        loop {
            let Some(line) = hear(&mut stream).await? else {
                return Ok(None);
            };
            self.log.lock().commands.push(line.clone());
            let command = line.to_ascii_uppercase();
            if command.starts_with("EHLO") {
                let offer = if starttls {
                    "STARTTLS"
                } else {
                    "AUTH PLAIN LOGIN"
                };
                say(&mut stream, &format!("250-localhost\r\n250 {offer}")).await?;
            } else if command == "STARTTLS" && starttls {
                say(&mut stream, "220 go on").await?;
                return Ok(Some(stream.into_inner()));
            } else if let Some(first) = line.strip_prefix("AUTH PLAIN ") {
                if self.log.lock().refuses_logins {
                    say(&mut stream, "535 who are you?").await?;
                    continue;
                }
                let parts = decode(first).replace('\0', " ");
                self.mail.login = Some(parts.trim().to_owned());
                say(&mut stream, "235 welcome").await?;
            } else if command.starts_with("MAIL FROM:") {
                self.mail.from = address(&line);
                say(&mut stream, "250 ok").await?;
            } else if command.starts_with("RCPT TO:") {
                self.mail.to.push(address(&line));
                say(&mut stream, "250 ok").await?;
            } else if command == "DATA" {
                say(&mut stream, "354 go on").await?;
                self.mail.data = data(&mut stream).await?;
                let reply = self.log.lock().replies.pop_front();
                if reply.is_none() {
                    self.log.lock().mails.push(self.mail.clone());
                }
                say(&mut stream, reply.as_deref().unwrap_or("250 taken")).await?;
            } else if command == "QUIT" {
                say(&mut stream, "221 bye").await?;
                return Ok(None);
            } else if matches!(command.as_str(), "RSET" | "NOOP") {
                say(&mut stream, "250 ok").await?;
            } else {
                say(&mut stream, "502 what?").await?;
            }
        }
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn hear<S: AsyncBufReadExt + Unpin>(stream: &mut S) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

async fn data<S: AsyncBufReadExt + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_end() == "." {
            return Ok(data);
        }
        data.push_str(&line);
    }
}

fn address(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

/// Base64 to text.
pub(crate) fn decode(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut have) = (0_u32, 0);
    for c in text.bytes() {
        let Some(digit) = ALPHABET.iter().position(|known| *known == c) else {
            continue;
        };
        bits = bits << 6 | u32::try_from(digit).unwrap();
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).unwrap());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
