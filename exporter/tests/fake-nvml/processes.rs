//! Processes: `compute=12:1000 13:2000` is process and memory, `compute=12:-` one of which the
//! memory is not known.

use super::*;

const INSUFFICIENT_SIZE: c_uint = 7;

#[repr(C)]
pub struct Process {
    id: c_uint,
    memory: c_ulonglong,
    instance: c_uint,
    compute_instance: c_uint,
}

fn list(gpu: *mut c_void, key: &str, count: *mut c_uint, out: *mut Process) -> c_uint {
    let text = match ask(Some(number(gpu)), key) {
        Ok(text) => text,
        Err(code) => return code,
    };
    let processes: Vec<_> = text
        .split_whitespace()
        .filter_map(|process| process.split_once(':'))
        .map(|(id, memory)| Process {
            id: id.parse().unwrap_or(0),
            memory: memory.parse().unwrap_or(c_ulonglong::MAX),
            instance: u32::MAX,
            compute_instance: u32::MAX,
        })
        .collect();
    // SAFETY: NVML's callers pass a place for the count.
    let room = unsafe { count.replace(processes.len() as c_uint) };
    if (room as usize) < processes.len() {
        return INSUFFICIENT_SIZE;
    }
    for (at, process) in processes.into_iter().enumerate() {
        // SAFETY: the caller said that there is room.
        unsafe { out.add(at).write(process) };
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    gpu: *mut c_void,
    count: *mut c_uint,
    out: *mut Process,
) -> c_uint {
    list(gpu, "compute", count, out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v3(
    gpu: *mut c_void,
    count: *mut c_uint,
    out: *mut Process,
) -> c_uint {
    list(gpu, "graphics", count, out)
}
