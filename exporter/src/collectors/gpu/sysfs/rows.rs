//! The files of each driver: one line each, in the kernel's units.

use super::super::family::{self as family, Family};
use super::drivers::{Label, Place, Row, Unit};
use Unit::{Mega, Micro, Milli, Named, One, Percent, Pwm};

pub(super) const AMDGPU: &[Row] = &[
    device("gpu_busy_percent", &family::UTILIZATION, Percent),
    device("mem_busy_percent", &family::MEMORY_UTILIZATION, Percent),
    device("mem_info_vram_total", &family::MEMORY_TOTAL, One),
    device("mem_info_vram_used", &family::MEMORY_USED, One),
    device("mem_info_gtt_total", &family::GTT_TOTAL, One),
    device("mem_info_gtt_used", &family::GTT_USED, One),
    device("pcie_replay_count", &family::PCIE_REPLAYS, One),
    memory_errors("ce:", "corrected"),
    memory_errors("ue:", "uncorrected"),
    hwmon("temp1_input", &family::TEMPERATURE, Milli),
    hwmon("temp1_crit", &family::TEMPERATURE_SLOWDOWN, Milli),
    hwmon("temp1_emergency", &family::TEMPERATURE_SHUTDOWN, Milli),
    hwmon("temp2_input", &family::TEMPERATURE_HOTSPOT, Milli),
    hwmon("temp3_input", &family::TEMPERATURE_MEMORY, Milli),
    // Some cards have no sensor at the edge of the chip.
    hwmon("temp2_input", &family::TEMPERATURE, Milli),
    hwmon("temp2_crit", &family::TEMPERATURE_SLOWDOWN, Milli),
    hwmon("temp2_emergency", &family::TEMPERATURE_SHUTDOWN, Milli),
    hwmon("power1_average", &family::POWER, Micro),
    hwmon("power1_input", &family::POWER, Micro),
    hwmon("power1_cap", &family::POWER_LIMIT, Micro),
    hwmon("power1_cap_default", &family::POWER_LIMIT_DEFAULT, Micro),
    hwmon("power1_cap_min", &family::POWER_LIMIT_MIN, Micro),
    hwmon("power1_cap_max", &family::POWER_LIMIT_MAX, Micro),
    hwmon("freq1_input", &family::CLOCK, One).is("clock", "graphics"),
    hwmon("freq2_input", &family::CLOCK, One).is("clock", "memory"),
    hwmon("pwm1", &family::FAN, Pwm).is("fan", "0"),
    hwmon("fan1_input", &family::FAN_RPM, One).is("fan", "0"),
];

/// What drivers have that have nothing but the sensors' common files.
pub(super) const SENSORS: &[Row] = &[
    hwmon("temp1_input", &family::TEMPERATURE, Milli),
    hwmon("temp1_emergency", &family::TEMPERATURE_SHUTDOWN, Milli),
    hwmon("power1_input", &family::POWER, Micro),
    hwmon("pwm1", &family::FAN, Pwm).is("fan", "0"),
    hwmon("fan1_input", &family::FAN_RPM, One).is("fan", "0"),
];

pub(super) const I915: &[Row] = &[
    clock("rps_act_freq_mhz", &family::CLOCK),
    clock("rps_RP0_freq_mhz", &family::CLOCK_MAX),
    idle("rc6_residency_ms"),
    // Kernels before 5.19.
    card("gt_act_freq_mhz", &family::CLOCK, Mega).is("clock", "graphics"),
    card("gt_RP0_freq_mhz", &family::CLOCK_MAX, Mega).is("clock", "graphics"),
    card("power/rc6_residency_ms", &family::IDLE, Milli).is("gt", "0"),
    reason("throttle_reason_pl1", "pl1"),
    reason("throttle_reason_pl2", "pl2"),
    reason("throttle_reason_pl4", "pl4"),
    reason("throttle_reason_prochot", "prochot"),
    reason("throttle_reason_ratl", "ratl"),
    reason("throttle_reason_thermal", "thermal"),
    reason("throttle_reason_vr_tdc", "vr_tdc"),
    reason("throttle_reason_vr_thermalert", "vr_thermalert"),
    hwmon("temp1_input", &family::TEMPERATURE, Milli),
    hwmon("energy1_input", &family::ENERGY, Micro),
    hwmon("power1_max", &family::POWER_LIMIT, Micro),
    hwmon("power1_rated_max", &family::POWER_LIMIT_DEFAULT, Micro),
    hwmon("fan1_input", &family::FAN_RPM, One).is("fan", "0"),
];

