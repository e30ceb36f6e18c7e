//! Multi-instance GPUs.

use super::*;

const NOT_FOUND: c_uint = 6;

/// Instances have the numbers of GPUs from here on.
pub const FIRST: u32 = 1_000;

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMigMode(
    gpu: *mut c_void,
    out: *mut c_uint,
    pending: *mut c_uint,
) -> c_uint {
    answer_with(figure(gpu, "mig"), pending).max(answer_with(figure(gpu, "mig"), out))
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMaxMigDeviceCount(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "mig_count"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    _gpu: *mut c_void,
    index: c_uint,
    out: *mut *mut c_void,
) -> c_uint {
    let instance = FIRST + index;
    if ask(Some(instance), "uuid").is_err() {
        return NOT_FOUND;
    }
    answer_with(Ok((instance as usize + 1) as *mut c_void), out)
}

#[repr(C)]
#[derive(Default)]
pub struct Attributes {
    multiprocessors: c_uint,
    engines: [c_uint; 5],
    slices: c_uint,
    compute_slices: c_uint,
    memory: c_ulonglong,
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetAttributes_v2(gpu: *mut c_void, out: *mut Attributes) -> c_uint {
    let attributes = || {
        Ok(Attributes {
            multiprocessors: figure(gpu, "multiprocessors")?,
            slices: figure(gpu, "slices")?,
            ..Attributes::default()
        })
    };
    answer_with(attributes(), out)
}
