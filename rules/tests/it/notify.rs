//! From a rule to a mail in a server's hands.

use std::fs;
use std::time::Duration;

use jiff::tz::TimeZone;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchpost_model::config::load;
use watchpost_promql::Features;
use watchpost_rules::notify::{ChannelStatus, Config, Notifier, Options};
use watchpost_rules::{Manager, load_rule_file};

use crate::smtp::{Encryption, Server};
use crate::world::{environment, eventually, put, system_clock};

const RULES: &str = "
groups:
  - name: g
    interval: 50ms
    rules:
      - alert: TooHigh
        expr: x > 1
        annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}
";

/// A notifier that sends to a server, and what must live as long.
struct Sender {
    notifier: Notifier,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    _certificate: TempDir,
}

impl Sender {
    /// `keys` are added to the global section.
    fn start(server: &Server, keys: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let directory = tempfile::tempdir().unwrap();
        let ca_file = directory.path().join("ca.pem");
        fs::write(&ca_file, &server.certificate).unwrap();
        let text = format!(
            "
global:
  smtp_smarthost: 127.0.0.1:{port}
  smtp_from: Watchpost <watchpost@example.com>
  smtp_tls_config: {{ca_file: {ca_file}, server_name: localhost}}
{keys}
route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 50ms, repeat_interval: 4h}}
receivers:
  - name: ops
    email_configs: [{{to: 'ops@example.com, second@example.com'}}]
",
            port = server.port,
            ca_file = ca_file.display(),
        );
        let config: Config =
            load("notifications", &text).unwrap_or_else(|faults| panic!("{faults}"));
        let options = Options {
            external_url: "http://watch.example.com:9090".to_owned(),
            zone: TimeZone::UTC,
            clock: system_clock(),
        };
        let notifier = Notifier::new(&config, options).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = notifier.clone();
        let task = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
        Self {
            notifier,
            stop,
            task,
            _certificate: directory,
        }
    }

    fn channel(&self) -> ChannelStatus {
        self.notifier.status().channels.remove(0)
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }
}

