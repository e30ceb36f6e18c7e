//! The families of a mount's numbers, and where each number stands.

use watchpost_model::MetricType::{self, Counter, Gauge};

/// Where a number stands, by its place in its line.
pub(super) enum Source {
    /// How long the mount has been there.
    Age,
    /// The line `bytes:`.
    Bytes(usize),
    /// The line `events:`.
    Events(usize),
    /// A line `xprt:` of TCP.
    Transport(usize),
    /// The line of an operation.
    Operation(usize),
    /// The line of an operation, where it counts milliseconds.
    Milliseconds(usize),
}

use Source::{Age, Bytes, Events, Milliseconds, Operation, Transport};

/// A family.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: MetricType,
    pub(super) source: Source,
}

const fn counter(name: &'static str, source: Source, help: &'static str) -> Family {
    let kind = Counter;
    Family {
        name,
        help,
        kind,
        source,
    }
}

const fn gauge(name: &'static str, source: Source, help: &'static str) -> Family {
    let kind = Gauge;
    Family {
        name,
        help,
        kind,
        source,
    }
}

pub(super) const FAMILIES: [Family; 53] = [
    counter(
        "node_mountstats_nfs_age_seconds_total",
        Age,
        "The age of the NFS mount in seconds.",
    ),
    counter(
        "node_mountstats_nfs_direct_read_bytes_total",
        Bytes(2),
        "Number of bytes read using the read() syscall in O_DIRECT mode.",
    ),
    counter(
        "node_mountstats_nfs_direct_write_bytes_total",
        Bytes(3),
        "Number of bytes written using the write() syscall in O_DIRECT mode.",
    ),
    counter(
        "node_mountstats_nfs_event_attribute_invalidate_total",
        Events(3),
        "Number of times cached inode attributes are invalidated.",
    ),
    counter(
        "node_mountstats_nfs_event_data_invalidate_total",
        Events(2),
        "Number of times an inode cache is cleared.",
    ),
    counter(
        "node_mountstats_nfs_event_dnode_revalidate_total",
        Events(1),
        "Number of times cached dentry nodes are re-validated from the server.",
    ),
    counter(
        "node_mountstats_nfs_event_inode_revalidate_total",
        Events(0),
        "Number of times cached inode attributes are re-validated from the server.",
    ),
    counter(
        "node_mountstats_nfs_event_jukebox_delay_total",
        Events(24),
        "Number of times the NFS server indicated EJUKEBOX; retrieving data from offline \
         storage.",
    ),
    counter(
        "node_mountstats_nfs_event_pnfs_read_total",
        Events(25),
        "Number of NFS v4.1+ pNFS reads.",
    ),
    counter(
        "node_mountstats_nfs_event_pnfs_write_total",
        Events(26),
        "Number of NFS v4.1+ pNFS writes.",
    ),
    counter(
        "node_mountstats_nfs_event_short_read_total",
        Events(22),
        "Number of times the NFS server gave less data than expected while reading.",
    ),
    counter(
        "node_mountstats_nfs_event_short_write_total",
        Events(23),
        "Number of times the NFS server wrote less data than expected while writing.",
    ),
    counter(
        "node_mountstats_nfs_event_silly_rename_total",
        Events(21),
        "Number of times a file was removed while still open by another process.",
    ),
    counter(
        "node_mountstats_nfs_event_truncation_total",
        Events(19),
        "Number of times files have been truncated.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_access_total",
        Events(6),
        "Number of times permissions have been checked.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_file_release_total",
        Events(17),
        "Number of times files have been closed and released.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_flush_total",
        Events(14),
        "Number of pending writes that have been forcefully flushed to the server.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_fsync_total",
        Events(15),
        "Number of times fsync() has been called on directories and files.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_getdents_total",
        Events(12),
        "Number of times directory entries have been read with getdents().",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_lock_total",
        Events(16),
        "Number of times locking has been attempted on a file.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_lookup_total",
        Events(5),
        "Number of times a directory lookup has occurred.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_open_total",
        Events(4),
        "Number of times cached inode attributes are invalidated.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_read_page_total",
        Events(8),
        "Number of pages read directly via mmap()'d files.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_read_pages_total",
        Events(9),
        "Number of times a group of pages have been read.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_setattr_total",
        Events(13),
        "Number of times directory entries have been read with getdents().",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_update_page_total",
        Events(7),
        "Number of updates (and potential writes) to pages.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_write_page_total",
        Events(10),
        "Number of pages written directly via mmap()'d files.",
    ),
    counter(
        "node_mountstats_nfs_event_vfs_write_pages_total",
        Events(11),
        "Number of times a group of pages have been written.",
    ),
    counter(
        "node_mountstats_nfs_event_write_extension_total",
        Events(20),
        "Number of times a file has been grown due to writes beyond its existing end.",
    ),
    counter(
        "node_mountstats_nfs_operations_major_timeouts_total",
        Operation(2),
        "Number of times a request has had a major timeout for a given operation.",
    ),
    counter(
        "node_mountstats_nfs_operations_queue_time_seconds_total",
        Milliseconds(5),
        "Duration all requests spent queued for transmission for a given operation before \
         they were sent, in seconds.",
    ),
    counter(
        "node_mountstats_nfs_operations_received_bytes_total",
        Operation(4),
        "Number of bytes received for a given operation, including RPC headers and payload.",
    ),
    counter(
        "node_mountstats_nfs_operations_request_time_seconds_total",
        Milliseconds(7),
        "Duration all requests took from when a request was enqueued to when it was \
         completely handled for a given operation, in seconds.",
    ),
    counter(
        "node_mountstats_nfs_operations_requests_total",
        Operation(0),
        "Number of requests performed for a given operation.",
    ),
    counter(
        "node_mountstats_nfs_operations_response_time_seconds_total",
        Milliseconds(6),
        "Duration all requests took to get a reply back after a request for a given \
         operation was transmitted, in seconds.",
    ),
    counter(
        "node_mountstats_nfs_operations_sent_bytes_total",
        Operation(3),
        "Number of bytes sent for a given operation, including RPC headers and payload.",
    ),
    counter(
        "node_mountstats_nfs_operations_transmissions_total",
        Operation(1),
        "Number of times an actual RPC request has been transmitted for a given operation.",
    ),
    counter(
        "node_mountstats_nfs_read_bytes_total",
        Bytes(0),
        "Number of bytes read using the read() syscall.",
    ),
    counter(
        "node_mountstats_nfs_read_pages_total",
        Bytes(6),
        "Number of pages read directly via mmap()'d files.",
    ),
    counter(
        "node_mountstats_nfs_total_read_bytes_total",
        Bytes(4),
        "Number of bytes read from the NFS server, in total.",
    ),
    counter(
        "node_mountstats_nfs_total_write_bytes_total",
        Bytes(5),
        "Number of bytes written to the NFS server, in total.",
    ),
    counter(
        "node_mountstats_nfs_transport_backlog_queue_total",
        Transport(9),
        "Total number of items added to the RPC backlog queue.",
    ),
    counter(
        "node_mountstats_nfs_transport_bad_transaction_ids_total",
        Transport(7),
        "Number of times the NFS server sent a response with a transaction ID unknown to \
         this client.",
    ),
    counter(
        "node_mountstats_nfs_transport_bind_total",
        Transport(1),
        "Number of times the client has had to establish a connection from scratch to the \
         NFS server.",
    ),
    counter(
        "node_mountstats_nfs_transport_connect_total",
        Transport(2),
        "Number of times the client has made a TCP connection to the NFS server.",
    ),
    gauge(
        "node_mountstats_nfs_transport_idle_time_seconds",
        Transport(4),
        "Duration since the NFS mount last saw any RPC traffic, in seconds.",
    ),
    gauge(
        "node_mountstats_nfs_transport_maximum_rpc_slots",
        Transport(10),
        "Maximum number of simultaneously active RPC requests ever used.",
    ),
    counter(
        "node_mountstats_nfs_transport_pending_queue_total",
        Transport(12),
        "Total number of items added to the RPC transmission pending queue.",
    ),
    counter(
        "node_mountstats_nfs_transport_receives_total",
        Transport(6),
        "Number of RPC responses for this mount received from the NFS server.",
    ),
    counter(
        "node_mountstats_nfs_transport_sending_queue_total",
        Transport(11),
        "Total number of items added to the RPC transmission sending queue.",
    ),
    counter(
        "node_mountstats_nfs_transport_sends_total",
        Transport(5),
        "Number of RPC requests for this mount sent to the NFS server.",
    ),
    counter(
        "node_mountstats_nfs_write_bytes_total",
        Bytes(1),
        "Number of bytes written using the write() syscall.",
    ),
    counter(
        "node_mountstats_nfs_write_pages_total",
        Bytes(7),
        "Number of pages written directly via mmap()'d files.",
    ),
];
