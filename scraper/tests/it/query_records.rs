//! What is written down of queries, and queries that nobody waits for.

use std::path::Path;

use serde_json::Value;
use watchpost_promql::Features;
use watchpost_rules::load_rule_file;

use crate::harness::{Running, eventually, server_of};

/// A server that writes its queries into a folder.
async fn logging(folder: &Path) -> Running {
    let (directory, log) = (folder.to_owned(), folder.join("query.log"));
    server_of(|settings| {
        settings.directory = Some(directory);
        settings.config.global.query_log_file = Some(log);
        settings.enabled.lifecycle = true;
        settings.query_concurrency = 1;
    })
    .await
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[tokio::test]
async fn queries_are_written_down_and_the_file_is_rotated_by_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("query.log");
    let running = logging(folder.path()).await;
    let range = "query_range?query=vector(1)&start=0&end=60&step=30";
    for path in [
        "query?query=1%2B1&time=1.5",
        range,
        "query?query=1&timeout=0",
    ] {
        running.ask(path).await;
    }
    let found = lines(&log);
    assert_eq!(found.len(), 3, "{found:?}");
    let first = &found[0];
    assert_eq!(first["params"]["query"], "1+1");
    assert_eq!(first["params"]["start"], "1970-01-01T00:00:01.500Z");
    assert_eq!(
        (&first["params"]["step"], &first["msg"]),
        (&Value::from(0), &Value::from("promql query logged"))
    );
    assert_eq!(
        (
            &first["httpRequest"]["path"],
            &first["httpRequest"]["clientIP"]
        ),
        (&Value::from("/api/v1/query"), &Value::from("127.0.0.1"))
    );
    assert!(first["stats"]["timings"]["evalTotalTime"].is_number());
    assert_eq!(
        (&found[1]["params"]["end"], &found[1]["params"]["step"]),
        (&Value::from("1970-01-01T00:01:00.000Z"), &Value::from(30))
    );
    assert!(found[2]["error"].as_str().unwrap().contains("timed out"));

    let moved = folder.path().join("query.log.1");
    std::fs::rename(&log, &moved).unwrap();
    running.ask("query?query=2").await;
    let reload = running.client.post(format!("{}/-/reload", running.url));
    assert_eq!(reload.send().await.unwrap().status(), 200);
    running.ask("query?query=3").await;
    assert_eq!((lines(&moved).len(), lines(&log).len()), (4, 1));
    assert_eq!(lines(&log)[0]["params"]["query"], "3");
    running.server.stop().await;
}

#[tokio::test]
async fn queries_of_rules_are_written_down_with_their_group() {
    let rules = "
groups:
  - name: quick
    interval: 10ms
    rules:
      - record: two
        expr: vector( 2 )
      - record: faulty
        expr: vector(1) / on () (vector(1) or label_replace(vector(2), 'a', 'b', '', ''))
";
    let folder = tempfile::tempdir().unwrap();
    let (directory, log) = (folder.path().to_owned(), folder.path().join("query.log"));
    let path = log.clone();
    let running = server_of(|settings| {
        settings.directory = Some(directory);
        settings.config.global.query_log_file = Some(path);
        settings.rule_groups = load_rule_file("r.yaml", rules, Features::default()).unwrap();
    })
    .await;
    let text = async || std::fs::read_to_string(&log).unwrap();
    eventually("both rules to be written down", async || {
        text().await.contains("on ()")
    })
    .await;
    running.server.stop().await;
    let found = lines(&log);
    let group = serde_json::json!({"file": "r.yaml", "name": "quick"});
    assert!(found.iter().all(|line| line["ruleGroup"] == group));
    assert!(found.iter().all(|line| line["httpRequest"] == Value::Null));
    let params = &found[0]["params"];
    assert_eq!(
        (&params["query"], &params["step"]),
        (&Value::from("vector(2)"), &Value::from(0))
    );
    assert_eq!(params["start"], params["end"]);
    let error = found[1]["error"].as_str().unwrap();
    assert!(error.contains("found duplicate series"), "{error}");
    assert_eq!(found[0]["error"], Value::Null);
}

