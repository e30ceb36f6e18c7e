use super::super::super::Paths;
use super::*;

/// A sysfs with cards in it.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (file, text) in files {
            tree.set(file, text);
        }
        tree
    }

    fn set(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.0.path().join("class/drm").join(file)
    }

    fn collector(&self, limits: Limits) -> Gpus {
        let mut settings = Settings::new(Paths {
            sysfs: self.0.path().to_owned(),
            ..Paths::default()
        });
        let library = "/nonexistent/libnvidia-ml.so.1".to_owned();
        settings.set(&LIBRARY, vec![library]).unwrap();
        Gpus::new(&settings, limits)
    }
}

const AMD: &[(&str, &str)] = &[
    (
        "card1/device/uevent",
        "DRIVER=amdgpu\nPCI_CLASS=38000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n",
    ),
    ("card1/device/unique_id", "a1b2c3\n"),
    ("card1/device/power/runtime_status", "active\n"),
    ("card1/device/gpu_busy_percent", "37\n"),
    ("card1/device/mem_busy_percent", "12\n"),
    ("card1/device/mem_info_vram_total", "1000\n"),
    ("card1/device/mem_info_vram_used", "250\n"),
    ("card1/device/ras/umc_err_count", "ue: 1\nce: 3\n"),
    ("card1/device/hwmon/hwmon4/name", "amdgpu\n"),
    ("card1/device/hwmon/hwmon4/temp1_input", "45000\n"),
    ("card1/device/hwmon/hwmon4/temp1_crit", "100000\n"),
    ("card1/device/hwmon/hwmon4/temp2_input", "55000\n"),
    ("card1/device/hwmon/hwmon4/temp3_input", "60000\n"),
    ("card1/device/hwmon/hwmon4/power1_average", "70500000\n"),
    ("card1/device/hwmon/hwmon4/power1_cap", "300000000\n"),
    ("card1/device/hwmon/hwmon4/freq1_input", "1200000000\n"),
    ("card1/device/hwmon/hwmon4/pwm1", "51\n"),
    ("card1/device/hwmon/hwmon4/fan1_input", "800\n"),
    // No card, no driver, or one that is not known.
    ("card1-DP-1/status", "connected\n"),
    ("renderD128/device/uevent", "DRIVER=amdgpu\n"),
    ("card7/device/uevent", "PCI_ID=1002:744C\n"),
    ("card8/device/uevent", "DRIVER=ast\n"),
];

const AMD_UP: &str = r#"node_gpu_up{gpu="card1",uuid="a1b2c3"} 1"#;

fn lines(labels: &str, figures: &[(&str, &str, &str)]) -> Vec<String> {
    let line = |(name, label, value): &(&str, &str, &str)| {
        format!("node_gpu_{name}{{{label}{labels}}} {value}")
    };
    figures.iter().map(line).collect()
}

#[test]
fn a_host_without_cards_has_no_series() {
    let mut gpus = Tree::new(&[]).collector(PATIENT);
    for _ in 0..100 {
        assert_eq!(series(&mut gpus), Vec::<String>::new());
    }
}

