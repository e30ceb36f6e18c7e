//! State and properties of each network device: what `/sys/class/net` says.
//!
//! Two thirds of the files that an exporter reads would be those. The kernel tells most of it in
//! one dump, from which each file's text follows; the few attributes that are not in it are read
//! when the device changes. Where `/sys` is not this system's own, such as a mount of the host's in
//! a container, the files are read.

mod files;
mod netlink;

use std::borrow::Cow;
use std::path::Path;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::text::Names;
use super::{CollectError, Collector, Definition, Flag, Pattern, Settings};
use files::Files;
use netlink::Netlink;

const IGNORED: Flag = Flag::pattern(
    "netclass.ignored-devices",
    "^$",
    "Regexp of net devices to ignore for netclass collector.",
);
const IGNORE_INVALID_SPEED: Flag = Flag::switch(
    "netclass.ignore-invalid-speed",
    "Ignore devices where the speed is invalid. This will be the default behavior in 2.x.",
);
const NETLINK: Flag = Flag::switch(
    "netclass.netlink",
    "Use netlink to gather stats instead of /sys/class/net, wherever --path.sysfs is.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "netclass",
    help: "State and properties of each network device.",
    default_on: true,
    flags: &[IGNORED, IGNORE_INVALID_SPEED, NETLINK],
    new,
};

/// Name, help and type of the numbers, and the file of each.
#[rustfmt::skip]
const FIGURES: [(&str, &str, MetricType, &str); 17] = [
    ("node_network_address_assign_type", "Network device property: address_assign_type", Gauge, "addr_assign_type"),
    ("node_network_carrier", "Network device property: carrier", Gauge, "carrier"),
    ("node_network_carrier_changes_total", "Network device property: carrier_changes_total", Counter, "carrier_changes"),
    ("node_network_carrier_down_changes_total", "Network device property: carrier_down_changes_total", Counter, "carrier_down_count"),
    ("node_network_carrier_up_changes_total", "Network device property: carrier_up_changes_total", Counter, "carrier_up_count"),
    ("node_network_device_id", "Network device property: device_id", Gauge, "dev_id"),
    ("node_network_dormant", "Network device property: dormant", Gauge, "dormant"),
    ("node_network_flags", "Network device property: flags", Gauge, "flags"),
    ("node_network_iface_id", "Network device property: iface_id", Gauge, "ifindex"),
    ("node_network_iface_link", "Network device property: iface_link", Gauge, "iflink"),
    ("node_network_iface_link_mode", "Network device property: iface_link_mode", Gauge, "link_mode"),
    ("node_network_mtu_bytes", "Network device property: mtu_bytes", Gauge, "mtu"),
    ("node_network_name_assign_type", "Network device property: name_assign_type", Gauge, "name_assign_type"),
    ("node_network_net_dev_group", "Network device property: net_dev_group", Gauge, "netdev_group"),
    ("node_network_protocol_type", "Network device property: protocol_type", Gauge, "type"),
    ("node_network_speed_bytes", "Network device property: speed_bytes", Gauge, "speed"),
    ("node_network_transmit_queue_length", "Network device property: transmit_queue_length", Gauge, "tx_queue_len"),
];

/// The place of the flags and of the speed in [`FIGURES`].
const FLAGS: usize = 7;
const SPEED: usize = 15;

/// A device that is up, `IFF_UP`.
const UP: i64 = 1;

/// A megabit a second, in bytes.
const MEGABIT: i64 = 125_000;

/// What the files of a device say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Device<'a> {
    name: Cow<'a, str>,
    address: Cow<'a, str>,
    broadcast: Cow<'a, str>,
    duplex: Cow<'a, str>,
    alias: Cow<'a, str>,
    state: Cow<'a, str>,
    /// In the order of [`FIGURES`], each as its file has it.
    numbers: [Option<i64>; FIGURES.len()],
}

struct NetClass {
    source: Source,
    ignored: Option<Pattern>,
    wanted: Names<bool>,
    /// Whether a negative speed is left out.
    ignores_invalid_speed: bool,
}

enum Source {
    Netlink(Netlink),
    Files(Files),
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let folder = settings.paths.sysfs.join("class/net");
    let is_own = settings.paths.sysfs == Path::new("/sys");
    let source = if is_own || settings.switch(&NETLINK) {
        Source::Netlink(Netlink::new(settings.links.clone(), folder))
    } else {
        Source::Files(Files::new(folder))
    };
    Box::new(NetClass {
        source,
        ignored: settings.pattern(&IGNORED),
        wanted: Names::default(),
        ignores_invalid_speed: settings.switch(&IGNORE_INVALID_SPEED),
    })
}

impl Collector for NetClass {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let (wanted, ignored) = (&mut self.wanted, self.ignored.as_ref());
        wanted.rewind();
        let mut is_wanted = |name: &[u8]| {
            let judge = || {
                let name = String::from_utf8_lossy(name);
                !ignored.is_some_and(|ignored| ignored.occurs_in(&name))
            };
            wanted.next([b"", name], judge) == Some(&true)
        };
        let any_speed = !self.ignores_invalid_speed;
        match &mut self.source {
            Source::Netlink(netlink) => {
                netlink.with_devices(&mut is_wanted, |devices| write(devices, any_speed, page))
            }
            Source::Files(files) => {
                let devices = files.devices(&mut is_wanted)?;
                write(&devices, any_speed, page);
                Ok(())
            }
        }
    }
}

fn write(devices: &[Device<'_>], any_speed: bool, page: &mut Page) {
    for (at, (name, help, metric_type, _)) in FIGURES.iter().enumerate() {
        page.family(name, help, *metric_type);
        for device in devices {
            let Some(Some(mut value)) = device.numbers.get(at).copied() else {
                continue;
            };
            if at == SPEED {
                if value < 0 && !any_speed {
                    continue;
                }
                value = value.saturating_mul(MEGABIT);
            }
            let mut series = page.series("");
            series.label("device", device.name.as_bytes());
            super::text::put_signed(series, value);
        }
    }
    write_info(devices, page);
    page.family(
        "node_network_up",
        "Value is 1 if operstate is 'up', 0 otherwise.",
        Gauge,
    );
    for device in devices {
        let mut series = page.series("");
        series.label("device", device.name.as_bytes());
        series.digits(if device.state == "up" { b"1" } else { b"0" });
    }
}

fn write_info(devices: &[Device<'_>], page: &mut Page) {
    page.family(
        "node_network_info",
        "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
        Gauge,
    );
    for device in devices {
        let admin = match device.numbers.get(FLAGS).copied().flatten() {
            None => "unknown",
            Some(flags) if flags & UP == UP => "up",
            Some(_) => "down",
        };
        let mut series = page.series("");
        series
            .label("address", device.address.as_bytes())
            .label("adminstate", admin)
            .label("broadcast", device.broadcast.as_bytes())
            .label("device", device.name.as_bytes())
            .label("duplex", device.duplex.as_bytes())
            .label("ifalias", device.alias.as_bytes())
            .label("operstate", device.state.as_bytes());
        series.digits(b"1");
    }
}

#[cfg(test)]
mod tests;
