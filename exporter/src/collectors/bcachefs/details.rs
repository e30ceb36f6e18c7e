//! What a device of bcachefs says other than numbers in files of their own.

use std::path::Path;

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::Page;

use super::super::attributes::keep_first;
use super::super::{CollectError, KeptFile};
use super::{put, read_all, rows};

/// The files of a device; it need not have all of them.
#[derive(Debug)]
pub(super) struct Details {
    device: String,
    uuid: String,
    label: KeptFile,
    state: KeptFile,
    io_done: KeptFile,
    io_errors: KeptFile,
}

impl Details {
    pub(super) fn new(folder: &Path, device: &str, uuid: &str) -> Self {
        let file = |name| KeptFile::one_of_many(folder.join(name));
        Self {
            device: device.to_owned(),
            uuid: uuid.to_owned(),
            label: file("label"),
            state: file("state"),
            io_done: file("io_done"),
            io_errors: file("io_errors"),
        }
    }

    /// A file that is not there has no text: a device that went away is off the list soon.
    fn read(&mut self) -> Result<(), CollectError> {
        let files = [
            &mut self.label,
            &mut self.state,
            &mut self.io_done,
            &mut self.io_errors,
        ];
        match read_all(files.into_iter()) {
            Err(error) if error.is_missing() => Ok(()),
            result => result,
        }
    }
}

pub(super) fn write(details: &mut [Details], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    for device in &mut *details {
        keep_first(&mut result, device.read());
    }
    page.family("node_bcachefs_device_info", "Device information.", Gauge);
    for device in &*details {
        let mut series = page.series("");
        series.label("device", &device.device);
        series.label("label", device.label.text().trim_ascii());
        series.label("state", device.state.text().trim_ascii());
        series.label("uuid", &device.uuid);
        series.digits(b"1");
    }
    keep_first(&mut result, write_io_done(details, page));
    keep_first(&mut result, write_io_errors(details, page));
    result
}

fn write_io_done(details: &[Details], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    page.family(
        "node_bcachefs_device_io_done_bytes_total",
        "IO bytes by operation type and data type.",
        Counter,
    );
    for device in details {
        for row in rows::of_io_done(device.io_done.text()) {
            let mut series = page.series("");
            series.label("data_type", row.name);
            series.label("device", &device.device);
            series.label("operation", row.operation);
            series.label("uuid", &device.uuid);
            if put(row.number, (), series).is_none() {
                let fault = device.io_done.fault("a number of bytes", row.number);
                keep_first(&mut result, Err(fault));
            }
        }
    }
    result
}

fn write_io_errors(details: &[Details], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    page.family(
        "node_bcachefs_device_io_errors_total",
        "IO errors by error type.",
        Counter,
    );
    for device in details {
        for (name, number) in rows::of_io_errors(device.io_errors.text()) {
            let mut series = page.series("");
            series.label("device", &device.device);
            series.label("type", name).label("uuid", &device.uuid);
            if put(number, (), series).is_none() {
                let fault = device.io_errors.fault("a number of errors", number);
                keep_first(&mut result, Err(fault));
            }
        }
    }
    result
}
