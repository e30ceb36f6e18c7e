//! Our own metrics, declared in one place.
//!
//! The library writes OpenMetrics, which differs from text format 0.0.4 in the names of counters.
//! [`Figures`] gives counters their whole name and writes their value without a suffix, so that
//! what comes out is valid 0.0.4 after the closing `# EOF` is cut off.

mod histogram;
mod http;
mod prometheus;
mod store;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use watchpost_rules::notify::{ChannelStatus, Notifier};
use watchpost_tsdb::Db;

use self::http::Requests;
use crate::api::Queries;
use crate::remote_write::Receiver;
use crate::scrape;

/// Our own metrics.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    requests: Arc<Requests>,
}

/// The parts of the server that have figures.
#[derive(Debug)]
pub struct Parts {
    /// When the program started, ms.
    pub started_ms: i64,
    /// The queries.
    pub queries: Arc<Queries>,
    /// The rules.
    pub rules: watchpost_rules::Manager,
    /// The store.
    pub db: Db,
    /// The targets.
    pub scrape: Arc<scrape::Manager>,
    /// Who sends notices.
    pub notifier: Option<Notifier>,
    /// Who takes what others send.
    pub receiver: Option<Arc<Receiver>>,
}

impl Telemetry {
    /// Metrics of these parts.
    pub fn new(parts: Parts) -> Self {
        let mut registry = Registry::default();
        let requests = Arc::<Requests>::default();
        registry.register_collector(Box::new(Figures {
            parts,
            requests: Arc::clone(&requests),
        }));
        Self { registry, requests }
    }

    /// What requests cost.
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The page in text format 0.0.4.
    pub fn page(&self) -> String {
        let mut page = String::new();
        if let Err(error) = encode(&mut page, &self.registry) {
            tracing::error!(%error, "cannot write our own metrics");
        }
        page.truncate(page.trim_end_matches("# EOF\n").len());
        page
    }
}

/// Reads the figures of the parts when the page is asked for.
#[derive(Debug)]
struct Figures {
    parts: Parts,
    requests: Arc<Requests>,
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.parts.db.stats();
        let parts = [
            self.of_scrapes(),
            store::figures(&stats),
            self.of_queries(),
            self.of_notices(),
            self.of_received(),
            of_process(),
        ];
        for (name, help, value) in parts.into_iter().flatten() {
            let kind = if name.ends_with("_total") {
                MetricType::Counter
            } else {
                MetricType::Gauge
            };
            let metric = encoder.encode_descriptor(name, help, None, kind)?;
            ConstGauge::new(value).encode(metric)?;
        }
        store::encode_refused(&stats, &mut encoder)?;
        prometheus::encode(&self.parts, &stats, &mut encoder)?;
        self.requests.encode(&mut encoder)?;
        self.encode_refused(&mut encoder)
    }
}

/// A name, what it is, and its value.
type Figure = (&'static str, &'static str, f64);

impl Figures {
    fn of_scrapes(&self) -> Vec<Figure> {
        let counters = self.parts.scrape.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        vec![
            (
                "watchpost_scrapes_total",
                "Rounds made over all targets",
                read(&counters.scrapes),
            ),
            (
                "watchpost_scrapes_failed_total",
                "Rounds of which came up 0",
                read(&counters.failed),
            ),
            (
                "watchpost_scrapes_missed_total",
                "Rounds that were due and not made because the server was too busy",
                read(&counters.missed),
            ),
            (
                "watchpost_scrape_pages_refused_total",
                "Pages that the store did not take",
                read(&counters.refused_pages),
            ),
            (
                "watchpost_scrape_exceeded_body_size_limit_total",
                "Pages refused because they were longer than body_size_limit",
                read(&counters.over_body_size),
            ),
            (
                "watchpost_scrape_exceeded_sample_limit_total",
                "Pages refused because they had more samples than sample_limit",
                read(&counters.over_samples),
            ),
            (
                "watchpost_scrape_exceeded_label_limits_total",
                "Pages refused because of label_limit or a limit on the length of labels",
                read(&counters.over_labels),
            ),
            (
                "watchpost_scrape_exceeded_target_limit_total",
                "Rounds not made because the job has more targets than target_limit",
                read(&counters.over_targets),
            ),
            (
                "watchpost_scrape_samples_total",
                "Samples on the pages",
                read(&counters.samples),
            ),
            (
                "watchpost_scrape_duplicate_lines_total",
                "Lines that stood twice on a page; the first counts",
                read(&counters.duplicates),
            ),
            (
                "watchpost_scrape_samples_refused_total",
                "Samples that the store did not take: a limit on series, or a time of their own that is out of order",
                read(&counters.refused_samples),
            ),
        ]
    }

