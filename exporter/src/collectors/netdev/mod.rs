//! What each network device received and sent: from the kernel by netlink, which costs one
//! question however many devices there are, or from `/proc/net/dev`.

mod addresses;
mod figures;

use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::links::{Link, Links};
use super::shared::Shared;
use super::text::Names;
use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, Settings, read_small,
    text,
};
use addresses::Addresses;
use figures::{COLUMNS, DETAILED, DETAILED_COLUMNS, FIGURES, Figure, MOST};

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

const ADDRESSES: Flag = Flag::switch(
    "netdev.address-info",
    "Collect address-info for every device.",
);
const ALIAS: Flag = Flag::switch("netdev.label-ifalias", "Add ifAlias label.");
const DETAILS: Flag = Flag::switch(
    "netdev.enable-detailed-metrics",
    "Use (incompatible) metric names that provide more detailed stats.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "netdev",
    help: "What each network device received and sent.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE, NETLINK, ADDRESSES, ALIAS, DETAILS],
    new,
};

struct NetDev {
    filter: Filter,
    /// Whether each device is wanted.
    wanted: Names<bool>,
    source: Source,
    figures: &'static [Figure],
    /// The devices' folders, where their aliases are wanted.
    aliases: Option<PathBuf>,
    addresses: Option<Addresses>,
}

enum Source {
    Netlink(Shared<Links>),
    File(KeptFile),
}

/// A device and its numbers, in the order of the [`Figure`]s.
#[derive(Debug, PartialEq, Eq)]
struct Device {
    name: String,
    alias: Option<String>,
    figures: [Option<u64>; MOST],
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let source = if settings.switch(&NETLINK) {
        Source::Netlink(settings.links.clone())
    } else {
        Source::File(KeptFile::rows(settings.paths.procfs.join("net/dev")))
    };
    let filter = settings.filter(&INCLUDE, &EXCLUDE);
    let wanted = Names::default();
    let figures: &[Figure] = match (settings.switch(&DETAILS), &source) {
        (false, _) => &FIGURES,
        (true, Source::Netlink(_)) => &DETAILED,
        (true, Source::File(_)) => &DETAILED_COLUMNS,
    };
    let aliases = settings.switch(&ALIAS);
    Box::new(NetDev {
        filter,
        wanted,
        source,
        figures,
        aliases: aliases.then(|| settings.paths.sysfs.join("class/net")),
        addresses: settings.switch(&ADDRESSES).then(Addresses::new),
    })
}

impl Collector for NetDev {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut devices = match &mut self.source {
            Source::Netlink(links) => links
                .get(Links::read)?
                .iter()
                .map(|link| of_link(&link, self.figures))
                .collect(),
            Source::File(file) => {
                file.read()?;
                parse(file.text())
                    .map_err(|line| file.fault("a device and its 16 counters", line))?
            }
        };
        self.wanted.rewind();
        devices.retain(|Device { name, .. }| {
            let lets_through = || self.filter.lets_through(name);
            self.wanted.next([b"", name.as_bytes()], lets_through) == Some(&true)
        });
        if let Some(folder) = &self.aliases {
            for device in &mut devices {
                device.alias = alias(folder, &device.name);
            }
        }
        write(&devices, self.figures, page);
        match &mut self.addresses {
            Some(addresses) => addresses.write(&self.filter, page),
            None => Ok(()),
        }
    }
}

fn of_link(link: &Link<'_>, wanted: &[Figure]) -> Device {
    let mut figures = [None; MOST];
    for (place, figure) in figures.iter_mut().zip(wanted) {
        *place = sum(link.stats, figure.places);
    }
    Device {
        name: String::from_utf8_lossy(link.name).into_owned(),
        alias: None,
        figures,
    }
}

/// What the administrator calls a device, which may be nothing.
fn alias(folder: &Path, device: &str) -> Option<String> {
    let folder = folder.join(device);
    let alias = read_small(&folder.join("ifalias")).ok();
    alias.or_else(|| folder.exists().then(String::new))
}

