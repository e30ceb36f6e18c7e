use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Paths;
use super::*;

/// A library of its own for each test, since the system loads one file once.
struct Fake {
    folder: tempfile::TempDir,
    library: PathBuf,
}

const HEALTHY: &str = "driver=570.1\ncount=1\nname=Fake GPU\nuuid=GPU-0\ntemperature=45\n\
    slowdown=90\nshutdown=95\nutilization=37\nmemory_utilization=12\nmemory_total=1000\n\
    memory_used=250\npower=70500\npower_limit=300000\nenergy=1500\nfans=2\nfan0=30\nfan1=31\n\
    clock0=1200\nclock1=1200\nclock2=5000\necc0=3\necc1=0\npstate=8\n";

impl Fake {
    fn new(control: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        build(&folder.path().join("control"), &library);
        let fake = Self { folder, library };
        fake.set(control);
        fake
    }

    /// Replaced at once, so that the library reads the old text or the new one.
    fn set(&self, control: &str) {
        let new = self.folder.path().join("control.new");
        std::fs::write(&new, control).unwrap();
        std::fs::rename(new, self.folder.path().join("control")).unwrap();
    }

    fn collector(&self, limits: Limits) -> Gpus {
        collector(&self.library, limits)
    }
}

/// Whatever is slow on a busy machine is not a hang.
const PATIENT: Limits = Limits {
    patience: Duration::from_secs(20),
    freshness: Duration::from_mins(1),
};

fn collector(library: &Path, limits: Limits) -> Gpus {
    let mut settings = Settings::new(Paths::default());
    let library = library.to_str().unwrap().to_owned();
    settings.set(&LIBRARY, vec![library]).unwrap();
    Gpus::new(&settings, limits)
}

