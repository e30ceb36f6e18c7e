//! Whether the files of a store can be read.

use std::path::{Path, PathBuf};

use crate::directory::{Directory, list};
use crate::ring::{SegmentName, tombstone_fault};
use crate::segment::Segment;
use crate::store::Store;
use crate::{Config, Error};

/// What was found in a data directory.
#[derive(Debug, Default)]
pub struct Report {
    /// Segments that were read as a whole.
    pub segments: u64,
    /// Samples in them.
    pub samples: u64,
    /// Records of the log and of the head's files.
    pub records: u64,
    /// Records that cannot be used.
    pub damaged_records: u64,
    /// What cannot be read, and where.
    pub faults: Vec<Error>,
    /// Files that were set aside before.
    pub set_aside: Vec<PathBuf>,
}

/// Reads all files of a data directory, and changes nothing.
pub fn verify(path: &Path) -> Result<Report, Error> {
    let directory = Directory::read_only(path)?;
    let mut report = Report::default();
    (_, report.set_aside) = directory.set_aside()?;
    for file in list(&directory.segments())? {
        if SegmentName::parse(&file).is_none() {
            continue;
        }
        match Segment::open(&file) {
            Ok(segment) => {
                let verified = segment.verify();
                report.segments += 1;
                report.samples += verified.samples;
                report.faults.extend(verified.faults);
            }
            Err(fault) => report.faults.push(fault),
        }
    }
    report.faults.extend(tombstone_fault(path));
    let config = Config {
        path: path.to_owned(),
        ..Config::default()
    };
    let store = Store::open_read_only(config)?;
    if let Some(files) = &store.files {
        report.records = files.replayed.records;
        report.damaged_records = files.replayed.damaged;
    }
    Ok(report)
}
