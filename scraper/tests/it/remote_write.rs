//! The receiver of remote write over HTTP.

use reqwest::RequestBuilder;
use serde_json::Value;

use watchpost_tsdb::{Config, Db};

use crate::harness::{Running, server, server_with};

/// One series `name{instance="i", job="j"}` with one sample, as protobuf.
fn series(name: &str, time_ms: i64, value: f64) -> Vec<u8> {
    series_with(name, &field(0x12, &point([0x09, 0x10], time_ms, value)))
}

/// The same series with other parts.
fn series_with(name: &str, parts: &[u8]) -> Vec<u8> {
    let mut series = Vec::new();
    for (name, value) in [("__name__", name), ("instance", "i"), ("job", "j")] {
        let label = [field(0x0a, name.as_bytes()), field(0x12, value.as_bytes())].concat();
        series.extend(field(0x0a, &label));
    }
    series.extend(parts);
    field(0x0a, &series)
}

/// A value and a time under their keys.
fn point(keys: [u8; 2], time_ms: i64, value: f64) -> Vec<u8> {
    let mut point = vec![keys[0]];
    point.extend(value.to_le_bytes());
    point.push(keys[1]);
    let mut time = time_ms.cast_unsigned();
    while time >= 0x80 {
        point.push(u8::try_from(time & 0x7f).unwrap() | 0x80);
        time >>= 7;
    }
    point.push(u8::try_from(time).unwrap());
    point
}

fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![key, u8::try_from(bytes.len()).unwrap()];
    field.extend(bytes);
    field
}

fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

fn request(running: &Running, body: Vec<u8>) -> RequestBuilder {
    let url = format!("{}/api/v1/write", running.url);
    let request = running.client.post(url).body(body);
    request
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
}

async fn status(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn received_samples_are_there_at_once_and_faults_are_told() {
    let running = server("{}").await;
    let now = watchpost_scraper::clock::now_ms();
    let good = snappy(&series("m", now, 3.5));
    assert_eq!(status(request(&running, good)).await, (204, String::new()));
    assert_eq!(running.value("m{job=\"j\"}").await, Some(3.5));
    let both = [series("m", now, 4.0), series("n", now, 5.0)].concat();
    let (code, text) = status(request(&running, snappy(&both))).await;
    assert_eq!(code, 400);
    assert_eq!(
        text,
        format!(
            "duplicate sample for timestamp with another value (1); first: a sample of \
             {{instance=\"i\", job=\"j\"}} at {now} ms; 1 samples were stored"
        )
    );
    assert_eq!(running.value("m").await, Some(3.5));
    assert_eq!(running.value("n").await, Some(5.0));
    let url = format!("{}/metrics", running.url);
    let page = running.client.get(url).send().await.unwrap();
    let page = page.text().await.unwrap();
    for line in [
        "watchpost_remote_write_received_requests_total 2.0",
        "watchpost_remote_write_received_samples_total 2.0",
        "watchpost_remote_write_refused_total{reason=\"duplicate\"} 1.0",
        "watchpost_remote_write_refused_total{reason=\"too_old\"} 0.0",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    running.server.stop().await;
}

#[tokio::test]
async fn received_exemplars_are_kept_and_can_be_asked_for() {
    let config = Config {
        max_exemplars: 10,
        ..Config::default()
    };
    let running = server_with("{}", Db::in_memory(config)).await;
    let now = watchpost_scraper::clock::now_ms() / 1_000 * 1_000 + 250;
    let label = [field(0x0a, b"trace_id"), field(0x12, b"7")].concat();
    let mut exemplar = field(0x0a, &label);
    exemplar.extend(point([0x11, 0x18], now, 0.5));
    let parts = [
        field(0x12, &point([0x09, 0x10], now, 1.0)),
        field(0x1a, &exemplar),
    ];
    let body = snappy(&series_with("m", &parts.concat()));
    assert_eq!(status(request(&running, body)).await, (204, String::new()));
    let ask = async |query: &str| -> Value {
        let url = format!("{}/api/v1/query_exemplars?query={query}", running.url);
        let answer = running.client.get(url).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let wanted = serde_json::json!([{
        "seriesLabels": {"__name__": "m", "instance": "i", "job": "j"},
        "exemplars": [{"labels": {"trace_id": "7"}, "value": "0.5", "timestamp": now as f64 / 1e3}],
    }]);
    assert_eq!(ask("rate(m[5m])%2Bother").await["data"], wanted);
    assert_eq!(ask("other").await["data"], serde_json::json!([]));
    assert_eq!(ask("m&end=1").await["data"], serde_json::json!([]));
    assert_eq!(ask("m%7B").await["errorType"], "bad_data");
    running.server.stop().await;
}

#[tokio::test]
async fn what_is_no_write_request_is_refused_with_a_reason() {
    let running = server("{}").await;
    let good = || snappy(&series("m", watchpost_scraper::clock::now_ms(), 1.0));
    let plain = running.client.post(format!("{}/api/v1/write", running.url));
    let plain = || plain.try_clone().unwrap().body(good());
    let bomb = [0x80, 0x80, 0x80, 0x80, 0x0f, 0, 0];
    let long = snappy(&vec![0; (64 << 20) + 1]);
    for (request, wanted, words) in [
        (plain(), 204, ""),
        (
            plain().header(
                "content-type",
                "application/x-protobuf;proto=prometheus.WriteRequest",
            ),
            204,
            "",
        ),
        (
            plain().header("content-type", "text/plain"),
            415,
            "expected application/x-protobuf",
        ),
        (
            plain().header(
                "content-type",
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            ),
            415,
            "io.prometheus.write.v2.Request protobuf message is not accepted",
        ),
        (
            plain().header("content-encoding", "gzip"),
            415,
            "gzip encoding",
        ),
        (
            request(&running, b"\xff\xff\xffgarbage".to_vec()),
            400,
            "snappy",
        ),
        (request(&running, Vec::new()), 400, "snappy"),
        (request(&running, snappy(b"\x0a\xff")), 400, "protobuf"),
        (request(&running, bomb.to_vec()), 400, "cannot become"),
        (request(&running, long), 413, "decoded"),
        (request(&running, snappy(b"")), 204, ""),
        (
            running.client.get(format!("{}/api/v1/write", running.url)),
            405,
            "",
        ),
    ] {
        let (code, text) = status(request).await;
        assert_eq!(code, wanted, "{text}");
        assert!(text.contains(words), "{text}");
    }
    running.server.stop().await;
}

#[tokio::test]
async fn without_its_flag_there_is_no_receiver() {
    let running = crate::harness::bare_server().await;
    let (code, text) = status(request(&running, snappy(b""))).await;
    assert_eq!(code, 404);
    assert!(
        text.contains("--web.enable-remote-write-receiver"),
        "{text}"
    );
    let (_, answer): (u16, Value) = running.ask("query?query=1").await;
    assert_eq!(answer["status"], "success");
    running.server.stop().await;
}
