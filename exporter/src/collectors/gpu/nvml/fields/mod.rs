//! The figures of a GPU: one line each.

mod many;
mod mig;

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{TemperatureSensor, TemperatureThreshold};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;

use super::super::family::{self as family, Family};
use super::super::snapshot::Figures;

/// One figure, or several that one call gives.
pub(super) struct Field {
    pub(super) pace: Pace,
    /// Whether it says nothing, or something wrong, of a GPU that is in multi-instance mode. Most
    /// of these NVML refuses then, but that depends on the driver.
    pub(super) undefined_in_mig: bool,
    read: Read,
}

/// How often a figure is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Always,
    /// Once a minute: it seldom changes, or the driver has to ask the board for it.
    Seldom,
}

/// How a field is read.
#[derive(Clone, Copy)]
enum Read {
    One(&'static Family, fn(&Device<'_>) -> Answer),
    /// An error drops what was not read yet.
    Many(fn(&Device<'_>, &mut Figures) -> Result<(), NvmlError>),
}

type Answer = Result<f64, NvmlError>;

const MILLI: f64 = 1_000.0;
const PERCENT: f64 = 100.0;

/// All figures. A GPU that does not have one has no series of it. What takes long comes last.
pub(super) const FIELDS: &[Field] = &[
    always(&family::TEMPERATURE, |gpu| {
        gpu.temperature(TemperatureSensor::Gpu).map(f64::from)
    }),
    always(&family::TEMPERATURE_MEMORY, |gpu| {
        value(gpu, field_id::NVML_FI_DEV_MEMORY_TEMP)
    }),
    always_many(many::utilization).undefined_in_mig(),
    always(&family::ENCODER_UTILIZATION, |gpu| {
        Ok(f64::from(gpu.encoder_utilization()?.utilization) / PERCENT)
    })
    .undefined_in_mig(),
    always(&family::DECODER_UTILIZATION, |gpu| {
        Ok(f64::from(gpu.decoder_utilization()?.utilization) / PERCENT)
    })
    .undefined_in_mig(),
    always_many(many::memory),
    always_many(many::bar1),
    always(&family::POWER, |gpu| {
        Ok(f64::from(gpu.power_usage()?) / MILLI)
    }),
    always(&family::POWER_LIMIT, |gpu| {
        Ok(f64::from(gpu.enforced_power_limit()?) / MILLI)
    }),
    always(&family::ENERGY, |gpu| {
        Ok(gpu.total_energy_consumption()? as f64 / MILLI)
    }),
    always_many(many::fans),
    always_many(many::clocks),
    always(&family::PERFORMANCE_STATE, |gpu| {
        many::performance_state(gpu.performance_state()?)
    }),
    always_many(many::throttle_reasons),
    always_many(many::violations),
    always_many(many::volatile_ecc_errors),
    always(&family::PCIE_REPLAYS, |gpu| {
        gpu.pcie_replay_counter().map(f64::from)
    }),
    always(&family::PCIE_GENERATION, |gpu| {
        gpu.current_pcie_link_gen().map(f64::from)
    }),
    always(&family::PCIE_LANES, |gpu| {
        gpu.current_pcie_link_width().map(f64::from)
    }),
    always_many(many::processes).undefined_in_mig(),
    always_many(mig::instances),
    seldom(&family::TEMPERATURE_SLOWDOWN, |gpu| {
        threshold(gpu, TemperatureThreshold::Slowdown)
    }),
    seldom(&family::TEMPERATURE_SHUTDOWN, |gpu| {
        threshold(gpu, TemperatureThreshold::Shutdown)
    }),
    seldom(&family::POWER_LIMIT_DEFAULT, |gpu| {
        Ok(f64::from(gpu.power_management_limit_default()?) / MILLI)
    }),
    seldom_many(many::power_limits),
    seldom_many(many::highest_clocks),
    seldom(&family::PCIE_GENERATION_MAX, |gpu| {
        gpu.max_pcie_link_gen().map(f64::from)
    }),
    seldom(&family::PCIE_LANES_MAX, |gpu| {
        gpu.max_pcie_link_width().map(f64::from)
    }),
    seldom(&family::ECC_ENABLED, |gpu| {
        Ok(f64::from(u8::from(gpu.is_ecc_enabled()?.currently_enabled)))
    }),
    seldom_many(many::ecc_errors),
    seldom_many(many::retired_pages),
    seldom_many(many::remapped_rows),
    // Each of its two calls waits for 20 ms.
    always_many(many::pcie_throughput),
];

const fn always(family: &'static Family, read: fn(&Device<'_>) -> Answer) -> Field {
    Field {
        pace: Pace::Always,
        undefined_in_mig: false,
        read: Read::One(family, read),
    }
}

const fn seldom(family: &'static Family, read: fn(&Device<'_>) -> Answer) -> Field {
    Field {
        pace: Pace::Seldom,
        undefined_in_mig: false,
        read: Read::One(family, read),
    }
}

const fn always_many(read: fn(&Device<'_>, &mut Figures) -> Result<(), NvmlError>) -> Field {
    Field {
        pace: Pace::Always,
        undefined_in_mig: false,
        read: Read::Many(read),
    }
}

const fn seldom_many(read: fn(&Device<'_>, &mut Figures) -> Result<(), NvmlError>) -> Field {
    Field {
        pace: Pace::Seldom,
        undefined_in_mig: false,
        read: Read::Many(read),
    }
}

impl Field {
    const fn undefined_in_mig(mut self) -> Self {
        self.undefined_in_mig = true;
        self
    }

    /// Adds what the GPU has of this field; an error says why it has not more.
    pub(super) fn read(&self, gpu: &Device<'_>, figures: &mut Figures) -> Result<(), NvmlError> {
        match self.read {
            Read::One(family, read) => figures.push((family, Vec::new(), read(gpu)?)),
            Read::Many(read) => read(gpu, figures)?,
        }
        Ok(())
    }
}

fn threshold(gpu: &Device<'_>, kind: TemperatureThreshold) -> Answer {
    gpu.temperature_threshold(kind).map(f64::from)
}

/// One of the values that NVML has by number.
fn value(gpu: &Device<'_>, field: u32) -> Answer {
    let mut samples = gpu.field_values_for(&[FieldId(field)])?;
    match samples.pop().ok_or(NvmlError::NotSupported)??.value? {
        SampleValue::F64(value) => Ok(value),
        SampleValue::U32(value) => Ok(f64::from(value)),
        SampleValue::U64(value) => Ok(value as f64),
        SampleValue::I64(value) => Ok(value as f64),
    }
}
