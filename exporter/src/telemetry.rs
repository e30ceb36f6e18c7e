//! What the exporter says about itself: prometheus-client's registry, transcribed to text 0.0.4.
//!
//! The figures of our own process come from sysinfo: it knows them on every system, and one
//! process is cheap to look at.

use std::fmt;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};
use watchpost_model::text::transcribe;

/// The exporter's own metrics.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    registry: Registry,
    requests: Family<Code, Counter>,
    /// Scrapes that are being answered.
    pub(crate) in_flight: Gauge,
}

/// How scrapes are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u16,
}

impl Telemetry {
    /// Everything at zero. `more` adds what other parts count.
    pub(crate) fn new(more: impl FnOnce(&mut Registry)) -> Self {
        let mut telemetry = Self::default();
        let registry = &mut telemetry.registry;
        registry.register(
            "promhttp_metric_handler_requests",
            "Total number of scrapes by HTTP status code",
            telemetry.requests.clone(),
        );
        registry.register(
            "promhttp_metric_handler_requests_in_flight",
            "Current number of scrapes being served",
            telemetry.in_flight.clone(),
        );
        registry.register_collector(Box::new(BuildInfo));
        if let Some(process) = Process::new() {
            registry.register_collector(Box::new(process));
        }
        for code in [200, 500, 503] {
            drop(telemetry.requests.get_or_create(&Code { code }));
        }
        more(registry);
        telemetry
    }

    /// Counts an answered scrape.
    pub(crate) fn count(&self, code: u16) {
        self.requests.get_or_create(&Code { code }).inc();
    }

    /// All of it as text 0.0.4.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut openmetrics = String::new();
        if let Err(error) =
            prometheus_client::encoding::text::encode(&mut openmetrics, &self.registry)
        {
            tracing::error!(%error, "the exporter's own metrics cannot be written");
            return Vec::new();
        }
        transcribe(openmetrics.as_bytes()).unwrap_or_else(|error| {
            tracing::error!(%error, "the exporter's own metrics cannot be transcribed");
            Vec::new()
        })
    }
}

/// The version that runs.
#[derive(Debug)]
struct BuildInfo;

impl Collector for BuildInfo {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let one = ConstGauge::new(1_u64);
        let mut family = encoder.encode_descriptor(
            "watchpost_exporter_build_info",
            "A metric with a constant '1' value labeled by version",
            None,
            one.metric_type(),
        )?;
        one.encode(family.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?)
    }
}

/// Our own process.
#[derive(Debug)]
struct Process {
    pid: Pid,
    system: Mutex<System>,
}

impl Process {
    /// Nothing where the system does not tell.
    fn new() -> Option<Self> {
        let pid = sysinfo::get_current_pid().ok()?;
        let system = System::new_with_specifics(RefreshKind::nothing()).ok()?;
        let system = Mutex::new(system);
        Some(Self { pid, system })
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut system = self.system.lock();
        let what = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, what);
        let Some(process) = system.process(self.pid) else {
            return Ok(());
        };
        let cpu = ConstCounter::new(process.accumulated_cpu_time() as f64 / 1e3);
        cpu.encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds",
            None,
            cpu.metric_type(),
        )?)?;
        let count = |count: Option<usize>| count.map_or(0, |count| count as u64);
        for (name, help, value) in [
            (
                "process_max_fds",
                "Maximum number of open file descriptors",
                count(process.open_files_limit()),
            ),
            (
                "process_open_fds",
                "Number of open file descriptors",
                count(process.open_files()),
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                process.memory(),
            ),
            (
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds",
                process.start_time(),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                process.virtual_memory(),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_text_0_0_4() {
        let telemetry = Telemetry::new(|_| {});
        telemetry.count(200);
        let text = String::from_utf8(telemetry.text()).unwrap();
        for line in [
            "# HELP promhttp_metric_handler_requests_total Total number of scrapes by HTTP status code.",
            "# TYPE promhttp_metric_handler_requests_total counter",
            "promhttp_metric_handler_requests_total{code=\"200\"} 1",
            "promhttp_metric_handler_requests_total{code=\"503\"} 0",
            "# TYPE process_cpu_seconds_total counter",
            "# TYPE process_resident_memory_bytes gauge",
            "watchpost_exporter_build_info{version=\"0.1.0\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        assert!(!text.contains("# EOF"));
    }

    #[test]
    fn the_figures_are_those_of_this_process() {
        let text = String::from_utf8(Telemetry::new(|_| {}).text()).unwrap();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let resident = value("process_resident_memory_bytes ") / 1024.0;
        assert!(
            (resident / kilobytes - 1.0).abs() < 0.5,
            "{resident} {kilobytes}"
        );
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(
            value("process_open_fds ") > 0.0
                && value("process_open_fds ") < 10.0 + 2.0 * open as f64
        );
        assert!(value("process_start_time_seconds ") > 1.7e9);
    }
}
