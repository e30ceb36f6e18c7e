//! Power, fans, clocks.

use super::*;

#[cfg(not(old))]
#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPowerUsage(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "power"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetEnforcedPowerLimit(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "power_limit"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPowerManagementDefaultLimit(
    gpu: *mut c_void,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), "power_default"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPowerManagementLimitConstraints(
    gpu: *mut c_void,
    least: *mut c_uint,
    most: *mut c_uint,
) -> c_uint {
    let least = answer(ask(Some(number(gpu)), "power_min"), least);
    least.max(answer(ask(Some(number(gpu)), "power_max"), most))
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTotalEnergyConsumption(
    gpu: *mut c_void,
    out: *mut c_ulonglong,
) -> c_uint {
    answer(ask(Some(number(gpu)), "energy"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetNumFans(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "fans"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetFanSpeed_v2(
    gpu: *mut c_void,
    fan: c_uint,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), &format!("fan{fan}")), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetClockInfo(
    gpu: *mut c_void,
    kind: c_uint,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), &format!("clock{kind}")), out)
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMaxClockInfo(
    gpu: *mut c_void,
    kind: c_uint,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), &format!("max_clock{kind}")), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(
    gpu: *mut c_void,
    out: *mut c_ulonglong,
) -> c_uint {
    answer(ask(Some(number(gpu)), "throttle"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetSupportedClocksThrottleReasons(
    gpu: *mut c_void,
    out: *mut c_ulonglong,
) -> c_uint {
    answer(ask(Some(number(gpu)), "throttle_known"), out)
}

#[repr(C)]
pub struct Violation {
    reference: c_ulonglong,
    time: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetViolationStatus(
    gpu: *mut c_void,
    policy: c_uint,
    out: *mut Violation,
) -> c_uint {
    let time = figure(gpu, &format!("violation{policy}"));
    let violation = time.map(|time| Violation { reference: 1, time });
    answer_with(violation, out)
}
