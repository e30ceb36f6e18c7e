//! What the tests share: a server in this process, targets that behave as they are told, and
//! waiting for a condition.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use watchpost_promql::Features;
use watchpost_scraper::api::{Bounds, Enabled};
use watchpost_scraper::config::Config;
use watchpost_scraper::server::{Server, Settings};
use watchpost_tsdb::Db;

/// How long a condition may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads a configuration from a text.
pub(crate) fn config(text: &str) -> Config {
    watchpost_model::config::load("test.yaml", text).unwrap()
}

/// A server with a store in memory.
pub(crate) async fn server(text: &str) -> Running {
    server_with(text, Db::in_memory(watchpost_tsdb::Config::default())).await
}

/// A server with a store in a folder.
pub(crate) async fn server_in(folder: &Path, text: &str) -> Running {
    let path = folder.to_owned();
    let db = Db::open(watchpost_tsdb::Config {
        path: path.clone(),
        ..Default::default()
    });
    let mut settings = settings(text, db.unwrap()).await;
    settings.directory = Some(path);
    settings.enabled.admin = true;
    start(settings)
}

/// A server that nothing is enabled on.
pub(crate) async fn bare_server() -> Running {
    let db = Db::in_memory(watchpost_tsdb::Config::default());
    let mut settings = settings("{}", db).await;
    settings.enabled = Enabled::default();
    start(settings)
}

/// A server that is set up otherwise.
pub(crate) async fn server_of(set: impl FnOnce(&mut Settings)) -> Running {
    let db = Db::in_memory(watchpost_tsdb::Config::default());
    let mut settings = settings("{}", db).await;
    settings.enabled = Enabled::default();
    set(&mut settings);
    start(settings)
}

/// A server with a store of the test's own.
pub(crate) async fn server_with(text: &str, db: Db) -> Running {
    start(settings(text, db).await)
}

async fn settings(text: &str, db: Db) -> Settings {
    watchpost_scraper::cmd::prepare();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Settings {
        config: config(text),
        rule_groups: Vec::new(),
        db,
        listener,
        external_url: String::new(),
        queries: watchpost_promql::Options::default(),
        query_concurrency: 4,
        connections: 64,
        directory: None,
        enabled: Enabled {
            remote_write_receiver: true,
            ..Enabled::default()
        },
        bounds: Bounds::default(),
        features: Features::default(),
        config_file: None,
        flags: Vec::new(),
    }
}

fn start(settings: Settings) -> Running {
    let server = Server::start(settings).unwrap();
    Running {
        url: format!("http://{}", server.address()),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        server,
    }
}

/// A running server and a client of it.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) server: Server,
}

impl Running {
    /// The status and the JSON of an API path.
    pub(crate) async fn ask(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/api/v1/{path}", self.url);
        let response = self.client.get(url).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// The value of an instant query that gives one series; nothing where it gives none.
    pub(crate) async fn value(&self, query: &str) -> Option<f64> {
        let url = format!("{}/api/v1/query", self.url);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .finish();
        let request = self.client.post(url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        let result = answer["data"]["result"].as_array().unwrap();
        assert!(result.len() < 2, "{answer}");
        result.first()?["value"][1].as_str().unwrap().parse().ok()
    }

    /// The active target that has this instance.
    pub(crate) async fn target(&self, instance: &str) -> Value {
        let (_, answer) = self.ask("targets").await;
        let targets = answer["data"]["activeTargets"].as_array().unwrap().clone();
        let mut found = targets
            .into_iter()
            .filter(|target| target["labels"]["instance"] == instance);
        found.next().unwrap()
    }

    /// Waits until a query has this value.
    pub(crate) async fn eventually_is(&self, query: &str, value: f64) {
        eventually(query, async || self.value(query).await == Some(value)).await;
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for what has to come.
pub(crate) async fn settle<T>(what: &str, future: impl Future<Output = T>) -> T {
    let settled = tokio::time::timeout(PATIENCE, future).await;
    assert!(settled.is_ok(), "waited for: {what}");
    settled.unwrap()
}

/// How a target behaves.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// A page of text format 0.0.4.
    Page(String),
    /// A page of a type.
    Typed(&'static str, String),
    /// A status and nothing else.
    Status(u16),
    /// Takes the request and says nothing.
    Silence,
    /// A body without an end.
    Endless,
    /// Bytes that are no HTTP.
    Garbage,
}

/// A target. It ends when it is dropped.
pub(crate) struct Target {
    pub(crate) address: String,
    task: JoinHandle<()>,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a target.
pub(crate) async fn target(behaviour: Behaviour) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let behaviour = behaviour.clone();
            tokio::spawn(async move {
                // The other side may hang up at any time.
                drop(answer(stream, &behaviour).await);
            });
        }
    });
    Target { address, task }
}

async fn answer(mut stream: TcpStream, behaviour: &Behaviour) -> std::io::Result<()> {
    let mut request = [0; 4_096];
    let read = stream.read(&mut request).await?;
    assert!(read > 0);
    match behaviour {
        Behaviour::Page(text) => page(&mut stream, "text/plain; version=0.0.4", text).await,
        Behaviour::Typed(kind, text) => page(&mut stream, kind, text).await,
        Behaviour::Status(status) => {
            let head =
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Behaviour::Silence => stream.read(&mut request).await.map(drop),
        Behaviour::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b'#'; 4_096]).await?;
            }
        }
        Behaviour::Garbage => stream.write_all(b"\x00\x01garbage\r\n\r\n").await,
    }
}

async fn page(stream: &mut TcpStream, kind: &str, text: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await
}

/// The exporter of this host, on a free port.
pub(crate) async fn exporter() -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let config = watchpost_exporter::Config::default();
    let task = tokio::spawn(async move {
        watchpost_exporter::run(listener, config, std::future::pending())
            .await
            .unwrap();
    });
    Target { address, task }
}