#[tokio::test]
async fn a_query_is_told_how_long_it_took_where_it_asks() {
    let running = server_of(|_| {}).await;
    let (_, answer) = running.ask("query?query=vector(1)&stats=all").await;
    let stats = &answer["data"]["stats"];
    assert!(
        stats["timings"]["execTotalTime"].as_f64().unwrap() > 0.0,
        "{answer}"
    );
    assert!(
        stats["samples"]["peakSamples"].as_u64().unwrap() < 10,
        "{answer}"
    );
    assert_eq!(answer["warnings"], Value::Null);
    let (_, answer) = running.ask("query?query=vector(1)&stats=yes").await;
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("deprecated")
    );
    let (_, answer) = running.ask("query?query=vector(1)").await;
    assert_eq!(answer["data"]["stats"], Value::Null);
    running.server.stop().await;
}

#[tokio::test]
async fn samples_are_counted_by_step_where_it_is_asked_for() {
    let start_s = watchpost_scraper::clock::now_ms() / 1_000 - 100;
    let running = server_of(|settings| {
        settings.enabled.step_stats = true;
        let labels = watchpost_model::Labels::from_pairs([("__name__", "a")]);
        for row in -2..=3 {
            let time_ms = (start_s + row * 10) * 1_000;
            let db = &settings.db;
            db.append_single(&labels, time_ms, 1.0, time_ms).unwrap();
        }
    })
    .await;
    let end_s = start_s + 20;
    let path = format!(
        "query_range?query=sum_over_time(a[30s])&start={start_s}&end={end_s}&step=10&stats="
    );
    let (_, answer) = running.ask(&format!("{path}all")).await;
    let mut samples = answer["data"]["stats"]["samples"].clone();
    samples["peakSamples"].take();
    let steps = |counts: [u64; 3]| {
        let times = (start_s..=end_s).step_by(10).map(|time| time as f64);
        times.zip(counts).collect::<Vec<_>>()
    };
    let expected = serde_json::json!({
        "totalQueryableSamplesPerStep": steps([3, 3, 3]),
        "totalQueryableSamples": 9,
        "peakSamples": null,
        "samplesRead": 5,
        "samplesReadPerStep": steps([3, 1, 1]),
    });
    assert_eq!(samples, expected);
    let (_, answer) = running.ask(&format!("{path}true")).await;
    let samples = &answer["data"]["stats"]["samples"];
    assert_eq!(samples["totalQueryableSamples"], 9);
    assert_eq!(samples["totalQueryableSamplesPerStep"], Value::Null);
    let page = running.client.get(format!("{}/metrics", running.url));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("\nprometheus_engine_query_samples_total 18.0"),
        "{page}"
    );
    running.server.stop().await;
}

#[tokio::test]
async fn a_query_whose_client_hangs_up_ends_and_those_that_wait_too_long_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let running = logging(folder.path()).await;
    // Long enough for this test to be over before it is, were it not ended.
    let long = "sum_over_time(sum_over_time(sum_over_time(vector(1)[1d:1s])[1d:1s])[1d:1s])";
    let url = format!("{}/api/v1/query?query={long}", running.url);
    let asked = tokio::spawn(running.client.get(url).send());
    let is_running = async || {
        let page = running.client.get(format!("{}/metrics", running.url));
        let page = page.send().await.unwrap().text().await.unwrap();
        page.contains("\nprometheus_engine_queries 1.0")
    };
    eventually("the query to run", async || is_running().await).await;
    eventually("the query to be recorded", async || {
        let record = std::fs::read(folder.path().join("queries.active")).unwrap();
        String::from_utf8_lossy(&record).contains("sum_over_time(vector(1)[1d:1s])")
    })
    .await;
    let (status, answer) = running.ask("query?query=1&timeout=0.05").await;
    assert_eq!(
        (status, &answer["errorType"]),
        (503, &Value::from("timeout")),
        "{answer}"
    );
    assert_eq!(answer["error"], "query timed out in query queue");
    asked.abort();
    eventually("the query to end", async || !is_running().await).await;
    let record = std::fs::read(folder.path().join("queries.active")).unwrap();
    assert!(record.iter().all(|byte| *byte == 0));
    let (status, _) = running.ask("query?query=1").await;
    assert_eq!(status, 200);
    running.server.stop().await;
}
