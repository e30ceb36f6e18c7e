//! The devices as the files of a folder describe them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::{CollectError, Inventory, KeptFile, folder};
use super::{Device, FIGURES};

/// With more devices than these, their files are opened for each read.
const KEPT_OPEN: usize = 16;

/// A folder of devices.
pub(super) struct Files {
    folder: PathBuf,
    found: Inventory<Vec<Found>>,
}

/// A device and its files.
struct Found {
    name: String,
    address: KeptFile,
    broadcast: KeptFile,
    duplex: KeptFile,
    alias: KeptFile,
    state: KeptFile,
    numbers: [KeptFile; FIGURES.len()],
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        let found = Inventory::default();
        Self { folder, found }
    }

    /// The devices that are wanted, as they are now.
    pub(super) fn devices(
        &mut self,
        is_wanted: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<Vec<Device<'_>>, CollectError> {
        let folder = &self.folder;
        let found = self.found.get(Instant::now(), |_| find(folder))?;
        let wanted = found
            .iter_mut()
            .filter(|found| is_wanted(found.name.as_bytes()));
        Ok(wanted.map(Found::read).collect())
    }
}

fn find(folder: &Path) -> Result<Vec<Found>, CollectError> {
    let none = CollectError::NoData("this host has no network devices");
    let mut entries = folder::entries(folder)?.ok_or(none)?;
    // There are plain files, such as `bonding_masters`.
    entries.retain(|(_, path)| path.is_dir());
    let file: fn(PathBuf) -> KeptFile = if entries.len() <= KEPT_OPEN {
        KeptFile::at_once
    } else {
        KeptFile::one_of_many
    };
    let found = |(name, folder): (String, PathBuf)| {
        let file = |name: &str| file(folder.join(name));
        Found {
            name,
            address: file("address"),
            broadcast: file("broadcast"),
            duplex: file("duplex"),
            alias: file("ifalias"),
            state: file("operstate"),
            numbers: FIGURES.map(|(_, _, _, name)| file(name)),
        }
    };
    Ok(entries.into_iter().map(found).collect())
}

impl Found {
    /// What cannot be read, as many attributes of a device that is down, is not known.
    fn read(&mut self) -> Device<'_> {
        let mut numbers = [None; FIGURES.len()];
        for (number, file) in numbers.iter_mut().zip(&mut self.numbers) {
            *number = integer(file);
        }
        Device {
            name: Cow::Borrowed(&self.name),
            address: text(&mut self.address),
            broadcast: text(&mut self.broadcast),
            duplex: text(&mut self.duplex),
            alias: text(&mut self.alias),
            state: text(&mut self.state),
            numbers,
        }
    }
}

/// A file's text without the white space at its ends; empty where there is none.
pub(super) fn text(file: &mut KeptFile) -> Cow<'_, str> {
    String::from_utf8_lossy(file.read().unwrap_or_default().trim_ascii())
}

/// A file's number, decimal or with `0x` before it.
pub(super) fn integer(file: &mut KeptFile) -> Option<i64> {
    let text = std::str::from_utf8(file.read().ok()?.trim_ascii()).ok()?;
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
