//! A message to a mail server, by SMTP.

use std::time::Duration;

use lettre::message::header::HeaderValue;
use lettre::message::{MultiPart, header};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};
use tokio::time::timeout;

use super::config::{EmailSettings, Encryption, Password, TlsConfig};
use super::message::Message;
use super::outbox::Failure;

/// How long a single command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(90);
/// The most that is read of a password or certificate file.
const MAX_FILE: u64 = 1 << 20;
/// Replies about the login (RFC 4954). They are the server's or the configuration's fault, not the
/// mail's: it waits until somebody has put that right. So it does for what the client itself finds
/// wrong: no STARTTLS, no login of a kind that it knows.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];

/// What a message is called and what it answers to.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// `<...@...>`
    pub(crate) message_id: String,
    pub(crate) reply_to: Option<String>,
}

/// Sends a message once.
pub(crate) async fn send(
    settings: &EmailSettings,
    message: Message,
    identity: &Identity,
) -> Result<(), Failure> {
    let mail = compose(settings, message, identity)?;
    let transport = transport(settings).await?;
    let outcome = timeout(ATTEMPT_TIMEOUT, transport.send(mail)).await;
    // The server has answered: how the conversation is closed changes nothing.
    let closed = timeout(Duration::from_secs(5), transport.shutdown()).await;
    if closed.is_err() {
        tracing::debug!(
            host = settings.host,
            "the mail server does not close the conversation"
        );
    }
    match outcome {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(classify(settings, &error)),
        Err(_) => {
            let place = place(settings);
            Err(Failure::Temporary(format!(
                "{place}: no answer within {ATTEMPT_TIMEOUT:?}"
            )))
        }
    }
}

fn place(settings: &EmailSettings) -> String {
    format!("mail server {}:{}", settings.host, settings.port)
}

fn classify(settings: &EmailSettings, error: &SmtpError) -> Failure {
    let place = place(settings);
    let mut message = format!("{place}: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            message.push_str(": ");
            message.push_str(&cause_text);
        }
        source = cause.source();
    }
    // The client has no kind of its own for this.
    if error.is_client() && message.contains("STARTTLS is not supported") {
        message = format!(
            "{place} offers no STARTTLS; set `smtp_require_tls: false` to send unencrypted, or use port 465"
        );
    }
    let login = error
        .status()
        .is_some_and(|code| LOGIN_CODES.contains(&u16::from(code)));
    if error.is_permanent() && !login {
        Failure::Permanent(message)
    } else {
        Failure::Temporary(message)
    }
}

fn compose(
    settings: &EmailSettings,
    message: Message,
    identity: &Identity,
) -> Result<Mail, Failure> {
    let mut builder = Mail::builder()
        .from(settings.from.clone())
        .mailbox(header::To::from(settings.to.clone()))
        .subject(message.subject)
        .message_id(Some(identity.message_id.clone()));
    if let Some(first) = &identity.reply_to {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    let automatic = header::HeaderName::new_from_ascii_str("Auto-Submitted");
    builder = builder.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    for (name, text) in &settings.headers {
        builder = builder.raw_header(HeaderValue::new(name.clone(), text.clone()));
    }
    builder
        .multipart(MultiPart::alternative_plain_html(
            message.text,
            message.html,
        ))
        .map_err(|error| Failure::Permanent(format!("cannot write the mail: {error}")))
}

async fn transport(
    settings: &EmailSettings,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let tls = match settings.encryption {
        Encryption::None => Tls::None,
        Encryption::Implicit => Tls::Wrapper(parameters(settings).await?),
        Encryption::StartTls => Tls::Required(parameters(settings).await?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .hello_name(ClientId::Domain(settings.hello.clone()))
        .timeout(Some(COMMAND_TIMEOUT))
        .pool_config(PoolConfig::new().max_size(1))
        .tls(tls);
    if let Some(login) = &settings.login {
        let password = match &login.password {
            Password::Given(secret) => secret.expose().to_owned(),
            Password::File(path) => {
                let text = read(path).await?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        builder = builder
            .credentials(Credentials::new(login.username.clone(), password))
            .authentication(vec![Mechanism::Plain, Mechanism::Login]);
    }
    Ok(builder.build())
}

async fn parameters(settings: &EmailSettings) -> Result<TlsParameters, Failure> {
    let TlsConfig {
        ca_file,
        server_name,
        insecure_skip_verify,
        ..
    } = &settings.tls;
    let name = if server_name.is_empty() {
        &settings.host
    } else {
        server_name
    };
    let mut builder = TlsParameters::builder(name.clone())
        .dangerous_accept_invalid_certs(*insecure_skip_verify)
        .dangerous_accept_invalid_hostnames(*insecure_skip_verify);
    if let Some(path) = ca_file {
        let pem = read(path).await?;
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in certificates(&pem) {
            let certificate = Certificate::from_pem(certificate.as_bytes()).map_err(|error| {
                Failure::Temporary(format!("cannot read `{}`: {error}", path.display()))
            })?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder
        .build_rustls()
        .map_err(|error| Failure::Temporary(format!("cannot prepare TLS: {error}")))
}

/// The certificates of a PEM file, one at a time.
fn certificates(pem: &str) -> impl Iterator<Item = String> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END)
        .filter(|part| part.contains(END))
        .map(str::to_owned)
}

async fn read(path: &std::path::Path) -> Result<String, Failure> {
    let failure = |error: std::io::Error| {
        Failure::Temporary(format!("cannot read `{}`: {error}", path.display()))
    };
    let size = tokio::fs::metadata(path).await.map_err(failure)?.len();
    if size > MAX_FILE {
        let found = format!("expected at most {MAX_FILE} bytes, found {size}");
        return Err(Failure::Temporary(format!(
            "cannot read `{}`: {found}",
            path.display()
        )));
    }
    tokio::fs::read_to_string(path).await.map_err(failure)
}
