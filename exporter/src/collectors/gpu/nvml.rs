//! Asks the library. Every call may block; none is made but from the worker.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::fields::{FIELDS, Figures};
use super::snapshot::{Gpu, Reading, Reason, Snapshot};

/// How long until the library is loaded again after it was not found, or had a fault: a driver
/// may be installed, upgraded or loaded while the exporter runs.
const RETRY: Duration = Duration::from_mins(1);

/// The library, loaded or not.
pub(super) struct Library {
    path: OsString,
    state: State,
    /// The GPUs seen so far, by UUID: one that falls off the bus is told as lost.
    known: BTreeMap<String, Known>,
    told: Option<Told>,
}

enum State {
    /// Not loaded, and not to be tried before this time.
    Waiting {
        until: Option<Instant>,
        fault: Option<Reason>,
    },
    Loaded {
        nvml: Box<Nvml>,
        driver_version: String,
        /// When to load it again, since a GPU has a fault that only this can end.
        reload: Option<Instant>,
    },
}

#[derive(Clone, Debug, Default)]
struct Known {
    index: u32,
    fault: Option<Reason>,
}

/// What the log was told last, so that it is told once a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Absent,
    Fault(Reason),
    Loaded,
}

impl Library {
    pub(super) fn new(path: OsString) -> Self {
        Self {
            path,
            state: State::Waiting {
                until: None,
                fault: None,
            },
            known: BTreeMap::new(),
            told: None,
        }
    }

    /// All GPUs as they are now; nothing where there is no library.
    pub(super) fn read(&mut self, now: Instant) -> Option<Snapshot> {
        if let State::Loaded {
            reload: Some(at), ..
        } = self.state
            && now >= at
        {
            self.wait(None, None);
        }
        if let State::Waiting { until, fault } = self.state {
            if until.is_some_and(|until| now < until) {
                return fault.map(|reason| self.faulty(reason));
            }
            self.load(now);
        }
        match &mut self.state {
            State::Waiting { fault, .. } => {
                let fault = *fault;
                fault.map(|reason| self.faulty(reason))
            }
            State::Loaded {
                nvml,
                driver_version,
                reload,
            } => match read_all(nvml, &mut self.known) {
                Ok(gpus) => {
                    let faulty = gpus.iter().any(|gpu| gpu.fault.is_some());
                    *reload = faulty.then(|| reload.unwrap_or(now + RETRY));
                    Some(Snapshot {
                        fault: None,
                        driver_version: driver_version.clone(),
                        gpus,
                    })
                }
                Err(error) => {
                    let reason = Reason::of(&error);
                    self.tell(Told::Fault(reason), &error);
                    self.wait(Some(now + RETRY), Some(reason));
                    Some(self.faulty(reason))
                }
            },
        }
    }

    fn load(&mut self, now: Instant) {
        match Nvml::builder().lib_path(&self.path).init() {
            Ok(nvml) => {
                let driver_version = nvml.sys_driver_version().unwrap_or_default();
                if self.told != Some(Told::Loaded) {
                    self.told = Some(Told::Loaded);
                    tracing::info!(driver = driver_version, "reading GPUs by NVML");
                }
                self.state = State::Loaded {
                    nvml: Box::new(nvml),
                    driver_version,
                    reload: None,
                };
            }
            Err(error @ (NvmlError::LibloadingError(_) | NvmlError::FailedToLoadSymbol(_))) => {
                self.tell(Told::Absent, &error);
                self.wait(Some(now + RETRY), None);
            }
            Err(error) => {
                let reason = Reason::of(&error);
                self.tell(Told::Fault(reason), &error);
                self.wait(Some(now + RETRY), Some(reason));
            }
        }
    }

    fn wait(&mut self, until: Option<Instant>, fault: Option<Reason>) {
        self.state = State::Waiting { until, fault };
    }

    /// None of the known GPUs can be read.
    fn faulty(&self, reason: Reason) -> Snapshot {
        let gpus = self.known.iter();
        let gpus = gpus.map(|(uuid, known)| Gpu::at_fault(known.index, uuid, reason));
        Snapshot {
            fault: Some(reason),
            gpus: gpus.collect(),
            ..Snapshot::default()
        }
    }

    fn tell(&mut self, what: Told, error: &NvmlError) {
        if self.told == Some(what) {
            return;
        }
        self.told = Some(what);
        match what {
            Told::Fault(_) => tracing::warn!(%error, "GPUs cannot be read"),
            Told::Absent | Told::Loaded => {
                tracing::info!(
                    "no NVIDIA library ({}), so no GPU figures",
                    self.path.display()
                );
                tracing::debug!(%error, "why there is no NVIDIA library");
            }
        }
    }
}

fn read_all(nvml: &Nvml, known: &mut BTreeMap<String, Known>) -> Result<Vec<Gpu>, NvmlError> {
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count()? {
        let before = known.iter().find(|(_, known)| known.index == index);
        let uuid = before.map(|(uuid, _)| uuid.as_str()).unwrap_or_default();
        gpus.push(match nvml.device_by_index(index) {
            Ok(device) => read(&device, index, uuid),
            Err(error) => Gpu::at_fault(index, uuid, Reason::of(&error)),
        });
    }
    for (uuid, known) in known.iter() {
        if gpus.iter().all(|gpu| gpu.uuid != *uuid) {
            gpus.push(Gpu::at_fault(known.index, uuid, Reason::Lost));
        }
    }
    // One that never told its UUID cannot be known again.
    for gpu in gpus.iter().filter(|gpu| !gpu.uuid.is_empty()) {
        remember(gpu, known);
    }
    Ok(gpus)
}

fn remember(gpu: &Gpu, known: &mut BTreeMap<String, Known>) {
    let before = known.entry(gpu.uuid.clone()).or_default();
    if gpu.fault != before.fault {
        let uuid = gpu.uuid.as_str();
        if let Some(reason) = gpu.fault {
            tracing::warn!(
                gpu = gpu.index,
                uuid,
                reason = reason.as_str(),
                "GPU cannot be read"
            );
        } else {
            tracing::info!(gpu = gpu.index, uuid, "GPU can be read again");
        }
    }
    before.index = gpu.index;
    before.fault = gpu.fault;
}

/// Reads one GPU. A figure that it does not have is left out; the GPU is at fault when an error
/// says so, or when it has no figure at all.
fn read(device: &Device<'_>, index: u32, known_uuid: &str) -> Gpu {
    let mut gpu = Gpu {
        index,
        uuid: device.uuid().unwrap_or_else(|_| known_uuid.to_owned()),
        name: device.name().unwrap_or_default(),
        pci_bus_id: device.pci_info().map(|pci| pci.bus_id).unwrap_or_default(),
        ..Gpu::default()
    };
    let mut figures = Figures::new();
    let mut last = None;
    for (field, definition) in FIELDS.iter().enumerate() {
        if let Err(error) = definition.read(device, &mut figures) {
            gpu.fault = gpu.fault.or(Reason::beyond_one_figure(&error));
            last = Some(error);
        }
        let readings = figures.drain(..).map(|(label, value)| Reading {
            field,
            label,
            value,
        });
        gpu.readings.extend(readings);
    }
    if gpu.readings.is_empty() {
        gpu.fault = gpu.fault.or(last.as_ref().map(Reason::of));
    }
    gpu
}
