//! `fibrechannel`: the Fibre Channel ports of `/sys/class/fc_host`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::{Page, Series};

use super::attributes::{self, Attribute, Device};
use super::folder::entries;
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "fibrechannel",
    help: "What each Fibre Channel port sent and received, and its errors.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(FibreChannel::new(settings)),
};

#[rustfmt::skip]
const TABLE: &[Attribute<()>] = &[
    ("node_fibrechannel_dumped_frames_total", "Number of dumped frames", Counter, "statistics/dumped_frames", ()),
    ("node_fibrechannel_error_frames_total", "Number of errors in frames", Counter, "statistics/error_frames", ()),
    ("node_fibrechannel_invalid_crc_total", "Invalid Cyclic Redundancy Check count", Counter, "statistics/invalid_crc_count", ()),
    ("node_fibrechannel_rx_frames_total", "Number of frames received", Counter, "statistics/rx_frames", ()),
    ("node_fibrechannel_rx_words_total", "Number of words received by host port", Counter, "statistics/rx_words", ()),
    ("node_fibrechannel_tx_frames_total", "Number of frames transmitted by host port", Counter, "statistics/tx_frames", ()),
    ("node_fibrechannel_tx_words_total", "Number of words transmitted by host port", Counter, "statistics/tx_words", ()),
    ("node_fibrechannel_seconds_since_last_reset_total", "Number of seconds since last host port reset", Counter, "statistics/seconds_since_last_reset", ()),
    ("node_fibrechannel_invalid_tx_words_total", "Number of invalid words transmitted by host port", Counter, "statistics/invalid_tx_word_count", ()),
    ("node_fibrechannel_link_failure_total", "Number of times the host port link has failed", Counter, "statistics/link_failure_count", ()),
    ("node_fibrechannel_loss_of_sync_total", "Number of failures on either bit or transmission word boundaries", Counter, "statistics/loss_of_sync_count", ()),
    ("node_fibrechannel_loss_of_signal_total", "Number of times signal has been lost", Counter, "statistics/loss_of_signal_count", ()),
    ("node_fibrechannel_nos_total", "Number Not_Operational Primitive Sequence received by host port", Counter, "statistics/nos_count", ()),
    ("node_fibrechannel_fcp_packet_aborts_total", "Number of aborted packets", Counter, "statistics/fcp_packet_aborts", ()),
];

/// The files that are labels of `node_fibrechannel_info`. All may change while the host runs.
const INFO: [&str; 10] = [
    "dev_loss_tmo",
    "fabric_name",
    "port_id",
    "port_name",
    "port_state",
    "port_type",
    "speed",
    "supported_classes",
    "supported_speeds",
    "symbolic_name",
];

/// Those of them that are written without their `0x`.
const HEXADECIMAL: [&str; 3] = ["fabric_name", "port_id", "port_name"];

#[derive(Debug)]
struct FibreChannel {
    folder: PathBuf,
    /// None on a host without ports.
    ports: Inventory<Option<Ports>>,
}

#[derive(Debug)]
struct Ports {
    names: Vec<String>,
    /// Those of [`INFO`] of each port.
    infos: Vec<[KeptFile; INFO.len()]>,
    devices: Vec<Device>,
}

impl FibreChannel {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/fc_host"),
            ports: Inventory::default(),
        }
    }
}

impl Collector for FibreChannel {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| ports(&self.folder);
        let Some(ports) = self.ports.get(Instant::now(), list)? else {
            return Err(CollectError::NoData("this host has no Fibre Channel ports"));
        };
        page.family(
            "node_fibrechannel_info",
            "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
            Gauge,
        );
        let mut result = Ok(());
        for (name, files) in ports.names.iter().zip(&mut ports.infos) {
            attributes::keep_first(&mut result, write_info(name, files, page));
        }
        let written = attributes::write(TABLE, &mut ports.devices, page, put);
        attributes::keep_first(&mut result, written);
        attributes::settle(result, &mut self.ports)
    }
}

