//! `gpu`: NVIDIA GPUs by NVML, the library of the driver, which is loaded while the exporter runs.
//!
//! Promises: without the library there is no GPU series and no fault; a figure that a GPU does not
//! have costs its own series only; a GPU that is lost, or a library that hangs, is `node_gpu_up 0`
//! and a reason, and never keeps the page waiting. NVML is called by a thread of its own; the page
//! has the figures of this scrape when they come in time, else the last ones for a short while.

mod fields;
mod nvml;
mod snapshot;
mod worker;

use std::ffi::OsString;
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use fields::FIELDS;
use nvml::Library;
use snapshot::Snapshot;
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
    help: "NVIDIA GPUs: temperature, use, memory, power, fans, clocks, errors.",
    default_on: true,
    flags: &[LIBRARY],
    new: |settings| Box::new(Gpus::new(settings, Limits::default())),
};

#[derive(Debug)]
struct Gpus {
    worker: Worker,
}

impl Gpus {
    fn new(settings: &Settings, limits: Limits) -> Self {
        let mut library = Library::new(OsString::from(settings.text(&LIBRARY)));
        let worker = Worker::new(limits, move || library.read(Instant::now()));
        Self { worker }
    }
}

impl Collector for Gpus {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        if let Some(snapshot) = self.worker.latest() {
            write(page, &snapshot);
        }
        Ok(())
    }
}

fn write(page: &mut Page, snapshot: &Snapshot) {
    write_state(page, snapshot);
    for (at, field) in FIELDS.iter().enumerate() {
        page.family(field.family, field.help, field.metric_type);
        for gpu in snapshot.gpus.iter().filter(|gpu| gpu.fault.is_none()) {
            for reading in gpu.readings.iter().filter(|reading| reading.field == at) {
                let mut series = page.series("");
                if let Some(label) = field.label {
                    series.label(label, &reading.label);
                }
                series.label("gpu", gpu.index.to_string());
                series.label("uuid", &gpu.uuid);
                series.value(reading.value);
            }
        }
    }
}

/// Which GPUs there are, and whether they can be read.
fn write_state(page: &mut Page, snapshot: &Snapshot) {
    page.family(
        "node_gpu_up",
        "Whether the GPU could be read; without a gpu label, none is known and the driver is at fault.",
        MetricType::Gauge,
    );
    // Known GPUs say it themselves, so that one fault of the driver is not told twice.
    let unknown = snapshot.fault.filter(|_| snapshot.gpus.is_empty());
    if unknown.is_some() {
        page.sample(&[], 0.0);
    }
    for gpu in &snapshot.gpus {
        let index = gpu.index.to_string();
        let labels = [("gpu", index.as_str()), ("uuid", gpu.uuid.as_str())];
        page.sample(&labels, f64::from(u8::from(gpu.fault.is_none())));
    }
    page.family(
        "node_gpu_fault",
        "Why the GPU could not be read; 1 as long as it cannot.",
        MetricType::Gauge,
    );
    if let Some(reason) = unknown {
        page.sample(&[("reason", reason.as_str())], 1.0);
    }
    for gpu in &snapshot.gpus {
        if let Some(reason) = gpu.fault {
            let index = gpu.index.to_string();
            page.sample(
                &[
                    ("gpu", &index),
                    ("reason", reason.as_str()),
                    ("uuid", &gpu.uuid),
                ],
                1.0,
            );
        }
    }
    page.family(
        "node_gpu_info",
        "What the GPU is, in its labels.",
        MetricType::Gauge,
    );
    for gpu in snapshot.gpus.iter().filter(|gpu| gpu.fault.is_none()) {
        let index = gpu.index.to_string();
        page.sample(
            &[
                ("driver_version", &snapshot.driver_version),
                ("gpu", &index),
                ("name", &gpu.name),
                ("pci_bus_id", &gpu.pci_bus_id),
                ("uuid", &gpu.uuid),
            ],
            1.0,
        );
    }
}

#[cfg(test)]
mod tests;
