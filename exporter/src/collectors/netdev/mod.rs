//! What each network device received and sent: from the kernel by netlink, which costs one
//! question however many devices there are, or from `/proc/net/dev`.

mod netlink;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, Settings, text,
};
use netlink::Links;

const INCLUDE: Flag = Flag::pattern(
    "netdev.device-include",
    "",
    "Regexp of net devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "netdev.device-exclude",
    "",
    "Regexp of net devices to exclude (mutually exclusive to device-include).",
);
const NETLINK: Flag = Flag {
    name: "netdev.netlink",
    help: "Use netlink to gather stats instead of /proc/net/dev.",
    kind: FlagKind::Switch { default: true },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "netdev",
    help: "What each network device received and sent.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE, NETLINK],
    new,
};

/// The figures, in the order of the columns of `/proc/net/dev`; the last one is netlink's alone.
const FIGURES: [&str; 17] = [
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
    "receive_nohandler",
];

/// The columns of `/proc/net/dev`.
const COLUMNS: usize = FIGURES.len() - 1;

struct NetDev {
    filter: Filter,
    source: Source,
}

enum Source {
    Netlink(Links),
    File(KeptFile),
}

/// A device and its [`FIGURES`].
#[derive(Debug, PartialEq, Eq)]
struct Device {
    name: String,
    figures: [Option<u64>; FIGURES.len()],
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let source = if settings.switch(&NETLINK) {
        Source::Netlink(Links::default())
    } else {
        Source::File(KeptFile::new(settings.paths.procfs.join("net/dev")))
    };
    let filter = settings.filter(&INCLUDE, &EXCLUDE);
    Box::new(NetDev { filter, source })
}

impl Collector for NetDev {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut devices = match &mut self.source {
            Source::Netlink(links) => links.devices()?,
            Source::File(file) => {
                file.read()?;
                parse(file.text())
                    .map_err(|line| file.fault("a device and its 16 counters", line))?
            }
        };
        devices.retain(|device| self.filter.lets_through(&device.name));
        write(&devices, page);
        Ok(())
    }
}

/// The lines behind the two of the head. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Device>, &[u8]> {
    text::lines(text)
        .skip(2)
        .map(|line| device(line).ok_or(line))
        .collect()
}

fn device(line: &[u8]) -> Option<Device> {
    // The name may have a colon of its own: `eth0:1`.
    let colon = line.iter().rposition(|c| *c == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let mut figures = [None; FIGURES.len()];
    let mut words = text::words(rest.get(1..)?);
    for figure in figures.iter_mut().take(COLUMNS) {
        *figure = Some(text::integer(words.next()?)?);
    }
    let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
    Some(Device { name, figures })
}

fn write(devices: &[Device], page: &mut Page) {
    for (at, figure) in FIGURES.into_iter().enumerate() {
        page.family(
            &format!("node_network_{figure}_total"),
            &format!("Network device statistic {figure}."),
            MetricType::Counter,
        );
        for device in devices {
            if let Some(Some(value)) = device.figures.get(at) {
                let mut series = page.series("");
                series.label("device", &device.name);
                text::put_integer(series, *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &[u8] = include_bytes!("../../../tests/fixtures/proc/net/dev");

    #[test]
    fn a_line_is_a_device() {
        let devices = parse(DEV).unwrap();
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["lo", "ifb0", "ifb1", "eth0"]);
        let mut page = Page::new();
        write(&devices, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        for line in [
            "# HELP node_network_receive_bytes_total Network device statistic receive_bytes.",
            "# TYPE node_network_receive_bytes_total counter",
            "node_network_receive_bytes_total{device=\"eth0\"} 436073460",
            "node_network_receive_packets_total{device=\"eth0\"} 11754",
            "node_network_transmit_bytes_total{device=\"eth0\"} 600418",
            "node_network_transmit_packets_total{device=\"lo\"} 3054",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}");
        }
        assert!(!text.contains("nohandler"));
    }

    #[test]
    fn netlink_and_the_file_agree() {
        let mut links = Links::default();
        let by_netlink = links.devices().unwrap();
        let file = std::fs::read("/proc/net/dev").unwrap();
        let by_file = parse(&file).unwrap();
        let names = |devices: &[Device]| -> Vec<String> {
            let mut names: Vec<_> = devices.iter().map(|device| device.name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&by_netlink), names(&by_file));
        for (device, later) in by_netlink
            .iter()
            .filter_map(|a| by_file.iter().find(|b| a.name == b.name).map(|b| (a, b)))
        {
            for (now, then) in device.figures.iter().zip(&later.figures).take(COLUMNS) {
                assert!(now <= then, "{device:?} {later:?}");
            }
        }
        // A second question gets an answer of its own.
        assert_eq!(names(&links.devices().unwrap()), names(&by_file));
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(end in 0..DEV.len(), at in 0..DEV.len(), byte: u8) {
            let mut text = DEV.to_vec();
            text[at] = byte;
            text.truncate(end);
            if let Ok(devices) = parse(&text) {
                write(&devices, &mut Page::new());
            }
        }
    }
}
