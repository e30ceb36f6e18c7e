//! A device on the PCI bus: where it is, what it is, and its numbers.

use std::path::Path;

use watchpost_model::text::Series;

use super::super::{CollectError, KeptFile, read_small, text};

/// A device.
pub(super) struct Device {
    pub(super) location: Location,
    pub(super) ids: Ids,
    /// The labels of its info.
    pub(super) info: Vec<(&'static str, String)>,
    /// In the order of [`FAMILIES`].
    pub(super) readings: Vec<Reading>,
    pub(super) power: Option<KeptFile>,
}

/// `0000:01:00.0`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    segment: String,
    bus: String,
    device: String,
    function: String,
}

/// What a device is, in digits as `pci.ids` has them.
pub(super) struct Ids {
    pub(super) class: String,
    pub(super) vendor: String,
    pub(super) device: String,
    pub(super) subsystem_vendor: String,
    pub(super) subsystem_device: String,
}

/// Where a number comes from.
pub(super) enum Reading {
    /// It does not change, or the device does not have it.
    Known(Option<f64>),
    /// It may change.
    File(KeptFile),
}

/// A family of numbers.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    file: &'static str,
    kind: Kind,
    /// Whether it may change while the device is there.
    changes: bool,
    /// What stands for a number that the device does not have.
    missing: Option<f64>,
}

/// How a number is written.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    /// Not 0 is 1.
    Switch,
    /// `8.0 GT/s PCIe`
    Speed,
    /// -1 is none.
    Node,
}

const fn link(name: &'static str, file: &'static str, kind: Kind, help: &'static str) -> Family {
    // A slower link saves power: the present one changes.
    let changes = matches!(file.as_bytes(), [b'c', ..]);
    Family {
        name,
        help,
        file,
        kind,
        changes,
        missing: Some(-1.0),
    }
}

const fn state(name: &'static str, file: &'static str, kind: Kind, help: &'static str) -> Family {
    Family {
        name,
        help,
        file,
        kind,
        changes: true,
        missing: Some(0.0),
    }
}

pub(super) const FAMILIES: [Family; 10] = [
    link(
        "node_pcidevice_current_link_transfers_per_second",
        "current_link_speed",
        Kind::Speed,
        "Value of current link's transfers per second (T/s)",
    ),
    link(
        "node_pcidevice_current_link_width",
        "current_link_width",
        Kind::Integer,
        "Value of current link's width (number of lanes)",
    ),
    state(
        "node_pcidevice_d3cold_allowed",
        "d3cold_allowed",
        Kind::Switch,
        "Whether the PCIe device supports D3cold power state (0/1).",
    ),
    link(
        "node_pcidevice_max_link_transfers_per_second",
        "max_link_speed",
        Kind::Speed,
        "Value of maximum link's transfers per second (T/s)",
    ),
    link(
        "node_pcidevice_max_link_width",
        "max_link_width",
        Kind::Integer,
        "Value of maximum link's width (number of lanes)",
    ),
    Family {
        name: "node_pcidevice_numa_node",
        help: "NUMA node number for the PCI device. -1 indicates unknown or not available.",
        file: "numa_node",
        kind: Kind::Node,
        changes: false,
        missing: None,
    },
    state(
        "node_pcidevice_sriov_drivers_autoprobe",
        "sriov_drivers_autoprobe",
        Kind::Switch,
        "Whether SR-IOV drivers autoprobe is enabled for the device (0/1).",
    ),
    state(
        "node_pcidevice_sriov_numvfs",
        "sriov_numvfs",
        Kind::Integer,
        "Number of Virtual Functions (VFs) currently enabled for SR-IOV.",
    ),
    state(
        "node_pcidevice_sriov_totalvfs",
        "sriov_totalvfs",
        Kind::Integer,
        "Total number of Virtual Functions (VFs) supported by the device.",
    ),
    state(
        "node_pcidevice_sriov_vf_total_msix",
        "sriov_vf_total_msix",
        Kind::Integer,
        "Total number of MSI-X vectors for Virtual Functions.",
    ),
];

impl Family {
    /// A file's number; none where it says that there is none.
    pub(super) fn read(&self, file: &mut KeptFile) -> Result<Option<f64>, CollectError> {
        file.read()?;
        let text = file.text().trim_ascii();
        if text.is_empty() || text.starts_with(b"Unknown") {
            return Ok(self.missing);
        }
        let number = self.kind.number(text);
        let number = number.ok_or_else(|| file.fault("a number", file.text()))?;
        Ok(Some(number).filter(|_| !matches!(self.kind, Kind::Node) || number >= 0.0))
    }

