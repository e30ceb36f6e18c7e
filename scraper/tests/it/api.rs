//! The API's shapes and refusals.

use serde_json::json;

use crate::harness::{Behaviour, Running, server, target};

/// A server that has scraped one target.
async fn scraped() -> (Running, crate::harness::Target) {
    let page = target(Behaviour::Page("a{x=\"1\"} 5\na{x=\"2\"} 6\n".to_owned())).await;
    let text = format!(
        "scrape_configs:
- job_name: test
  scrape_interval: 1m
  static_configs: [{{targets: ['{}'], labels: {{instance: here}}}}]
  relabel_configs: [{{source_labels: [__param_gone], regex: '.+', action: drop}}]
",
        page.address
    );
    let running = server(&text).await;
    running.eventually_is("up", 1.0).await;
    (running, page)
}

#[tokio::test]
async fn an_instant_query_answers_as_prometheus_does() {
    let (running, _page) = scraped().await;
    let (status, answer) = running
        .ask("query?query=sum(a)%20by%20(x)%20>%205&time=2100-01-01T00:00:00Z")
        .await;
    assert_eq!(
        (status, &answer),
        (
            200,
            &json!({"status": "success", "data": {"resultType": "vector", "result": []}})
        )
    );
    let (_, answer) = running.ask("query?query=a%20>%205").await;
    let series = &answer["data"]["result"][0];
    assert_eq!(
        series["metric"],
        json!({"__name__": "a", "instance": "here", "job": "test", "x": "2"})
    );
    assert_eq!(series["value"][1], "6");
    assert!(series["value"][0].is_number());
    let (_, answer) = running.ask("query?query=1%2B1&time=1.5").await;
    assert_eq!(
        answer["data"],
        json!({"resultType": "scalar", "result": [1.5, "2"]})
    );
    running.server.stop().await;
}

#[tokio::test]
async fn what_brings_how_many_series_is_told() {
    let (running, _page) = scraped().await;
    let (_, answer) = running.ask("status/tsdb?limit=2").await;
    let data = &answer["data"];
    // The page's two and the five that tell of the scrape.
    assert_eq!(data["headStats"]["numSeries"], 7);
    assert_eq!(
        data["seriesCountByMetricName"][0],
        json!({"name": "a", "value": 2})
    );
    assert_eq!(
        data["seriesCountByLabelValuePair"],
        json!([{"name": "instance=here", "value": 7}, {"name": "job=test", "value": 7}])
    );
    assert_eq!(
        data["labelValueCountByLabelName"][0],
        json!({"name": "__name__", "value": 6})
    );
    let (status, answer) = running.ask("status/tsdb?limit=0").await;
    assert_eq!(status, 400, "{answer}");
    running.server.stop().await;
}

#[tokio::test]
async fn on_loopback_the_name_of_a_stranger_is_refused() {
    let running = server("{}").await;
    for (host, status) in [("evil.com", 403), ("localhost", 200)] {
        for path in ["/", "/metrics", "/api/v1/query?query=1"] {
            let request = running.client.get(format!("{}{path}", running.url));
            let response = request.header("host", host).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{host} {path}");
        }
    }
    running.server.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_refused_in_prometheus_s_words() {
    let (running, _page) = scraped().await;
    for (path, status, kind, text) in [
        ("query", 400, "bad_data", "invalid parameter \"query\""),
        ("query?query=a%7B", 400, "bad_data", "parse error"),
        (
            "query?query=a&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "query_range?query=a&start=1&end=0&step=1",
            400,
            "bad_data",
            "end timestamp must not be before start time",
        ),
        (
            "query_range?query=a&start=0&end=1&step=0",
            400,
            "bad_data",
            "zero or negative query resolution step widths",
        ),
        (
            "query_range?query=a&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points",
        ),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        ("series?match[]=%7B%7D", 400, "bad_data", "match[]"),
        (
            "rules?type=x",
            400,
            "bad_data",
            "invalid parameter \"type\"",
        ),
        ("nonsense", 404, "not_found", "no such endpoint"),
    ] {
        let (found, answer) = running.ask(path).await;
        assert_eq!(
            (found, answer["errorType"].as_str().unwrap()),
            (status, kind),
            "{path}"
        );
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(text), "{path}: {error}");
        assert_eq!(answer["status"], "error");
    }
    running.server.stop().await;
}

