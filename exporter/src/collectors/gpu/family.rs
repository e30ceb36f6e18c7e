//! The families of `node_gpu_*`, which all vendors share where the meaning is the same.

use watchpost_model::MetricType::{self, Counter, Gauge};

/// A family of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// Its name.
    pub(super) name: &'static str,
    /// Its help.
    pub(super) help: &'static str,
    /// Its kind.
    pub(super) metric_type: MetricType,
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    let metric_type = Gauge;
    Family {
        name,
        help,
        metric_type,
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    let metric_type = Counter;
    Family {
        name,
        help,
        metric_type,
    }
}

// Which GPUs there are, and whether they can be read.
pub(super) const UP: Family = gauge(
    "node_gpu_up",
    "Whether the GPU could be read; without a gpu label, none is known and the driver is at fault.",
);
pub(super) const FAULT: Family = gauge(
    "node_gpu_fault",
    "Why the GPU could not be read; 1 as long as it cannot.",
);
pub(super) const INFO: Family = gauge("node_gpu_info", "What the GPU is, in its labels.");
pub(super) const SUSPENDED: Family = gauge(
    "node_gpu_suspended",
    "Whether the GPU sleeps to save power; it is not read then, since that would wake it.",
);

// Temperature, use, memory.
pub(super) const TEMPERATURE: Family =
    gauge("node_gpu_temperature_celsius", "Temperature of the GPU.");
pub(super) const TEMPERATURE_SLOWDOWN: Family = gauge(
    "node_gpu_temperature_slowdown_celsius",
    "Temperature at which the GPU slows down.",
);
pub(super) const TEMPERATURE_SHUTDOWN: Family = gauge(
    "node_gpu_temperature_shutdown_celsius",
    "Temperature at which the GPU switches itself off.",
);
pub(super) const TEMPERATURE_HOTSPOT: Family = gauge(
    "node_gpu_temperature_hotspot_celsius",
    "Temperature of the hottest spot of the GPU.",
);
pub(super) const TEMPERATURE_MEMORY: Family = gauge(
    "node_gpu_memory_temperature_celsius",
    "Temperature of the GPU's memory.",
);
pub(super) const UTILIZATION: Family = gauge(
    "node_gpu_utilization_ratio",
    "Share of the last sample period, at most a second, in which a kernel ran on the GPU.",
);
pub(super) const MEMORY_UTILIZATION: Family = gauge(
    "node_gpu_memory_utilization_ratio",
    "Share of the last sample period in which the GPU's memory was read or written.",
);
pub(super) const ENCODER_UTILIZATION: Family = gauge(
    "node_gpu_encoder_utilization_ratio",
    "Share of the last sample period in which the video encoder ran.",
);
pub(super) const DECODER_UTILIZATION: Family = gauge(
    "node_gpu_decoder_utilization_ratio",
    "Share of the last sample period in which the video decoder ran.",
);
pub(super) const IDLE: Family = counter(
    "node_gpu_idle_seconds_total",
    "Time that this part of the GPU was asleep; it can have been busy for the rest at most.",
);
pub(super) const MEMORY_TOTAL: Family = gauge("node_gpu_memory_total_bytes", "Memory of the GPU.");
pub(super) const MEMORY_USED: Family = gauge(
    "node_gpu_memory_used_bytes",
    "Memory of the GPU that is in use.",
);
pub(super) const MEMORY_FREE: Family = gauge(
    "node_gpu_memory_free_bytes",
    "Memory of the GPU that is free.",
);
pub(super) const MEMORY_RESERVED: Family = gauge(
    "node_gpu_memory_reserved_bytes",
    "Memory of the GPU that the driver keeps for itself.",
);
pub(super) const BAR1_TOTAL: Family = gauge(
    "node_gpu_bar1_total_bytes",
    "Memory of the GPU that the host can map (BAR1).",
);
pub(super) const BAR1_USED: Family = gauge(
    "node_gpu_bar1_used_bytes",
    "Memory of the GPU that is mapped by the host (BAR1).",
);
pub(super) const GTT_TOTAL: Family = gauge(
    "node_gpu_gtt_total_bytes",
    "Memory of the host that the GPU may use.",
);
pub(super) const GTT_USED: Family = gauge(
    "node_gpu_gtt_used_bytes",
    "Memory of the host that the GPU uses.",
);

// Power, fans, clocks.
pub(super) const POWER: Family = gauge("node_gpu_power_watts", "Power that the GPU draws.");
pub(super) const POWER_LIMIT: Family =
    gauge("node_gpu_power_limit_watts", "Power that the GPU may draw.");
