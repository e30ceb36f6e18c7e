//! The clock, its zone, and the sources the kernel takes it from.

use std::path::PathBuf;

use jiff::{Timestamp, tz::TimeZone};
use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "time",
    help: "The clock, its zone and its sources.",
    default_on: true,
    flags: &[],
    new,
};

struct Time {
    folder: PathBuf,
    sources: Option<Vec<Source>>,
}

/// One `clocksourceN`; in practice there is one.
struct Source {
    device: String,
    available: KeptFile,
    current: KeptFile,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let folder = settings.paths.sysfs.join("devices/system/clocksource");
    let sources = None;
    Box::new(Time { folder, sources })
}

impl Collector for Time {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        write_clock(Timestamp::now(), &TimeZone::system(), page);
        let mut sources = match self.sources.take() {
            Some(sources) => sources,
            None => find(&self.folder)?,
        };
        let written = write_sources(&mut sources, page);
        // On an error they are looked for again.
        self.sources = written.is_ok().then_some(sources);
        written
    }
}

fn write_clock(now: Timestamp, zone: &TimeZone, page: &mut Page) {
    page.family(
        "node_time_seconds",
        "System time in seconds since epoch (1970).",
        MetricType::Gauge,
    );
    let micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
    text::put_fraction(page.series(""), micros, 6);
    let offset = zone.to_offset_info(now);
    page.family(
        "node_time_zone_offset_seconds",
        "System time zone offset in seconds.",
        MetricType::Gauge,
    );
    let seconds = f64::from(offset.offset().seconds());
    page.sample(&[("time_zone", offset.abbreviation())], seconds);
}

fn write_sources(sources: &mut [Source], page: &mut Page) -> Result<(), CollectError> {
    page.family(
        "node_time_clocksource_available_info",
        "Available clocksources read from '/sys/devices/system/clocksource'.",
        MetricType::Gauge,
    );
    for source in &mut *sources {
        for name in text::words(source.available.read()?) {
            write_source(name, &source.device, page);
        }
    }
    page.family(
        "node_time_clocksource_current_info",
        "Current clocksource read from '/sys/devices/system/clocksource'.",
        MetricType::Gauge,
    );
    for source in sources {
        for name in text::words(source.current.read()?) {
            write_source(name, &source.device, page);
        }
    }
    Ok(())
}

fn write_source(name: &[u8], device: &str, page: &mut Page) {
    let mut series = page.series("");
    series.label("clocksource", name).label("device", device);
    series.digits(b"1");
}

fn find(folder: &PathBuf) -> Result<Vec<Source>, CollectError> {
    let entries = std::fs::read_dir(folder).map_err(|error| CollectError::read(folder, error))?;
    let mut sources: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(Source {
                device: name.strip_prefix("clocksource")?.to_owned(),
                available: KeptFile::at_once(entry.path().join("available_clocksource")),
                current: KeptFile::at_once(entry.path().join("current_clocksource")),
            })
        })
        .collect();
    sources.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_zone_are_seconds() {
        let now = Timestamp::from_microsecond(1_795_167_698_971_458).unwrap();
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut page = Page::new();
        write_clock(now, &zone, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(
            text.contains("\nnode_time_seconds 1795167698.971458\n"),
            "{text}"
        );
        assert!(
            text.contains("\nnode_time_zone_offset_seconds{time_zone=\"CET\"} 3600\n"),
            "{text}"
        );
    }
}
