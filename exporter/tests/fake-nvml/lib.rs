//! A stand-in for the NVIDIA Management Library, built by the tests with `rustc`.
//!
//! It does what a control file says, which is read at every call and whose name is built in from
//! `FAKE_NVML_CONTROL`. A line `temperature=45` is a figure; `temperature=error 15` is NVML's error
//! 15; a figure that is not named is not supported. `gpu1.temperature=50` is of one GPU only.
//! `hang=temperature` makes that call wait until the line is gone. `mig1.uuid=MIG-1` is of the
//! instance with this number. Functions that are not here are missing symbols, as in an old driver;
//! `--cfg old` leaves out more, and `--cfg bare` those that the wrapper cannot do without.

mod events;
mod link;
mod memory;
mod mig;
mod power;
mod processes;

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};
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
        let find = |key: &str| control.iter().find(|(k, _)| k == key);
        let found = match gpu {
            Some(gpu) if gpu >= mig::FIRST => find(&format!("mig{}.{key}", gpu - mig::FIRST)),
            Some(gpu) => find(&format!("gpu{gpu}.{key}")).or_else(|| find(key)),
            None => find(key),
        };
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

/// A figure of a structure.
fn figure<T: std::str::FromStr>(gpu: *mut c_void, key: &str) -> Result<T, c_uint> {
    let text = ask(Some(number(gpu)), key)?;
    text.parse().map_err(|_| INVALID_ARGUMENT)
}

/// Answers with a structure.
fn answer_with<T>(asked: Result<T, c_uint>, out: *mut T) -> c_uint {
    match asked {
        Ok(value) => {
            // SAFETY: NVML's callers pass a place for the answer.
            unsafe { out.write(value) };
            SUCCESS
        }
        Err(code) => code,
    }
}

#[cfg(not(bare))]
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
    let rates = || {
        Ok(Utilization {
            gpu: figure(gpu, "utilization")?,
            memory: figure(gpu, "memory_utilization")?,
        })
    };
    answer_with(rates(), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetEncoderUtilization(
    gpu: *mut c_void,
    out: *mut c_uint,
    period: *mut c_uint,
) -> c_uint {
    answer_with(Ok(1), period).max(answer_with(figure(gpu, "encoder"), out))
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetDecoderUtilization(
    gpu: *mut c_void,
    out: *mut c_uint,
    period: *mut c_uint,
) -> c_uint {
    answer_with(Ok(1), period).max(answer_with(figure(gpu, "decoder"), out))
}

#[repr(C)]
pub struct FieldValue {
    field: c_uint,
    scope: c_uint,
    timestamp: i64,
    latency: i64,
    value_type: c_uint,
    code: c_uint,
    value: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetFieldValues(
    gpu: *mut c_void,
    count: c_int,
    out: *mut FieldValue,
) -> c_uint {
    for at in 0..count as usize {
        // SAFETY: NVML's callers pass as many places as they say.
        let field = unsafe { &mut *out.add(at) };
        field.value_type = 1;
        match figure::<c_uint>(gpu, &format!("field{}", field.field)) {
            Ok(value) => (field.code, field.value) = (SUCCESS, value.into()),
            Err(code) => field.code = code,
        }
    }
    SUCCESS
}

#[repr(C)]
pub struct PciInfo {
    legacy: [c_char; 16],
    domain: c_uint,
    bus: c_uint,
    device: c_uint,
    id: c_uint,
    subsystem: c_uint,
    bus_id: [c_char; 32],
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPciInfo_v3(gpu: *mut c_void, out: *mut PciInfo) -> c_uint {
    // SAFETY: NVML's callers pass a place for the answer.
    let info = unsafe { &mut *out };
    answer_text(ask(Some(number(gpu)), "pci"), info.bus_id.as_mut_ptr(), 32)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPerformanceState(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pstate"), out)
}
