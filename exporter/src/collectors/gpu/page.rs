//! Writes what was read to the page.

use watchpost_model::text::{Page, Series};

use super::family::{FAULT, Family, INFO, UP};
use super::snapshot::{Gpu, Reading, Snapshot};

/// All GPUs of all sources.
pub(super) fn write(page: &mut Page, snapshots: &[&Snapshot]) {
    write_state(page, snapshots);
    let mut rests: Vec<_> = snapshots
        .iter()
        .map(|snapshot| (snapshot.gpus.as_slice(), snapshot.readings.as_slice()))
        .collect();
    let first = |rests: &[(&[Gpu], &[Reading])]| {
        let heads = rests.iter().filter_map(|(_, readings)| readings.first());
        heads.map(|reading| reading.family).min_by_key(|f| f.name)
    };
    while let Some(family) = first(&rests) {
        start(page, family);
        for (gpus, readings) in &mut rests {
            let count = readings.partition_point(|reading| reading.family.name <= family.name);
            let (now, later) = readings.split_at(count);
            for reading in now {
                write_reading(page, gpus, reading);
            }
            *readings = later;
        }
    }
}

fn start(page: &mut Page, family: &Family) {
    page.family(family.name, family.help, family.metric_type);
}

fn write_reading(page: &mut Page, gpus: &[Gpu], reading: &Reading) {
    let Some(gpu) = gpus.get(reading.gpu) else {
        return;
    };
    let mut series = page.series("");
    for (name, value) in &reading.labels {
        series.label(name, value);
    }
    label(&mut series, gpu);
    series.value(reading.value);
}

fn label(series: &mut Series<'_>, gpu: &Gpu) {
    series.label("gpu", &gpu.id);
    series.label("uuid", &gpu.uuid);
}

/// Which GPUs there are, and whether they can be read.
fn write_state(page: &mut Page, snapshots: &[&Snapshot]) {
    let gpus = || snapshots.iter().flat_map(|snapshot| &snapshot.gpus);
    // Known GPUs say it themselves, so that one fault of the driver is not told twice.
    let unknown = snapshots
        .iter()
        .filter(|snapshot| snapshot.gpus.is_empty())
        .find_map(|snapshot| snapshot.fault);
    start(page, &UP);
    if unknown.is_some() {
        page.sample(&[], 0.0);
    }
    for gpu in gpus() {
        let mut series = page.series("");
        label(&mut series, gpu);
        series.value(f64::from(u8::from(gpu.fault.is_none())));
    }
    start(page, &FAULT);
    if let Some(reason) = unknown {
        page.sample(&[("reason", reason.as_str())], 1.0);
    }
    for gpu in gpus() {
        if let Some(reason) = gpu.fault {
            let mut series = page.series("");
            series.label("reason", reason.as_str());
            label(&mut series, gpu);
            series.value(1.0);
        }
    }
    start(page, &INFO);
    for gpu in gpus().filter(|gpu| gpu.fault.is_none()) {
        let mut series = page.series("");
        series.label("driver", &gpu.facts.driver);
        series.label("driver_version", &gpu.facts.driver_version);
        series.label("name", &gpu.facts.name);
        series.label("pci_bus_id", &gpu.facts.pci_bus_id);
        series.label("vendor", gpu.facts.vendor);
        label(&mut series, gpu);
        series.value(1.0);
    }
}