    fn reading(&self, folder: &Path) -> Reading {
        let path = folder.join(self.file);
        if !path.exists() {
            return Reading::Known(self.missing);
        }
        // A host has hundreds of devices.
        let mut file = KeptFile::one_of_many(path);
        match self.read(&mut file) {
            Ok(value) if !self.changes => Reading::Known(value),
            // A fault is told at each scrape.
            _ => Reading::File(file),
        }
    }
}

impl Kind {
    fn number(self, text: &[u8]) -> Option<f64> {
        let integer = || text::number(Some(text).filter(|text| text::is_whole(text))?);
        match self {
            Self::Integer | Self::Node => integer(),
            Self::Switch => Some(if integer()? == 0.0 { 0.0 } else { 1.0 }),
            Self::Speed => {
                let mut words = text::words(text);
                let billions = text::number(words.next()?)?;
                let good = billions.is_finite() && words.next() == Some(b"GT/s");
                good.then_some(billions * 1e9)
            }
        }
    }
}

impl Location {
    /// Takes a location apart.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (segment, rest) = text.split_once(':')?;
        let (bus, rest) = rest.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        let hexadecimal = |text: &str| u32::from_str_radix(text, 16).ok();
        Some(Self {
            segment: format!("{:04x}", hexadecimal(segment)?),
            bus: format!("{:02x}", hexadecimal(bus)?),
            device: format!("{:02x}", hexadecimal(device)?),
            function: format!("{:x}", hexadecimal(function)?),
        })
    }

    /// Adds the location's labels to a series.
    pub(super) fn start<'a>(&self, mut series: Series<'a>) -> Series<'a> {
        series
            .label("bus", &self.bus)
            .label("device", &self.device)
            .label("function", &self.function)
            .label("segment", &self.segment);
        series
    }
}

impl Device {
    /// A device; none where its name is no location.
    pub(super) fn find(name: &str, folder: &Path) -> Option<Self> {
        let location = Location::parse(name)?;
        // The folder is a link to the device's place below the bridge that it is behind.
        let target = std::fs::read_link(folder).unwrap_or_default();
        let parent = target.parent().and_then(Path::file_name);
        let parent = parent.and_then(|parent| Location::parse(parent.to_str()?));
        let id = |file, digits| id(folder, file, digits);
        let ids = Ids {
            class: id("class", 6),
            vendor: id("vendor", 4),
            device: id("device", 4),
            subsystem_vendor: id("subsystem_vendor", 4),
            subsystem_device: id("subsystem_device", 4),
        };
        let power = folder.join("power_state");
        Some(Self {
            info: info(&location, parent.as_ref(), &ids, &id("revision", 2)),
            readings: FAMILIES.iter().map(|f| f.reading(folder)).collect(),
            power: power.exists().then(|| KeptFile::one_of_many(power)),
            location,
            ids,
        })
    }
}

/// The digits of a number such as `0x060400`; empty where there is none.
fn id(folder: &Path, file: &str, digits: usize) -> String {
    let text = read_small(&folder.join(file)).unwrap_or_default();
    let number = text.strip_prefix("0x").map(|n| u32::from_str_radix(n, 16));
    number
        .and_then(Result::ok)
        .map_or_else(String::new, |number| format!("{number:0digits$x}"))
}

fn info(
    location: &Location,
    parent: Option<&Location>,
    ids: &Ids,
    revision: &str,
) -> Vec<(&'static str, String)> {
    let part =
        |part: fn(&Location) -> &String| parent.map_or_else(|| "*".to_owned(), |p| part(p).clone());
    let number = |digits: &str| match digits {
        "" => String::new(),
        digits => format!("0x{digits}"),
    };
    vec![
        ("bus", location.bus.clone()),
        ("class_id", number(&ids.class)),
        ("device", location.device.clone()),
        ("device_id", number(&ids.device)),
        ("function", location.function.clone()),
        ("parent_bus", part(|parent| &parent.bus)),
        ("parent_device", part(|parent| &parent.device)),
        ("parent_function", part(|parent| &parent.function)),
        ("parent_segment", part(|parent| &parent.segment)),
        ("revision", number(revision)),
        ("segment", location.segment.clone()),
        ("subsystem_device_id", number(&ids.subsystem_device)),
        ("subsystem_vendor_id", number(&ids.subsystem_vendor)),
        ("vendor_id", number(&ids.vendor)),
    ]
}
