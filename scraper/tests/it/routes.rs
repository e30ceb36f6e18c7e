//! The routes beyond queries: their shapes, and what switches them on.

use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use watchpost_model::Regex;

use crate::harness::{Behaviour, Running, Target, server_of, settle, target};

const PAGE: &str = "# HELP a_total What a is\n# TYPE a_total counter\na_total{x=\"1\"} 5\n\
    a_total{x=\"2\"} 6\n# TYPE b gauge\nb{path=\"/x\"} 1.5\n";

/// A server with all that can be enabled, which has scraped one target.
async fn enabled() -> (Running, Target) {
    let page = target(Behaviour::Page(PAGE.to_owned())).await;
    let text = format!(
        "global: {{external_labels: {{region: here}}}}
scrape_configs:
- job_name: test
  scrape_interval: 1m
  static_configs: [{{targets: ['{}'], labels: {{instance: one}}}}]
  relabel_configs:
  - {{source_labels: [instance], target_label: copy}}
  - {{source_labels: [gone], regex: '.+', action: drop}}
",
        page.address
    );
    let running = server_of(|settings| {
        settings.config = crate::harness::config(&text);
        settings.enabled.lifecycle = true;
        settings.enabled.search = true;
        settings.enabled.cors_origin = Some(Regex::new("https?://(a|b)\\.org").unwrap());
        settings.bounds.subscribers = 1;
        settings.bounds.read_samples = 5;
    })
    .await;
    running.eventually_is("up", 1.0).await;
    (running, page)
}

#[tokio::test]
async fn expressions_are_formatted_and_parsed() {
    let (running, _page) = enabled().await;
    let (_, answer) = running.ask("format_query?query=foo/bar").await;
    assert_eq!(answer, json!({"status": "success", "data": "foo / bar"}));
    let (_, answer) = running.ask("parse_query?query=foo/bar").await;
    assert_eq!(answer["data"]["type"], "binaryExpr");
    assert_eq!(answer["data"]["lhs"]["name"], "foo");
    assert_eq!(answer["data"]["matching"]["card"], "one-to-one");
    running.server.stop().await;
}

#[tokio::test]
async fn jobs_and_their_label_rules_are_told() {
    let (running, page) = enabled().await;
    let (_, answer) = running.ask("scrape_pools").await;
    assert_eq!(answer["data"], json!({"scrapePools": ["test"]}));
    let (_, answer) = running.ask("scrape_pools/config?scrapePool=test").await;
    let yaml = answer["data"]["yaml"].as_str().unwrap();
    assert!(yaml.starts_with("job_name: test\n"), "{yaml}");
    assert!(yaml.contains(&page.address), "{yaml}");
    let labels = "%7B%22instance%22:%22i%22%7D";
    let path = format!("targets/relabel_steps?scrapePool=test&labels={labels}");
    let (_, answer) = running.ask(&path).await;
    let steps = answer["data"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["output"], json!({"copy": "i", "instance": "i"}));
    assert_eq!(
        (&steps[0]["keep"], &steps[0]["rule"]["target_label"]),
        (&json!(true), &json!("copy"))
    );
    let labels = "%7B%22gone%22:%22i%22%7D";
    let path = format!("targets/relabel_steps?scrapePool=test&labels={labels}");
    let (_, answer) = running.ask(&path).await;
    assert_eq!(
        answer["data"]["steps"][1],
        json!({
        "rule": answer["data"]["steps"][1]["rule"], "output": {}, "keep": false})
    );
    running.server.stop().await;
}

#[tokio::test]
async fn metadata_is_told_by_metric_and_by_target() {
    let (running, _page) = enabled().await;
    let entry = json!({"type": "counter", "help": "What a is", "unit": ""});
    let (_, answer) = running.ask("metadata?metric=a_total").await;
    assert_eq!(answer["data"], json!({"a_total": [entry]}));
    let (_, answer) = running.ask("metadata?limit=0").await;
    assert_eq!(answer["data"], json!({}));
    let (_, answer) = running.ask("targets/metadata?metric=a_total").await;
    let target = json!({"copy": "one", "instance": "one", "job": "test"});
    assert_eq!(
        answer["data"],
        json!([{"target": target, "type": "counter", "help": "What a is", "unit": ""}])
    );
    let (_, answer) = running
        .ask("targets/metadata?match_target=%7Bjob=%22test%22%7D")
        .await;
    let metrics: Vec<&Value> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["metric"])
        .collect();
    assert_eq!(metrics, ["a_total", "b"]);
    let (_, answer) = running
        .ask("targets/metadata?match_target=%7Bjob=%22x%22%7D")
        .await;
    assert_eq!(answer["data"], json!([]));
    running.server.stop().await;
}

