//! What NFS clients on this host count, `/proc/net/rpc/nfs`, as `nfsstat -c` shows it.

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::super::rare::RareFile;
use super::super::{CollectError, Collector, Definition};
use super::{Calls, Family, Line, Meaning, Number};

/// The line of the table.
pub(in super::super) const DEFINITION: Definition = Definition {
    name: "nfs",
    help: "What NFS clients count.",
    default_on: true,
    flags: &[],
    new: |settings| {
        let path = settings.paths.procfs.join("net/rpc/nfs");
        Box::new(Client {
            file: RareFile::new(path, "this host is no NFS client"),
        })
    },
};

struct Client {
    file: RareFile,
}

impl Collector for Client {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        super::collect(&mut self.file, TABLE, page)
    }
}

const fn family(name: &'static str, help: &'static str) -> Family {
    let kind = Counter;
    Family { name, help, kind }
}

const PACKETS: Family = family(
    "node_nfs_packets_total",
    "Total NFSd network packets (sent+received) by protocol type.",
);
const CONNECTIONS: Family = family(
    "node_nfs_connections_total",
    "Total number of NFSd TCP connections.",
);
const RPCS: Family = family("node_nfs_rpcs_total", "Total number of RPCs performed.");
const RETRANSMISSIONS: Family = family(
    "node_nfs_rpc_retransmissions_total",
    "Number of RPC transmissions performed.",
);
const REFRESHES: Family = family(
    "node_nfs_rpc_authentication_refreshes_total",
    "Number of RPC authentication refreshes performed.",
);
const REQUESTS: Family = family(
    "node_nfs_requests_total",
    "Number of NFS procedures invoked.",
);

const fn number(
    at: usize,
    family: &'static Family,
    labels: &'static [(&'static str, &'static str)],
) -> Number {
    Number { at, family, labels }
}

pub(super) const TABLE: &[Line] = &[
    Line {
        key: b"net",
        meaning: Meaning::Numbers(
            4,
            &[
                number(2, &PACKETS, &[("protocol", "tcp")]),
                number(1, &PACKETS, &[("protocol", "udp")]),
                number(3, &CONNECTIONS, &[]),
            ],
        ),
    },
    Line {
        key: b"rpc",
        meaning: Meaning::Numbers(
            3,
            &[
                number(0, &RPCS, &[]),
                number(1, &RETRANSMISSIONS, &[]),
                number(2, &REFRESHES, &[]),
            ],
        ),
    },
    Line {
        key: b"proc2",
        meaning: Meaning::Calls(&Calls {
            family: &REQUESTS,
            version: "2",
            at_least: V2.len(),
            names: &V2,
        }),
    },
    Line {
        key: b"proc3",
        meaning: Meaning::Calls(&Calls {
            family: &REQUESTS,
            version: "3",
            at_least: V3.len(),
            names: &V3,
        }),
    },
    Line {
        key: b"proc4",
        meaning: Meaning::Calls(&Calls {
            family: &REQUESTS,
            version: "4",
            at_least: 0,
            names: &V4,
        }),
    },
];

const V2: [&str; 18] = [
    "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write",
    "Create", "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];

const V3: [&str; 22] = [
    "Null",
    "GetAttr",
    "SetAttr",
    "Lookup",
    "Access",
    "ReadLink",
    "Read",
    "Write",
    "Create",
    "MkDir",
    "SymLink",
    "MkNod",
    "Remove",
    "RmDir",
    "Rename",
    "Link",
    "ReadDir",
    "ReadDirPlus",
    "FsStat",
    "FsInfo",
    "PathConf",
    "Commit",
];

const V4: [&str; 59] = [
    "Null",
    "Read",
    "Write",
    "Commit",
    "Open",
    "OpenConfirm",
    "OpenNoattr",
    "OpenDowngrade",
    "Close",
    "Setattr",
    "FsInfo",
    "Renew",
    "SetClientID",
    "SetClientIDConfirm",
    "Lock",
    "Lockt",
    "Locku",
    "Access",
    "Getattr",
    "Lookup",
    "LookupRoot",
    "Remove",
    "Rename",
    "Link",
    "Symlink",
    "Create",
    "Pathconf",
    "StatFs",
    "ReadLink",
    "ReadDir",
    "ServerCaps",
    "DelegReturn",
    "GetACL",
    "SetACL",
    "FsLocations",
    "ReleaseLockowner",
    "Secinfo",
    "FsidPresent",
    "ExchangeID",
    "CreateSession",
    "DestroySession",
    "Sequence",
    "GetLeaseTime",
    "ReclaimComplete",
    "GetDeviceInfo",
    "LayoutGet",
    "LayoutCommit",
    "LayoutReturn",
    "SecinfoNoName",
    "TestStateID",
    "FreeStateID",
    "GetDeviceList",
    "BindConnToSession",
    "DestroyClientID",
    "Seek",
    "Allocate",
    "DeAllocate",
    "LayoutStats",
    "Clone",
];
