//! What Prometheus tells of itself under its own names, where the thing is the same: dashboards and
//! alerts about a Prometheus read it of us.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use watchpost_rules::GroupStatus;
use watchpost_tsdb::{Refusal, Stats};

use super::Parts;
use crate::clock;

/// A metric with one series: name, help, value.
type One = (&'static str, &'static str, f64);

/// Writes all of them.
pub(super) fn encode(
    parts: &Parts,
    stats: &Stats,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let groups = parts.rules.groups();
    let figures = [
        of_store(stats),
        of_files(stats),
        of_scrapes(parts),
        of_queries(parts),
        of_rules(&groups),
        of_server(parts),
    ];
    for (name, help, value) in figures.into_iter().flatten() {
        let metric = encoder.encode_descriptor(name, help, None, kind(name))?;
        ConstGauge::new(value).encode(metric)?;
    }
    encode_build(encoder)?;
    encode_appended(stats, encoder)?;
    encode_slices(parts, encoder)?;
    encode_pools(parts, encoder)?;
    encode_groups(&groups, encoder)
}

fn kind(name: &str) -> MetricType {
    if name.ends_with("_total") {
        MetricType::Counter
    } else {
        MetricType::Gauge
    }
}

fn read(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

fn of_store(stats: &Stats) -> Vec<One> {
    let refused = |wanted: Refusal| {
        let found = stats.refused.iter().find(|(have, _)| *have == wanted);
        found.map_or(0.0, |(_, count)| *count as f64)
    };
    let seconds = |time_ms: Option<i64>| time_ms.unwrap_or(0) as f64 / 1_000.0;
    vec![
        (
            "prometheus_tsdb_head_series",
            "Series in memory",
            stats.series as f64,
        ),
        (
            "prometheus_tsdb_head_chunks",
            "Finished blocks that are in no segment yet",
            stats.head_blocks as f64,
        ),
        (
            "prometheus_tsdb_head_max_time_seconds",
            "The newest time",
            seconds(stats.max_time_ms),
        ),
        (
            "prometheus_tsdb_lowest_timestamp_seconds",
            "The oldest time",
            seconds(stats.min_time_ms),
        ),
        (
            "prometheus_tsdb_out_of_order_samples_total",
            "Samples refused because they were older than their series' newest one",
            refused(Refusal::OutOfOrder),
        ),
        (
            "prometheus_tsdb_too_old_samples_total",
            "Samples refused because they were older than the retention",
            refused(Refusal::TooOld),
        ),
    ]
}

fn of_files(stats: &Stats) -> Vec<One> {
    vec![
        (
            "prometheus_tsdb_blocks_loaded",
            "Segments",
            stats.segments as f64,
        ),
        (
            "prometheus_tsdb_storage_blocks_bytes",
            "Bytes of the segments",
            stats.segment_bytes as f64,
        ),
        (
            "prometheus_tsdb_wal_storage_size_bytes",
            "Bytes of the log",
            stats.log_bytes as f64,
        ),
        (
            "prometheus_tsdb_wal_corruptions_total",
            "Records of the log that the start could not use",
            stats.damaged_records as f64,
        ),
        (
            "prometheus_tsdb_compactions_total",
            "Segments written from the head or from others",
            (stats.ring.seals + stats.ring.merges) as f64,
        ),
        (
            "prometheus_tsdb_compactions_failed_total",
            "Segments that could not be written",
            stats.ring.failures as f64,
        ),
        (
            "prometheus_tsdb_size_retentions_total",
            "Segments dropped to stay below the size limit",
            stats.ring.dropped_by_size as f64,
        ),
        (
            "prometheus_tsdb_time_retentions_total",
            "Segments dropped at the end of the retention",
            stats.ring.dropped_by_time as f64,
        ),
    ]
}

fn of_scrapes(parts: &Parts) -> Vec<One> {
    let counters = parts.scrape.counters();
    vec![
        (
            "prometheus_target_scrape_pools_total",
            "Jobs",
            parts.scrape.pools().len() as f64,
        ),
        (
            "prometheus_target_scrapes_exceeded_body_size_limit_total",
            "Pages refused because they were longer than body_size_limit",
            read(&counters.over_body_size),
        ),
        (
            "prometheus_target_scrapes_exceeded_sample_limit_total",
            "Pages refused because they had more samples than sample_limit",
            read(&counters.over_samples),
        ),
        (
            "prometheus_target_scrape_pool_exceeded_label_limits_total",
            "Pages refused because of label_limit or a limit on the length of labels",
            read(&counters.over_labels),
        ),
        (
            "prometheus_target_scrape_pool_exceeded_target_limit_total",
            "Rounds not made because the job has more targets than target_limit",
            read(&counters.over_targets),
        ),
        (
            "prometheus_target_scrapes_sample_duplicate_timestamp_total",
            "Lines that stood twice on a page",
            read(&counters.duplicates),
        ),
    ]
}

fn of_queries(parts: &Parts) -> Vec<One> {
    let (places, running) = parts.queries.places();
    let log = parts.queries.log();
    let figures = parts.queries.figures();
    vec![
        (
            "prometheus_engine_queries",
            "Queries that run now",
            running as f64,
        ),
        (
            "prometheus_engine_queries_concurrent_max",
            "Queries that may run at once",
            f64::from(places),
        ),
        (
            "prometheus_engine_query_log_enabled",
            "Whether queries are written down",
            f64::from(u8::from(log.is_some())),
        ),
        (
            "prometheus_engine_query_log_failures_total",
            "Queries that could not be written down",
            log.map_or(0.0, |log| log.failures() as f64),
        ),
        (
            "prometheus_engine_query_samples_total",
            "Samples that queries looked at: at each step all that its windows hold",
            read(&figures.samples),
        ),
        (
            "prometheus_engine_query_samples_read_total",
            "Samples that queries read: at each step those that the windows of the one before did not hold",
            read(&figures.samples_read),
        ),
    ]
}

fn of_rules(groups: &[Arc<GroupStatus>]) -> Vec<One> {
    vec![(
        "prometheus_rule_groups",
        "Groups of rules",
        groups.len() as f64,
    )]
}

fn of_server(parts: &Parts) -> Vec<One> {
    let started = parts.started_ms as f64 / 1_000.0;
    vec![
        ("prometheus_ready", "Whether it serves", 1.0),
        (
            "prometheus_config_last_reload_successful",
            "Whether the configuration was read without faults",
            1.0,
        ),
        (
            "prometheus_config_last_reload_success_timestamp_seconds",
            "When the configuration was read",
            started,
        ),
        (
            "process_start_time_seconds",
            "When the program started",
            started,
        ),
        (
            "prometheus_time_seconds",
            "The time now",
            clock::now_ms() as f64 / 1_000.0,
        ),
    ]
}

fn encode_build(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let labels = [
        ("application", "watchpost"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("goos", std::env::consts::OS),
        ("goarch", std::env::consts::ARCH),
    ];
    let mut metric = encoder.encode_descriptor(
        "prometheus_build_info",
        "What runs; always 1",
        None,
        MetricType::Gauge,
    )?;
    ConstGauge::new(1.0).encode(metric.encode_family(&labels)?)
}

fn encode_appended(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "prometheus_tsdb_head_samples_appended_total",
        "Samples that the store took",
        None,
        MetricType::Counter,
    )?;
    let labels = [("type", "float")];
    ConstGauge::new(stats.samples_appended as f64).encode(metric.encode_family(&labels)?)
}

/// How long queries waited and ran: a summary of sums and counts.
fn encode_slices(parts: &Parts, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let figures = parts.queries.figures();
    let count = read(&figures.evaluated);
    let slices = [
        ("inner_eval", read(&figures.eval_nanos)),
        ("queue_time", read(&figures.queue_nanos)),
    ];
    for (name, help, is_sum) in [
        (
            "prometheus_engine_query_duration_seconds_sum",
            "How long queries took, by part",
            true,
        ),
        (
            "prometheus_engine_query_duration_seconds_count",
            "Queries, by part",
            false,
        ),
    ] {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (slice, nanos) in slices {
            let value = if is_sum { nanos / 1e9 } else { count };
            ConstGauge::new(value).encode(metric.encode_family(&[("slice", slice)])?)?;
        }
    }
    Ok(())
}

fn encode_pools(parts: &Parts, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "prometheus_target_scrape_pool_targets",
        "Targets, by job",
        None,
        MetricType::Gauge,
    )?;
    for pool in parts.scrape.pools() {
        let labels = [("scrape_job", pool.name.as_str())];
        let targets = pool.targets.len() as f64;
        ConstGauge::new(targets).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// The figures of a group: name, help, value.
type OfGroup = (&'static str, &'static str, fn(&GroupStatus) -> f64);

const OF_GROUPS: [OfGroup; 8] = [
    ("prometheus_rule_group_rules", "Rules, by group", |group| {
        group.rules.len() as f64
    }),
    (
        "prometheus_rule_group_interval_seconds",
        "How often a group is evaluated",
        |group| group.interval.as_secs_f64(),
    ),
    (
        "prometheus_rule_group_last_duration_seconds",
        "How long the last evaluation of a group took",
        |group| group.evaluation_seconds,
    ),
    (
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        "When a group was last evaluated",
        |group| group.last_evaluation_ms.unwrap_or(0) as f64 / 1_000.0,
    ),
    (
        "prometheus_rule_group_iterations_total",
        "Evaluations of a group",
        |group| group.iterations as f64,
    ),
    (
        "prometheus_rule_group_iterations_missed_total",
        "Evaluations of a group left out because the one before took too long",
        |group| group.iterations_missed as f64,
    ),
    (
        "prometheus_rule_evaluations_total",
        "Evaluations of rules, by group",
        |group| group.evaluations as f64,
    ),
    (
        "prometheus_rule_evaluation_failures_total",
        "Evaluations of rules that failed, by group",
        |group| group.evaluation_failures as f64,
    ),
];

fn encode_groups(groups: &[Arc<GroupStatus>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in OF_GROUPS {
        let mut metric = encoder.encode_descriptor(name, help, None, kind(name))?;
        for group in groups {
            let labels = [("rule_group", format!("{};{}", group.file, group.name))];
            ConstGauge::new(value(group)).encode(metric.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
