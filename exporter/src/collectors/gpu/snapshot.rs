//! What was read of the GPUs at one time.

use nvml_wrapper::error::NvmlError;

/// All GPUs at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Why none of them can be read.
    pub(super) fault: Option<Reason>,
    /// The driver's version.
    pub(super) driver_version: String,
    /// The GPUs that there are, or were.
    pub(super) gpus: Vec<Gpu>,
}

/// One GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gpu {
    /// Its number among this host's.
    pub(super) index: u32,
    /// Its name that no other GPU has.
    pub(super) uuid: String,
    /// What it is called in the shop.
    pub(super) name: String,
    /// Where it is plugged in.
    pub(super) pci_bus_id: String,
    /// Why it cannot be read.
    pub(super) fault: Option<Reason>,
    /// Its figures.
    pub(super) readings: Vec<Reading>,
}

impl Gpu {
    /// A GPU that cannot be read.
    pub(super) fn at_fault(index: u32, uuid: &str, reason: Reason) -> Self {
        Self {
            index,
            uuid: uuid.to_owned(),
            fault: Some(reason),
            ..Self::default()
        }
    }
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    /// The line of the table of fields.
    pub(super) field: usize,
    /// The value of the field's label, if it has one.
    pub(super) label: String,
    /// The value, in the field's unit.
    pub(super) value: f64,
}

/// Why a GPU cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It fell off the bus.
    Lost,
    /// It has to be reset before it works again.
    ResetRequired,
    /// The library does not answer.
    Hang,
    /// The driver was upgraded, and what runs is the old one.
    DriverMismatch,
    /// The driver is not loaded.
    DriverNotLoaded,
    /// We may not ask.
    NoPermission,
    /// The driver has an error of its own.
    DriverError,
}

impl Reason {
    /// The word on the page.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::ResetRequired => "reset_required",
            Self::Hang => "hang",
            Self::DriverMismatch => "driver_mismatch",
            Self::DriverNotLoaded => "driver_not_loaded",
            Self::NoPermission => "no_permission",
            Self::DriverError => "driver_error",
        }
    }

    /// The reason behind an error that concerns the whole GPU or library.
    pub(super) fn of(error: &NvmlError) -> Self {
        match error {
            NvmlError::GpuLost | NvmlError::NotFound => Self::Lost,
            NvmlError::ResetRequired => Self::ResetRequired,
            NvmlError::Timeout => Self::Hang,
            NvmlError::LibRmVersionMismatch => Self::DriverMismatch,
            NvmlError::DriverNotLoaded => Self::DriverNotLoaded,
            NvmlError::NoPermission | NvmlError::OperatingSystem => Self::NoPermission,
            _ => Self::DriverError,
        }
    }

    /// The reason, if an error says more than that one figure is not to be had.
    pub(super) fn beyond_one_figure(error: &NvmlError) -> Option<Self> {
        match error {
            NvmlError::GpuLost
            | NvmlError::ResetRequired
            | NvmlError::LibRmVersionMismatch
            | NvmlError::DriverNotLoaded
            | NvmlError::Uninitialized => Some(Self::of(error)),
            _ => None,
        }
    }
}
