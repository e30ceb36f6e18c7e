//! The requests that Grafana's Prometheus data source makes, in its order, with its parameters:
//! saving the data source, the query builder, the label browser, exemplars, a graph and a heatmap.
//! Source: `packages/grafana-prometheus` and `pkg/promlib` of Grafana.

use serde_json::{Value, json};

use crate::harness::{Behaviour, Running, Target, server, target};

/// What Grafana selects with where nothing is chosen yet.
const ALL: &str = "{__name__!=\"\"}";
const LIMIT: &str = "40000";

const PAGE: &str = "# HELP latency_seconds How long it took\n# TYPE latency_seconds histogram\n\
    latency_seconds_bucket{le=\"0.1\"} 3\nlatency_seconds_bucket{le=\"1\"} 5\n\
    latency_seconds_bucket{le=\"+Inf\"} 6\nlatency_seconds_sum 4.5\nlatency_seconds_count 6\n\
    # TYPE temperature gauge\ntemperature{room=\"a b\"} 20.5\n";

async fn scraped() -> (Running, Target) {
    let page = target(Behaviour::Page(PAGE.to_owned())).await;
    let text = format!(
        "scrape_configs:\n- job_name: test\n  scrape_interval: 1m\n  static_configs: \
         [{{targets: ['{}'], labels: {{instance: here}}}}]\n",
        page.address
    );
    let running = server(&text).await;
    running.eventually_is("up", 1.0).await;
    (running, page)
}

/// The span that a dashboard shows: the last hour.
fn span() -> (String, String) {
    let now = watchpost_scraper::clock::now_ms() / 1_000;
    ((now - 3_600).to_string(), (now + 20).to_string())
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

async fn get(running: &Running, path: &str, pairs: &[(&str, &str)]) -> Value {
    let (status, answer) = running.ask(&format!("{path}?{}", form(pairs))).await;
    assert_eq!(
        (status, &answer["status"]),
        (200, &json!("success")),
        "{path}: {answer}"
    );
    answer["data"].clone()
}

async fn post(running: &Running, path: &str, pairs: &[(&str, &str)]) -> Value {
    let url = format!("{}/api/v1/{path}", running.url);
    let request = running.client.post(url).body(form(pairs));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["status"], "success", "{path}: {answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn the_data_source_is_saved_and_tested() {
    let (running, _page) = scraped().await;
    let data = post(&running, "query", &[("query", "1+1"), ("time", "4")]).await;
    assert_eq!(data, json!({"resultType": "scalar", "result": [4, "2"]}));
    // From 2.24 on Grafana asks for labels by selector and not for all series.
    let data = get(&running, "status/buildinfo", &[]).await;
    let version: Vec<u32> = data["version"]
        .as_str()
        .unwrap()
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert!(version >= vec![2, 24, 0], "{data}");
    let data = get(&running, "rules", &[]).await;
    assert!(data["groups"].is_array());
    let (start, end) = span();
    let probe = [
        ("query", "test"),
        ("start", start.as_str()),
        ("end", end.as_str()),
    ];
    let data = get(&running, "query_exemplars", &probe).await;
    assert_eq!(data, json!([]));
    running.server.stop().await;
}

#[tokio::test]
async fn the_query_builder_and_the_label_browser_find_names_and_values() {
    let (running, _page) = scraped().await;
    let (start, end) = span();
    let range = [
        ("limit", LIMIT),
        ("start", start.as_str()),
        ("end", end.as_str()),
    ];
    let with = |selector: &'static str| [range.to_vec(), vec![("match[]", selector)]].concat();
    let data = get(&running, "label/__name__/values", &range).await;
    let names = data.as_array().unwrap();
    assert!(names.contains(&json!("latency_seconds_bucket")) && names.contains(&json!("up")));
    let data = post(&running, "labels", &range).await;
    assert_eq!(data, json!(["__name__", "instance", "job", "le", "room"]));
    let data = get(&running, "labels", &with("{__name__=\"temperature\"}")).await;
    assert_eq!(data, json!(["__name__", "instance", "job", "room"]));
    let data = get(
        &running,
        "label/room/values",
        &with("temperature{job=\"test\"}"),
    )
    .await;
    assert_eq!(data, json!(["a b"]));
    // A name that Grafana escapes.
    let data = get(&running, "label/U__room/values", &range).await;
    assert_eq!(data, json!(["a b"]));
    let data = post(&running, "series", &with(ALL)).await;
    assert_eq!(data.as_array().unwrap().len(), 11);
    let data = get(
        &running,
        "series",
        &with("{__name__=\"temperature\",room!=\"\"}"),
    )
    .await;
    assert_eq!(
        data,
        json!([{"__name__": "temperature", "instance": "here", "job": "test", "room": "a b"}])
    );
    let data = get(&running, "metadata", &[("limit", LIMIT)]).await;
    assert_eq!(
        data["latency_seconds"],
        json!([{"type": "histogram", "help": "How long it took", "unit": ""}])
    );
    running.server.stop().await;
}

#[tokio::test]
async fn graphs_tables_and_heatmaps_are_drawn() {
    let (running, _page) = scraped().await;
    let (start, end) = span();
    let graph = [
        ("query", "temperature{room=~\"a.*\"}"),
        ("start", start.as_str()),
        ("end", end.as_str()),
        ("step", "1"),
    ];
    let data = post(&running, "query_range", &graph).await;
    assert_eq!(data["resultType"], "matrix");
    let values = data["result"][0]["values"].as_array().unwrap();
    assert_eq!(values.last().unwrap()[1], "20.5");
    let table = [
        ("query", "sum by(le) (latency_seconds_bucket)"),
        ("time", end.as_str()),
    ];
    let data = post(&running, "query", &table).await;
    assert_eq!(data["resultType"], "vector");
    assert_eq!(data["result"].as_array().unwrap().len(), 3);
    let heatmap = [
        ("query", "sum by(le) (latency_seconds_bucket)"),
        ("start", start.as_str()),
        ("end", end.as_str()),
        ("step", "15"),
    ];
    let data = post(&running, "query_range", &heatmap).await;
    let mut bounds: Vec<&str> = data["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| series["metric"]["le"].as_str().unwrap())
        .collect();
    bounds.sort_unstable();
    assert_eq!(bounds, ["+Inf", "0.1", "1"]);
    // Exemplars of the same query, and a variable from a query.
    let data = post(&running, "query_exemplars", &heatmap[..3]).await;
    assert_eq!(data, json!([]));
    let data = post(
        &running,
        "query",
        &[("query", "count(up) by (job)"), ("time", end.as_str())],
    )
    .await;
    assert_eq!(data["result"][0]["metric"], json!({"job": "test"}));
    running.server.stop().await;
}