#[test]
fn an_amd_card_has_its_figures_in_base_units() {
    let tree = Tree::new(AMD);
    let found = series_when(&mut tree.collector(PATIENT), |found| has(found, AMD_UP));
    let expected = lines(
        r#"gpu="card1",uuid="a1b2c3""#,
        &[
            ("up", "", "1"),
            (
                "info",
                r#"driver="amdgpu",driver_version="",name="AMD 1002:744C",pci_bus_id="0000:03:00.0",vendor="amd","#,
                "1",
            ),
            ("clock_hertz", r#"clock="graphics","#, "1.2e+09"),
            ("ecc_volatile_errors_total", r#"error="corrected","#, "3"),
            ("ecc_volatile_errors_total", r#"error="uncorrected","#, "1"),
            ("fan_ratio", r#"fan="0","#, "0.2"),
            ("fan_rpm", r#"fan="0","#, "800"),
            ("memory_free_bytes", "", "750"),
            ("memory_temperature_celsius", "", "60"),
            ("memory_total_bytes", "", "1000"),
            ("memory_used_bytes", "", "250"),
            ("memory_utilization_ratio", "", "0.12"),
            ("power_limit_watts", "", "300"),
            ("power_watts", "", "70.5"),
            ("suspended", "", "0"),
            ("temperature_celsius", "", "45"),
            ("temperature_hotspot_celsius", "", "55"),
            ("temperature_slowdown_celsius", "", "100"),
            ("utilization_ratio", "", "0.37"),
        ],
    );
    assert_eq!(found, expected);
}

#[test]
fn intel_cards_of_both_drivers_have_the_clocks_of_their_parts() {
    let tree = Tree::new(&[
        (
            "card0/device/uevent",
            "DRIVER=i915\nPCI_ID=8086:7D55\nPCI_SLOT_NAME=0000:00:02.0\n",
        ),
        ("card0/gt_act_freq_mhz", "1\n"),
        ("card0/gt/gt0/rps_act_freq_mhz", "1300\n"),
        ("card0/gt/gt0/rps_RP0_freq_mhz", "2250\n"),
        ("card0/gt/gt0/rc6_residency_ms", "12500\n"),
        ("card0/gt/gt0/throttle_reason_pl1", "1\n"),
        ("card0/gt/gt1/rps_act_freq_mhz", "400\n"),
        (
            "card1/device/uevent",
            "DRIVER=xe\nPCI_ID=8086:56A0\nPCI_SLOT_NAME=0000:03:00.0\n",
        ),
        ("card1/device/tile0/gt0/freq0/act_freq", "2400\n"),
        ("card1/device/tile0/gt0/gtidle/idle_residency_ms", "500\n"),
        ("card1/device/hwmon/hwmon2/name", "xe\n"),
        ("card1/device/hwmon/hwmon2/temp2_input", "47000\n"),
        ("card1/device/hwmon/hwmon2/energy2_input", "1500000\n"),
        // Kernels before 5.19 have one part, and its files at the card.
        ("card2/device/uevent", "DRIVER=i915\n"),
        ("card2/gt_act_freq_mhz", "700\n"),
    ]);
    let found = series_when(&mut tree.collector(PATIENT), |found| !found.is_empty());
    let first = lines(
        r#"gpu="card0",uuid="pci-0000:00:02.0""#,
        &[
            ("clock_hertz", r#"clock="graphics","#, "1.3e+09"),
            ("clock_hertz", r#"clock="gt1","#, "4e+08"),
            ("clock_max_hertz", r#"clock="graphics","#, "2.25e+09"),
            ("idle_seconds_total", r#"gt="0","#, "12.5"),
            ("throttle_reason", r#"gt="0",reason="pl1","#, "1"),
        ],
    );
    let second = lines(
        r#"gpu="card1",uuid="pci-0000:03:00.0""#,
        &[
            ("clock_hertz", r#"clock="graphics","#, "2.4e+09"),
            ("energy_joules_total", "", "1.5"),
            ("idle_seconds_total", r#"gt="0","#, "0.5"),
            ("temperature_celsius", "", "47"),
        ],
    );
    let third = lines(
        r#"gpu="card2",uuid="pci-card2""#,
        &[("clock_hertz", r#"clock="graphics","#, "7e+08")],
    );
    let (state, figures): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|line| line.starts_with("node_gpu_up") || line.starts_with("node_gpu_info"));
    assert_eq!(state.len(), 6, "{state:#?}");
    let mut expected = [first, second, third].concat();
    expected.sort_by_key(|line| line.split('{').next().unwrap().to_owned());
    assert_eq!(figures, expected);
}

#[test]
fn a_file_that_says_no_number_costs_its_own_series_only() {
    let tree = Tree::new(AMD);
    tree.set("card1/device/gpu_busy_percent", "\u{fffd}\n");
    tree.set("card1/device/hwmon/hwmon4/temp1_input", "45");
    let found = series_when(&mut tree.collector(PATIENT), |found| has(found, AMD_UP));
    for name in ["node_gpu_utilization_ratio", "node_gpu_temperature_celsius"] {
        assert!(!found.iter().any(|line| line.starts_with(name)), "{name}");
    }
    assert_eq!(found.len(), 17, "{found:#?}");
}

#[test]
fn a_card_that_sleeps_is_not_read_and_not_at_fault() {
    let tree = Tree::new(AMD);
    tree.set("card1/device/power/runtime_status", "suspended\n");
    let mut gpus = tree.collector(PATIENT);
    let found = series_when(&mut gpus, |found| has(found, AMD_UP));
    assert!(has(
        &found,
        r#"node_gpu_suspended{gpu="card1",uuid="a1b2c3"} 1"#
    ));
    assert_eq!(found.len(), 3, "{found:#?}");
    tree.set("card1/device/power/runtime_status", "active\n");
    series_when(&mut gpus, |found| found.len() == 19);
}

#[test]
fn a_card_none_of_whose_files_can_be_read_is_at_fault() {
    let tree = Tree::new(&AMD[..4]);
    let mut gpus = tree.collector(PATIENT);
    series_when(&mut gpus, |found| has(found, AMD_UP));
    // A folder in its place is there and cannot be read.
    std::fs::remove_file(tree.path("card1/device/gpu_busy_percent")).unwrap();
    std::fs::create_dir(tree.path("card1/device/gpu_busy_percent")).unwrap();
    let mut gpus = tree.collector(PATIENT);
    let expected = [
        r#"node_gpu_up{gpu="card1",uuid="a1b2c3"} 0"#,
        r#"node_gpu_fault{reason="driver_error",gpu="card1",uuid="a1b2c3"} 1"#,
    ];
    series_when(&mut gpus, |found| found == expected);
}

#[test]
fn a_file_that_hangs_does_not_delay_the_page_and_is_told_as_hanging() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let tree = Tree::new(AMD);
    let pipe = tree.path("card1/device/mem_info_gtt_used");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut gpus = tree.collector(Limits {
        hang: Duration::from_millis(300),
        ..PATIENT
    });
    let start = Instant::now();
    series(&mut gpus);
    // The hang itself has no end.
    assert!(start.elapsed() < Duration::from_secs(10));
    series_when(&mut gpus, |found| {
        found == ["node_gpu_up 0", r#"node_gpu_fault{reason="hang"} 1"#]
    });
    // Who opens the other end sets the thread free; what it then reads is no number.
    std::fs::remove_file(tree.path("card1/device/uevent")).unwrap();
    let end = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    tree.set("card1/device/uevent", AMD[0].1);
    std::fs::remove_file(&pipe).unwrap();
    drop(end);
    series_when(&mut gpus, |found| has(found, AMD_UP));
}
