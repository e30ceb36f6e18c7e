//! Bad requests: the status and the error type that Prometheus gives, and the server goes on.

use serde_json::Value;

use crate::harness::{Running, server, server_of};

/// A path, and the status, the error type and a part of the text of its answer.
const CASES: &[(&str, u16, &str, &str)] = &[
    ("query?query=up%7B", 400, "bad_data", "1:4: parse error"),
    (
        "query?query=rate(up)",
        400,
        "bad_data",
        "parse error: expected type range vector",
    ),
    (
        "query?query=1%20%2B%20%22a%22",
        400,
        "bad_data",
        "parse error",
    ),
    (
        "query?query=nosuch(up)",
        400,
        "bad_data",
        "unknown function",
    ),
    (
        "query?query=up&time=yesterday",
        400,
        "bad_data",
        "invalid time value for 'time'",
    ),
    (
        "query?query=up&timeout=soon",
        400,
        "bad_data",
        "invalid parameter \"timeout\"",
    ),
    (
        "query?query=up&lookback_delta=x",
        400,
        "bad_data",
        "error parsing lookback delta duration",
    ),
    (
        "query?query=up&limit=-1",
        400,
        "bad_data",
        "limit must be non-negative",
    ),
    (
        "query?query=up&limit=x",
        400,
        "bad_data",
        "strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    ("query?query=1&timeout=0", 503, "timeout", "query timed out"),
    (
        "query?query=up%7Ba%3D%22%FF%22%7D",
        400,
        "bad_data",
        "UTF-8",
    ),
    // Expressions that explode.
    (
        "query?query=up%7Ba%3D~%22(a%7B1000%7D)%7B1000%7D%22%7D",
        400,
        "bad_data",
        "parse error",
    ),
    (
        "query?query=up%7Ba%3D~%22(%22%7D",
        400,
        "bad_data",
        "parse error",
    ),
    (
        "query_range?query=up&start=0&end=1&step=0",
        400,
        "bad_data",
        "zero or negative",
    ),
    (
        "query_range?query=up&start=0&end=11001&step=1",
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000",
    ),
    (
        "query_range?query=up[5m]&start=0&end=1&step=1",
        400,
        "bad_data",
        "invalid expression type \"range vector\"",
    ),
    (
        "query_range?query=%22a%22&start=0&end=1&step=1",
        400,
        "bad_data",
        "invalid expression type \"string\"",
    ),
    (
        "query_range?query=up&start=x&end=1&step=1",
        400,
        "bad_data",
        "invalid parameter \"start\"",
    ),
    ("series", 400, "bad_data", "no match[] parameter provided"),
    (
        "series?match[]=%7B",
        400,
        "bad_data",
        "invalid parameter \"match[]\"",
    ),
    ("labels?match[]=sum(up)", 400, "bad_data", "parse error"),
    ("label/%FF/values", 400, "bad_data", "invalid label name"),
    ("label//values", 400, "bad_data", "invalid label name"),
    (
        "query_exemplars?query=up&start=2&end=1",
        400,
        "bad_data",
        "end timestamp must not be before",
    ),
    (
        "rules?type=x",
        400,
        "bad_data",
        "invalid parameter \"type\"",
    ),
    (
        "rules?group_limit=0",
        400,
        "bad_data",
        "group_limit needs to be greater than 0",
    ),
    (
        "rules?group_next_token=x",
        400,
        "bad_data",
        "group_limit needs to be present",
    ),
    (
        "rules?group_limit=1&group_next_token=x",
        400,
        "bad_data",
        "invalid group_next_token",
    ),
    ("rules?match[]=%7B", 400, "bad_data", "parse error"),
    ("rules?exclude_alerts=x", 400, "bad_data", "exclude_alerts"),
    (
        "metadata?limit=x",
        400,
        "bad_data",
        "limit must be a number",
    ),
    (
        "targets/metadata?limit=x",
        400,
        "bad_data",
        "limit must be a number",
    ),
    (
        "targets/relabel_steps",
        400,
        "bad_data",
        "no scrapePool parameter provided",
    ),
    (
        "scrape_pools/config?scrapePool=x",
        404,
        "not_found",
        "no scrape pool \"x\"",
    ),
    (
        "status/tsdb?limit=0",
        400,
        "bad_data",
        "limit must be a positive number",
    ),
    (
        "status/self_metrics?metric_name_pattern=(",
        400,
        "bad_data",
        "metric_name_pattern",
    ),
    (
        "format_query?query=sum(",
        400,
        "bad_data",
        "invalid parameter \"query\"",
    ),
    ("parse_query?query=", 400, "bad_data", "no expression found"),
    (
        "search/metric_names",
        503,
        "unavailable",
        "search API disabled",
    ),
    (
        "openapi.yaml?openapi_version=9",
        400,
        "bad_data",
        "expected 3.1",
    ),
    ("nonsense", 404, "not_found", "no such endpoint"),
];

/// The status, the error type and the text of an answer.
async fn refused(running: &Running, path: &str) -> (u16, String, String) {
    let (status, answer) = running.ask(path).await;
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    (status, text("errorType"), text("error"))
}

#[tokio::test]
async fn bad_input_is_refused_as_prometheus_refuses_it_and_the_server_goes_on() {
    let running = server("{}").await;
    for (path, status, kind, part) in CASES {
        let (found, error_type, error) = refused(&running, path).await;
        assert_eq!(
            (found, error_type.as_str()),
            (*status, *kind),
            "{path}: {error}"
        );
        assert!(error.contains(part), "{path}: {error}");
    }
    let (status, answer) = running.ask("query?query=1").await;
    assert_eq!(
        (status, &answer["data"]["result"][1]),
        (200, &Value::from("1"))
    );
    running.server.stop().await;
}

#[tokio::test]
async fn queries_over_a_limit_are_refused_in_prometheus_s_words() {
    let running = server_of(|settings| {
        settings.queries.max_samples = 500;
    })
    .await;
    let path = "query?query=count_over_time(vector(1)[1h:1s])";
    let (status, kind, error) = refused(&running, path).await;
    assert_eq!((status, kind.as_str()), (422, "execution"), "{error}");
    assert!(
        error.contains(
            "query processing would load too many samples into memory in query execution"
        ),
        "{error}"
    );
    let nested = format!("query?query={}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let (status, kind, _) = refused(&running, &nested).await;
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
    let (status, _) = running.ask("query?query=1").await;
    assert_eq!(status, 200);
    running.server.stop().await;
}

#[tokio::test]
async fn bodies_that_are_too_long_and_wrong_methods_are_refused() {
    let running = server("{}").await;
    let form = "application/x-www-form-urlencoded";
    let post = |path: &str, body: Vec<u8>| {
        let url = format!("{}/api/v1/{path}", running.url);
        running
            .client
            .post(url)
            .header("content-type", form)
            .body(body)
    };
    let long = [b"query=".to_vec(), vec![b'1'; 11 << 20]].concat();
    let response = post("query", long).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["errorType"], "bad_data");
    // As long as it may be, and no expression.
    let long = [b"query=".to_vec(), vec![b'('; 9 << 20]].concat();
    let response = post("query", long).send().await.unwrap();
    assert_eq!(response.status(), 400);
    for (method, path) in [
        ("PUT", "/api/v1/query"),
        ("DELETE", "/api/v1/targets"),
        ("POST", "/api/v1/targets"),
        ("GET", "/api/v1/admin/tsdb/snapshot"),
        ("GET", "/api/v1/write"),
        ("GET", "/-/reload"),
        ("GET", "/-/quit"),
        ("POST", "/federate"),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = running
            .client
            .request(method.clone(), format!("{}{path}", running.url));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405, "{method} {path}");
    }
    let response = post("../../nosuch", Vec::new()).send().await.unwrap();
    assert_eq!(response.status(), 404);
    let (status, _) = running.ask("query?query=1").await;
    assert_eq!(status, 200);
    running.server.stop().await;
}