pub(super) const XE: &[Row] = &[
    clock("freq0/act_freq", &family::CLOCK),
    clock("freq0/rp0_freq", &family::CLOCK_MAX),
    idle("gtidle/idle_residency_ms"),
    reason("freq0/throttle/reason_pl1", "pl1"),
    reason("freq0/throttle/reason_pl2", "pl2"),
    reason("freq0/throttle/reason_pl4", "pl4"),
    reason("freq0/throttle/reason_prochot", "prochot"),
    reason("freq0/throttle/reason_ratl", "ratl"),
    reason("freq0/throttle/reason_thermal", "thermal"),
    reason("freq0/throttle/reason_vr_tdc", "vr_tdc"),
    reason("freq0/throttle/reason_vr_thermalert", "vr_thermalert"),
    // The sensors of the chip and of its memory; the first one there is none.
    hwmon("temp2_input", &family::TEMPERATURE, Milli),
    hwmon("temp2_crit", &family::TEMPERATURE_SLOWDOWN, Milli),
    hwmon("temp2_emergency", &family::TEMPERATURE_SHUTDOWN, Milli),
    hwmon("temp3_input", &family::TEMPERATURE_MEMORY, Milli),
    // Of the card, or else of the chip.
    hwmon("energy1_input", &family::ENERGY, Micro),
    hwmon("energy2_input", &family::ENERGY, Micro),
    hwmon("power1_max", &family::POWER_LIMIT, Micro),
    hwmon("power2_max", &family::POWER_LIMIT, Micro),
    hwmon("power1_rated_max", &family::POWER_LIMIT_DEFAULT, Micro),
    hwmon("fan1_input", &family::FAN_RPM, One).is("fan", "0"),
    hwmon("fan2_input", &family::FAN_RPM, One).is("fan", "1"),
    hwmon("fan3_input", &family::FAN_RPM, One).is("fan", "2"),
];

const fn row(place: Place, file: &'static str, family: &'static Family, unit: Unit) -> Row {
    Row {
        place,
        file,
        family,
        label: Label::None,
        unit,
    }
}

const fn card(file: &'static str, family: &'static Family, unit: Unit) -> Row {
    row(Place::Card, file, family, unit)
}

const fn device(file: &'static str, family: &'static Family, unit: Unit) -> Row {
    row(Place::Device, file, family, unit)
}

const fn memory_errors(name: &'static str, label: &'static str) -> Row {
    let file = "ras/umc_err_count";
    device(file, &family::ECC_VOLATILE_ERRORS, Named(name)).is("error", label)
}

const fn hwmon(file: &'static str, family: &'static Family, unit: Unit) -> Row {
    row(Place::Hwmon, file, family, unit)
}

const fn clock(file: &'static str, family: &'static Family) -> Row {
    let mut row = row(Place::Part, file, family, Mega);
    row.label = Label::PartClock;
    row
}

const fn idle(file: &'static str) -> Row {
    let mut row = row(Place::Part, file, &family::IDLE, Milli);
    row.label = Label::Part;
    row
}

const fn reason(file: &'static str, reason: &'static str) -> Row {
    let mut row = row(Place::Part, file, &family::THROTTLE, One);
    row.label = Label::Reason(reason);
    row
}

impl Row {
    const fn is(mut self, name: &'static str, value: &'static str) -> Self {
        self.label = Label::Is(name, value);
        self
    }
}
