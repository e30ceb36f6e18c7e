//! Segments that are damaged, cut, or cannot be written.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::histogram::Histograms;
use crate::segment::file::ReadAt;
use crate::{Disk, DiskFile};

pub(super) fn written(memory: &Memory, sizes: Sizes) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = memory.write(directory.path(), sizes);
    std::fs::read(path).unwrap()
}

pub(super) fn opened(file: Vec<u8>) -> Result<Segment, Error> {
    let length = file.len() as u64;
    let file: Box<dyn ReadAt> = Box::new(file);
    Segment::read(Path::new("a.seg"), file, length)
}

#[test]
fn every_flipped_byte_is_found_and_no_value_is_another() {
    let memory = fixed();
    let good = written(&memory, SMALL);
    let all = memory.oracle(TimeRange::ALL);
    assert_eq!(
        contents(&opened(good.clone()).unwrap(), TimeRange::ALL).unwrap(),
        all
    );
    for place in 0..good.len() {
        let mut file = good.clone();
        file[place] ^= 1 << (place % 8);
        let Ok(segment) = opened(file) else { continue };
        assert!(!segment.verify().faults.is_empty(), "byte {place}");
        assert!(contents(&segment, TimeRange::ALL).is_err(), "byte {place}");
    }
}

#[test]
fn a_damaged_extent_costs_only_what_is_in_it() {
    let memory = fixed();
    let mut file = written(&memory, SMALL);
    let place = file.len() / 2;
    file[place] ^= 1;
    let segment = opened(file).unwrap();
    let index = segment.index(&Cache::new(1 << 20)).unwrap();
    let mut reader = Reader::new(&segment, std::sync::Arc::clone(&index));
    let (mut read, mut faults) = (0, 0);
    for found in matching(&*index, &[]) {
        for group in &found.groups {
            let Ok(rows) = reader.rows(&[*group], TimeRange::ALL) else {
                faults += 1;
                continue;
            };
            for line in &*found.lines {
                match reader.values(*line, &rows, &Histograms::default()) {
                    Ok(values) => read += values.len(),
                    Err(Error::Damaged { part, .. }) => {
                        assert!(["rows", "columns"].contains(&part));
                        faults += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
    assert!(faults > 0 && read > 40, "{faults} {read}");
    let verified = segment.verify();
    assert_eq!(verified.faults.len(), 1);
    assert!(verified.samples > 1_000 && verified.samples < segment.info().samples);
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let good = written(&fixed(), SMALL);
    for length in 0..good.len() {
        assert!(opened(good[..length].to_vec()).is_err(), "{length}");
    }
}

#[test]
fn a_newer_version_is_refused_and_told_from_damage() {
    let mut file = written(&fixed(), SMALL);
    file[8] = 2;
    let crc = crc32c::crc32c(&file[..12]);
    file[12..16].copy_from_slice(&crc.to_le_bytes());
    let fault = opened(file.clone()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "data directory `a.seg` has segment format 2, and this program reads up to 1: use the newer program that wrote it"
    );
    file[8] = 3;
    assert!(matches!(
        opened(file),
        Err(Error::Damaged { part: "header", .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_behind_good_checksums_are_read_or_refused(
        section in 0..4_usize,
        at in any::<prop::sample::Index>(),
        bytes in vec(any::<u8>(), 1..12),
    ) {
        let good = written(&fixed(), SMALL);
        let (info, mut sections) = format::read_footer(&good[good.len() - format::FOOTER..], good.len() as u64).unwrap();
        let mut file = good.clone();
        let place = |number: u64| usize::try_from(number).unwrap();
        let (from, length) = (place(sections[section].offset), place(sections[section].length));
        let at = from + at.index(length);
        for (place, byte) in (at..from + length).zip(&bytes) {
            file[place] = *byte;
        }
        sections[section].crc = crc32c::crc32c(&file[from..from + length]);
        file.truncate(good.len() - format::FOOTER);
        file.extend(format::footer(&info, &sections));
        let length = file.len() as u64;
        // It opens, and whatever it says is said without a panic.
        let segment = Segment::read(Path::new("a.seg"), Box::new(file), length).unwrap();
        if let Ok(contents) = contents(&segment, TimeRange::ALL) {
            prop_assert!(contents.len() <= 10 * fixed().oracle(TimeRange::ALL).len());
        }
        let marks = segment.watermarks(&Cache::new(0));
        prop_assert!(marks.is_ok() || !segment.verify().faults.is_empty());
    }

    #[test]
    fn any_bytes_are_no_segment(bytes in vec(any::<u8>(), 0..400), framed in any::<bool>()) {
        let mut file = if framed { format::header().to_vec() } else { Vec::new() };
        file.extend(bytes);
        let length = file.len() as u64;
        prop_assert!(Segment::read(Path::new("a.seg"), Box::new(file), length).is_err());
    }
}

/// A disk whose calls fail from some number on.
#[derive(Debug)]
struct Failing {
    left: AtomicUsize,
}

impl Failing {
    fn call<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        left.map_err(|_| io::Error::other("full"))?;
        call()
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|| SystemDisk.create(path))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemDisk.create_directory(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| SystemDisk.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| SystemDisk.link(from, to))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemDisk.sync_directory(path))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }
}

#[test]
fn a_write_that_fails_leaves_a_whole_segment_or_nothing() {
    let memory = fixed();
    for calls in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.seg");
        // A process that was killed had begun before.
        std::fs::write(directory.path().join("a.seg.tmp"), "begun").unwrap();
        let disk = Failing {
            left: AtomicUsize::new(calls),
        };
        let done = write_sized(&disk, &path, &mut memory.clone(), SMALL);
        let names = std::fs::read_dir(directory.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        match calls {
            0 | 1 => assert!(done.is_err() && names.is_empty(), "{calls} {names:?}"),
            2 => assert!(done.is_err() && names == ["a.seg"], "{calls} {names:?}"),
            _ => assert!(
                done.unwrap().is_some() && names == ["a.seg"],
                "{calls} {names:?}"
            ),
        }
        if let Ok(segment) = Segment::open(&path) {
            assert!(segment.verify().faults.is_empty());
        }
    }
}
