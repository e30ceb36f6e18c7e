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
mod worker;

use std::ffi::OsString;
use std::time::Instant;

use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use nvml::Library;
use worker::{Limits, Worker};

const LIBRARY: Flag = Flag {
    name: "gpu.nvml-library",
    help: "The NVIDIA Management Library, as a file or a name for the system to look up.",
    kind: FlagKind::Text {
        default: "libnvidia-ml.so.1",
    },
};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "gpu",
    help: "GPUs: temperature, use, memory, power, fans, clocks, errors.",
    default_on: true,
    flags: &[LIBRARY],
    new: |settings| Box::new(Gpus::new(settings, Limits::default())),
};

#[derive(Debug)]
struct Gpus {
    workers: [Worker; 1],
}

impl Gpus {
    fn new(settings: &Settings, limits: Limits) -> Self {
        let library = Library::new(OsString::from(settings.text(&LIBRARY)));
        Self {
            workers: [Worker::new("nvml", limits, library)],
        }
    }
}

impl Collector for Gpus {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let now = Instant::now();
        let latest = self.workers.each_ref().map(|worker| worker.latest(now));
        let snapshots: Vec<_> = latest.iter().flatten().map(AsRef::as_ref).collect();
        if !snapshots.is_empty() {
            page::write(page, &snapshots);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
