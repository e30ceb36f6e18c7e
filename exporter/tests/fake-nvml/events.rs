//! Events: `xids=79,31` is what a GPU reports one after the other, each once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

const TIMEOUT: c_uint = 10;
const XID: c_ulonglong = 8;

/// How many a GPU has reported already, in all sets.
static REPORTED: Mutex<BTreeMap<u32, usize>> = Mutex::new(BTreeMap::new());

/// A set: the GPUs that are in it.
type Set = Vec<u32>;

#[repr(C)]
pub struct Event {
    gpu: *mut c_void,
    kind: c_ulonglong,
    data: c_ulonglong,
    instance: c_uint,
    compute_instance: c_uint,
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetCreate(out: *mut *mut Set) -> c_uint {
    answer_with(Ok(Box::into_raw(Box::default())), out)
}

#[cfg(not(bare_free))]
#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetFree(set: *mut Set) -> c_uint {
    // SAFETY: sets come from `nvmlEventSetCreate` and are freed once.
    drop(unsafe { Box::from_raw(set) });
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceRegisterEvents(
    gpu: *mut c_void,
    kinds: c_ulonglong,
    set: *mut Set,
) -> c_uint {
    if kinds != XID {
        return INVALID_ARGUMENT;
    }
    match ask(Some(number(gpu)), "xids") {
        Ok(_) => {
            // SAFETY: sets come from `nvmlEventSetCreate`.
            unsafe { (*set).push(number(gpu)) };
            SUCCESS
        }
        Err(code) => code,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetWait_v2(set: *mut Set, out: *mut Event, timeout: c_uint) -> c_uint {
    if timeout != 0 {
        return INVALID_ARGUMENT;
    }
    // SAFETY: sets come from `nvmlEventSetCreate`.
    for gpu in unsafe { &*set } {
        let xids = ask(Some(*gpu), "xids").unwrap_or_default();
        let mut reported = REPORTED.lock().unwrap();
        let reported = reported.entry(*gpu).or_default();
        let next = xids.split(',').nth(*reported);
        if let Some(data) = next.and_then(|xid| xid.parse().ok()) {
            *reported += 1;
            let event = Event {
                gpu: (*gpu as usize + 1) as *mut c_void,
                kind: XID,
                data,
                instance: u32::MAX,
                compute_instance: u32::MAX,
            };
            return answer_with(Ok(event), out);
        }
    }
    TIMEOUT
}
