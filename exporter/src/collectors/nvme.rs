//! `nvme`: controllers and name spaces of `NVMe` disks, `/sys/class/nvme`.
//!
//! Over a network there may be hundreds of both, so no file stays open.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::folder::{self, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, read_small, text};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "nvme",
    help: "Controllers and name spaces of NVMe disks.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Nvme::new(settings)),
};

/// Name, help, and how the value is made of a name space's numbers.
type Family = (&'static str, &'static str, fn(&Numbers) -> Option<u64>);

/// A name space's families, in bytes.
const FAMILIES: [Family; 4] = [
    (
        "node_nvme_namespace_capacity_bytes",
        "Capacity of the NVMe namespace in bytes. Computed as namespace_size * \
         namespace_logical_block_size",
        |numbers| numbers.block_size?.checked_mul(numbers.blocks?),
    ),
    (
        "node_nvme_namespace_logical_block_size_bytes",
        "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in \
         /sys/class/nvme/<device>/<namespace>/queue/logical_block_size",
        |numbers| numbers.block_size,
    ),
    (
        "node_nvme_namespace_size_bytes",
        "Size of the NVMe namespace in bytes. Available in \
         /sys/class/nvme/<device>/<namespace>/size",
        |numbers| numbers.block_size?.checked_mul(numbers.blocks?),
    ),
    (
        "node_nvme_namespace_used_bytes",
        "Used space of the NVMe namespace in bytes. Available in \
         /sys/class/nvme/<device>/<namespace>/nuse",
        |numbers| numbers.block_size?.checked_mul(numbers.used_blocks?),
    ),
];

struct Nvme {
    folder: PathBuf,
    /// None where the kernel knows no such disks.
    found: Inventory<Option<Vec<Controller>>>,
}

struct Controller {
    name: String,
    id: String,
    firmware: String,
    model: String,
    serial: String,
    state: KeptFile,
    spaces: Vec<Space>,
}

/// A name space.
struct Space {
    id: String,
    /// How good this way to it is, where there are several.
    state: Option<KeptFile>,
    block_size: Option<u64>,
    blocks: Option<KeptFile>,
    used_blocks: Option<KeptFile>,
    /// As they were read last.
    numbers: Numbers,
}

#[derive(Clone, Copy, Default)]
struct Numbers {
    block_size: Option<u64>,
    blocks: Option<u64>,
    used_blocks: Option<u64>,
}

impl Nvme {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/nvme"),
            found: Inventory::default(),
        }
    }
}

impl Collector for Nvme {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let Some(controllers) = self.found.get(Instant::now(), find)? else {
            return Err(CollectError::NoData("this host has no NVMe disks"));
        };
        let mut faults = Faults::default();
        for controller in &mut *controllers {
            controller.read(&mut faults);
        }
        write_info(controllers, page);
        for (name, help, value) in FAMILIES {
            page.family(name, help, Gauge);
            for (controller, space) in spaces(controllers) {
                let Some(value) = value(&space.numbers) else {
                    continue;
                };
                let mut series = page.series("");
                series.label("device", &controller.name);
                series.label("nsid", &space.id);
                text::put_integer(series, value);
            }
        }
        faults.settle(&mut self.found)
    }
}

fn spaces(controllers: &[Controller]) -> impl Iterator<Item = (&Controller, &Space)> {
    let with_spaces = |controller: &'_ Controller| controller.spaces.len();
    let with_spaces = controllers.iter().filter(move |c| with_spaces(c) > 0);
    with_spaces.flat_map(|controller| controller.spaces.iter().map(move |s| (controller, s)))
}

fn write_info(controllers: &[Controller], page: &mut Page) {
    page.family(
        "node_nvme_info",
        "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
        Gauge,
    );
    for controller in controllers {
        let mut series = page.series("");
        series
            .label("cntlid", &controller.id)
            .label("device", &controller.name)
            .label("firmware_revision", &controller.firmware)
            .label("model", &controller.model)
            .label("serial", &controller.serial)
            .label("state", controller.state.text().trim_ascii());
        series.digits(b"1");
    }
    page.family(
        "node_nvme_namespace_info",
        "Information about NVMe namespaces. Value is always 1",
        Gauge,
    );
    for (controller, space) in spaces(controllers) {
        let state = space.state.as_ref().map(|file| file.text().trim_ascii());
        let mut series = page.series("");
        series
            .label("ana_state", state.unwrap_or(b"unknown"))
            .label("device", &controller.name)
            .label("nsid", &space.id);
        series.digits(b"1");
    }
}

fn find(folder: &Path) -> Result<Option<Vec<Controller>>, CollectError> {
    let Some(entries) = folder::entries(folder)? else {
        return Ok(None);
    };
    let controllers = entries.into_iter();
    let controllers = controllers.map(|(name, path)| Controller::find(name, &path));
    controllers.collect::<Result<_, _>>().map(Some)
}

