//! Calls that give several figures, and figures that there are several of.

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, PcieUtilCounter, PerformancePolicy, PerformanceState,
};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::sys_exports::field_id;

use super::super::super::family::{self as family, Family};
use super::super::reason;
use super::{Answer, Figures, MILLI, PERCENT, value};

const KILO: f64 = 1_000.0;
const MEGA: f64 = 1_000_000.0;
const GIGA: f64 = 1_000_000_000.0;

type Outcome = Result<(), NvmlError>;

/// Figures of a family that a label tells apart. One that is not to be had costs itself only.
fn labelled<T: Copy>(
    figures: &mut Figures,
    family: &'static Family,
    label: &'static str,
    all: &[(&str, T)],
    read: impl Fn(T) -> Answer,
) -> Outcome {
    let mut outcome = Ok(());
    for (name, which) in all {
        match read(*which) {
            Ok(value) => figures.push((family, vec![(label, (*name).to_owned())], value)),
            Err(error) if reason::beyond_one_figure(&error).is_some() => return Err(error),
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

pub(super) fn utilization(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let rates = gpu.utilization_rates()?;
    for (family, percent) in [
        (&family::UTILIZATION, rates.gpu),
        (&family::MEMORY_UTILIZATION, rates.memory),
    ] {
        figures.push((family, Vec::new(), f64::from(percent) / PERCENT));
    }
    Ok(())
}

pub(super) fn memory(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let memory = gpu.memory_info()?;
    for (family, bytes) in [
        (&family::MEMORY_TOTAL, memory.total),
        (&family::MEMORY_USED, memory.used),
        (&family::MEMORY_FREE, memory.free),
        (&family::MEMORY_RESERVED, memory.reserved),
    ] {
        figures.push((family, Vec::new(), bytes as f64));
    }
    Ok(())
}

pub(super) fn bar1(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let memory = gpu.bar1_memory_info()?;
    figures.push((&family::BAR1_TOTAL, Vec::new(), memory.total as f64));
    figures.push((&family::BAR1_USED, Vec::new(), memory.used as f64));
    Ok(())
}

pub(super) fn power_limits(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let limits = gpu.power_management_limit_constraints()?;
    for (family, limit) in [
        (&family::POWER_LIMIT_MIN, limits.min_limit),
        (&family::POWER_LIMIT_MAX, limits.max_limit),
    ] {
        figures.push((family, Vec::new(), f64::from(limit) / MILLI));
    }
    Ok(())
}

pub(super) fn fans(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    for fan in 0..gpu.num_fans()? {
        let label = || vec![("fan", fan.to_string())];
        let speed = f64::from(gpu.fan_speed(fan)?) / PERCENT;
        figures.push((&family::FAN, label(), speed));
        // Drivers before 565 do not have it.
        if let Ok(speed) = gpu.fan_speed_rpm(fan) {
            figures.push((&family::FAN_RPM, label(), f64::from(speed)));
        }
    }
    Ok(())
}

const CLOCKS: &[(&str, Clock)] = &[
    ("graphics", Clock::Graphics),
    ("sm", Clock::SM),
    ("memory", Clock::Memory),
    ("video", Clock::Video),
];

pub(super) fn clocks(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    labelled(figures, &family::CLOCK, "clock", CLOCKS, |clock| {
        Ok(f64::from(gpu.clock_info(clock)?) * MEGA)
    })
}

pub(super) fn highest_clocks(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    labelled(figures, &family::CLOCK_MAX, "clock", CLOCKS, |clock| {
        Ok(f64::from(gpu.max_clock_info(clock)?) * MEGA)
    })
}

pub(super) fn performance_state(state: PerformanceState) -> Answer {
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

/// Every reason that the GPU knows, whether it holds or not.
pub(super) fn throttle_reasons(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    use ThrottleReasons as R;
    let now = gpu.current_throttle_reasons()?;
    let known = gpu.supported_throttle_reasons().unwrap_or(R::all()) | now;
    for (label, reason) in [
        ("gpu_idle", R::GPU_IDLE),
        (
            "applications_clocks_setting",
            R::APPLICATIONS_CLOCKS_SETTING,
        ),
        ("sw_power_cap", R::SW_POWER_CAP),
        ("hw_slowdown", R::HW_SLOWDOWN),
        ("sync_boost", R::SYNC_BOOST),
        ("sw_thermal_slowdown", R::SW_THERMAL_SLOWDOWN),
        ("hw_thermal_slowdown", R::HW_THERMAL_SLOWDOWN),
        ("hw_power_brake_slowdown", R::HW_POWER_BRAKE_SLOWDOWN),
        ("display_clock_setting", R::DISPLAY_CLOCK_SETTING),
    ] {
        if known.contains(reason) {
            let holds = f64::from(u8::from(now.contains(reason)));
            figures.push((&family::THROTTLE, vec![("reason", label.to_owned())], holds));
        }
    }
    Ok(())
}

const POLICIES: &[(&str, PerformancePolicy)] = &[
    ("power", PerformancePolicy::Power),
    ("thermal", PerformancePolicy::Thermal),
    ("sync_boost", PerformancePolicy::SyncBoost),
    ("board_limit", PerformancePolicy::BoardLimit),
    ("low_utilization", PerformancePolicy::LowUtilization),
    ("reliability", PerformancePolicy::Reliability),
    ("total_app_clocks", PerformancePolicy::TotalAppClocks),
    ("total_base_clocks", PerformancePolicy::TotalBaseClocks),
];

pub(super) fn violations(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    labelled(figures, &family::VIOLATION, "policy", POLICIES, |policy| {
        Ok(gpu.violation_status(policy)?.violation_time as f64 / GIGA)
    })
}

const ERRORS: &[(&str, MemoryError)] = &[
    ("corrected", MemoryError::Corrected),
    ("uncorrected", MemoryError::Uncorrected),
];

/// Since the GPU was made: it asks the board's memory for them.
pub(super) fn ecc_errors(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    labelled(figures, &family::ECC_ERRORS, "error", ERRORS, |kind| {
        Ok(gpu.total_ecc_errors(kind, EccCounter::Aggregate)? as f64)
    })
}

pub(super) fn volatile_ecc_errors(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let family = &family::ECC_VOLATILE_ERRORS;
    labelled(figures, family, "error", ERRORS, |kind| {
        Ok(gpu.total_ecc_errors(kind, EccCounter::Volatile)? as f64)
    })
}

pub(super) fn retired_pages(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let causes = [
        ("corrected", field_id::NVML_FI_DEV_RETIRED_SBE),
        ("uncorrected", field_id::NVML_FI_DEV_RETIRED_DBE),
    ];
    labelled(figures, &family::RETIRED_PAGES, "error", &causes, |field| {
        value(gpu, field)
    })?;
    let pending = value(gpu, field_id::NVML_FI_DEV_RETIRED_PENDING)?;
    figures.push((&family::RETIRED_PENDING, Vec::new(), pending));
    Ok(())
}

pub(super) fn remapped_rows(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let causes = [
        ("corrected", field_id::NVML_FI_DEV_REMAPPED_COR),
        ("uncorrected", field_id::NVML_FI_DEV_REMAPPED_UNC),
    ];
    labelled(figures, &family::REMAPPED_ROWS, "error", &causes, |field| {
        value(gpu, field)
    })?;
    for (family, field) in [
        (
            &family::REMAPPED_PENDING,
            field_id::NVML_FI_DEV_REMAPPED_PENDING,
        ),
        (
            &family::REMAPPED_FAILURE,
            field_id::NVML_FI_DEV_REMAPPED_FAILURE,
        ),
    ] {
        figures.push((family, Vec::new(), value(gpu, field)?));
    }
    Ok(())
}

/// Contexts of each kind; a process that computes and draws is in both.
pub(super) fn processes(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    for (label, count) in [
        ("compute", gpu.running_compute_processes_count()),
        ("graphics", gpu.running_graphics_processes_count()),
    ] {
        let labels = vec![("type", label.to_owned())];
        figures.push((&family::PROCESSES, labels, f64::from(count?)));
    }
    Ok(())
}

/// NVML's kilobytes are taken as 1000 bytes.
pub(super) fn pcie_throughput(gpu: &Device<'_>, figures: &mut Figures) -> Outcome {
    let directions = [
        ("received", PcieUtilCounter::Receive),
        ("sent", PcieUtilCounter::Send),
    ];
    let family = &family::PCIE_THROUGHPUT;
    labelled(figures, family, "direction", &directions, |direction| {
        Ok(f64::from(gpu.pcie_throughput(direction)?) * KILO)
    })
}
