//! NVIDIA's library, as the tests want it.

use std::path::{Path, PathBuf};

use super::super::super::Paths;
use super::*;

/// A library of its own for each test, since the system loads one file once.
pub(super) struct Fake {
    folder: tempfile::TempDir,
    pub(super) library: PathBuf,
}

impl Fake {
    pub(super) fn new(control: &str) -> Self {
        Self::with(&[], control)
    }

    /// One that lacks functions.
    pub(super) fn with(flags: &[&str], control: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        build(flags, &folder.path().join("control"), &library);
        let fake = Self { folder, library };
        fake.set(control);
        fake
    }

    /// Replaced at once, so that the library reads the old text or the new one.
    pub(super) fn set(&self, control: &str) {
        let new = self.folder.path().join("control.new");
        std::fs::write(&new, control).unwrap();
        std::fs::rename(new, self.folder.path().join("control")).unwrap();
    }

    pub(super) fn collector(&self, limits: Limits) -> Gpus {
        collector(&self.library, limits)
    }
}

pub(super) fn collector(library: &Path, limits: Limits) -> Gpus {
    Gpus::new(&settings(library), limits)
}

pub(super) fn settings(library: &Path) -> Settings {
    let mut settings = Settings::new(Paths {
        sysfs: "/nonexistent".into(),
        ..Paths::default()
    });
    let library = library.to_str().unwrap().to_owned();
    settings.set(&LIBRARY, vec![library]).unwrap();
    settings
}

#[expect(clippy::disallowed_methods, reason = "the test builds a library")]
fn build(flags: &[&str], control: &Path, library: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake-nvml/lib.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = std::process::Command::new(rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-Cpanic=abort"])
        .args(["-Cdebuginfo=0", "--crate-name=fake_nvml", "-Adead_code"])
        .args(flags.iter().flat_map(|flag| ["--cfg", flag]))
        .args([source, "-o"])
        .arg(library)
        .env("FAKE_NVML_CONTROL", control)
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
}