impl Controller {
    fn find(name: String, folder: &Path) -> Result<Self, CollectError> {
        let text = |file| read_small(&folder.join(file)).unwrap_or_default();
        let entries = entries_if_any(folder)?.into_iter();
        let spaces = entries.filter_map(|(space, path)| {
            let id = space_id(&space)?;
            Some(Space::find(id, &path))
        });
        Ok(Self {
            id: text("cntlid"),
            firmware: text("firmware_rev"),
            model: text("model"),
            serial: text("serial"),
            state: KeptFile::one_of_many(folder.join("state")),
            spaces: spaces.collect(),
            name,
        })
    }

    fn read(&mut self, faults: &mut Faults) {
        faults.unless(self.state.read());
        for space in &mut self.spaces {
            space.read(faults);
        }
    }
}

impl Space {
    fn find(id: &str, folder: &Path) -> Self {
        let file = |name| {
            let path = folder.join(name);
            path.exists().then(|| KeptFile::one_of_many(path))
        };
        let block_size = read_small(&folder.join("queue/logical_block_size"));
        Self {
            id: id.to_owned(),
            state: file("ana_state"),
            block_size: block_size.ok().and_then(|text| text.parse().ok()),
            blocks: file("size"),
            used_blocks: file("nuse"),
            numbers: Numbers::default(),
        }
    }

    fn read(&mut self, faults: &mut Faults) {
        if let Some(state) = &mut self.state {
            faults.unless(state.read());
        }
        let mut number = |file: &mut Option<KeptFile>| {
            let read = file.as_mut()?.number();
            faults.unless(read)
        };
        self.numbers = Numbers {
            block_size: self.block_size,
            blocks: number(&mut self.blocks),
            used_blocks: number(&mut self.used_blocks),
        };
    }
}

/// The last number of `nvme0n1`, or of `nvme0c1n1` where several controllers lead to it.
fn space_id(name: &str) -> Option<&str> {
    let (controller, id) = name.strip_prefix("nvme")?.split_once('n')?;
    let is_number = |text: &str| text::is_integer(text.as_bytes());
    let mut numbers = controller.splitn(2, 'c');
    (numbers.all(is_number) && is_number(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    fn nvme(sysfs: &Path) -> Nvme {
        Nvme::new(&Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        }))
    }

    #[test]
    fn a_host_without_nvme_has_no_data() {
        let sysfs = tempfile::tempdir().unwrap();
        let outcome = nvme(sysfs.path()).collect(&mut Page::new());
        assert!(matches!(outcome, Err(CollectError::NoData(_))));
    }

    #[test]
    fn a_controller_has_its_texts_and_its_name_spaces_in_bytes() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("model", "Fast \"SSD\"  \n"),
            ("state", "live\n"),
            ("nvme0n1/size", "1000\n"),
            ("nvme0n1/nuse", "10\n"),
            ("nvme0n1/queue/logical_block_size", "512\n"),
            ("nvme0c0n2/ana_state", "optimized\n"),
            ("nvme0c0n2/size", "18446744073709551615\n"),
            ("nvme0c0n2/queue/logical_block_size", "4096\n"),
            ("hwmon0/size", "1\n"),
        ] {
            let path = sysfs.path().join("class/nvme/nvme0").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut page = Page::new();
        nvme(sysfs.path()).collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let series: Vec<_> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(
            series,
            [
                r#"node_nvme_info{cntlid="",device="nvme0",firmware_revision="",model="Fast \"SSD\"",serial="",state="live"} 1"#,
                r#"node_nvme_namespace_info{ana_state="optimized",device="nvme0",nsid="2"} 1"#,
                r#"node_nvme_namespace_info{ana_state="unknown",device="nvme0",nsid="1"} 1"#,
                r#"node_nvme_namespace_capacity_bytes{device="nvme0",nsid="1"} 512000"#,
                r#"node_nvme_namespace_logical_block_size_bytes{device="nvme0",nsid="2"} 4096"#,
                r#"node_nvme_namespace_logical_block_size_bytes{device="nvme0",nsid="1"} 512"#,
                r#"node_nvme_namespace_size_bytes{device="nvme0",nsid="1"} 512000"#,
                r#"node_nvme_namespace_used_bytes{device="nvme0",nsid="1"} 5120"#,
            ]
        );
    }

    #[test]
    fn a_name_space_is_told_by_its_name() {
        assert_eq!(space_id("nvme0n1"), Some("1"));
        assert_eq!(space_id("nvme10c2n33"), Some("33"));
        for name in [
            "nvme0",
            "nvme0n",
            "nvmen1",
            "nvme0n1p1",
            "nvme0cn1",
            "ng0n1",
            "n",
        ] {
            assert_eq!(space_id(name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_that_of_a_name_space_or_not(name in "(nvme|[0-9cn]|\\PC){0,8}") {
            let is_number = |id: &str| text::is_integer(id.as_bytes());
            proptest::prop_assert!(space_id(&name).is_none_or(is_number));
        }
    }
}
