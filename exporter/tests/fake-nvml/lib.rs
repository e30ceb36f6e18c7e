//! A stand-in for the NVIDIA Management Library, built by the tests with `rustc`.
//!
//! It does what a control file says, which is read at every call and whose name is built in from
//! `FAKE_NVML_CONTROL`. A line `temperature=45` is a figure; `temperature=error 15` is NVML's error
//! 15; a figure that is not named is not supported. `gpu1.temperature=50` is of one GPU only.
//! `hang=temperature` makes that call wait until the line is gone. Functions that are not here are
//! missing symbols, as in an old driver.

use std::ffi::{c_char, c_uint, c_ulonglong, c_void};
use std::time::Duration;

const SUCCESS: c_uint = 0;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;

fn control() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(env!("FAKE_NVML_CONTROL")).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn ask(gpu: Option<u32>, key: &str) -> Result<String, c_uint> {
    loop {
        let control = control();
        if control.iter().any(|(k, v)| k == "hang" && v == key) {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let own = gpu.map(|gpu| format!("gpu{gpu}.{key}"));
        let find = |key: &str| control.iter().find(|(k, _)| k == key);
        let found = own.as_deref().and_then(find).or_else(|| find(key));
        let value = found.map(|(_, value)| value.clone()).ok_or(NOT_SUPPORTED)?;
        return match value.strip_prefix("error ") {
            Some(code) => Err(code.parse().unwrap_or(999)),
            None => Ok(value),
        };
    }
}

/// Handles are the GPUs' numbers, and one more since null is none.
fn number(device: *mut c_void) -> u32 {
    (device as usize as u32).wrapping_sub(1)
}

fn answer<T: std::str::FromStr>(asked: Result<String, c_uint>, out: *mut T) -> c_uint {
    let value = match asked.map(|text| text.parse::<T>()) {
        Ok(Ok(value)) => value,
        Ok(Err(_)) => return INVALID_ARGUMENT,
        Err(code) => return code,
    };
    // SAFETY: NVML's callers pass a place for the answer.
    unsafe { out.write(value) };
    SUCCESS
}

fn answer_text(asked: Result<String, c_uint>, out: *mut c_char, length: c_uint) -> c_uint {
    let text = match asked {
        Ok(text) => text,
        Err(code) => return code,
    };
    if text.len() >= length as usize {
        return INVALID_ARGUMENT;
    }
    // SAFETY: NVML's callers pass a place of the length that they say.
    unsafe {
        out.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
        out.add(text.len()).write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    match ask(None, "init") {
        Err(code) if code != NOT_SUPPORTED => code,
        _ => SUCCESS,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_uint {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlSystemGetDriverVersion(out: *mut c_char, length: c_uint) -> c_uint {
    answer_text(ask(None, "driver"), out, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetCount_v2(out: *mut c_uint) -> c_uint {
    answer(ask(None, "count"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, out: *mut *mut c_void) -> c_uint {
    match ask(Some(index), "handle") {
        Err(code) if code != NOT_SUPPORTED => return code,
        _ => {}
    }
    // SAFETY: NVML's callers pass a place for the answer.
    unsafe { out.write((index as usize + 1) as *mut c_void) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetName(gpu: *mut c_void, out: *mut c_char, length: c_uint) -> c_uint {
    answer_text(ask(Some(number(gpu)), "name"), out, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetUUID(gpu: *mut c_void, out: *mut c_char, length: c_uint) -> c_uint {
    answer_text(ask(Some(number(gpu)), "uuid"), out, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTemperature(
    gpu: *mut c_void,
    _sensor: c_uint,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), "temperature"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTemperatureThreshold(
    gpu: *mut c_void,
    kind: c_uint,
    out: *mut c_uint,
) -> c_uint {
    let key = if kind == 0 { "shutdown" } else { "slowdown" };
    answer(ask(Some(number(gpu)), key), out)
}

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetUtilizationRates(gpu: *mut c_void, out: *mut Utilization) -> c_uint {
    let figure = |key| {
        ask(Some(number(gpu)), key)?
            .parse()
            .map_err(|_| INVALID_ARGUMENT)
    };
    match (figure("utilization"), figure("memory_utilization")) {
        (Ok(gpu), Ok(memory)) => {
            // SAFETY: NVML's callers pass a place for the answer.
            unsafe { out.write(Utilization { gpu, memory }) };
            SUCCESS
        }
        (Err(code), _) | (_, Err(code)) => code,
    }
}

#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMemoryInfo_v2(gpu: *mut c_void, out: *mut Memory) -> c_uint {
    let figure = |key| {
        ask(Some(number(gpu)), key)?
            .parse()
            .map_err(|_| INVALID_ARGUMENT)
    };
    match (figure("memory_total"), figure("memory_used")) {
        (Ok(total), Ok(used)) => {
            // SAFETY: NVML's callers pass a place for the answer.
            unsafe {
                (*out).total = total;
                (*out).reserved = 0;
                (*out).free = total.saturating_sub(used);
                (*out).used = used;
            }
            SUCCESS
        }
        (Err(code), _) | (_, Err(code)) => code,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPowerUsage(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "power"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetEnforcedPowerLimit(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "power_limit"), out)
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

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTotalEccErrors(
    gpu: *mut c_void,
    kind: c_uint,
    _counter: c_uint,
    out: *mut c_ulonglong,
) -> c_uint {
    answer(ask(Some(number(gpu)), &format!("ecc{kind}")), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPerformanceState(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pstate"), out)
}