#[tokio::test]
async fn names_and_values_are_searched() {
    let (running, _page) = enabled().await;
    let lines = async |path: &str| -> Vec<Value> {
        let url = format!("{}/api/v1/search/{path}", running.url);
        let response = running.client.get(url).send().await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "application/x-ndjson; charset=utf-8"
        );
        let text = response.text().await.unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let done = json!({"status": "success", "has_more": false});
    assert_eq!(
        lines("metric_names?search[]=a_tot&include_metadata=true").await,
        [
            json!({"results": [{"name": "a_total", "type": "counter", "help": "What a is"}]}),
            done.clone()
        ]
    );
    assert_eq!(
        lines("label_values?label=x&sort_by=alpha&sort_dir=dsc&batch_size=1").await,
        [
            json!({"results": [{"name": "2"}]}),
            json!({"results": [{"name": "1"}]}),
            done.clone()
        ]
    );
    assert_eq!(
        lines("label_names?match[]=b&search[]=pth&include_score=true&sort_by=score&limit=1").await
            [0]["results"][0]["name"],
        "path"
    );
    assert_eq!(
        lines("label_names?search[]=nosuchthing").await,
        [json!({"results": []}), done]
    );
    assert_eq!(lines("metric_names?limit=1").await[1]["has_more"], true);
    for (path, part) in [
        ("label_values", "missing required parameter"),
        ("metric_names?limit=99999", "exceeds the maximum"),
        ("metric_names?fuzz_alg=x", "unsupported fuzz_alg"),
        ("metric_names?fuzz_threshold=101", "invalid fuzz_threshold"),
        ("metric_names?sort_by=score", "requires search[]"),
        (
            "metric_names?sort_dir=asc",
            "only valid when sort_by is set",
        ),
        ("metric_names?case_sensitive=x", "must be boolean"),
    ] {
        let (status, answer) = running.ask(&format!("search/{path}")).await;
        assert_eq!(
            (status, &answer["errorType"]),
            (400, &json!("bad_data")),
            "{path}"
        );
        assert!(
            answer["error"].as_str().unwrap().contains(part),
            "{path}: {answer}"
        );
    }
    running.server.stop().await;
}

#[tokio::test]
async fn the_newest_samples_are_served_to_other_servers() {
    let (running, _page) = enabled().await;
    let url = format!("{}/federate?match[]=b&match[]=nosuch", running.url);
    let response = running.client.get(url).send().await.unwrap();
    let text = response.text().await.unwrap();
    let (type_line, sample) = text.split_once('\n').unwrap();
    assert_eq!(type_line, "# TYPE b untyped");
    assert!(
        sample.starts_with(
            "b{copy=\"one\",instance=\"one\",job=\"test\",path=\"/x\",region=\"here\"} 1.5 1"
        ),
        "{sample}"
    );
    running.server.stop().await;
}

#[derive(Clone, PartialEq, prost::Message)]
struct Matcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start_ms: i64,
    #[prost(int64, tag = "2")]
    end_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<Matcher>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    time_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Results {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<Results>,
}

async fn remote_read(
    running: &Running,
    matchers: &[(i32, &str, &str)],
    accepted: &[i32],
) -> (u16, Vec<u8>) {
    let matchers = matchers.iter().map(|(kind, name, value)| Matcher {
        kind: *kind,
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    });
    let request = ReadRequest {
        queries: vec![Query {
            start_ms: 0,
            end_ms: i64::MAX,
            matchers: matchers.collect(),
        }],
        accepted: accepted.to_vec(),
    };
    let body = snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .unwrap();
    let url = format!("{}/api/v1/read", running.url);
    let response = running.client.post(url).body(body).send().await.unwrap();
    (
        response.status().as_u16(),
        response.bytes().await.unwrap().to_vec(),
    )
}

