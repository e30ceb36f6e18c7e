//! `drm`: AMD graphics cards as their driver tells of them, `/sys/class/drm/card*/device`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::attributes::{self, Attribute, Device, put_whole};
use super::faults::Faults;
use super::folder::{entries_if_any, numbered};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "drm",
    help: "AMD graphics cards.",
    default_on: false,
    flags: &[],
    new: |settings| Box::new(Drm::new(settings)),
};

/// The numbers of a card, which each have a file.
const TABLE: &[Attribute<()>] = &[
    (
        "node_drm_gpu_busy_percent",
        "How busy the GPU is as a percentage.",
        Gauge,
        "gpu_busy_percent",
        (),
    ),
    (
        "node_drm_memory_gtt_size_bytes",
        "The size of the graphics translation table (GTT) block in bytes.",
        Gauge,
        "mem_info_gtt_total",
        (),
    ),
    (
        "node_drm_memory_gtt_used_bytes",
        "The used amount of the graphics translation table (GTT) block in bytes.",
        Gauge,
        "mem_info_gtt_used",
        (),
    ),
    (
        "node_drm_memory_vis_vram_size_bytes",
        "The size of visible VRAM in bytes.",
        Gauge,
        "mem_info_vis_vram_total",
        (),
    ),
    (
        "node_drm_memory_vis_vram_used_bytes",
        "The used amount of visible VRAM in bytes.",
        Gauge,
        "mem_info_vis_vram_used",
        (),
    ),
    (
        "node_drm_memory_vram_size_bytes",
        "The size of VRAM in bytes.",
        Gauge,
        "mem_info_vram_total",
        (),
    ),
    (
        "node_drm_memory_vram_used_bytes",
        "The used amount of VRAM in bytes.",
        Gauge,
        "mem_info_vram_used",
        (),
    ),
];

struct Drm {
    folder: PathBuf,
    cards: Inventory<Cards>,
}

#[derive(Default)]
struct Cards {
    devices: Vec<Device>,
    infos: Vec<Info>,
}

/// What a card is.
struct Info {
    card: String,
    chip: String,
    memory_vendor: String,
    unique_id: String,
    /// Changes with the load.
    level: Option<KeptFile>,
}

impl Drm {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/drm"),
            cards: Inventory::default(),
        }
    }
}

impl Collector for Drm {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let cards = self.cards.get(Instant::now(), find)?;
        let mut faults = Faults::default();
        page.family("node_drm_card_info", "Card information", Gauge);
        for info in &mut cards.infos {
            info.write(page, &mut faults);
        }
        faults.unless(attributes::write(
            TABLE,
            &mut cards.devices,
            page,
            put_whole,
        ));
        faults.settle(&mut self.cards)
    }
}

/// The cards that AMD's driver runs.
fn find(folder: &Path) -> Result<Cards, CollectError> {
    let mut cards = Cards::default();
    for (number, path) in numbered(entries_if_any(folder)?, "card") {
        let folder = path.join("device");
        let event = read_small(&folder.join("uevent")).unwrap_or_default();
        if !event.lines().any(|line| line == "DRIVER=amdgpu") {
            continue;
        }
        let card = format!("card{number}");
        let labels = vec![("card", card.clone())];
        cards.devices.push(Device::new(&folder, labels, TABLE));
        cards.infos.push(Info::find(card, &folder));
    }
    Ok(cards)
}

impl Info {
    fn find(card: String, folder: &Path) -> Self {
        let text = |file| read_small(&folder.join(file)).unwrap_or_default();
        let level = folder.join("power_dpm_force_performance_level");
        Self {
            card,
            chip: chip(folder).unwrap_or_default(),
            memory_vendor: text("mem_info_vram_vendor"),
            unique_id: text("unique_id"),
            level: level.exists().then(|| KeptFile::new(level)),
        }
    }

    fn write(&mut self, page: &mut Page, faults: &mut Faults) {
        let level = self
            .level
            .as_mut()
            .and_then(|file| faults.unless(file.read()));
        let mut series = page.series("");
        series.label("card", &self.card);
        if !self.chip.is_empty() {
            series.label("chip", &self.chip);
        }
        series
            .label("memory_vendor", &self.memory_vendor)
            .label(
                "power_performance_level",
                level.unwrap_or_default().trim_ascii(),
            )
            .label("unique_id", &self.unique_id)
            .label("vendor", "amd");
        series.digits(b"1");
    }
}

/// The device and the one that it belongs to, as `hwmon` names its chips.
fn chip(folder: &Path) -> Option<String> {
    let device = std::fs::canonicalize(folder).ok()?;
    let clean = |path: &Path| {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':' || c == '_';
        let name = name.replace(|c| !fits(c), "_");
        Some(name.trim_matches('_').to_owned())
    };
    let name = clean(&device)?;
    let parent = clean(device.parent()?).unwrap_or_default();
    Some(if parent.is_empty() || name.is_empty() {
        name
    } else {
        format!("{parent}_{name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::fake_host::FakeHost;

    #[test]
    fn a_card_of_amd_has_its_numbers_and_others_are_left_out() {
        let host = FakeHost::new(&[
            (
                "sys/devices/pci0000:00/0000:03:00.0/uevent",
                "DRIVER=amdgpu\nPCI_CLASS=1\n",
            ),
            (
                "sys/devices/pci0000:00/0000:03:00.0/gpu_busy_percent",
                "4\n",
            ),
            (
                "sys/devices/pci0000:00/0000:03:00.0/mem_info_vram_used",
                "1490378752\n",
            ),
            (
                "sys/devices/pci0000:00/0000:03:00.0/mem_info_vram_vendor",
                "samsung\n",
            ),
            (
                "sys/devices/pci0000:00/0000:03:00.0/power_dpm_force_performance_level",
                "manual\n",
            ),
            ("sys/class/drm/card1/device/uevent", "DRIVER=i915\n"),
            ("sys/class/drm/card1/device/gpu_busy_percent", "1\n"),
            ("sys/class/drm/card0/x", ""),
            ("sys/class/drm/card0-DP-1/device/uevent", "DRIVER=amdgpu\n"),
        ]);
        let sysfs = host.root().join("sys");
        std::os::unix::fs::symlink(
            sysfs.join("devices/pci0000:00/0000:03:00.0"),
            sysfs.join("class/drm/card0/device"),
        )
        .unwrap();
        let (outcome, series) = host.collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                r#"node_drm_card_info{card="card0",chip="pci0000:00_0000:03:00_0",memory_vendor="samsung",power_performance_level="manual",unique_id="",vendor="amd"} 1"#,
                r#"node_drm_gpu_busy_percent{card="card0"} 4"#,
                r#"node_drm_memory_vram_used_bytes{card="card0"} 1490378752"#,
            ]
        );
    }
}
