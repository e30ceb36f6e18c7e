//! The tables of collectors: which there are, and which of them are special.

use std::path::PathBuf;

use rustix::fs::{FsWord, PROC_SUPER_MAGIC, statfs};

use super::{Definition, Paths};

/// What `statfs(2)` calls the file system of `/sys`.
const SYSFS_MAGIC: FsWord = 0x6265_6572;

/// Whether all files of `/proc` and `/sys` are the kernel's own. Elsewhere they may be those of a
/// recorded host, or of a program: lxcfs lays its own over some of a container's.
pub fn files_are_the_kernels(paths: &Paths) -> bool {
    let mounts = std::fs::read(paths.procfs.join("self/mountinfo")).unwrap_or_default();
    let is_own = |(folder, kind): (&PathBuf, FsWord)| {
        let is_kind = statfs(folder).is_ok_and(|found| found.f_type == kind);
        is_kind && !super::filesystem::has_foreign_mounts(&mounts, folder)
    };
    let folders = [
        (&paths.procfs, PROC_SUPER_MAGIC),
        (&paths.sysfs, SYSFS_MAGIC),
    ];
    !mounts.is_empty() && folders.into_iter().all(is_own)
}

/// Collectors that only read what the kernel has in memory. All others may have to wait: for a
/// device, a disk, another host, a program, or a lock that the kernel holds while it waits for one.
pub const NEVER_WAIT: &[&str] = &[
    "buddyinfo",
    "conntrack",
    "cpu",
    "entropy",
    "filefd",
    "gpu",
    "interrupts",
    "ipvs",
    "kernel_hung",
    "ksmd",
    "loadavg",
    "meminfo",
    "meminfo_numa",
    "netstat",
    "nfs",
    "nfsd",
    "pressure",
    "schedstat",
    "sockstat",
    "softirqs",
    "softnet",
    "stat",
    "sysctl",
    "time",
    "timex",
    "udp_queues",
    "uname",
    "vmstat",
    "xfrm",
    "zoneinfo",
];

/// Collectors whose sources may take milliseconds for each figure, such as sensors on an I2C bus:
/// they are read at a pace of their own.
pub const SLOW: &[&str] = &["hwmon", "powersupplyclass", "thermal_zone"];

/// Collectors that `node_exporter` does not have. They are not on the page at all where they have no
/// data, so that it is the other's.
pub const OURS: &[&str] = &["gpu"];

/// All collectors, by name.
pub const ALL: &[Definition] = &[
    super::arp::DEFINITION,
    super::bcache::DEFINITION,
    super::bcachefs::DEFINITION,
    super::bonding::DEFINITION,
    super::btrfs::DEFINITION,
    super::buddyinfo::DEFINITION,
    super::cgroups::DEFINITION,
    super::conntrack::DEFINITION,
    super::cpu::DEFINITION,
    super::cpu_vulnerabilities::DEFINITION,
    super::cpufreq::DEFINITION,
    super::diskstats::DEFINITION,
    super::dmi::DEFINITION,
    super::dmmultipath::DEFINITION,
    super::drbd::DEFINITION,
    super::drm::DEFINITION,
    super::edac::DEFINITION,
    super::entropy::DEFINITION,
    super::ethtool::DEFINITION,
    super::fibrechannel::DEFINITION,
    super::filefd::DEFINITION,
    super::filesystem::DEFINITION,
    super::gpu::DEFINITION,
    super::hwmon::DEFINITION,
    super::infiniband::DEFINITION,
    super::interrupts::DEFINITION,
    super::ipvs::DEFINITION,
    super::kernel_hung::DEFINITION,
    super::ksmd::DEFINITION,
    super::lnstat::DEFINITION,
    super::loadavg::DEFINITION,
    super::logind::DEFINITION,
    super::mdadm::DEFINITION,
    super::meminfo::DEFINITION,
    super::meminfo_numa::DEFINITION,
    super::mountstats::DEFINITION,
    super::netclass::DEFINITION,
    super::netdev::DEFINITION,
    super::netstat::DEFINITION,
    super::network_route::DEFINITION,
    super::nfs::client::DEFINITION,
    super::nfs::server::DEFINITION,
    super::ntp::DEFINITION,
    super::nvme::DEFINITION,
    super::nvmesubsystem::DEFINITION,
    super::os::DEFINITION,
    super::pcidevice::DEFINITION,
    super::powersupplyclass::DEFINITION,
    super::pressure::DEFINITION,
    super::processes::DEFINITION,
    super::qdisc::DEFINITION,
    super::rapl::DEFINITION,
    super::runit::DEFINITION,
    super::schedstat::DEFINITION,
    super::selinux::DEFINITION,
    super::slabinfo::DEFINITION,
    super::sockstat::DEFINITION,
    super::softirqs::DEFINITION,
    super::softnet::DEFINITION,
    super::stat::DEFINITION,
    super::supervisord::DEFINITION,
    super::swap::DEFINITION,
    super::sysctl::DEFINITION,
    super::systemd::DEFINITION,
    super::tapestats::DEFINITION,
    super::tcpstat::DEFINITION,
    super::textfile::DEFINITION,
    super::thermal_zone::DEFINITION,
    super::time::DEFINITION,
    super::timex::DEFINITION,
    super::udp_queues::DEFINITION,
    super::uname::DEFINITION,
    super::vmstat::DEFINITION,
    super::watchdog::DEFINITION,
    super::wifi::DEFINITION,
    super::xfrm::DEFINITION,
    super::xfs::DEFINITION,
    super::zfs::DEFINITION,
    super::zoneinfo::DEFINITION,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_and_know_each_other() {
        let names: Vec<_> = ALL.iter().map(|definition| definition.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert!(NEVER_WAIT.is_sorted_by(|a, b| a < b));
        for name in NEVER_WAIT.iter().chain(OURS).chain(SLOW) {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn a_folder_of_files_is_not_the_kernels() {
        let folder = tempfile::tempdir().unwrap();
        let files = || folder.path().to_owned();
        for paths in [
            Paths {
                procfs: files(),
                ..Paths::default()
            },
            Paths {
                sysfs: files(),
                ..Paths::default()
            },
        ] {
            assert!(!files_are_the_kernels(&paths));
        }
    }
}
