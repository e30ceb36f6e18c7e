//! The page.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use watchpost_model::text::{Entry, Format, Parser};

use crate::start::{Exporter, config};

const PROCFS: &str = concat!(
    "--path.procfs=",
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/proc"
);

/// All series of a page and their values; the page must be well formed and each series be there
/// once.
fn series(page: &str) -> BTreeMap<String, f64> {
    for entry in Parser::new(Format::Text, page.as_bytes()) {
        if let Entry::Sample(sample) = entry.unwrap() {
            assert!(sample.timestamp_ms.is_none());
        }
    }
    let mut series = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let before = series.insert(name.to_owned(), value.parse().unwrap());
        assert!(before.is_none(), "{name} is there twice");
    }
    series
}

fn success(page: &BTreeMap<String, f64>, collector: &str) -> bool {
    let name = format!("node_scrape_collector_success{{collector=\"{collector}\"}}");
    page.get(&name) == Some(&1.0)
}

#[tokio::test]
async fn a_recorded_host_gives_exact_numbers() {
    let exporter = Exporter::start(config(&[PROCFS, "--no-collector.netdev.netlink"])).await;
    let answer = exporter.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{}",
        answer.head
    );
    let page = series(answer.text());
    for (name, value) in [
        ("node_boot_time_seconds", 1_795_166_343.0),
        ("node_context_switches_total", 5_542_802.0),
        ("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", 1_178.94),
        ("node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"}", 1_542.96),
        (
            "node_disk_read_bytes_total{device=\"vda\"}",
            READ_SECTORS * 512.0,
        ),
        ("node_load1", 7.7),
        ("node_memory_MemTotal_bytes", 24_684_092.0 * 1_024.0),
        ("node_memory_MemAvailable_bytes", 22_296_076.0 * 1_024.0),
        (
            "node_network_receive_bytes_total{device=\"eth0\"}",
            436_073_460.0,
        ),
        ("node_procs_running", 6.0),
        ("promhttp_metric_handler_requests_in_flight", 1.0),
    ] {
        assert_eq!(page.get(name), Some(&value), "{name}");
    }
    for collector in [
        "cpu",
        "diskstats",
        "filesystem",
        "loadavg",
        "meminfo",
        "netdev",
        "stat",
        "time",
        "uname",
    ] {
        assert!(success(&page, collector), "{collector}");
    }
    exporter.stop().await;
}

/// What the recording says of `vda`.
const READ_SECTORS: f64 = 13_295_602.0;

#[tokio::test]
async fn this_host_gives_a_page_that_parses() {
    let exporter = Exporter::start(config(&[])).await;
    let first = series(exporter.get("/metrics").await.text());
    let second = series(exporter.get("/metrics").await.text());
    let idle = "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}";
    assert!(first[idle] > 0.0 && second[idle] >= first[idle]);
    let count = "promhttp_metric_handler_requests_total{code=\"200\"}";
    assert_eq!(second.get(count), Some(&(first[count] + 1.0)));
    exporter.stop().await;
}

#[tokio::test]
async fn the_page_is_compressed_for_those_who_can_read_it() {
    let exporter = Exporter::start(config(&[])).await;
    let answer = exporter
        .get_with("/metrics", "accept-encoding: gzip\r\n")
        .await;
    assert!(
        answer.head.contains("content-encoding: gzip\r\n"),
        "{}",
        answer.head
    );
    let mut page = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice())
        .read_to_string(&mut page)
        .unwrap();
    assert!(success(&series(&page), "cpu"));
    assert!(
        !exporter
            .get("/metrics")
            .await
            .head
            .contains("content-encoding")
    );
    exporter.stop().await;
}

#[tokio::test]
async fn a_collector_whose_file_hangs_or_is_garbage_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["stat", "diskstats"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/proc")
            .join(file);
        std::fs::copy(from, folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("meminfo"), "MemTotal:       246").unwrap();
    std::fs::write(folder.path().join("diskstats"), "garbage\n").unwrap();
    // Opening a pipe waits for ever for somebody to write into it.
    let pipe = folder.path().join("loadavg");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let procfs = format!("--path.procfs={}", folder.path().display());
    let mut config = config(&[&procfs, "--no-collector.filesystem"]);
    config.limits.deadline = Duration::from_millis(500);
    let exporter = Exporter::start(config).await;
    let start = Instant::now();
    let page = series(exporter.get("/metrics").await.text());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(!success(&page, "loadavg") && !success(&page, "diskstats"));
    assert!(success(&page, "stat") && success(&page, "cpu") && success(&page, "uname"));
    // It still hangs, and the next page does not wait for it.
    let start = Instant::now();
    let page = series(exporter.get("/metrics").await.text());
    assert!(
        start.elapsed() < Duration::from_millis(450),
        "{:?}",
        start.elapsed()
    );
    assert!(!success(&page, "loadavg") && success(&page, "stat"));
    // Lets the thread end.
    drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
    exporter.stop().await;
}

#[tokio::test]
async fn a_request_may_choose_collectors() {
    let exporter = Exporter::start(config(&["--no-collector.uname"])).await;
    let page = exporter
        .get("/metrics?collect[]=loadavg&collect[]=stat")
        .await;
    let page = series(page.text());
    assert!(page.contains_key("node_load1") && page.contains_key("node_boot_time_seconds"));
    assert!(!page.contains_key("node_memory_MemTotal_bytes"));
    let page = series(exporter.get("/metrics?exclude[]=loadavg").await.text());
    assert!(!page.contains_key("node_load1"));
    // As in node_exporter, to leave out what is not there is no fault.
    for query in ["exclude[]=nonsense", "exclude[]=uname"] {
        let answer = exporter.get(&format!("/metrics?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert!(series(answer.text()).contains_key("node_load1"));
    }
    for (query, told) in [
        ("collect[]=nonsense", "missing collector: nonsense"),
        ("collect[]=uname", "disabled collector: uname"),
        (
            "collect[]=stat&exclude[]=loadavg",
            "combined collect and exclude",
        ),
    ] {
        let answer = exporter.get(&format!("/metrics?{query}")).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with(told), "{}", answer.text());
    }
    exporter.stop().await;
}

#[tokio::test]
async fn one_client_cannot_take_all_connections() {
    let exporter = Exporter::start(config(&[])).await;
    let mut taken = Vec::new();
    for _ in 0..300 {
        taken.push(exporter.connect("127.0.0.2").await);
    }
    let page = tokio::time::timeout(Duration::from_secs(10), exporter.get("/-/healthy"));
    assert_eq!(page.await.unwrap().status, 200);
    drop(taken);
    exporter.stop().await;
}

#[tokio::test]
async fn people_find_a_page_and_machines_a_sign_of_life() {
    let exporter = Exporter::start(config(&["--web.telemetry-path=/numbers"])).await;
    let landing = exporter.get("/").await;
    assert!(landing.text().contains("href=\"/numbers\""));
    assert!(landing.text().contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(exporter.get("/-/healthy").await.status, 200);
    assert_eq!(exporter.get("/numbers").await.status, 200);
    let none = exporter.get("/metrics").await;
    assert_eq!((none.status, none.text()), (404, "Not Found\n"));
    exporter.stop().await;
}

#[tokio::test]
async fn the_page_may_be_silent_about_the_exporter() {
    let config = config(&["--web.disable-exporter-metrics"]);
    let exporter = Exporter::start(config).await;
    let page = exporter.get("/metrics").await;
    assert!(!page.text().contains("process_") && !page.text().contains("promhttp_"));
    exporter.stop().await;
}
