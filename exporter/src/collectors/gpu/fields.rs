//! The figures of a GPU: one line each.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, PerformanceState, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::error::NvmlError;
use watchpost_model::MetricType::{self, Counter, Gauge};

/// A family of figures.
pub(super) struct Field {
    /// Its name.
    pub(super) family: &'static str,
    /// Its help.
    pub(super) help: &'static str,
    /// Its kind.
    pub(super) metric_type: MetricType,
    /// The label that tells the figures of one GPU apart, if there are several.
    pub(super) label: Option<&'static str>,
    read: Read,
}

/// How a field is read.
#[derive(Clone, Copy)]
enum Read {
    One(fn(&Device<'_>) -> Result<f64, NvmlError>),
    /// An error drops what was not read yet.
    Many(fn(&Device<'_>, &mut Figures) -> Result<(), NvmlError>),
}

/// The figures of a field: label and value.
pub(super) type Figures = Vec<(String, f64)>;

const MILLI: f64 = 1_000.0;
const PERCENT: f64 = 100.0;
const MEGA: f64 = 1_000_000.0;

/// All figures. A GPU that does not have one has no series of it.
pub(super) const FIELDS: &[Field] = &[
    one(
        "node_gpu_temperature_celsius",
        "Temperature of the GPU.",
        |gpu| gpu.temperature(TemperatureSensor::Gpu).map(f64::from),
    ),
    one(
        "node_gpu_temperature_slowdown_celsius",
        "Temperature at which the GPU slows down.",
        |gpu| threshold(gpu, TemperatureThreshold::Slowdown),
    ),
    one(
        "node_gpu_temperature_shutdown_celsius",
        "Temperature at which the GPU switches itself off.",
        |gpu| threshold(gpu, TemperatureThreshold::Shutdown),
    ),
    one(
        "node_gpu_utilization_ratio",
        "Share of the last sample period, at most a second, in which a kernel ran on the GPU.",
        |gpu| Ok(f64::from(gpu.utilization_rates()?.gpu) / PERCENT),
    ),
    one(
        "node_gpu_memory_utilization_ratio",
        "Share of the last sample period in which the GPU's memory was read or written.",
        |gpu| Ok(f64::from(gpu.utilization_rates()?.memory) / PERCENT),
    ),
    one("node_gpu_memory_total_bytes", "Memory of the GPU.", |gpu| {
        Ok(gpu.memory_info()?.total as f64)
    }),
    one(
        "node_gpu_memory_used_bytes",
        "Memory of the GPU that is in use.",
        |gpu| Ok(gpu.memory_info()?.used as f64),
    ),
    one(
        "node_gpu_memory_free_bytes",
        "Memory of the GPU that is free.",
        |gpu| Ok(gpu.memory_info()?.free as f64),
    ),
    one("node_gpu_power_watts", "Power that the GPU draws.", |gpu| {
        Ok(f64::from(gpu.power_usage()?) / MILLI)
    }),
    one(
        "node_gpu_power_limit_watts",
        "Power that the GPU may draw.",
        |gpu| Ok(f64::from(gpu.enforced_power_limit()?) / MILLI),
    ),
    Field {
        metric_type: Counter,
        ..one(
            "node_gpu_energy_joules_total",
            "Energy that the GPU used since the driver was loaded.",
            |gpu| Ok(gpu.total_energy_consumption()? as f64 / MILLI),
        )
    },
    Field {
        family: "node_gpu_fan_ratio",
        help: "Speed of the fan that the GPU asks for; 1 is full speed.",
        metric_type: Gauge,
        label: Some("fan"),
        read: Read::Many(|gpu, figures| {
            for fan in 0..gpu.num_fans()? {
                let speed = f64::from(gpu.fan_speed(fan)?) / PERCENT;
                figures.push((fan.to_string(), speed));
            }
            Ok(())
        }),
    },
    Field {
        family: "node_gpu_clock_hertz",
        help: "Frequency of the clock.",
        metric_type: Gauge,
        label: Some("clock"),
        read: Read::Many(|gpu, figures| clocks(figures, |clock| gpu.clock_info(clock))),
    },
    Field {
        family: "node_gpu_clock_max_hertz",
        help: "Highest frequency of the clock.",
        metric_type: Gauge,
        label: Some("clock"),
        read: Read::Many(|gpu, figures| clocks(figures, |clock| gpu.max_clock_info(clock))),
    },
    Field {
        family: "node_gpu_ecc_errors_total",
        help: "Memory errors in the life of the GPU.",
        metric_type: Counter,
        label: Some("error"),
        read: Read::Many(|gpu, figures| {
            for (label, kind) in [
                ("corrected", MemoryError::Corrected),
                ("uncorrected", MemoryError::Uncorrected),
            ] {
                let errors = gpu.total_ecc_errors(kind, EccCounter::Aggregate)?;
                figures.push((label.to_owned(), errors as f64));
            }
            Ok(())
        }),
    },
    Field {
        metric_type: Counter,
        ..one(
            "node_gpu_pcie_replays_total",
            "Packets that PCI Express had to send again.",
            |gpu| gpu.pcie_replay_counter().map(f64::from),
        )
    },
    one(
        "node_gpu_pcie_link_generation",
        "PCI Express generation of the link now; it may fall while the GPU is idle.",
        |gpu| gpu.current_pcie_link_gen().map(f64::from),
    ),
    one(
        "node_gpu_pcie_link_lanes",
        "PCI Express lanes of the link now.",
        |gpu| gpu.current_pcie_link_width().map(f64::from),
    ),
    one(
        "node_gpu_performance_state",
        "Performance state; 0 is the fastest and 15 the slowest.",
        |gpu| performance_state(gpu.performance_state()?),
    ),
];

const fn one(
    family: &'static str,
    help: &'static str,
    read: fn(&Device<'_>) -> Result<f64, NvmlError>,
) -> Field {
    Field {
        family,
        help,
        metric_type: Gauge,
        label: None,
        read: Read::One(read),
    }
}

impl Field {
    /// Adds what the GPU has of this field; an error says why it has not more.
    pub(super) fn read(&self, gpu: &Device<'_>, figures: &mut Figures) -> Result<(), NvmlError> {
        match self.read {
            Read::One(read) => figures.push((String::new(), read(gpu)?)),
            Read::Many(read) => read(gpu, figures)?,
        }
        Ok(())
    }
}

fn threshold(gpu: &Device<'_>, kind: TemperatureThreshold) -> Result<f64, NvmlError> {
    gpu.temperature_threshold(kind).map(f64::from)
}

/// A clock that the GPU does not have does not cost the others.
fn clocks(
    figures: &mut Figures,
    read: impl Fn(Clock) -> Result<u32, NvmlError>,
) -> Result<(), NvmlError> {
    let mut last = Ok(());
    for (label, clock) in [
        ("graphics", Clock::Graphics),
        ("sm", Clock::SM),
        ("memory", Clock::Memory),
        ("video", Clock::Video),
    ] {
        match read(clock) {
            Ok(megahertz) => figures.push((label.to_owned(), f64::from(megahertz) * MEGA)),
            Err(error) => last = Err(error),
        }
    }
    last
}

fn performance_state(state: PerformanceState) -> Result<f64, NvmlError> {
    use PerformanceState as P;
    let states = [
        P::Zero,
        P::One,
        P::Two,
        P::Three,
        P::Four,
        P::Five,
        P::Six,
        P::Seven,
        P::Eight,
        P::Nine,
        P::Ten,
        P::Eleven,
        P::Twelve,
        P::Thirteen,
        P::Fourteen,
        P::Fifteen,
    ];
    let number = states.iter().position(|known| *known == state);
    number
        .map(|number| number as f64)
        .ok_or(NvmlError::NotSupported)
}
