//! How full each file system is: the mounts of process 1 and `statvfs(3)` on each.

pub(super) mod mounts;
mod space;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, Inventory, KeptFile, Settings,
    text,
};
use mounts::Mount;
use space::{Answer, Answers};

const POINTS_INCLUDE: Flag = Flag::pattern(
    "filesystem.mount-points-include",
    "",
    "Regexp of mount points to include (mutually exclusive to mount-points-exclude).",
);
const POINTS_EXCLUDE: Flag = Flag::pattern(
    "filesystem.mount-points-exclude",
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    "Regexp of mount points to exclude (mutually exclusive to mount-points-include).",
);
const TYPES_INCLUDE: Flag = Flag::pattern(
    "filesystem.fs-types-include",
    "",
    "Regexp of file system types to include (mutually exclusive to fs-types-exclude).",
);
const TYPES_EXCLUDE: Flag = Flag::pattern(
    "filesystem.fs-types-exclude",
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|\
     nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$",
    "Regexp of file system types to exclude (mutually exclusive to fs-types-include).",
);

/// `node_exporter` waits for 5 s. Here the page is sent after 2 s, and a mount that does not answer
/// must be on it as such.
const MOUNT_TIMEOUT: Flag = Flag {
    name: "filesystem.mount-timeout",
    help: "How long to wait for remote mounts before telling them as errors, 1.5s at most.",
    kind: FlagKind::Time {
        default: Duration::from_secs(1),
    },
};
const MOST_PATIENCE: Duration = Duration::from_millis(1_500);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "filesystem",
    help: "How full each file system is.",
    default_on: true,
    flags: &[
        POINTS_INCLUDE,
        POINTS_EXCLUDE,
        TYPES_INCLUDE,
        TYPES_EXCLUDE,
        MOUNT_TIMEOUT,
    ],
    new,
};

struct FileSystem {
    /// The mounts of process 1, and our own where those may not be read.
    files: [KeptFile; 2],
    /// Whether our own were read last.
    is_own: bool,
    /// Those that are wanted, as of when the kernel last told of a change. It does not tell of all:
    /// a folder above a mount that is renamed, or what another namespace does to the file system.
    mounts: Inventory<Vec<Mount>>,
    rootfs: PathBuf,
    points: Filter,
    types: Filter,
    answers: Answers,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let mounts = |process| KeptFile::new(settings.paths.procfs.join(process).join("mountinfo"));
    let patience = settings.time(&MOUNT_TIMEOUT);
    if patience > MOST_PATIENCE {
        let (given, taken) = (format!("{patience:?}"), format!("{MOST_PATIENCE:?}"));
        tracing::warn!(
            given,
            taken,
            "--collector.filesystem.mount-timeout is longer than a page may take"
        );
    }
    Box::new(FileSystem {
        files: ["1", "self"].map(mounts),
        is_own: false,
        mounts: Inventory::default(),
        rootfs: settings.paths.rootfs.clone(),
        points: settings.filter(&POINTS_INCLUDE, &POINTS_EXCLUDE),
        types: settings.filter(&TYPES_INCLUDE, &TYPES_EXCLUDE),
        answers: Answers::new(patience.min(MOST_PATIENCE)),
    })
}

impl Collector for FileSystem {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let [first, own] = &self.files;
        let file = if self.is_own { own } else { first };
        // What cannot be read leaves none, so that no old ones are taken for those of now.
        let mut kept = std::mem::take(&mut self.mounts);
        if !file.is_unchanged() {
            kept.forget();
        }
        let mounts = kept.get(Instant::now(), |_| self.read_mounts())?;
        let paths = mounts.iter().map(|mount| {
            let path = host_path(&self.rootfs, &mount.path);
            (path, mount.may_hang())
        });
        let spaces = self.answers.ask(paths.collect());
        let found: Vec<_> = mounts.iter().zip(spaces).collect();
        write(&found, page);
        self.mounts = kept;
        Ok(())
    }
}

impl FileSystem {
    fn read_mounts(&mut self) -> Result<Vec<Mount>, CollectError> {
        let [first, own] = &mut self.files;
        self.is_own = first.read().is_err();
        let file = if self.is_own {
            own.read()?;
            own
        } else {
            first
        };
        let mounts =
            mounts::parse(file.text()).map_err(|line| file.fault("a mount as in proc(5)", line))?;
        Ok(self.select(mounts))
    }