#[tokio::test]
async fn a_range_of_exactly_the_limit_is_answered() {
    let (running, _page) = scraped().await;
    let (status, answer) = running
        .ask("query_range?query=vector(1)&start=0&end=11000&step=1")
        .await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"]["resultType"], "matrix");
    assert_eq!(
        answer["data"]["result"][0]["values"]
            .as_array()
            .unwrap()
            .len(),
        11_001
    );
    running.server.stop().await;
}

#[tokio::test]
async fn series_and_labels_are_found() {
    let (running, _page) = scraped().await;
    let (_, answer) = running.ask("series?match[]=a&match[]=up").await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    let (_, answer) = running.ask("series?match[]=a&limit=1").await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        answer["warnings"],
        json!(["results truncated due to limit"])
    );
    let (_, answer) = running.ask("labels?match[]=a").await;
    assert_eq!(answer["data"], json!(["__name__", "instance", "job", "x"]));
    let (_, answer) = running.ask("label/x/values").await;
    assert_eq!(answer["data"], json!(["1", "2"]));
    let (_, answer) = running.ask("label/x/values?match[]=up").await;
    assert_eq!(answer["data"], json!([]));
    running.server.stop().await;
}

#[tokio::test]
async fn targets_and_status_are_shown() {
    let (running, page) = scraped().await;
    let target = running.target("here").await;
    assert_eq!(target["scrapePool"], "test");
    assert_eq!(
        target["scrapeUrl"],
        format!("http://{}/metrics", page.address)
    );
    assert_eq!(target["health"], "up");
    assert_eq!(
        (&target["scrapeInterval"], &target["scrapeTimeout"]),
        (&json!("1m"), &json!("10s"))
    );
    let (_, answer) = running.ask("targets?state=dropped").await;
    assert_eq!(answer["data"]["activeTargets"], json!([]));
    for path in [
        "status/buildinfo",
        "status/runtimeinfo",
        "status/flags",
        "status/config",
        "status/tsdb",
        "status/walreplay",
        "rules",
        "alerts",
    ] {
        let (status, answer) = running.ask(path).await;
        assert_eq!(
            (status, &answer["status"]),
            (200, &json!("success")),
            "{path}"
        );
    }
    let page = running
        .client
        .get(format!("{}/metrics", running.url))
        .send()
        .await
        .unwrap();
    let text = page.text().await.unwrap();
    let parser =
        watchpost_model::text::Parser::new(watchpost_model::text::Format::Text, text.as_bytes());
    assert!(parser.map(Result::unwrap).count() > 20);
    running.server.stop().await;
}

#[tokio::test]
async fn the_page_is_served_with_a_tag_and_a_policy() {
    let running = server("{}").await;
    let response = running.client.get(&running.url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'self'")
    );
    let tag = response.headers()["etag"].clone();
    assert!(response.text().await.unwrap().contains("<title>"));
    let again = running
        .client
        .get(&running.url)
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
    let missing = format!("{}/nothing-here", running.url);
    assert_eq!(
        running.client.get(missing).send().await.unwrap().status(),
        404
    );
    running.server.stop().await;
}

#[tokio::test]
async fn the_path_of_a_view_leads_to_it() {
    let (running, _page) = scraped().await;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (path, status, address) in [
        ("alerts", 303, Some("./#/alerts")),
        ("targets", 303, Some("./#/targets")),
        ("nowhere", 404, None),
    ] {
        let answer = client
            .get(format!("{}/{path}", running.url))
            .send()
            .await
            .unwrap();
        let headers = answer.headers().get("location");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(headers.map(|value| value.to_str().unwrap()), address);
    }
    running.server.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_this_server_s_is_refused() {
    let running = server("{}").await;
    for (host, status) in [("evil.example.com:9090", 403), ("localhost:9090", 200)] {
        let url = format!("{}/api/v1/targets", running.url);
        let request = running.client.get(url).header("host", host);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
    running.server.stop().await;
}
