//! A host made of a few files, for the tests of the collectors.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use watchpost_model::text::Page;

use super::{CollectError, Definition, Paths, Settings};

/// A folder with `proc`, `sys` and whatever else the tests put into it.
pub(super) struct FakeHost {
    root: TempDir,
}

impl FakeHost {
    /// A host with these files, each with its path and text.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let host = Self { root };
        for (path, text) in files {
            host.write(path, text);
        }
        host
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn settings(&self) -> Settings {
        Settings::new(Paths {
            procfs: self.root().join("proc"),
            sysfs: self.root().join("sys"),
            rootfs: self.root().to_owned(),
            udev_data: self.root().join("udev"),
        })
    }

    /// Runs a collector once: how it did, and the series it wrote.
    pub(super) fn collect(&self, of: &Definition) -> (Result<(), CollectError>, Vec<String>) {
        collect(of, &self.settings())
    }
}

/// Runs a collector once: how it did, and the series it wrote.
pub(super) fn collect(
    of: &Definition,
    settings: &Settings,
) -> (Result<(), CollectError>, Vec<String>) {
    let mut page = Page::new();
    let outcome = (of.new)(settings).collect(&mut page);
    (outcome, series(&mut page))
}

/// Runs a collector once with any bytes in one of its files. That it comes back is all.
pub(super) fn feed(of: &Definition, path: &str, text: &[u8]) {
    let host = FakeHost::new(&[(path, "")]);
    std::fs::write(host.root().join(path), text).unwrap();
    let _told_or_not = host.collect(of);
}

/// The lines of a page that are no help and no type.
pub(super) fn series(page: &mut Page) -> Vec<String> {
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Gives a collector each beginning of a file's text, which must make no series that the whole text
/// does not make, and bytes that are no such text, which must not make it panic.
pub(super) fn bears_bad_input(of: &Definition, settings: &Settings, file: &Path) {
    let whole = std::fs::read(file).unwrap();
    let (outcome, expected) = collect(of, settings);
    outcome.unwrap();
    assert!(!expected.is_empty(), "{}", file.display());
    for end in 0..whole.len() {
        std::fs::write(file, &whole[..end]).unwrap();
        let (_, series) = collect(of, settings);
        let more = series.into_iter().find(|one| !expected.contains(one));
        assert_eq!(more, None, "after {end} bytes of {}", file.display());
    }
    std::fs::write(file, &whole).unwrap();
    bears_any_bytes(of, settings, file);
}

/// Gives a collector bytes that are no text of the file, and the file's text with one of its bytes
/// changed, which must not make it panic.
pub(super) fn bears_any_bytes(of: &Definition, settings: &Settings, file: &Path) {
    let whole = std::fs::read(file).unwrap();
    let changed = (any::<Index>(), any::<u8>(), any::<Index>());
    let bytes = prop_oneof![
        any::<Vec<u8>>(),
        changed.prop_map(|(at, byte, end)| {
            let mut text = whole.clone();
            *at.get_mut(&mut text) = byte;
            text.truncate(1 + end.index(text.len()));
            text
        }),
    ];
    let mut config = ProptestConfig::with_cases(64);
    config.failure_persistence = None;
    let run = TestRunner::new(config).run(&bytes, |bytes| {
        std::fs::write(file, bytes).unwrap();
        let _outcome = collect(of, settings);
        Ok(())
    });
    run.unwrap();
}

/// As [`bears_bad_input`], for each of a host's files while the others are whole.
pub(super) fn bears_bad_files(of: &Definition, files: &[(&str, &str)]) {
    let host = FakeHost::new(files);
    for (path, text) in files {
        bears_bad_input(of, &host.settings(), &host.root().join(path));
        host.write(path, text);
    }
}
