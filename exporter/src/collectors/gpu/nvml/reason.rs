//! What NVML's errors mean for a GPU.

use nvml_wrapper::error::NvmlError;

use super::super::snapshot::Reason;

/// The reason behind an error that concerns the whole GPU or library.
pub(super) fn of(error: &NvmlError) -> Reason {
    match error {
        NvmlError::GpuLost | NvmlError::NotFound => Reason::Lost,
        NvmlError::ResetRequired => Reason::ResetRequired,
        NvmlError::Timeout => Reason::Hang,
        NvmlError::LibRmVersionMismatch => Reason::DriverMismatch,
        NvmlError::DriverNotLoaded => Reason::DriverNotLoaded,
        NvmlError::NoPermission | NvmlError::OperatingSystem => Reason::NoPermission,
        _ => Reason::DriverError,
    }
}

/// The reason, if an error says more than that one figure is not to be had.
pub(super) fn beyond_one_figure(error: &NvmlError) -> Option<Reason> {
    match error {
        NvmlError::GpuLost
        | NvmlError::ResetRequired
        | NvmlError::LibRmVersionMismatch
        | NvmlError::DriverNotLoaded
        | NvmlError::Uninitialized => Some(of(error)),
        _ => None,
    }
}
