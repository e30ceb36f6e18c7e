//! Targets that do not answer as they should.

use crate::harness::{Behaviour, Running, eventually, server, target};

/// A server that scrapes one good target and one that is at fault.
async fn beside_a_good_one(
    behaviour: Behaviour,
) -> (Running, crate::harness::Target, crate::harness::Target) {
    let good = target(Behaviour::Page("good_metric 1\n".to_owned())).await;
    let bad = target(behaviour).await;
    let text = format!(
        "scrape_configs:
- job_name: good
  scrape_interval: 200ms
  static_configs: [{{targets: ['{}'], labels: {{instance: good}}}}]
- job_name: bad
  scrape_interval: 500ms
  body_size_limit: 1MB
  sample_limit: 3
  static_configs: [{{targets: ['{}'], labels: {{instance: bad}}}}]
",
        good.address, bad.address
    );
    (server(&text).await, good, bad)
}

/// The bad target is down for this reason, and the good one goes on.
async fn is_down_because(behaviour: Behaviour, reason: &str) {
    let (running, _good, _bad) = beside_a_good_one(behaviour).await;
    eventually(reason, async || {
        running.target("bad").await["health"] == "down"
    })
    .await;
    let bad = running.target("bad").await;
    let error = bad["lastError"].as_str().unwrap();
    assert!(error.contains(reason), "{error}");
    running.eventually_is(r#"up{instance="bad"}"#, 0.0).await;
    running
        .eventually_is(r#"scrape_samples_scraped{instance="bad"}"#, 0.0)
        .await;
    running.eventually_is(r#"up{instance="good"}"#, 1.0).await;
    let scrapes = r#"count_over_time(up{instance="good"}[1h])"#;
    eventually("the good target goes on", async || {
        running
            .value(scrapes)
            .await
            .is_some_and(|count| count >= 4.0)
    })
    .await;
    assert_eq!(running.target("good").await["lastError"], "");
    running.server.stop().await;
}

#[tokio::test]
async fn a_target_that_answers_an_error_is_down() {
    is_down_because(Behaviour::Status(500), "server returned HTTP status 500").await;
}

#[tokio::test]
async fn a_target_that_says_nothing_is_down() {
    is_down_because(Behaviour::Silence, "timed out after 500ms").await;
}

#[tokio::test]
async fn a_target_with_an_endless_page_is_down() {
    is_down_because(
        Behaviour::Endless,
        "body size limit exceeded (limit: 1MiB, uncompressed)",
    )
    .await;
}

#[tokio::test]
async fn a_target_that_speaks_no_http_is_down() {
    is_down_because(Behaviour::Garbage, "error").await;
}

#[tokio::test]
async fn a_faulty_page_is_told_with_its_place() {
    let page = "a 1\nb{x=\"y\" 2\n".to_owned();
    is_down_because(Behaviour::Page(page), "line 2").await;
}

#[tokio::test]
async fn a_page_of_another_kind_is_refused() {
    let page = Behaviour::Typed("text/html", "<html></html>".to_owned());
    is_down_because(page, "found content type `text/html`").await;
}

#[tokio::test]
async fn a_page_with_too_many_samples_is_refused_whole() {
    let page = "a 1\nb 2\nc 3\nd 4\n".to_owned();
    is_down_because(Behaviour::Page(page), "sample limit exceeded (limit: 3)").await;
}

#[tokio::test]
async fn a_target_that_is_not_there_is_down() {
    let (running, _good, bad) =
        beside_a_good_one(Behaviour::Page("bad_metric 7\n".to_owned())).await;
    running.eventually_is("bad_metric", 7.0).await;
    drop(bad);
    running.eventually_is(r#"up{instance="bad"}"#, 0.0).await;
    assert_eq!(
        running.value("bad_metric").await,
        None,
        "the series ended with its target"
    );
    assert_eq!(running.value("good_metric").await, Some(1.0));
    running.server.stop().await;
}
