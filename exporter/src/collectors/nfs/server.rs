//! What this host's NFS server counts, `/proc/net/rpc/nfsd`, as `nfsstat -s` shows it.

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::Page;

use super::super::rare::RareFile;
use super::super::{CollectError, Collector, Definition};
use super::{Calls, Family, Line, Meaning, Number};

/// The line of the table.
pub(in super::super) const DEFINITION: Definition = Definition {
    name: "nfsd",
    help: "What the NFS server counts.",
    default_on: true,
    flags: &[],
    new: |settings| {
        let path = settings.paths.procfs.join("net/rpc/nfsd");
        Box::new(Server {
            file: RareFile::new(path, "this host is no NFS server"),
        })
    },
};

struct Server {
    file: RareFile,
}

impl Collector for Server {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        super::collect(&mut self.file, TABLE, page)
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    let kind = Counter;
    Family { name, help, kind }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    let kind = Gauge;
    Family { name, help, kind }
}

const HITS: Family = counter(
    "node_nfsd_reply_cache_hits_total",
    "Total number of NFSd Reply Cache hits (client lost server response).",
);
const MISSES: Family = counter(
    "node_nfsd_reply_cache_misses_total",
    "Total number of NFSd Reply Cache an operation that requires caching (idempotent).",
);
const NO_CACHE: Family = counter(
    "node_nfsd_reply_cache_nocache_total",
    "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/\u{2026}).",
);
const STALE: Family = counter(
    "node_nfsd_file_handles_stale_total",
    "Total number of NFSd stale file handles",
);
const BYTES_READ: Family = counter("node_nfsd_disk_bytes_read_total", "Total NFSd bytes read.");
const BYTES_WRITTEN: Family = counter(
    "node_nfsd_disk_bytes_written_total",
    "Total NFSd bytes written.",
);
const THREADS: Family = gauge(
    "node_nfsd_server_threads",
    "Total number of NFSd kernel threads that are running.",
);
const READ_AHEAD: Family = gauge(
    "node_nfsd_read_ahead_cache_size_blocks",
    "How large the read ahead cache is in blocks.",
);
const NOT_READ_AHEAD: Family = counter(
    "node_nfsd_read_ahead_cache_not_found_total",
    "Total number of NFSd read ahead cache not found.",
);
const PACKETS: Family = counter(
    "node_nfsd_packets_total",
    "Total NFSd network packets (sent+received) by protocol type.",
);
const CONNECTIONS: Family = counter(
    "node_nfsd_connections_total",
    "Total number of NFSd TCP connections.",
);
const RPC_ERRORS: Family = counter(
    "node_nfsd_rpc_errors_total",
    "Total number of NFSd RPC errors by error type.",
);
const RPCS: Family = counter("node_nfsd_server_rpcs_total", "Total number of NFSd RPCs.");
const REQUESTS: Family = counter(
    "node_nfsd_requests_total",
    "Total number NFSd Requests by method and protocol.",
);

const fn numbers(key: &'static [u8], count: usize, series: &'static [Number]) -> Line {
    let meaning = Meaning::Numbers(count, series);
    Line { key, meaning }
}

const fn calls(key: &'static [u8], calls: &'static Calls) -> Line {
    let meaning = Meaning::Calls(calls);
    Line { key, meaning }
}

const fn number(
    at: usize,
    family: &'static Family,
    labels: &'static [(&'static str, &'static str)],
) -> Number {
    Number { at, family, labels }
}

pub(super) const TABLE: &[Line] = &[
    numbers(
        b"rc",
        3,
        &[
            number(0, &HITS, &[]),
            number(1, &MISSES, &[]),
            number(2, &NO_CACHE, &[]),
        ],
    ),
    numbers(b"fh", 5, &[number(0, &STALE, &[])]),
    numbers(
        b"io",
        2,
        &[number(0, &BYTES_READ, &[]), number(1, &BYTES_WRITTEN, &[])],
    ),
    numbers(b"th", 2, &[number(0, &THREADS, &[])]),
    numbers(
        b"ra",
        12,
        &[
            number(0, &READ_AHEAD, &[]),
            number(11, &NOT_READ_AHEAD, &[]),
        ],
    ),
    numbers(
        b"net",
        4,
        &[
            number(2, &PACKETS, &[("proto", "tcp")]),
            number(1, &PACKETS, &[("proto", "udp")]),
            number(3, &CONNECTIONS, &[]),
        ],
    ),
    numbers(
        b"rpc",
        5,
        &[
            number(3, &RPC_ERRORS, &[("error", "auth")]),
            number(4, &RPC_ERRORS, &[("error", "cInt")]),
            number(2, &RPC_ERRORS, &[("error", "fmt")]),
            number(0, &RPCS, &[]),
        ],
    ),
    calls(
        b"proc2",
        &Calls {
            family: &REQUESTS,
            version: "2",
            at_least: V2.len(),
            names: &V2,
        },
    ),
    calls(
        b"proc3",
        &Calls {
            family: &REQUESTS,
            version: "3",
            at_least: V3.len(),
            names: &V3,
        },
    ),
    calls(
        b"proc4ops",
        &Calls {
            family: &REQUESTS,
            version: "4",
            at_least: V4.len() - 1,
            names: &V4,
        },
    ),
    numbers(
        b"wdeleg_getattr",
        1,
        &[number(
            0,
            &REQUESTS,
            &[("method", "WdelegGetattr"), ("proto", "4")],
        )],
    ),
];

/// The null calls, the unused ones and those that only change the place are left out.
const V2: [&str; 18] = [
    "", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write", "Create",
    "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];

const V3: [&str; 22] = [
    "",
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

const V4: [&str; 40] = [
    "",
    "",
    "",
    "Access",
    "Close",
    "Commit",
    "Create",
    "DelegPurge",
    "DelegReturn",
    "GetAttr",
    "GetFH",
    "Link",
    "Lock",
    "Lockt",
    "Locku",
    "Lookup",
    "LookupRoot",
    "Nverify",
    "Open",
    "OpenAttr",
    "OpenConfirm",
    "OpenDgrd",
    "PutFH",
    "",
    "",
    "Read",
    "ReadDir",
    "ReadLink",
    "Remove",
    "Rename",
    "Renew",
    "RestoreFH",
    "SaveFH",
    "SecInfo",
    "SetAttr",
    "SetClientID",
    "SetClientIDConfirm",
    "Verify",
    "Write",
    "RelLockOwner",
];
