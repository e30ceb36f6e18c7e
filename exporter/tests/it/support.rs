//! An exporter that answers commands, and a client that can send what no decent client would.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchpost_exporter::{Config, command};
use watchpost_model::config::load;

pub(crate) const TOKEN: &str = "the-token-of-this-test";
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How long anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// An exporter without collectors.
pub(crate) struct Exporter {
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// One that has the section `commands` of these lines; `DIR` in them is its folder. Token and
    /// audit log are added.
    pub(crate) async fn with_commands(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().to_str().unwrap();
        let text = format!("token: {TOKEN}\naudit_log: DIR/audit.log\n{lines}\n");
        let text = text.replace("DIR", directory);
        let commands: command::Config = load("commands.yaml", &text).unwrap();
        Self::start(folder, Some(commands)).await
    }

    pub(crate) async fn start(
        folder: tempfile::TempDir,
        commands: Option<command::Config>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            enabled: BTreeSet::new(),
            ..Config::default()
        };
        config.section.commands = commands;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let shutdown = async move {
                stopped.await.unwrap();
            };
            watchpost_exporter::run(listener, config, shutdown)
                .await
                .unwrap();
        });
        Self {
            address,
            folder,
            stop: Some(stop),
            task,
        }
    }

    /// The exporter ends when it is told to.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(LIMIT, &mut self.task)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The audit log's lines.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("audit.log")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What the last line of the audit log says of a refusal.
    pub(crate) fn last_refusal(&self) -> String {
        let audit = self.audit();
        let line = audit.last().unwrap();
        assert_eq!(line["event"], "refused", "{line}");
        line["reason"].as_str().unwrap().to_owned()
    }

    /// A decent call with the right token.
    pub(crate) async fn post(&self, action: &str) -> Answer {
        self.send(&Call::post(action)).await
    }

    pub(crate) async fn send(&self, call: &Call) -> Answer {
        self.raw(call.from, &call.text()).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&self, from: IpAddr, request: &str) -> Answer {
        let mut stream = self.connect(from).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        Answer::parse(&String::from_utf8(answer).unwrap())
    }

    pub(crate) async fn connect(&self, from: IpAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }
}

/// A request that can be spoilt in one place.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) from: IpAddr,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn post(action: &str) -> Self {
        Self {
            from: LOCALHOST,
            method: "POST",
            path: format!("/api/v1/commands/{action}"),
            headers: vec![
                ("host", "127.0.0.1".to_owned()),
                ("authorization", format!("Bearer {TOKEN}")),
                ("content-type", "application/json".to_owned()),
            ],
            body: "{}".to_owned(),
        }
    }

    pub(crate) fn list() -> Self {
        Self {
            method: "GET",
            path: "/api/v1/commands".to_owned(),
            body: String::new(),
            ..Self::post("")
        }
    }

    /// With another value of a header, or without the header.
    pub(crate) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(have, _)| *have != name);
        if let Some(value) = value {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn text(&self) -> String {
        let headers = self.headers.iter();
        let headers: Vec<String> = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let headers = headers.concat();
        format!(
            "{} {} HTTP/1.1\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{}",
            self.method,
            self.path,
            self.body.len(),
            self.body
        )
    }
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head without the date.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head
                .lines()
                .filter(|line| !line.starts_with("date:"))
                .map(str::to_owned)
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn outcome(&self) -> command::Outcome {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        tokio::task::yield_now().await;
    }
}

/// Whether a process is there and not only waiting for its exit status to be taken.
pub(crate) fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}
