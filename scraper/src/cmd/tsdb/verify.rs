//! `watchpost tsdb verify`: whether the files of a store can be read.

use anyhow::Context;
use watchpost_tsdb::Report;

use super::super::{Failure, say};
use crate::flags::DirectoryFlags;

/// Runs the verb. A store with faults is a failure.
pub(super) fn verify(flags: &DirectoryFlags) -> Result<(), Failure> {
    super::is_there(&flags.directory)?;
    let report = watchpost_tsdb::verify(&flags.directory).context("cannot read the store")?;
    for line in lines(&report) {
        say(format_args!("{line}"));
    }
    if report.faults.is_empty() && report.damaged_records == 0 {
        return Ok(());
    }
    Err(Failure::Told)
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![
        format!(
            "segments  {} with {} samples",
            report.segments, report.samples
        ),
        format!("records   {} in the log and the head", report.records),
    ];
    if report.damaged_records > 0 {
        lines.push(format!("damaged   {} records", report.damaged_records));
    }
    for fault in &report.faults {
        let fault = anyhow::anyhow!("{fault}");
        lines.push(format!("fault     {fault:#}"));
    }
    for file in &report.set_aside {
        lines.push(format!("set aside {}", file.display()));
    }
    let good = report.faults.is_empty() && report.damaged_records == 0;
    lines.push(if good { "good" } else { "NOT GOOD" }.to_owned());
    lines
}
