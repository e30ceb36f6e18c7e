//! What the exporter says about itself: prometheus-client's registry, transcribed to text 0.0.4.

use std::fmt;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};
use watchpost_model::text::transcribe;

use crate::collectors::KeptFile;
use crate::collectors::text::{integer, words};

/// Every Linux counts CPU time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// What an error in writing our own metrics is counted as.
const ENCODING: &str = "encoding";

/// The release of `node_exporter` whose figures are served.
const FIGURES_OF: &str = "1.12.1";

/// The exporter's own metrics.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    registry: Registry,
    requests: Family<Code, Counter>,
    errors: Family<Cause, Counter>,
    /// Scrapes that are being answered.
    pub(crate) in_flight: Gauge,
}

/// How scrapes are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u16,
}

/// What a page can lack lines for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
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
        registry.register(
            "promhttp_metric_handler_errors",
            "Total number of internal errors encountered by the promhttp metric handler",
            telemetry.errors.clone(),
        );
        registry.register_collector(Box::new(BuildInfo));
        if let Some(process) = Process::new() {
            registry.register_collector(Box::new(process));
        }
        for code in [200, 500, 503] {
            drop(telemetry.requests.get_or_create(&Code { code }));
        }
        for cause in [ENCODING, "gathering"] {
            drop(telemetry.errors.get_or_create(&Cause { cause }));
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
            self.errors.get_or_create(&Cause { cause: ENCODING }).inc();
            tracing::error!(%error, "the exporter's own metrics cannot be written");
            return Vec::new();
        }
        transcribe(openmetrics.as_bytes()).unwrap_or_else(|error| {
            self.errors.get_or_create(&Cause { cause: ENCODING }).inc();
            tracing::error!(%error, "the exporter's own metrics cannot be transcribed");
            Vec::new()
        })
    }
}

/// The version that runs, and the one of `node_exporter` that it stands for: dashboards find their
/// hosts by the latter.
#[derive(Debug)]
struct BuildInfo;

/// The architecture by Go's name.
fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

impl Collector for BuildInfo {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let one = ConstGauge::new(1_u64);
        let mut family = encoder.encode_descriptor(
            "watchpost_exporter_build_info",
            "A metric with a constant '1' value labeled by version",
            None,
            one.metric_type(),
        )?;
        one.encode(family.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?)?;
        let mut family = encoder.encode_descriptor(
            "node_exporter_build_info",
            "A metric with a constant '1' value labeled by version, revision, branch, goversion from which node_exporter was built, and the goos and goarch for the build",
            None,
            one.metric_type(),
        )?;
        one.encode(family.encode_family(&[
            ("branch", ""),
            ("goarch", goarch()),
            ("goos", std::env::consts::OS),
            ("goversion", ""),
            ("revision", ""),
            ("tags", "watchpost"),
            ("version", FIGURES_OF),
        ])?)
    }
}

/// Our own process. What does not change comes from sysinfo, which knows it on every system; what
/// does from one file that stays open, since sysinfo opens seven.
#[derive(Debug)]
struct Process {
    start_time: u64,
    max_fds: u64,
    max_virtual_bytes: u64,
    page_size: u64,
    stat: Mutex<KeptFile>,
}

/// What `/proc/self/stat` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    cpu_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Process {
    /// Nothing where the system does not tell.
    fn new() -> Option<Self> {
        let pid = sysinfo::get_current_pid().ok()?;
        let mut system = System::new_with_specifics(RefreshKind::nothing()).ok()?;
        let what = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        let process = system.process(pid)?;
        Some(Self {
            start_time: process.start_time(),
            max_fds: process.open_files_limit()? as u64,
            // As in Go's: no limit is the greatest number.
            max_virtual_bytes: rustix::process::getrlimit(rustix::process::Resource::As)
                .current
                .unwrap_or(u64::MAX),
            page_size: rustix::param::page_size() as u64,
            stat: Mutex::new(KeptFile::new("/proc/self/stat")),
        })
    }
}

/// The fields are counted from behind the program's name, which may have blanks and brackets.
fn figures(stat: &[u8]) -> Option<Figures> {
    let end = stat.iter().rposition(|c| *c == b')')?;
    let mut words = words(stat.get(end + 1..)?);
    let mut field = |skipped| integer(words.nth(skipped)?);
    Some(Figures {
        cpu_ticks: field(11)?.checked_add(field(0)?)?,
        virtual_bytes: field(7)?,
        resident_pages: field(0)?,
    })
}

/// The kernel says it as the folder's size since 6.2.
fn open_files() -> u64 {
    let folder = "/proc/self/fd";
    match std::fs::metadata(folder).map(|found| found.len()) {
        Ok(0) | Err(_) => std::fs::read_dir(folder).map_or(0, |found| found.count() as u64),
        Ok(count) => count,
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.stat.lock().read().ok().and_then(figures);
        let now = now.unwrap_or_default();
        let cpu = ConstCounter::new(now.cpu_ticks as f64 / TICKS_PER_SECOND);
        cpu.encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds",
            None,
            cpu.metric_type(),
        )?)?;
        for (name, help, value) in [
            (
                "process_max_fds",
                "Maximum number of open file descriptors",
                self.max_fds,
            ),
            (
                "process_open_fds",
                "Number of open file descriptors",
                open_files(),
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                now.resident_pages.saturating_mul(self.page_size),
            ),
            (
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds",
                self.start_time,
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                now.virtual_bytes,
            ),
            (
                "process_virtual_memory_max_bytes",
                "Maximum amount of virtual memory available in bytes",
                self.max_virtual_bytes,
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
            "# TYPE promhttp_metric_handler_errors_total counter",
            "promhttp_metric_handler_errors_total{cause=\"encoding\"} 0",
            "promhttp_metric_handler_errors_total{cause=\"gathering\"} 0",
            "# TYPE process_virtual_memory_max_bytes gauge",
            "# TYPE node_exporter_build_info gauge",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        let names = [
            "branch",
            "goarch",
            "goos",
            "goversion",
            "revision",
            "tags",
            "version",
        ];
        let info = text
            .lines()
            .find(|line| line.starts_with("node_exporter_build_info{"));
        assert!(
            names
                .iter()
                .all(|name| info.unwrap().contains(&format!("{name}=\""))),
            "{info:?}"
        );
        assert!(
            info.unwrap().ends_with(",version=\"1.12.1\"} 1"),
            "{info:?}"
        );
        assert!(!text.contains("# EOF"));
    }

    #[test]
    fn the_fields_are_those_of_proc() {
        let stat = b"749 (a (b) c) S 1 2 3 4 -1 5 6 7 8 9 120 34 0 0 20 0 2 0 11 79314944 2021 184";
        let figures = figures(stat).unwrap();
        assert_eq!(figures.cpu_ticks, 154);
        assert_eq!(figures.virtual_bytes, 79_314_944);
        assert_eq!(figures.resident_pages, 2_021);
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
        assert!(value("process_open_fds ") >= 3.0);
        assert!(value("process_virtual_memory_bytes ") > 1e6);
        assert!(value("process_start_time_seconds ") > 1.7e9);
    }
}
