//! `gpu`: GPUs by NVML, the library of NVIDIA's driver, and by `/sys/class/drm` for the others.
//!
//! Promises: without a GPU there is no series, no fault and no thread; a figure that a GPU does not
//! have costs its own series only; a GPU that is lost, or a driver that hangs, is `node_gpu_up 0`
//! and a reason, and never keeps the page waiting. GPUs are read at a pace of their own, and the
//! page has what was read last, which is a few seconds old.

mod family;
mod known;
mod nvml;
mod page;
mod snapshot;
mod sysfs;
mod worker;

use std::ffi::OsString;
use std::time::Instant;

use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use nvml::{Library, Processes};
use sysfs::Cards;
use worker::{Limits, Worker};

const LIBRARY: Flag = Flag {
    name: "gpu.nvml-library",
    help: "The NVIDIA Management Library, as a file or a name for the system to look up.",
    kind: FlagKind::Text {
        default: "libnvidia-ml.so.1",
    },
};

const PROCESSES: Flag = Flag::switch(
    "gpu.processes",
    "Memory of the GPU that each process uses, by NVML.",
);
const PROCESSES_MAX: Flag = Flag {
    name: "gpu.processes-max",
    help: "How many processes of a GPU have a series, the largest first.",
    kind: FlagKind::Number {
        default: 50,
        least: 0,
        most: 1_000,
    },
};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "gpu",
    help: "GPUs: temperature, use, memory, power, fans, clocks, errors.",
    default_on: true,
    flags: &[LIBRARY, PROCESSES, PROCESSES_MAX],
    new: |settings| Box::new(Gpus::new(settings, Limits::default())),
};

#[derive(Debug)]
struct Gpus {
    workers: [Worker; 2],
}

impl Gpus {
    fn new(settings: &Settings, limits: Limits) -> Self {
        let processes = settings.switch(&PROCESSES).then(|| Processes {
            most: usize::from(settings.number(&PROCESSES_MAX)),
            procfs: settings.paths.procfs.clone(),
        });
        let path = OsString::from(settings.text(&LIBRARY));
        let is_asked_for = settings.given(LIBRARY.name).is_some();
        let library = Library::new(path, is_asked_for, processes);
        let cards = Cards::new(settings.paths.sysfs.join("class/drm"));
        Self {
            workers: [
                Worker::new("nvml", limits, library),
                Worker::new("gpu", limits.for_cards(), cards),
            ],
        }
    }
}

impl Collector for Gpus {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let now = Instant::now();
        let latest = self.workers.each_ref().map(|worker| worker.latest(now));
        let snapshots: Vec<_> = latest.iter().flatten().map(AsRef::as_ref).collect();
        if snapshots.is_empty() {
            return Err(CollectError::NoData("this host has no GPU"));
        }
        page::write(page, &snapshots);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
