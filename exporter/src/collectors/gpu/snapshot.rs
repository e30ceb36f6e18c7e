//! What was read of the GPUs at one time.

use super::family::Family;

/// All GPUs of one source at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Why none of them can be read.
    pub(super) fault: Option<Reason>,
    /// The GPUs that there are, or were.
    pub(super) gpus: Vec<Gpu>,
    /// Their figures, by the name of the family and then by GPU.
    pub(super) readings: Vec<Reading>,
}

/// One GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gpu {
    /// Its number or name among this host's.
    pub(super) id: String,
    /// Its name that no other GPU has.
    pub(super) uuid: String,
    /// What it is, for its line of information.
    pub(super) facts: Facts,
    /// Why it cannot be read.
    pub(super) fault: Option<Reason>,
}

/// What a GPU is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Who made it: `nvidia`, `amd`, `intel`.
    pub(super) vendor: &'static str,
    /// Its driver.
    pub(super) driver: String,
    /// The driver's version, if it has one of its own.
    pub(super) driver_version: String,
    /// What it is called in the shop.
    pub(super) name: String,
    /// Where it is plugged in.
    pub(super) pci_bus_id: String,
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    /// What it is.
    pub(super) family: &'static Family,
    /// Whose it is: the place among the GPUs.
    pub(super) gpu: usize,
    /// The labels that tell it from the others of the family and the GPU.
    pub(super) labels: Labels,
    /// The value, in the family's unit.
    pub(super) value: f64,
}

/// Figures of one GPU.
pub(super) type Figures = Vec<(&'static Family, Labels, f64)>;

/// Labels of a figure.
pub(super) type Labels = Vec<(&'static str, String)>;

impl Snapshot {
    /// GPUs and their figures.
    pub(super) fn new(gpus: Vec<Gpu>, mut readings: Vec<Reading>) -> Self {
        readings.sort_by_key(|reading| (reading.family.name, reading.gpu));
        Self {
            fault: None,
            gpus,
            readings,
        }
    }

    /// GPUs none of which can be read.
    pub(super) fn at_fault(reason: Reason, gpus: Vec<Gpu>) -> Self {
        let gpus = gpus.into_iter().map(|gpu| Gpu {
            fault: Some(reason),
            ..gpu
        });
        Self {
            fault: Some(reason),
            gpus: gpus.collect(),
            readings: Vec::new(),
        }
    }
}

/// Why a GPU cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It fell off the bus, or its driver was taken from it.
    Lost,
    /// It has to be reset before it works again.
    ResetRequired,
    /// The library or the driver does not answer.
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
}
