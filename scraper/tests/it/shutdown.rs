//! How the server ends, and what it refuses to start on.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::harness::{Behaviour, eventually, server, target};

#[tokio::test]
async fn the_server_stops_in_time_with_a_slow_target_and_an_idle_client() {
    let slow = target(Behaviour::Silence).await;
    let text = format!(
        "scrape_configs:\n- {{job_name: slow, static_configs: [{{targets: ['{}']}}]}}\n",
        slow.address
    );
    let running = server(&text).await;
    // The client keeps its connection open.
    let (status, _) = running.ask("targets").await;
    assert_eq!(status, 200);
    let start = Instant::now();
    running.server.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(running.client.get(&running.url).send().await.is_err());
}

#[tokio::test]
async fn a_connection_on_which_nothing_was_asked_does_not_delay_the_stop() {
    let running = server("{}").await;
    let unused = TcpStream::connect(running.server.address()).await.unwrap();
    // The server has taken the first connection before it answers on a second one.
    let (status, _) = running.ask("targets").await;
    assert_eq!(status, 200);
    let start = Instant::now();
    running.server.stop().await;
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    drop(unused);
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let running = server("{}").await;
    for path in ["/-/healthy", "/-/ready"] {
        let url = format!("{}{path}", running.url);
        eventually(path, async || {
            running
                .client
                .get(&url)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        })
        .await;
    }
    running.server.stop().await;
}
