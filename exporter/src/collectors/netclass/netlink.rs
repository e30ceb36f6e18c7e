//! The devices as the kernel's dump describes them, in the words of the files.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::links::{Link, Links, Number};
use super::super::shared::Shared;
use super::super::{CollectError, Inventory, KeptFile};
use super::files::{integer, text};
use super::{Device, FIGURES};

/// What a dump has among the flags and the file has not: what the device does at the moment.
const RUNNING: u32 = 0x40;
const LOWER_UP: u32 = 0x1_0000;
const DORMANT: u32 = 0x2_0000;
/// What a dump has if a user asked for it, and the file if anybody did.
const PROMISCUOUS: u32 = 0x100;
const ALL_MULTICAST: u32 = 0x200;
const UP: u32 = 1;

/// The words for the states of RFC 2863, section 3.1.14, by their numbers in the kernel.
const STATES: [&str; 7] = [
    "unknown",
    "notpresent",
    "down",
    "lowerlayerdown",
    "testing",
    "dormant",
    "up",
];

/// The devices by netlink, and the few of their attributes that only files have.
pub(super) struct Netlink {
    links: Shared<Links>,
    folder: PathBuf,
    /// In the order of the dump.
    extras: Vec<Extra>,
}

/// The attributes that only files have. They change with a device's state, or hardly ever.
#[derive(Default)]
struct Extra {
    name: Vec<u8>,
    address: Vec<u8>,
    state: State,
    read: Inventory<Attributes>,
}

/// What tells that a device was changed.
type State = (u32, u32, [Option<u32>; 12]);

#[derive(Clone, Debug, Default)]
struct Attributes {
    address_assign_type: Option<i64>,
    device_id: Option<i64>,
    /// Where the dump lacks some, before Linux 6.1.
    flags: Option<i64>,
    name_assign_type: Option<i64>,
    speed: Option<i64>,
    duplex: String,
}

impl Netlink {
    pub(super) fn new(links: Shared<Links>, folder: PathBuf) -> Self {
        let extras = Vec::new();
        Self {
            links,
            folder,
            extras,
        }
    }

    /// Hands over the devices that are wanted, as they are now.
    pub(super) fn with_devices(
        &mut self,
        is_wanted: &mut impl FnMut(&[u8]) -> bool,
        use_them: impl FnOnce(&[Device<'_>]),
    ) -> Result<(), CollectError> {
        let links = self.links.get(Links::read)?;
        let links: Vec<_> = links.iter().filter(|link| is_wanted(link.name)).collect();
        self.extras.resize_with(links.len(), Extra::default);
        let now = Instant::now();
        let mut devices = Vec::with_capacity(links.len());
        for (link, extra) in links.iter().zip(&mut self.extras) {
            let attributes = extra.attributes(link, &self.folder, now)?;
            devices.push(device(link, attributes));
        }
        use_them(&devices);
        Ok(())
    }
}

impl Extra {
    /// The attributes, read again if the device has changed.
    fn attributes(
        &mut self,
        link: &Link<'_>,
        folder: &Path,
        now: Instant,
    ) -> Result<&Attributes, CollectError> {
        let state = (link.index, link.flags, link.numbers);
        if (&*self.name, &*self.address, &self.state) != (link.name, link.address, &state) {
            self.name = link.name.to_vec();
            self.address = link.address.to_vec();
            self.state = state;
            self.read.forget();
        }
        let name = &self.name;
        let has_all_flags = link.number(Number::AllMulticast).is_some();
        let read = |_| {
            let folder = folder.join(OsStr::from_bytes(name));
            Ok(Attributes::read(&folder, has_all_flags))
        };
        Ok(self.read.get(now, read)?)
    }
}

impl Attributes {
    fn read(folder: &Path, has_all_flags: bool) -> Self {
        let file = |name| KeptFile::at_once(folder.join(name));
        Self {
            address_assign_type: integer(&mut file("addr_assign_type")),
            device_id: integer(&mut file("dev_id")),
            flags: (!has_all_flags)
                .then(|| integer(&mut file("flags")))
                .flatten(),
            name_assign_type: integer(&mut file("name_assign_type")),
            speed: integer(&mut file("speed")),
            duplex: text(&mut file("duplex")).into_owned(),
        }
    }
}

fn device<'a>(link: &Link<'a>, attributes: &'a Attributes) -> Device<'a> {
    let number = |number| link.number(number).map(i64::from);
    // Of a device that is down the files do not tell.
    let is_up = link.flags & UP == UP;
    let index = i64::from(link.index);
    let numbers: [Option<i64>; FIGURES.len()] = [
        attributes.address_assign_type,
        number(Number::Carrier).filter(|_| is_up),
        number(Number::CarrierChanges),
        number(Number::CarrierDowns),
        number(Number::CarrierUps),
        attributes.device_id,
        is_up.then_some(i64::from(link.flags & DORMANT == DORMANT)),
        Some(i64::from(flags(link, attributes.flags))),
        Some(index),
        // A device that stands on no other one is its own.
        Some(number(Number::Link).unwrap_or(index)),
        number(Number::LinkMode),
        number(Number::Mtu),
        attributes.name_assign_type,
        number(Number::Group),
        Some(i64::from(link.kind)),
        attributes.speed,
        number(Number::QueueLength),
    ];
    let state = link.number(Number::OperState).unwrap_or_default();
    let state = usize::try_from(state).ok().and_then(|at| STATES.get(at));
    Device {
        name: String::from_utf8_lossy(link.name),
        address: Cow::Owned(hardware_address(link.address)),
        broadcast: Cow::Owned(hardware_address(link.broadcast)),
        duplex: Cow::Borrowed(&attributes.duplex),
        alias: String::from_utf8_lossy(link.alias.trim_ascii()),
        state: Cow::Borrowed(state.copied().unwrap_or_default()),
        numbers,
    }
}

/// The flags as the file has them.
fn flags(link: &Link<'_>, file: Option<i64>) -> u32 {
    let file = file.and_then(|flags| u32::try_from(flags).ok());
    let file = file.unwrap_or(link.flags);
    let mut flags = link.flags & !(RUNNING | LOWER_UP | DORMANT);
    for (number, flag) in [
        (Number::Promiscuity, PROMISCUOUS),
        (Number::AllMulticast, ALL_MULTICAST),
    ] {
        match link.number(number) {
            Some(0) => flags &= !flag,
            Some(_) => flags |= flag,
            None => flags = flags & !flag | file & flag,
        }
    }
    flags
}

fn hardware_address(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        let written = write!(text, "{colon}{byte:02x}");
        debug_assert!(written.is_ok(), "a String takes every write");
    }
    text
}