/// None where the kernel is too old to have the figure.
fn sum(stats: &[u8], places: &[usize]) -> Option<u64> {
    let figure = |place: &usize| {
        let bytes = stats.get(place * 8..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    places
        .iter()
        .try_fold(0_u64, |sum, place| Some(sum.wrapping_add(figure(place)?)))
}

/// The lines behind the two of the head. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Device>, &[u8]> {
    text::ended_lines(text)
        .skip(2)
        .map(|line| device(line).ok_or(line))
        .collect()
}

fn device(line: &[u8]) -> Option<Device> {
    // The name may have a colon of its own: `eth0:1`.
    let colon = line.iter().rposition(|c| *c == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let mut figures = [None; MOST];
    let mut words = text::words(rest.get(1..)?);
    for figure in figures.iter_mut().take(COLUMNS) {
        *figure = Some(text::integer(words.next()?)?);
    }
    let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
    Some(Device {
        name,
        alias: None,
        figures,
    })
}

fn write(devices: &[Device], figures: &[Figure], page: &mut Page) {
    for (at, figure) in figures.iter().enumerate() {
        page.family(figure.name, figure.help, MetricType::Counter);
        for device in devices {
            if let Some(Some(value)) = device.figures.get(at) {
                let mut series = page.series("");
                series.label("device", &device.name);
                if let Some(alias) = &device.alias {
                    series.label("ifalias", alias);
                }
                text::put_integer(series, *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::super::links;
    use super::*;

    const DEV: &[u8] = include_bytes!("../../../tests/fixtures/proc/net/dev");

    #[test]
    fn a_line_is_a_device() {
        let devices = parse(DEV).unwrap();
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["lo", "ifb0", "ifb1", "eth0"]);
        let mut page = Page::new();
        write(&devices, &FIGURES, &mut page);
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
        links.read().unwrap();
        let by_netlink: Vec<Device> = links.iter().map(|link| of_link(&link, &FIGURES)).collect();
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
    }

    #[test]
    fn errors_of_a_kind_are_added_up() {
        let links = links::tests::links(&[&links::tests::eth0()]);
        let devices: Vec<_> = links.iter().map(|link| of_link(&link, &FIGURES)).collect();
        let sums = [2, 0, 4, 21, 14, 46, 21, 8, 3, 1, 5, 7, 18, 9, 72, 22, 23];
        let name = "eth0".to_owned();
        let mut figures = [None; MOST];
        for (place, sum) in figures.iter_mut().zip(sums) {
            *place = Some(sum);
        }
        let alias = None;
        assert_eq!(
            devices,
            [Device {
                name,
                alias,
                figures
            }]
        );
    }

    #[test]
    fn each_number_is_told_by_itself_where_details_are_wanted() {
        let links = links::tests::links(&[&links::tests::eth0()]);
        let devices: Vec<_> = links.iter().map(|link| of_link(&link, &DETAILED)).collect();
        let numbers: Vec<_> = (0..24).map(Some).collect();
        assert_eq!(devices[0].figures.to_vec(), numbers);
        let mut page = Page::new();
        write(&devices, &DETAILED, &mut page);
        write(&parse(DEV).unwrap(), &DETAILED_COLUMNS, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        for line in [
            "node_network_receive_missed_errors_total{device=\"eth0\"} 15",
            "node_network_receive_errors_total{device=\"ifb0\"} 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}");
        }
        assert!(!text.contains("receive_errs"));
    }

    #[test]
    fn aliases_are_labels_and_may_be_empty() {
        let sysfs = tempfile::tempdir().unwrap();
        let folder = sysfs.path();
        std::fs::create_dir(folder.join("lo")).unwrap();
        std::fs::create_dir(folder.join("eth0")).unwrap();
        std::fs::write(folder.join("eth0/ifalias"), "to the \"core\"\n").unwrap();
        assert_eq!(alias(folder, "lo").as_deref(), Some(""));
        assert_eq!(alias(folder, "gone"), None);
        let mut devices = parse(DEV).unwrap();
        devices.retain(|device| device.name == "eth0");
        devices[0].alias = alias(folder, "eth0");
        let mut page = Page::new();
        write(&devices, &FIGURES, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let line = "{device=\"eth0\",ifalias=\"to the \\\"core\\\"\"} 436073460\n";
        assert!(text.contains(line), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(end in 0..DEV.len(), at in 0..DEV.len(), byte: u8) {
            let mut text = DEV.to_vec();
            text[at] = byte;
            text.truncate(end);
            if let Ok(devices) = parse(&text) {
                write(&devices, &FIGURES, &mut Page::new());
            }
        }
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let head = "Inter-| Receive | Transmit\n face |bytes packets |bytes packets\n";
        let text = format!("{head}    lo: 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 125\n");
        let host = FakeHost::new(&[("proc/net/dev", &text)]);
        let mut settings = host.settings();
        settings.set(&NETLINK, vec!["false".to_owned()]).unwrap();
        bears_bad_input(&DEFINITION, &settings, &host.root().join("proc/net/dev"));
    }
}