#[tokio::test]
async fn samples_are_read_from_remote() {
    let (running, _page) = enabled().await;
    let (status, body) = remote_read(
        &running,
        &[
            (0, "__name__", "a_total"),
            (2, "x", "2|3"),
            (0, "region", "here"),
        ],
        &[0],
    )
    .await;
    assert_eq!(status, 200);
    let body = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let answer = ReadResponse::decode(&*body).unwrap();
    assert_eq!(answer.results.len(), 1);
    let series = &answer.results[0].series;
    assert_eq!(series.len(), 1);
    let labels: Vec<(&str, &str)> = series[0]
        .labels
        .iter()
        .map(|label| (&*label.name, &*label.value))
        .collect();
    assert_eq!(
        labels,
        [
            ("__name__", "a_total"),
            ("copy", "one"),
            ("instance", "one"),
            ("job", "test"),
            ("region", "here"),
            ("x", "2")
        ]
    );
    assert_eq!(series[0].samples.len(), 1);
    assert!(
        series[0].samples[0].value.to_bits() == 6.0_f64.to_bits()
            && series[0].samples[0].time_ms > 0
    );
    for (matchers, accepted, part) in [
        (
            &[(0, "__name__", "up")][..],
            &[1][..],
            "requested response types",
        ),
        (&[(2, "__name__", ".+")], &[], "exceeded sample limit (5)"),
        (&[(2, "a", "(")], &[], "("),
        (&[(7, "a", "b")], &[], "invalid matcher type 7"),
    ] {
        let (status, body) = remote_read(&running, matchers, accepted).await;
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 400, "{text}");
        assert!(text.contains(part), "{text}");
    }
    running.server.stop().await;
}

