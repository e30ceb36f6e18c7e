//! What prometheus-client writes, as text format 0.0.4.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use watchpost_model::text::{Format, Parser, transcribe};

const EXPECTED: &str = r#"# HELP watchpost_scrapes_total Scrapes by result.
# TYPE watchpost_scrapes_total counter
watchpost_scrapes_total{result="a\"b\\c\nd"} 3
# HELP watchpost_memory_bytes Memory.
# TYPE watchpost_memory_bytes gauge
watchpost_memory_bytes 1.5e+06
# HELP watchpost_took_seconds Time.
# TYPE watchpost_took_seconds histogram
watchpost_took_seconds_sum 0.25
watchpost_took_seconds_count 1
watchpost_took_seconds_bucket{le="0.5"} 1
watchpost_took_seconds_bucket{le="+Inf"} 1
# HELP watchpost_build_info Build.
# TYPE watchpost_build_info gauge
watchpost_build_info{version="1"} 1
"#;

#[test]
fn the_pages_of_prometheus_client_become_text() {
    let mut registry = Registry::with_prefix("watchpost");
    let scrapes = Family::<Vec<(String, String)>, Counter>::default();
    registry.register("scrapes", "Scrapes by result", scrapes.clone());
    let labels = vec![("result".to_owned(), "a\"b\\c\nd".to_owned())];
    scrapes.get_or_create(&labels).inc_by(3);
    let memory: Gauge = Gauge::default();
    registry.register_with_unit("memory", "Memory", Unit::Bytes, memory.clone());
    memory.set(1_500_000);
    let took = Histogram::new([0.5]);
    registry.register_with_unit("took", "Time", Unit::Seconds, took.clone());
    took.observe(0.25);
    registry.register("build", "Build", Info::new([("version", "1")]));

    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    let text = transcribe(page.as_bytes()).unwrap();
    assert_eq!(String::from_utf8_lossy(&text), EXPECTED);
    let read: Vec<_> = Parser::new(Format::Text, &text).collect();
    assert!(read.iter().all(Result::is_ok), "{read:?}");
}