fn ports(folder: &Path) -> Result<Option<Ports>, CollectError> {
    let Some(entries) = entries(folder)? else {
        return Ok(None);
    };
    let device = |(name, folder): &(String, PathBuf)| {
        Device::new(folder, vec![("fc_host", name.clone())], TABLE)
    };
    let info =
        |(_, folder): &(String, PathBuf)| INFO.map(|f| KeptFile::one_of_many(folder.join(f)));
    Ok(Some(Ports {
        devices: entries.iter().map(device).collect(),
        infos: entries.iter().map(info).collect(),
        names: entries.into_iter().map(|(name, _)| name).collect(),
    }))
}

/// A driver need not have all of the files.
fn write_info(name: &str, files: &mut [KeptFile], page: &mut Page) -> Result<(), CollectError> {
    let mut series = page.series("");
    for (label, file) in INFO.into_iter().zip(files) {
        let text = match attributes::read(file) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) if error.is_missing() => b"",
            Err(error) => return Err(error),
        };
        let digits = text.strip_prefix(b"0x");
        let digits = digits.filter(|_| HEXADECIMAL.contains(&label));
        series.label(label, digits.unwrap_or(text));
        if label == "fabric_name" {
            series.label("fc_host", name);
        }
    }
    series.digits(b"1");
    Ok(())
}

fn put(text: &[u8], (): (), series: Series<'_>) -> Option<()> {
    let value = number(text)?;
    // All ones stand for a counter that the adapter does not have.
    if value != u64::MAX {
        text::put_integer(series, value);
    }
    Some(())
}

/// A number, mostly in hexadecimal.
fn number(text: &[u8]) -> Option<u64> {
    let Some(digits) = text.strip_prefix(b"0x") else {
        return text::integer(text);
    };
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16)
        .ok()
        .filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    fn collect(sysfs: &Path) -> (String, Result<(), CollectError>) {
        let settings = Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        let result = FibreChannel::new(&settings).collect(&mut page);
        let text = String::from_utf8_lossy(page.finish()).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        (lines.collect::<Vec<_>>().join("\n"), result)
    }

    #[test]
    fn counters_are_hexadecimal_and_those_not_supported_are_left_out() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("port_state", "Online"),
            ("port_id", "0x00ab"),
            ("symbolic_name", "a \"b\""),
            ("statistics/rx_frames", "0x1f"),
            ("statistics/tx_frames", "17"),
            ("statistics/rx_words", "0xffffffffffffffff"),
            ("statistics/tx_words", "0x"),
        ] {
            let path = sysfs.path().join("class/fc_host/host7").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        let (text, result) = collect(sysfs.path());
        assert_eq!(
            text,
            "node_fibrechannel_info{dev_loss_tmo=\"\",fabric_name=\"\",fc_host=\"host7\",\
             port_id=\"00ab\",port_name=\"\",port_state=\"Online\",port_type=\"\",speed=\"\",\
             supported_classes=\"\",supported_speeds=\"\",symbolic_name=\"a \\\"b\\\"\"} 1\n\
             node_fibrechannel_rx_frames_total{fc_host=\"host7\"} 31\n\
             node_fibrechannel_tx_frames_total{fc_host=\"host7\"} 17"
        );
        let error = result.unwrap_err().to_string();
        assert!(error.ends_with("tx_words`: expected a number, found `0x`"));
    }

    #[test]
    fn a_host_without_ports_has_no_data() {
        let sysfs = tempfile::tempdir().unwrap();
        let (text, result) = collect(sysfs.path());
        assert_eq!(text, "");
        assert!(matches!(result, Err(CollectError::NoData(_))));
    }

    #[test]
    fn only_whole_numbers_are_taken() {
        assert_eq!(number(b"0xffffffffffffffff"), Some(u64::MAX));
        for text in ["", "0x", "0x+1", "0x1 2", "-1", "0x1ffffffffffffffff", "ff"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "(0x)?[-+0-9a-fg]{0,18}") {
            attributes::assert_bears(&text, &[()], put);
            attributes::assert_bears(near.as_bytes(), &[()], put);
        }
    }
}