#[expect(clippy::disallowed_methods, reason = "the test builds a library")]
fn build(control: &Path, library: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake-nvml/lib.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = std::process::Command::new(rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-Cpanic=abort"])
        .args(["-Cdebuginfo=0", "--crate-name=fake_nvml", source, "-o"])
        .arg(library)
        .env("FAKE_NVML_CONTROL", control)
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
}

/// The series of the page, without help and types.
fn series(gpus: &mut Gpus) -> Vec<String> {
    let mut page = Page::new();
    gpus.collect(&mut page).unwrap();
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn without_the_library_there_is_no_series_and_no_fault() {
    let mut gpus = collector(Path::new("/nonexistent/libnvidia-ml.so.1"), PATIENT);
    assert_eq!(series(&mut gpus), Vec::<String>::new());
    assert_eq!(series(&mut gpus), Vec::<String>::new());
}

#[test]
fn a_healthy_gpu_has_its_figures_in_base_units() {
    let fake = Fake::new(HEALTHY);
    let found = series(&mut fake.collector(PATIENT));
    let labels = r#"gpu="0",uuid="GPU-0""#;
    let expected = [
        format!("node_gpu_up{{{labels}}} 1"),
        r#"node_gpu_info{driver_version="570.1",gpu="0",name="Fake GPU",pci_bus_id="",uuid="GPU-0"} 1"#
            .to_owned(),
        format!("node_gpu_temperature_celsius{{{labels}}} 45"),
        format!("node_gpu_temperature_slowdown_celsius{{{labels}}} 90"),
        format!("node_gpu_temperature_shutdown_celsius{{{labels}}} 95"),
        format!("node_gpu_utilization_ratio{{{labels}}} 0.37"),
        format!("node_gpu_memory_utilization_ratio{{{labels}}} 0.12"),
        format!("node_gpu_memory_total_bytes{{{labels}}} 1000"),
        format!("node_gpu_memory_used_bytes{{{labels}}} 250"),
        format!("node_gpu_memory_free_bytes{{{labels}}} 750"),
        format!("node_gpu_power_watts{{{labels}}} 70.5"),
        format!("node_gpu_power_limit_watts{{{labels}}} 300"),
        format!("node_gpu_energy_joules_total{{{labels}}} 1.5"),
        format!(r#"node_gpu_fan_ratio{{fan="0",{labels}}} 0.3"#),
        format!(r#"node_gpu_fan_ratio{{fan="1",{labels}}} 0.31"#),
        format!(r#"node_gpu_clock_hertz{{clock="graphics",{labels}}} 1.2e+09"#),
        format!(r#"node_gpu_clock_hertz{{clock="sm",{labels}}} 1.2e+09"#),
        format!(r#"node_gpu_clock_hertz{{clock="memory",{labels}}} 5e+09"#),
        format!(r#"node_gpu_ecc_errors_total{{error="corrected",{labels}}} 3"#),
        format!(r#"node_gpu_ecc_errors_total{{error="uncorrected",{labels}}} 0"#),
        format!("node_gpu_performance_state{{{labels}}} 8"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_figure_that_a_gpu_does_not_have_costs_itself_only() {
    // Error 999 is the driver's unknown error, 3 is not supported; the rest is not named at all.
    let control = "count=1\nuuid=GPU-0\ntemperature=45\nutilization=error 999\npower=error 3\n";
    let fake = Fake::new(control);
    let found = series(&mut fake.collector(PATIENT));
    assert!(found.contains(&r#"node_gpu_up{gpu="0",uuid="GPU-0"} 1"#.to_owned()));
    assert!(found.contains(&r#"node_gpu_temperature_celsius{gpu="0",uuid="GPU-0"} 45"#.to_owned()));
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_gpu_that_is_lost_does_not_take_the_others_along() {
    let two = HEALTHY.replace("count=1", "count=2\ngpu1.uuid=GPU-1\ngpu1.name=Other");
    let fake = Fake::new(&two);
    let mut gpus = fake.collector(PATIENT);
    assert!(series(&mut gpus).contains(&r#"node_gpu_up{gpu="1",uuid="GPU-1"} 1"#.to_owned()));
    // NVML's error 15 is a GPU off the bus: first in a figure, then in the handle, then it is not
    // even counted.
    for control in [
        format!("gpu1.power=error 15\n{two}"),
        format!("gpu1.handle=error 15\n{two}"),
        HEALTHY.to_owned(),
    ] {
        fake.set(&control);
        let found = series(&mut gpus);
        let has = |line: &str| found.iter().any(|found| found == line);
        assert!(has(r#"node_gpu_up{gpu="0",uuid="GPU-0"} 1"#), "{found:?}");
        assert!(has(r#"node_gpu_up{gpu="1",uuid="GPU-1"} 0"#), "{found:?}");
        assert!(has(
            r#"node_gpu_temperature_celsius{gpu="0",uuid="GPU-0"} 45"#
        ));
        assert!(
            !found
                .iter()
                .any(|l| l.starts_with("node_gpu_temp") && l.contains("GPU-1"))
        );
        assert!(
            found.iter().any(|line| {
                line.starts_with(r#"node_gpu_fault{gpu="1",reason=""#) && line.ends_with("} 1")
            }),
            "{found:?}"
        );
    }
}

#[test]
fn a_driver_that_does_not_work_is_told_with_its_reason() {
    for (code, reason) in [
        (18, "driver_mismatch"),
        (9, "driver_not_loaded"),
        (999, "driver_error"),
    ] {
        let fake = Fake::new(&format!("init=error {code}\n"));
        let mut gpus = fake.collector(PATIENT);
        let expected = [
            "node_gpu_up 0".to_owned(),
            format!("node_gpu_fault{{reason=\"{reason}\"}} 1"),
        ];
        assert_eq!(series(&mut gpus), expected);
        assert_eq!(series(&mut gpus), expected);
    }
}

#[test]
fn a_library_that_hangs_does_not_delay_the_page_and_is_told_as_hanging() {
    let fake = Fake::new(HEALTHY);
    let mut gpus = fake.collector(Limits {
        patience: Duration::from_secs(20),
        freshness: Duration::from_millis(300),
    });
    assert!(series(&mut gpus).contains(&r#"node_gpu_up{gpu="0",uuid="GPU-0"} 1"#.to_owned()));
    gpus.worker.set_patience(Duration::from_millis(10));
    fake.set(&format!("hang=temperature\n{HEALTHY}"));
    let hanging = [
        r#"node_gpu_up{gpu="0",uuid="GPU-0"} 0"#.to_owned(),
        r#"node_gpu_fault{gpu="0",reason="hang",uuid="GPU-0"} 1"#.to_owned(),
    ];
    let start = Instant::now();
    let first = series(&mut gpus);
    assert!(start.elapsed() < Duration::from_secs(10));
    // The last figures stand in, or are just too old on a slow machine.
    assert!(first.is_empty() || first.iter().any(|line| line.starts_with("node_gpu_temp")));
    let end = Instant::now() + Duration::from_secs(20);
    while series(&mut gpus) != hanging {
        assert!(Instant::now() < end, "{:?}", series(&mut gpus));
        std::thread::yield_now();
    }
    fake.set(HEALTHY);
    while !series(&mut gpus).contains(&r#"node_gpu_up{gpu="0",uuid="GPU-0"} 1"#.to_owned()) {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
}
