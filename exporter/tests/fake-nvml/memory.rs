//! Memory and its errors.

use super::*;

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
    let memory = || {
        let total: c_ulonglong = figure(gpu, "memory_total")?;
        let used: c_ulonglong = figure(gpu, "memory_used")?;
        let reserved: c_ulonglong = figure(gpu, "memory_reserved").unwrap_or(0);
        Ok(Memory {
            version: 0,
            total,
            reserved,
            free: total - used - reserved,
            used,
        })
    };
    answer_with(memory(), out)
}

#[repr(C)]
pub struct Bar1 {
    total: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetBAR1MemoryInfo(gpu: *mut c_void, out: *mut Bar1) -> c_uint {
    let memory = || {
        let total: c_ulonglong = figure(gpu, "bar1_total")?;
        let used: c_ulonglong = figure(gpu, "bar1_used")?;
        Ok(Bar1 {
            total,
            free: total - used,
            used,
        })
    };
    answer_with(memory(), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetEccMode(
    gpu: *mut c_void,
    out: *mut c_uint,
    pending: *mut c_uint,
) -> c_uint {
    answer_with(figure(gpu, "ecc"), pending).max(answer_with(figure(gpu, "ecc"), out))
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetTotalEccErrors(
    gpu: *mut c_void,
    kind: c_uint,
    counter: c_uint,
    out: *mut c_ulonglong,
) -> c_uint {
    let counter = if counter == 0 { "volatile" } else { "aggregate" };
    answer(ask(Some(number(gpu)), &format!("{counter}_ecc{kind}")), out)
}