pub(super) const POWER_LIMIT_DEFAULT: Family = gauge(
    "node_gpu_power_limit_default_watts",
    "Power that the GPU may draw unless told otherwise.",
);
pub(super) const POWER_LIMIT_MIN: Family = gauge(
    "node_gpu_power_limit_min_watts",
    "Lowest limit of power that can be set.",
);
pub(super) const POWER_LIMIT_MAX: Family = gauge(
    "node_gpu_power_limit_max_watts",
    "Highest limit of power that can be set.",
);
pub(super) const ENERGY: Family = counter(
    "node_gpu_energy_joules_total",
    "Energy that the GPU used since the driver was loaded.",
);
pub(super) const FAN: Family = gauge(
    "node_gpu_fan_ratio",
    "Speed of the fan that the GPU asks for; 1 is full speed.",
);
pub(super) const FAN_RPM: Family = gauge("node_gpu_fan_rpm", "Revolutions per minute of the fan.");
pub(super) const CLOCK: Family = gauge("node_gpu_clock_hertz", "Frequency of the clock.");
pub(super) const CLOCK_MAX: Family = gauge(
    "node_gpu_clock_max_hertz",
    "Highest frequency of the clock.",
);
pub(super) const PERFORMANCE_STATE: Family = gauge(
    "node_gpu_performance_state",
    "Performance state; 0 is the fastest and 15 the slowest.",
);
pub(super) const THROTTLE: Family = gauge(
    "node_gpu_throttle_reason",
    "Whether the clocks are held down for this reason.",
);
pub(super) const VIOLATION: Family = counter(
    "node_gpu_violation_seconds_total",
    "Time that the clocks were held down by this policy.",
);

// Errors.
pub(super) const XID_ERRORS: Family = counter(
    "node_gpu_xid_errors_total",
    "XID errors that the driver reported since the exporter was started.",
);
pub(super) const XID_LAST: Family = gauge(
    "node_gpu_xid_last_error",
    "The last XID error that the driver reported since the exporter was started; 0 is none.",
);
pub(super) const ECC_ENABLED: Family = gauge(
    "node_gpu_ecc_enabled",
    "Whether the GPU's memory corrects errors.",
);
pub(super) const ECC_ERRORS: Family = counter(
    "node_gpu_ecc_errors_total",
    "Memory errors in the life of the GPU.",
);
pub(super) const ECC_VOLATILE_ERRORS: Family = counter(
    "node_gpu_ecc_volatile_errors_total",
    "Memory errors since the driver was loaded.",
);
pub(super) const RETIRED_PAGES: Family = gauge(
    "node_gpu_retired_pages",
    "Pages of memory that were retired for errors of this kind.",
);
pub(super) const RETIRED_PENDING: Family = gauge(
    "node_gpu_retired_pages_pending",
    "Whether pages wait for a restart to be retired.",
);
pub(super) const REMAPPED_ROWS: Family = gauge(
    "node_gpu_remapped_rows",
    "Rows of memory that were replaced for errors of this kind.",
);
pub(super) const REMAPPED_PENDING: Family = gauge(
    "node_gpu_remapped_rows_pending",
    "Whether rows wait for a reset to be replaced.",
);
pub(super) const REMAPPED_FAILURE: Family = gauge(
    "node_gpu_remapped_rows_failure",
    "Whether the replacement of a row failed.",
);

// PCI Express.
pub(super) const PCIE_REPLAYS: Family = counter(
    "node_gpu_pcie_replays_total",
    "Packets that PCI Express had to send again.",
);
pub(super) const PCIE_GENERATION: Family = gauge(
    "node_gpu_pcie_link_generation",
    "PCI Express generation of the link now; it may fall while the GPU is idle.",
);
pub(super) const PCIE_GENERATION_MAX: Family = gauge(
    "node_gpu_pcie_link_generation_max",
    "Highest PCI Express generation that GPU and slot can do.",
);
pub(super) const PCIE_LANES: Family = gauge(
    "node_gpu_pcie_link_lanes",
    "PCI Express lanes of the link now.",
);
pub(super) const PCIE_LANES_MAX: Family = gauge(
    "node_gpu_pcie_link_lanes_max",
    "PCI Express lanes that GPU and slot can do.",
);
pub(super) const PCIE_THROUGHPUT: Family = gauge(
    "node_gpu_pcie_throughput_bytes_per_second",
    "What the GPU sent and received over PCI Express in 20 ms, as a rate.",
);

// Processes.
pub(super) const PROCESSES: Family = gauge(
    "node_gpu_processes",
    "Processes that have a context on the GPU.",
);
pub(super) const PROCESS_MEMORY: Family = gauge(
    "node_gpu_process_memory_bytes",
    "Memory of the GPU that the process uses.",
);
pub(super) const PROCESSES_LEFT_OUT: Family = gauge(
    "node_gpu_processes_left_out",
    "Processes that are beyond the limit of --collector.gpu.processes-max.",
);

// Multi-instance GPUs.
pub(super) const MIG_ENABLED: Family = gauge(
    "node_gpu_mig_enabled",
    "Whether the GPU is in multi-instance mode.",
);
pub(super) const MIG_PENDING: Family = gauge(
    "node_gpu_mig_pending",
    "Whether the GPU will be in multi-instance mode after its next reset.",
);
pub(super) const MIG_INFO: Family = gauge(
    "node_gpu_mig_info",
    "An instance of a multi-instance GPU, in its labels.",
);
pub(super) const MIG_MEMORY_TOTAL: Family =
    gauge("node_gpu_mig_memory_total_bytes", "Memory of the instance.");
pub(super) const MIG_MEMORY_USED: Family = gauge(
    "node_gpu_mig_memory_used_bytes",
    "Memory of the instance that is in use.",
);
pub(super) const MIG_MEMORY_FREE: Family = gauge(
    "node_gpu_mig_memory_free_bytes",
    "Memory of the instance that is free.",
);
pub(super) const MIG_MULTIPROCESSORS: Family = gauge(
    "node_gpu_mig_multiprocessors",
    "Multiprocessors of the instance.",
);
pub(super) const MIG_SLICES: Family = gauge(
    "node_gpu_mig_slices",
    "Slices of the GPU that the instance has.",
);
