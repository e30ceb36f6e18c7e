//! From a page to the answer of a query.

use crate::harness::{Behaviour, exporter, server, server_in, target};

fn config(address: &str, more: &str) -> String {
    format!(
        "scrape_configs:
- job_name: node
  scrape_interval: 200ms
  static_configs: [{{targets: ['{address}'], labels: {{instance: here}}}}]
{more}"
    )
}

#[tokio::test]
async fn figures_of_this_host_can_be_asked_for() {
    let exporter = exporter().await;
    let running = server(&config(&exporter.address, "")).await;
    running.eventually_is("up", 1.0).await;
    let memory = running.value("node_memory_MemTotal_bytes").await.unwrap();
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo.lines().next().unwrap();
    let kilobytes: f64 = total
        .split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (memory - kilobytes * 1_024.0).abs() < 1.0,
        "{memory} is not {total}"
    );
    let busy = "sum(rate(node_cpu_seconds_total[10s]))";
    crate::harness::eventually(busy, async || running.value(busy).await.is_some()).await;
    running.eventually_is("scrape_series_added", 0.0).await;
    running.server.stop().await;
}

#[tokio::test]
async fn labels_and_times_of_the_page_are_kept_as_configured() {
    let page =
        "# TYPE a counter\n# HELP a Counts.\na{job=\"own\",x=\"1\"} 5\na{x=\"2\"} 6\nb 7 1000\n";
    let page = target(Behaviour::Page(page.to_owned())).await;
    let more = "  metric_relabel_configs:
  - {source_labels: [x], regex: '2', action: drop}
  - {source_labels: [x], target_label: y}
  - {regex: x, action: labeldrop}
";
    let running = server(&config(&page.address, more)).await;
    running
        .eventually_is(r#"a{job="node",exported_job="own",y="1",x=""}"#, 5.0)
        .await;
    assert_eq!(running.value(r#"a{y="2"}"#).await, None);
    assert_eq!(running.value("scrape_samples_scraped").await, Some(3.0));
    assert_eq!(
        running.value("scrape_samples_post_metric_relabeling").await,
        Some(2.0)
    );
    assert_eq!(running.value("b").await, None, "1970 is long ago");
    let (_, metadata) = running.ask("metadata?metric=a").await;
    assert_eq!(metadata["data"]["a"][0]["type"], "counter");
    assert_eq!(metadata["data"]["a"][0]["help"], "Counts.");
    running.server.stop().await;
}

#[tokio::test]
async fn samples_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let page = target(Behaviour::Page("a 42\n".to_owned())).await;
    let text = config(&page.address, "");
    let running = server_in(folder.path(), &text).await;
    let count = "count_over_time(a[1h])";
    crate::harness::eventually(count, async || {
        running.value(count).await.is_some_and(|count| count >= 3.0)
    })
    .await;
    let before = running.value(count).await.unwrap();
    running.server.stop().await;
    drop(page);
    let running = server_in(folder.path(), &text).await;
    assert!(running.value(count).await.unwrap() >= before);
    running.server.stop().await;
}

#[tokio::test]
async fn a_page_may_keep_a_label_of_its_target_away_where_its_labels_are_honored() {
    let page = "a{instance=\"\"} 1\nb{instance=\"web1\"} 2\nc 3\n";
    let target = target(Behaviour::Page(page.to_owned())).await;
    let text = format!(
        "scrape_configs:
- job_name: push
  honor_labels: true
  static_configs: [{{targets: ['{}'], labels: {{instance: gateway}}}}]
",
        target.address
    );
    let running = server(&text).await;
    running.eventually_is("a{instance=\"\"}", 1.0).await;
    running.eventually_is("b{instance=\"web1\"}", 2.0).await;
    running.eventually_is("c{instance=\"gateway\"}", 3.0).await;
    running.server.stop().await;
}