    /// The mounts the user wants, under the names they have for the host, each once.
    fn select(&self, mounts: Vec<Mount>) -> Vec<Mount> {
        let mut selected: Vec<Mount> = Vec::new();
        for mut mount in mounts {
            mount.path = strip(&self.rootfs, mount.path);
            mount.point = mount.path.to_string_lossy().into_owned();
            let wanted =
                self.points.lets_through(&mount.point) && self.types.lets_through(&mount.fstype);
            if wanted && !selected.iter().any(|have| have.is_same(&mount)) {
                selected.push(mount);
            }
        }
        selected
    }
}

/// Whether something that may hang is mounted below a folder; also where the mounts cannot be read.
pub(super) fn has_foreign_mounts(mountinfo: &[u8], folder: &Path) -> bool {
    let Ok(mounts) = mounts::parse(mountinfo) else {
        return true;
    };
    let below = |mount: &&Mount| mount.path.starts_with(folder);
    mounts.iter().filter(below).any(Mount::may_hang)
}

/// A mount point as the host sees it: in a container the host's root is mounted below ours.
fn strip(rootfs: &Path, point: PathBuf) -> PathBuf {
    match point.strip_prefix(rootfs) {
        Ok(rest) => Path::new("/").join(rest),
        Err(_) => point,
    }
}

/// Where we find what the host calls `point`.
pub(super) fn host_path(rootfs: &Path, point: &Path) -> PathBuf {
    rootfs.join(point.strip_prefix("/").unwrap_or(point))
}

/// A mount and what it said when asked for its space.
type Found<'a> = (&'a Mount, Answer);

/// One figure of a mount; none where it is not known.
type Figure = fn(&Found<'_>) -> Option<u64>;

const FIGURES: [(&str, &str, Figure); 8] = [
    (
        "node_filesystem_device_error",
        "Whether an error occurred while getting statistics for the given device.",
        |(_, answer)| Some(u64::from(answer.is_err())),
    ),
    (
        "node_filesystem_readonly",
        "Filesystem read-only status.",
        // What the file system says of itself is newer: an error makes it read-only without a word
        // to those who wait for changes of the mounts.
        |(mount, answer)| {
            let is_now = answer.as_ref().is_ok_and(|space| space.read_only);
            Some(u64::from(mount.read_only || is_now))
        },
    ),
    (
        "node_filesystem_size_bytes",
        "Filesystem size in bytes.",
        |(_, answer)| Some(answer.as_ref().ok()?.size),
    ),
    (
        "node_filesystem_free_bytes",
        "Filesystem free space in bytes.",
        |(_, answer)| Some(answer.as_ref().ok()?.free),
    ),
    (
        "node_filesystem_avail_bytes",
        "Filesystem space available to non-root users in bytes.",
        |(_, answer)| Some(answer.as_ref().ok()?.available),
    ),
    (
        "node_filesystem_files",
        "Filesystem total file nodes.",
        |(_, answer)| Some(answer.as_ref().ok()?.files),
    ),
    (
        "node_filesystem_files_free",
        "Filesystem total free file nodes.",
        |(_, answer)| Some(answer.as_ref().ok()?.files_free),
    ),
    // Linux has no such space; node_exporter says so with a zero.
    (
        "node_filesystem_purgeable_bytes",
        "Filesystem space available including purgeable space (MacOS specific).",
        |(_, answer)| answer.as_ref().ok().map(|_| 0),
    ),
];

fn write(found: &[Found<'_>], page: &mut Page) {
    for (name, help, figure) in FIGURES {
        page.family(name, help, MetricType::Gauge);
        for one in found {
            let Some(value) = figure(one) else {
                continue;
            };
            let (mount, answer) = one;
            let error = answer.as_ref().err().map_or("", String::as_str);
            let mut series = page.series("");
            series
                .label("device", &mount.device)
                .label("device_error", error)
                .label("fstype", &mount.fstype)
                .label("mountpoint", &mount.point);
            text::put_integer(series, value);
        }
    }
    page.family(
        "node_filesystem_mount_info",
        "Filesystem mount information.",
        MetricType::Gauge,
    );
    for (mount, _) in found.iter().filter(|(_, answer)| answer.is_ok()) {
        let labels = [
            ("device", mount.device.as_str()),
            ("major", &mount.major),
            ("minor", &mount.minor),
            ("mountpoint", &mount.point),
        ];
        page.sample(&labels, 1.0);
    }
}

#[cfg(test)]
mod tests;