/// Runs the rule over a store in which `x` goes up, and down once `told` is true.
async fn outage(sender: &Sender, mut told: impl FnMut() -> bool) {
    let env = environment(system_clock(), Some(sender.notifier.clone()));
    let (db, clock) = (env.db.clone(), env.clock.clone());
    let labels = [("job", "node"), ("instance", "web1:9100")];
    put(&db, "x", &labels, clock(), 2.5);
    let manager = Manager::new(
        load_rule_file("r.yaml", RULES, Features::default()).unwrap(),
        env,
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let running = manager.clone();
    let task = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
    eventually("the alert was told", &mut told).await;
    put(&db, "x", &labels, clock(), 0.5);
    let notifier = sender.notifier.clone();
    eventually("all was told", || {
        let status = notifier.status();
        status.alerts == 0 && status.channels[0].queued == 0
    })
    .await;
    drop(stop);
    task.await.unwrap();
}

#[tokio::test]
async fn an_outage_gives_exactly_one_firing_and_one_recovery_mail() {
    let server = Server::start(Encryption::StartTls).await;
    let login = "  smtp_auth_username: ann\n  smtp_auth_password: geheim";
    let sender = Sender::start(&server, login);
    outage(&sender, || server.mails().len() == 1).await;
    assert_eq!(sender.channel().sent, 2);
    assert_eq!(sender.channel().last_error, None);
    sender.stop().await;

    let mails = server.mails();
    let [firing, recovery] = mails.as_slice() else {
        panic!("expected two mails, found {}", mails.len());
    };
    for mail in &mails {
        assert!(mail.encrypted);
        assert_eq!(mail.login.as_deref(), Some("ann geheim"));
        assert_eq!(mail.from, "watchpost@example.com");
        assert_eq!(mail.to, ["ops@example.com", "second@example.com"]);
        for part in [
            "multipart/alternative",
            "text/plain",
            "text/html",
            "Auto-Submitted",
        ] {
            assert!(mail.data.contains(part), "{part}\n{}", mail.data);
        }
    }
    assert_eq!(header(&firing.data, "Subject"), "[FIRING:1] TooHigh web1");
    assert_eq!(header(&recovery.data, "Subject"), "[RESOLVED] TooHigh web1");
    assert!(
        firing.data.contains("web1:9100 is at 2.5"),
        "{}",
        firing.data
    );
    assert!(recovery.data.contains("Lasted:"), "{}", recovery.data);
    let first = header(&firing.data, "Message-ID");
    assert!(first.ends_with("@example.com>"), "{first}");
    assert_eq!(header(&recovery.data, "In-Reply-To"), first);
    assert_ne!(header(&recovery.data, "Message-ID"), first);
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_sent_again_under_the_same_name_and_once() {
    let server = Server::start(Encryption::None).await;
    server
        .log
        .lock()
        .replies
        .push_back("451 come back later".to_owned());
    let sender = Sender::start(&server, "  smtp_require_tls: false");
    let notifier = sender.notifier.clone();
    let mut hurried = false;
    let first_id = std::cell::RefCell::new(None);
    let hurry = async {
        eventually("the first attempt failed", || {
            notifier.status().channels[0].failed_attempts == 1
        })
        .await;
        let status = notifier.status().channels.remove(0);
        assert!(status.last_error.unwrap().contains("come back later"));
        assert_eq!((status.queued, status.sent), (1, 0));
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        hurried = true;
    };
    let told = || {
        let mails = server.mails();
        if let Some(mail) = mails.first() {
            *first_id.borrow_mut() = Some(header(&mail.data, "Message-ID"));
        }
        mails.len() == 1
    };
    tokio::join!(outage(&sender, told), hurry);
    let status = sender.channel();
    assert_eq!(
        (status.sent, status.failed_attempts, status.dropped),
        (2, 1, 0)
    );
    assert_eq!(server.mails().len(), 2);
    assert!(hurried && first_id.borrow().is_some());
    sender.stop().await;
}

#[tokio::test]
async fn without_tls_a_mail_that_requires_it_waits() {
    let server = Server::start(Encryption::None).await;
    let login = "  smtp_auth_username: ann\n  smtp_auth_password: geheim";
    let sender = Sender::start(&server, login);
    let notifier = sender.notifier.clone();
    for attempt in 1..=4 {
        let failed = || notifier.status().channels[0].failed_attempts >= attempt;
        if attempt == 1 {
            refused(&sender, failed).await;
        } else {
            eventually("the next attempt failed", failed).await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(5)).await;
        tokio::time::resume();
    }
    let status = sender.channel();
    assert_eq!((status.queued, status.dropped), (1, 0));
    assert_eq!(
        status.last_error.unwrap(),
        format!(
            "mail server 127.0.0.1:{} offers no STARTTLS; set `smtp_require_tls: false` to send \
             unencrypted, or use port 465",
            server.port
        )
    );
    let commands = server.log.lock().commands.clone();
    let secrets = |line: &&String| line.starts_with("AUTH") || line.starts_with("MAIL");
    assert_eq!(commands.iter().find(secrets), None, "{commands:?}");
    assert_eq!(server.mails().len(), 0);
    sender.stop().await;
}

#[tokio::test]
async fn a_server_with_a_certificate_of_somebody_else_gets_nothing() {
    let mut impostor = Server::start(Encryption::StartTls).await;
    let mut other = Server::start(Encryption::StartTls).await;
    std::mem::swap(&mut impostor.certificate, &mut other.certificate);
    let sender = Sender::start(&impostor, "");
    let notifier = sender.notifier.clone();
    refused(&sender, || {
        notifier.status().channels[0].failed_attempts >= 1
    })
    .await;
    assert_eq!(impostor.mails().len(), 0);
    sender.stop().await;
}

#[tokio::test]
async fn a_mail_waits_for_as_long_as_the_login_is_refused() {
    let server = Server::start(Encryption::StartTls).await;
    server.log.lock().refuses_logins = true;
    let login = "  smtp_auth_username: ann\n  smtp_auth_password: old";
    let sender = Sender::start(&server, login);
    let notifier = sender.notifier.clone();
    for attempt in 1..=4 {
        let failed = || notifier.status().channels[0].failed_attempts >= attempt;
        if attempt == 1 {
            refused(&sender, failed).await;
        } else {
            eventually("the next attempt failed", failed).await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(5)).await;
        tokio::time::resume();
    }
    let status = sender.channel();
    assert_eq!((status.queued, status.dropped), (1, 0));
    assert!(status.last_error.unwrap().contains("who are you?"));
    sender.stop().await;
}

#[tokio::test]
async fn tls_from_the_first_byte_is_spoken_where_asked_for() {
    let server = Server::start(Encryption::Implicit).await;
    let sender = Sender::start(&server, "  smtp_force_implicit_tls: true");
    outage(&sender, || server.mails().len() == 1).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.encrypted));
    sender.stop().await;
}

/// Lets an alert fire that cannot be told.
async fn refused(sender: &Sender, failed: impl FnMut() -> bool) {
    let env = environment(system_clock(), Some(sender.notifier.clone()));
    put(&env.db, "x", &[("instance", "a")], (env.clock)(), 2.5);
    let manager = Manager::new(
        load_rule_file("r.yaml", RULES, Features::default()).unwrap(),
        env,
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let running = manager.clone();
    let task = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
    eventually("an attempt failed", failed).await;
    drop(stop);
    task.await.unwrap();
    let status = sender.channel();
    assert_eq!((status.sent, status.queued), (0, 1), "{status:?}");
}

/// A header's value, its lines joined.
fn header(data: &str, name: &str) -> String {
    let start = format!("{name}: ");
    let mut lines = data.lines().skip_while(|line| !line.starts_with(&start));
    let first = lines
        .next()
        .unwrap_or_else(|| panic!("no {name} in\n{data}"));
    let mut value = first.replacen(&start, "", 1);
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push_str(line);
    }
    value
}
