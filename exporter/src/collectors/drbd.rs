//! `drbd`: the replicated block devices of DRBD 8, `/proc/drbd`.
//!
//! ```text
//!  1: cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r-----
//!     ns:17324442 nr:10961011 dw:28263521 ...
//! ```

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "drbd",
    help: "Replication of each DRBD block device.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("drbd"));
        Box::new(Drbd { file })
    },
};

/// How a field's value becomes series.
#[derive(Clone, Copy, Debug)]
enum Value {
    Count,
    Kibibytes,
    /// Whether it is the text.
    Is(&'static str),
    /// Whether each of two, of this node and of its peer, is the text.
    Both(&'static str),
}
use Value::{Both, Count, Is, Kibibytes};

/// What stands before the colon, and what family it is. That `nr` is not in kibibytes is as in
/// `node_exporter`.
#[rustfmt::skip]
const TABLE: &[(&[u8], &str, &str, MetricType, Value)] = &[
    (b"ns", "node_drbd_network_sent_bytes_total", "Total number of bytes sent via the network.", Counter, Kibibytes),
    (b"nr", "node_drbd_network_received_bytes_total", "Total number of bytes received via the network.", Counter, Count),
    (b"dw", "node_drbd_disk_written_bytes_total", "Net data written on local hard disk; in bytes.", Counter, Kibibytes),
    (b"dr", "node_drbd_disk_read_bytes_total", "Net data read from local hard disk; in bytes.", Counter, Kibibytes),
    (b"al", "node_drbd_activitylog_writes_total", "Number of updates of the activity log area of the meta data.", Counter, Count),
    (b"bm", "node_drbd_bitmap_writes_total", "Number of updates of the bitmap area of the meta data.", Counter, Count),
    (b"lo", "node_drbd_local_pending", "Number of open requests to the local I/O sub-system.", Gauge, Count),
    (b"pe", "node_drbd_remote_pending", "Number of requests sent to the peer, but that have not yet been answered by the latter.", Gauge, Count),
    (b"ua", "node_drbd_remote_unacknowledged", "Number of requests received by the peer via the network connection, but that have not yet been answered.", Gauge, Count),
    (b"ap", "node_drbd_application_pending", "Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD.", Gauge, Count),
    (b"ep", "node_drbd_epochs", "Number of Epochs currently on the fly.", Gauge, Count),
    (b"oos", "node_drbd_out_of_sync_bytes", "Amount of data known to be out of sync; in bytes.", Gauge, Kibibytes),
    (b"cs", "node_drbd_connected", "Whether DRBD is connected to the peer.", Gauge, Is("Connected")),
    (b"ro", "node_drbd_node_role_is_primary", "Whether the role of the node is in the primary state.", Gauge, Both("Primary")),
    (b"ds", "node_drbd_disk_state_is_up_to_date", "Whether the disk of the node is up to date.", Gauge, Both("UpToDate")),
];

struct Drbd {
    file: KeptFile,
}

impl Collector for Drbd {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file
            .read()
            .map_err(|error| error.or_no_data("this host has no DRBD devices"))?;
        write(self.file.text(), page)
            .map_err(|field| self.file.fault("a field of a DRBD device", field))
    }
}

/// A field of a device.
#[derive(Debug)]
struct Field<'a> {
    device: u64,
    key: &'a [u8],
    value: &'a [u8],
}

/// The error is the field at fault; those that are good are written.
fn write<'a>(text: &'a [u8], page: &mut Page) -> Result<(), &'a [u8]> {
    let fields = fields(text);
    let mut result = Ok(());
    for (key, family, help, metric_type, value) in TABLE {
        page.family(family, help, *metric_type);
        for field in fields.iter().filter(|field| field.key == *key) {
            if write_field(field, *value, page).is_none() {
                result = result.and(Err(field.value));
            }
        }
    }
    result
}