    fn of_notices(&self) -> Vec<Figure> {
        let status = self
            .parts
            .notifier
            .as_ref()
            .map(Notifier::status)
            .unwrap_or_default();
        let sum = |part: fn(&ChannelStatus) -> u64| -> f64 {
            status.channels.iter().map(part).sum::<u64>() as f64
        };
        let queued: usize = status.channels.iter().map(|channel| channel.queued).sum();
        vec![
            (
                "watchpost_notices_sent_total",
                "Notices that were sent",
                sum(|channel| channel.sent),
            ),
            (
                "watchpost_notices_failed_attempts_total",
                "Attempts to send a notice that failed and are tried again",
                sum(|channel| channel.failed_attempts),
            ),
            (
                "watchpost_notices_dropped_total",
                "Notices that were given up",
                sum(|channel| channel.dropped),
            ),
            (
                "watchpost_notices_queued",
                "Notices that wait to be sent",
                queued as f64,
            ),
        ]
    }

    fn of_received(&self) -> Vec<Figure> {
        let Some(receiver) = &self.parts.receiver else {
            return Vec::new();
        };
        let counters = receiver.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        vec![
            (
                "watchpost_remote_write_received_requests_total",
                "Write requests of others that were taken, whole or in part",
                read(&counters.requests),
            ),
            (
                "watchpost_remote_write_failed_requests_total",
                "Write requests of others that failed as a whole",
                read(&counters.failed),
            ),
            (
                "watchpost_remote_write_received_samples_total",
                "Samples of others that are stored",
                read(&counters.samples),
            ),
            (
                "watchpost_remote_write_received_exemplars_total",
                "Exemplars of others that are kept",
                read(&counters.exemplars),
            ),
            (
                "watchpost_remote_write_received_bytes_total",
                "Bytes of write requests, compressed",
                read(&counters.bytes),
            ),
        ]
    }

    /// What others sent and was not stored, by reason.
    fn encode_refused(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(receiver) = &self.parts.receiver else {
            return Ok(());
        };
        let mut metric = encoder.encode_descriptor(
            "watchpost_remote_write_refused_total",
            "Samples, histograms and exemplars of others that were not stored",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in receiver.counters().refused() {
            let labels = [("reason", reason.label())];
            ConstGauge::new(count as f64).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn of_queries(&self) -> Vec<Figure> {
        let figures = self.parts.queries.figures();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        vec![
            (
                "watchpost_queries_total",
                "Queries asked over HTTP",
                read(&figures.asked),
            ),
            (
                "watchpost_queries_failed_total",
                "Queries that failed",
                read(&figures.failed),
            ),
        ]
    }
}

/// What every Prometheus client tells about its process.
fn of_process() -> Vec<Figure> {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let mut figures = vec![(
        "process_cpu_seconds_total",
        "Processor time used",
        cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
    )];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    if let Some(kilobytes) = kilobytes {
        figures.push((
            "process_resident_memory_bytes",
            "Memory used",
            kilobytes * 1_024.0,
        ));
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        figures.push(("process_open_fds", "Open files", files.count() as f64));
    }
    figures
}
