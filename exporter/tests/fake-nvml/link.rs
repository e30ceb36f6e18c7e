//! PCI Express.

use super::*;

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPcieThroughput(
    gpu: *mut c_void,
    counter: c_uint,
    out: *mut c_uint,
) -> c_uint {
    let key = if counter == 0 { "pcie_sent" } else { "pcie_received" };
    answer(ask(Some(number(gpu)), key), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetPcieReplayCounter(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pcie_replays"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetCurrPcieLinkGeneration(
    gpu: *mut c_void,
    out: *mut c_uint,
) -> c_uint {
    answer(ask(Some(number(gpu)), "pcie_generation"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMaxPcieLinkGeneration(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pcie_generation_max"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetCurrPcieLinkWidth(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pcie_lanes"), out)
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceGetMaxPcieLinkWidth(gpu: *mut c_void, out: *mut c_uint) -> c_uint {
    answer(ask(Some(number(gpu)), "pcie_lanes_max"), out)
}