/// A word after which there is no white space may have been cut.
fn fields(text: &[u8]) -> Vec<Field<'_>> {
    let mut device = None;
    let mut fields = Vec::new();
    let end = text.iter().rposition(u8::is_ascii_whitespace);
    let text = end.and_then(|end| text.get(..end)).unwrap_or_default();
    for word in text::words(text) {
        let Some((key, value)) = text::split_at(word, b':') else {
            continue;
        };
        match (text::integer(key).filter(|_| value.is_empty()), device) {
            (Some(number), _) => device = Some(number),
            (None, Some(device)) => fields.push(Field { device, key, value }),
            // The version, above the first device.
            (None, None) => {}
        }
    }
    fields
}

fn write_field(field: &Field<'_>, value: Value, page: &mut Page) -> Option<()> {
    let device = format!("drbd{}", field.device);
    let put_whether = |page: &mut Page, node: Option<&str>, holds: bool| {
        let mut series = page.series("");
        series.label("device", &device);
        if let Some(node) = node {
            series.label("node", node);
        }
        series.digits(if holds { b"1" } else { b"0" });
    };
    match value {
        Is(wanted) => put_whether(page, None, field.value == wanted.as_bytes()),
        Both(wanted) => {
            let (local, remote) = text::split_at(field.value, b'/')?;
            put_whether(page, Some("local"), local == wanted.as_bytes());
            put_whether(page, Some("remote"), remote == wanted.as_bytes());
        }
        Count | Kibibytes => {
            let unit = if matches!(value, Kibibytes) { 1024 } else { 1 };
            let value = text::integer(field.value)?.checked_mul(unit)?;
            let mut series = page.series("");
            series.label("device", &device);
            text::put_integer(series, value);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"version: 8.4.3 (api:1/proto:86-101)\n 0: cs:WFConnection ro:Primary/Unknown C r---\n\
        \x20   ns:2 nr:3 oos:1\n 12: cs:Connected ro:Secondary/Primary\n    ns:4 nr:5 oos:0\n";

    fn lines(text: &[u8]) -> (Vec<String>, bool) {
        let mut page = Page::new();
        let result = write(text, &mut page);
        let is_good = result.is_ok();
        let text = String::from_utf8_lossy(page.finish()).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        (lines.map(str::to_owned).collect(), is_good)
    }

    #[test]
    fn each_device_has_its_fields() {
        let (lines, is_good) = lines(TEXT);
        assert!(is_good);
        assert_eq!(
            lines,
            [
                "node_drbd_network_sent_bytes_total{device=\"drbd0\"} 2048",
                "node_drbd_network_sent_bytes_total{device=\"drbd12\"} 4096",
                "node_drbd_network_received_bytes_total{device=\"drbd0\"} 3",
                "node_drbd_network_received_bytes_total{device=\"drbd12\"} 5",
                "node_drbd_out_of_sync_bytes{device=\"drbd0\"} 1024",
                "node_drbd_out_of_sync_bytes{device=\"drbd12\"} 0",
                "node_drbd_connected{device=\"drbd0\"} 0",
                "node_drbd_connected{device=\"drbd12\"} 1",
                "node_drbd_node_role_is_primary{device=\"drbd0\",node=\"local\"} 1",
                "node_drbd_node_role_is_primary{device=\"drbd0\",node=\"remote\"} 0",
                "node_drbd_node_role_is_primary{device=\"drbd12\",node=\"local\"} 0",
                "node_drbd_node_role_is_primary{device=\"drbd12\",node=\"remote\"} 1",
            ]
        );
    }

    #[test]
    fn a_bad_field_costs_itself_only() {
        let (lines, is_good) = lines(b" 0: ns:x nr:1 ro:Primary dw:99999999999999999999 \n");
        assert_eq!(
            lines,
            ["node_drbd_network_received_bytes_total{device=\"drbd0\"} 1"]
        );
        assert!(!is_good);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_some_of_the_good_lines(end in 0..TEXT.len()) {
            let (all, _) = lines(TEXT);
            let (some, _) = lines(&TEXT[..end]);
            proptest::prop_assert!(some.iter().all(|line| all.contains(line)), "{:?}", some);
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            lines(&text);
        }
    }
}
