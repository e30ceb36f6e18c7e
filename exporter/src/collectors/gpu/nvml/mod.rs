//! NVIDIA GPUs by NVML, the library of the driver, which is loaded while the exporter runs. Every
//! call may block; none is made but from the worker's thread.

mod fields;
mod processes;
mod reason;
mod session;
mod xid;

use std::collections::BTreeMap;
use std::ffi::OsString;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::known::Known;
use super::snapshot::{Reason, Snapshot};
use super::worker::{Desk, Source};
pub(super) use processes::Processes;
use session::Session;
use xid::Xids;

/// The library, and what has to outlast its loading anew.
#[derive(Debug)]
pub(super) struct Library {
    path: OsString,
    /// Whether its absence is told as a fault.
    is_asked_for: bool,
    /// None where they are not wanted.
    processes: Option<Processes>,
    kept: Kept,
    told: Option<Told>,
    /// What a library lacks that cannot be given back: each try would cost its memory.
    unfit: Option<String>,
}

/// What is known of the GPUs from one loading of the library to the next.
#[derive(Debug, Default)]
struct Kept {
    known: Known,
    /// By UUID.
    xids: BTreeMap<String, Xids>,
}

/// What the log was told last, so that it is told once a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Absent,
    Fault(Reason),
    Loaded,
}

impl Source for Library {
    fn serve(&mut self, desk: &Desk) {
        while let Some(now) = desk.next() {
            match self.load() {
                Ok(nvml) => {
                    let driver_version = nvml.sys_driver_version().unwrap_or_default();
                    if self.told != Some(Told::Loaded) {
                        self.told = Some(Told::Loaded);
                        tracing::info!(driver = driver_version, "reading GPUs by NVML");
                    }
                    let session = Session::new(&nvml, driver_version, self.processes.as_ref());
                    if let Err(error) = session.serve(now, desk, &mut self.kept) {
                        desk.publish(Some(self.fault(&error)));
                    }
                }
                Err(error @ (NvmlError::LibloadingError(_) | NvmlError::FailedToLoadSymbol(_))) => {
                    self.tell(Told::Absent, &error);
                    desk.publish(None);
                }
                Err(error) => desk.publish(Some(self.fault(&error))),
            }
        }
    }
}

impl Library {
    /// A library that `is_asked_for` is missed where it is not there.
    pub(super) fn new(path: OsString, is_asked_for: bool, processes: Option<Processes>) -> Self {
        Self {
            path,
            is_asked_for,
            processes,
            kept: Kept::default(),
            told: None,
            unfit: None,
        }
    }

    /// A library that lacks one of the functions by which the wrapper frees what it got is none:
    /// the wrapper cannot do without them.
    fn load(&mut self) -> Result<Nvml, NvmlError> {
        let unfit = self.unfit.clone();
        unfit.map_or(Ok(()), |missing| {
            Err(NvmlError::FailedToLoadSymbol(missing))
        })?;
        let nvml = Nvml::builder().lib_path(&self.path).init()?;
        let missing = nvml.lib().nvmlShutdown.as_ref().err();
        if let Some(missing) = missing.map(ToString::to_string) {
            std::mem::forget(nvml);
            self.unfit = Some(missing.clone());
            return Err(NvmlError::FailedToLoadSymbol(missing));
        }
        let missing = nvml.lib().nvmlEventSetFree.as_ref().err();
        match missing.map(ToString::to_string) {
            Some(missing) => Err(NvmlError::FailedToLoadSymbol(missing)),
            None => Ok(nvml),
        }
    }

    /// None of the known GPUs can be read.
    fn fault(&mut self, error: &NvmlError) -> Snapshot {
        let reason = reason::of(error);
        self.tell(Told::Fault(reason), error);
        Snapshot::at_fault(reason, self.kept.known.all())
    }

    fn tell(&mut self, what: Told, error: &NvmlError) {
        if self.told.replace(what) == Some(what) {
            return;
        }
        match what {
            Told::Fault(_) => tracing::warn!(%error, "GPUs cannot be read"),
            Told::Absent | Told::Loaded => {
                let path = self.path.display();
                let text = "no NVIDIA library, so no figures of NVIDIA GPUs";
                if self.is_asked_for {
                    tracing::warn!(%path, %error, "{text} (--collector.gpu.nvml-library)");
                } else {
                    tracing::debug!(%path, %error, "{text}");
                }
            }
        }
    }
}