#[tokio::test]
async fn only_named_origins_may_read() {
    let (running, _page) = enabled().await;
    let url = format!("{}/api/v1/query?query=1", running.url);
    for (origin, allowed) in [("https://a.org", true), ("https://a.org.evil.com", false)] {
        for method in [reqwest::Method::GET, reqwest::Method::OPTIONS] {
            let request = running
                .client
                .request(method.clone(), &url)
                .header("origin", origin);
            let response = request.send().await.unwrap();
            let expected = if method == reqwest::Method::GET {
                200
            } else {
                204
            };
            assert_eq!(response.status(), expected);
            let headers = response.headers();
            assert!(headers["vary"].to_str().unwrap().contains("Origin"));
            let found = headers
                .get("access-control-allow-origin")
                .map(|value| value.to_str().unwrap());
            assert_eq!(found, allowed.then_some(origin));
        }
    }
    running.server.stop().await;
    let bare = server_of(|_| {}).await;
    let request = bare
        .client
        .get(format!("{}/api/v1/query?query=1", bare.url));
    let response = request
        .header("origin", "https://a.org")
        .send()
        .await
        .unwrap();
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    bare.server.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_as_the_client_takes_them() {
    let (running, _page) = enabled().await;
    let url = format!(
        "{}/api/v1/query_range?query=vector(1)&start=0&end=9000&step=1",
        running.url
    );
    let mut lengths = Vec::new();
    for encoding in ["identity", "gzip", "zstd"] {
        let client = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .no_zstd()
            .build()
            .unwrap();
        let response = client
            .get(&url)
            .header("accept-encoding", encoding)
            .send()
            .await
            .unwrap();
        let found = response
            .headers()
            .get("content-encoding")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(found.as_deref().unwrap_or("identity"), encoding);
        lengths.push(response.bytes().await.unwrap().len());
    }
    assert!(
        lengths[1] * 4 < lengths[0] && lengths[2] * 4 < lengths[0],
        "{lengths:?}"
    );
    running.server.stop().await;
}

#[tokio::test]
async fn the_program_is_reloaded_and_ended_by_requests_where_that_is_enabled() {
    let (running, _page) = enabled().await;
    let post = async |path: &str| {
        let response = running
            .client
            .post(format!("{}{path}", running.url))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(post("/-/reload").await, (200, String::new()));
    assert_eq!(
        post("/-/quit").await,
        (200, "Requesting termination... Goodbye!".to_owned())
    );
    settle("the request to end", running.server.app().quit.notified()).await;
    running.server.stop().await;
    let bare = server_of(|_| {}).await;
    for path in ["/-/reload", "/-/quit"] {
        let response = bare
            .client
            .post(format!("{}{path}", bare.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(
            response.text().await.unwrap(),
            "Lifecycle API is not enabled.\n"
        );
    }
    bare.server.stop().await;
}

#[tokio::test]
async fn those_who_listen_hear_of_the_end() {
    let (running, _page) = enabled().await;
    let url = format!("{}/api/v1/notifications/live", running.url);
    let mut first = running.client.get(&url).send().await.unwrap();
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    let second = running.client.get(&url).send().await.unwrap();
    assert_eq!(second.status(), 204);
    let (_, answer) = running.ask("notifications").await;
    assert_eq!(answer["data"], json!([]));
    let ready = &running.server.app().ready;
    ready.store(false, std::sync::atomic::Ordering::Release);
    let chunk = tokio::time::timeout(Duration::from_secs(20), first.chunk()).await;
    let chunk = chunk.unwrap().unwrap().unwrap();
    let text = std::str::from_utf8(&chunk).unwrap();
    let told: Value = serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(told["active"], true);
    assert!(told["text"].as_str().unwrap().contains("shutting down"));
    assert!(first.chunk().await.unwrap().is_none());
    running.server.stop().await;
}

#[tokio::test]
async fn our_own_metrics_have_prometheus_s_names_and_are_told_as_json() {
    let (running, _page) = enabled().await;
    let response = running
        .client
        .get(format!("{}/metrics", running.url))
        .send()
        .await
        .unwrap();
    let page = response.text().await.unwrap();
    for name in [
        "prometheus_build_info{",
        "prometheus_engine_queries ",
        "prometheus_engine_queries_concurrent_max 4",
        "prometheus_engine_query_duration_seconds_count{slice=\"inner_eval\"}",
        "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query\"}",
        "prometheus_http_request_duration_seconds_bucket{le=\"+Inf\",handler=\"/api/v1/query\"}",
        "prometheus_http_response_size_bytes_count{handler=\"/api/v1/query\"}",
        "prometheus_tsdb_head_series ",
        "prometheus_tsdb_head_samples_appended_total{type=\"float\"}",
        "prometheus_target_scrape_pool_targets{scrape_job=\"test\"} 1",
    ] {
        assert!(
            page.contains(&format!("\n{name}")),
            "{name} is not in\n{page}"
        );
    }
    let (_, answer) = running
        .ask("status/self_metrics?metric_name_pattern=prometheus_tsdb_head_.*")
        .await;
    let families = answer["data"].as_array().unwrap();
    assert!(families.len() > 3);
    assert!(families.iter().all(|family| {
        family["name"]
            .as_str()
            .unwrap()
            .starts_with("prometheus_tsdb_head_")
    }));
    running.server.stop().await;
}

#[tokio::test]
async fn features_and_the_description_are_served() {
    let (running, _page) = enabled().await;
    let (_, answer) = running.ask("features").await;
    assert_eq!(answer["data"]["api"]["search"], true);
    assert_eq!(answer["data"]["api"]["admin"], false);
    assert_eq!(answer["data"]["promql_functions"]["rate"], true);
    let response = running
        .client
        .get(format!("{}/api/v1/openapi.yaml", running.url))
        .send()
        .await
        .unwrap();
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("openapi: 3.1.0\n")
    );
    let (status, answer) = running.ask("status/tsdb/blocks").await;
    assert_eq!((status, &answer["data"]), (200, &json!({"blocks": []})));
    let (_, answer) = running.ask("alertmanagers").await;
    assert_eq!(
        answer["data"],
        json!({"activeAlertmanagers": [], "droppedAlertmanagers": []})
    );
    running.server.stop().await;
}
