use std::path::Path;

use super::fake::{Fake, collector, settings};
use super::*;

const HEALTHY: &str = "driver=570.1\ncount=1\nname=Fake GPU\nuuid=GPU-0\npci=0000:01:00.0\n\
    temperature=45\nfield82=60\nslowdown=90\nshutdown=95\nutilization=37\nmemory_utilization=12\n\
    encoder=5\ndecoder=6\nmemory_total=1000\nmemory_used=250\nmemory_reserved=50\n\
    bar1_total=256\nbar1_used=3\npower=70500\npower_limit=300000\npower_default=350000\n\
    power_min=100000\npower_max=400000\nenergy=1500\nfans=2\nfan0=30\nfan1=31\n\
    clock0=1200\nclock1=1200\nclock2=5000\nmax_clock0=2100\nthrottle=36\nthrottle_known=511\n\
    violation0=1500000000\nviolation1=0\necc=1\naggregate_ecc0=3\naggregate_ecc1=0\n\
    volatile_ecc0=1\nvolatile_ecc1=0\nfield29=2\nfield30=1\nfield31=0\nfield142=4\nfield143=5\n\
    field144=1\nfield145=0\npcie_sent=7\npcie_received=9\npcie_replays=2\npcie_generation=1\n\
    pcie_generation_max=4\npcie_lanes=8\npcie_lanes_max=16\npstate=8\nmig=0\nxids=\n\
    compute=12:1000 13:2000\ngraphics=12:500\n";

const UP: &str = r#"node_gpu_up{gpu="0",uuid="GPU-0"} 1"#;

fn is_up(lines: &[String]) -> bool {
    has(lines, UP)
}

#[test]
fn without_the_library_there_is_no_series_no_fault_and_no_thread() {
    let mut gpus = collector(Path::new("/nonexistent/libnvidia-ml.so.1"), PATIENT);
    for _ in 0..100 {
        assert_eq!(series(&mut gpus), Vec::<String>::new());
    }
    // One that is no NVML, or that the wrapper cannot do without a part of, is none either.
    for flags in [["bare"], ["bare_free"]] {
        let mut gpus = Fake::with(&flags, HEALTHY).collector(PATIENT);
        for _ in 0..100 {
            assert_eq!(series(&mut gpus), Vec::<String>::new());
        }
    }
}

/// Name, label and value of what the healthy one has.
const FIGURES: [(&str, &str, &str); 63] = [
    ("up", "", "1"),
    ("bar1_total_bytes", "", "256"),
    ("bar1_used_bytes", "", "3"),
    ("clock_hertz", "clock=\"graphics\",", "1.2e+09"),
    ("clock_hertz", "clock=\"sm\",", "1.2e+09"),
    ("clock_hertz", "clock=\"memory\",", "5e+09"),
    ("clock_max_hertz", "clock=\"graphics\",", "2.1e+09"),
    ("decoder_utilization_ratio", "", "0.06"),
    ("ecc_enabled", "", "1"),
    ("ecc_errors_total", "error=\"corrected\",", "3"),
    ("ecc_errors_total", "error=\"uncorrected\",", "0"),
    ("ecc_volatile_errors_total", "error=\"corrected\",", "1"),
    ("ecc_volatile_errors_total", "error=\"uncorrected\",", "0"),
    ("encoder_utilization_ratio", "", "0.05"),
    ("energy_joules_total", "", "1.5"),
    ("fan_ratio", "fan=\"0\",", "0.3"),
    ("fan_ratio", "fan=\"1\",", "0.31"),
    ("memory_free_bytes", "", "700"),
    ("memory_reserved_bytes", "", "50"),
    ("memory_temperature_celsius", "", "60"),
    ("memory_total_bytes", "", "1000"),
    ("memory_used_bytes", "", "250"),
    ("memory_utilization_ratio", "", "0.12"),
    ("mig_enabled", "", "0"),
    ("mig_pending", "", "0"),
    ("pcie_link_generation", "", "1"),
    ("pcie_link_generation_max", "", "4"),
    ("pcie_link_lanes", "", "8"),
    ("pcie_link_lanes_max", "", "16"),
    ("pcie_replays_total", "", "2"),
    (
        "pcie_throughput_bytes_per_second",
        "direction=\"received\",",
        "9000",
    ),
    (
        "pcie_throughput_bytes_per_second",
        "direction=\"sent\",",
        "7000",
    ),
    ("performance_state", "", "8"),
    ("power_limit_default_watts", "", "350"),
    ("power_limit_max_watts", "", "400"),
    ("power_limit_min_watts", "", "100"),
    ("power_limit_watts", "", "300"),
    ("power_watts", "", "70.5"),
    ("processes", "type=\"compute\",", "2"),
    ("processes", "type=\"graphics\",", "1"),
    ("remapped_rows", "error=\"corrected\",", "4"),
    ("remapped_rows", "error=\"uncorrected\",", "5"),
    ("remapped_rows_failure", "", "0"),
    ("remapped_rows_pending", "", "1"),
    ("retired_pages", "error=\"corrected\",", "2"),
    ("retired_pages", "error=\"uncorrected\",", "1"),
    ("retired_pages_pending", "", "0"),
    ("temperature_celsius", "", "45"),
    ("temperature_shutdown_celsius", "", "95"),
    ("temperature_slowdown_celsius", "", "90"),
    ("throttle_reason", "reason=\"gpu_idle\",", "0"),
    (
        "throttle_reason",
        "reason=\"applications_clocks_setting\",",
        "0",
    ),
    ("throttle_reason", "reason=\"sw_power_cap\",", "1"),
    ("throttle_reason", "reason=\"hw_slowdown\",", "0"),
    ("throttle_reason", "reason=\"sync_boost\",", "0"),
    ("throttle_reason", "reason=\"sw_thermal_slowdown\",", "1"),
    ("throttle_reason", "reason=\"hw_thermal_slowdown\",", "0"),
    (
        "throttle_reason",
        "reason=\"hw_power_brake_slowdown\",",
        "0",
    ),
    ("throttle_reason", "reason=\"display_clock_setting\",", "0"),
    ("utilization_ratio", "", "0.37"),
    ("violation_seconds_total", "policy=\"power\",", "1.5"),
    ("violation_seconds_total", "policy=\"thermal\",", "0"),
    ("xid_last_error", "", "0"),
];

#[test]
fn a_healthy_gpu_has_its_figures_in_base_units() {
    let fake = Fake::new(HEALTHY);
    let found = series_when(&mut fake.collector(PATIENT), is_up);
    let expected = FIGURES.map(|(name, label, value)| {
        format!(r#"node_gpu_{name}{{{label}gpu="0",uuid="GPU-0"}} {value}"#)
    });
    let info = r#"node_gpu_info{driver="nvidia",driver_version="570.1",name="Fake GPU",pci_bus_id="0000:01:00.0",vendor="nvidia",gpu="0",uuid="GPU-0"} 1"#;
    assert!(has(&found, info), "{found:#?}");
    let others: Vec<_> = found.into_iter().filter(|line| line != info).collect();
    assert_eq!(others, expected);
}

#[test]
fn a_figure_that_a_gpu_does_not_have_costs_itself_only() {
    // Error 999 is the driver's unknown error, 3 is not supported; the rest is not named at all.
    let control = "count=1\nuuid=GPU-0\ntemperature=45\nutilization=error 999\npower=error 3\n";
    let fake = Fake::new(control);
    let found = series_when(&mut fake.collector(PATIENT), is_up);
    assert!(has(
        &found,
        r#"node_gpu_temperature_celsius{gpu="0",uuid="GPU-0"} 45"#
    ));
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_driver_that_lacks_functions_lacks_their_figures_only() {
    let fake = Fake::with(&["old"], HEALTHY);
    let found = series_when(&mut fake.collector(PATIENT), is_up);
    let names = |name: &str| found.iter().any(|line| line.starts_with(name));
    for missing in ["node_gpu_power_watts", "node_gpu_clock_max", "node_gpu_xid"] {
        assert!(!names(missing), "{missing}");
    }
    for there in ["node_gpu_power_limit_watts", "node_gpu_clock_hertz"] {
        assert!(names(there), "{there}");
    }
}

#[test]
fn a_gpu_that_is_lost_does_not_take_the_others_along() {
    let two = HEALTHY.replace("count=1", "count=2\ngpu1.uuid=GPU-1\ngpu1.name=Other");
    let fake = Fake::new(&two);
    let mut gpus = fake.collector(PATIENT);
    let found = series_when(&mut gpus, is_up);
    assert!(has(&found, r#"node_gpu_up{gpu="1",uuid="GPU-1"} 1"#));
    // Its figures say that it is lost, then it has no handle any more, then it is not there at all.
    for lost in [
        two.clone() + "gpu1.clock0=error 15\n",
        two.replace("count=2", "count=2\ngpu1.handle=error 15"),
        HEALTHY.to_owned(),
    ] {
        fake.set(&lost);
        let found = series_when(&mut gpus, |found| {
            has(
                found,
                r#"node_gpu_fault{reason="lost",gpu="1",uuid="GPU-1"} 1"#,
            )
        });
        assert!(is_up(&found), "{found:#?}");
        assert!(has(&found, r#"node_gpu_up{gpu="1",uuid="GPU-1"} 0"#));
        assert!(has(
            &found,
            r#"node_gpu_temperature_celsius{gpu="0",uuid="GPU-0"} 45"#
        ));
        let stale = |line: &String| line.starts_with("node_gpu_temp") && line.contains("GPU-1");
        assert!(!found.iter().any(stale), "{found:#?}");
        fake.set(&two);
        series_when(&mut gpus, |found| {
            has(found, r#"node_gpu_up{gpu="1",uuid="GPU-1"} 1"#)
        });
    }
}

#[test]
fn a_driver_that_does_not_work_is_told_with_its_reason() {
    for (code, reason) in [
        (18, "driver_mismatch"),
        (9, "driver_not_loaded"),
        (4, "no_permission"),
        (999, "driver_error"),
    ] {
        let fake = Fake::new(&format!("init=error {code}\n"));
        let mut gpus = fake.collector(PATIENT);
        let expected = [
            "node_gpu_up 0".to_owned(),
            format!("node_gpu_fault{{reason=\"{reason}\"}} 1"),
        ];
        series_when(&mut gpus, |found| found == expected);
        // It is tried again, and then it works.
        fake.set(HEALTHY);
        series_when(&mut gpus, is_up);
        // The driver is upgraded below the library that runs: known GPUs are told one by one.
        fake.set(&format!("count=error {code}\ninit=error {code}\n"));
        let expected = [
            r#"node_gpu_up{gpu="0",uuid="GPU-0"} 0"#.to_owned(),
            format!(r#"node_gpu_fault{{reason="{reason}",gpu="0",uuid="GPU-0"}} 1"#),
        ];
        series_when(&mut gpus, |found| found == expected);
    }
}

#[test]
fn a_library_that_hangs_does_not_delay_the_page_and_is_told_as_hanging() {
    let fake = Fake::new(HEALTHY);
    let mut gpus = fake.collector(Limits {
        hang: Duration::from_millis(500),
        ..PATIENT
    });
    series_when(&mut gpus, is_up);
    fake.set(&format!("hang=temperature\n{HEALTHY}"));
    let hanging = [
        r#"node_gpu_up{gpu="0",uuid="GPU-0"} 0"#,
        r#"node_gpu_fault{reason="hang",gpu="0",uuid="GPU-0"} 1"#,
    ];
    let mut slowest = Duration::ZERO;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let start = Instant::now();
        let found = series(&mut gpus);
        slowest = slowest.max(start.elapsed());
        // The last figures stand in until it counts as a hang.
        if found == hanging {
            break;
        }
        assert!(is_up(&found), "{found:#?}");
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
    // The hang itself has no end.
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    fake.set(HEALTHY);
    series_when(&mut gpus, is_up);
}

#[test]
fn xid_errors_are_counted_by_code_once_each_and_stay_when_the_gpu_is_lost() {
    let fake = Fake::new(HEALTHY);
    let mut gpus = fake.collector(PATIENT);
    series_when(&mut gpus, is_up);
    let with = |xids: &str| HEALTHY.replace("xids=", &format!("xids={xids}"));
    let count = |code: u32, count: u32| {
        format!(r#"node_gpu_xid_errors_total{{xid="{code}",gpu="0",uuid="GPU-0"}} {count}"#)
    };
    fake.set(&with("31,31,13"));
    let found = series_when(&mut gpus, |found| has(found, &count(13, 1)));
    assert!(has(&found, &count(31, 2)), "{found:#?}");
    assert!(has(
        &found,
        r#"node_gpu_xid_last_error{gpu="0",uuid="GPU-0"} 13"#
    ));
    // 79 is that it fell off the bus: then nothing but that can be said.
    fake.set(&(with("31,31,13,79") + "gpu0.temperature=error 15\n"));
    let lost = [
        r#"node_gpu_up{gpu="0",uuid="GPU-0"} 0"#.to_owned(),
        r#"node_gpu_fault{reason="lost",gpu="0",uuid="GPU-0"} 1"#.to_owned(),
        count(13, 1),
        count(31, 2),
        count(79, 1),
        r#"node_gpu_xid_last_error{gpu="0",uuid="GPU-0"} 79"#.to_owned(),
    ];
    series_when(&mut gpus, |found| found == lost);
    // The library was loaded anew meanwhile, and the counts are kept.
    fake.set(&with("31,31,13,79,31"));
    let found = series_when(&mut gpus, |found| has(found, &count(31, 3)));
    assert!(has(&found, &count(79, 1)), "{found:#?}");
}

#[test]
fn a_multi_instance_gpu_has_its_instances_and_nothing_that_is_undefined() {
    let control = HEALTHY.replace("mig=0", "mig=1\nmig_count=7")
        + "mig0.uuid=MIG-a\nmig0.name=Fake MIG 1g\nmig0.memory_total=100\nmig0.memory_used=40\n\
           mig0.multiprocessors=14\nmig0.slices=1\nmig5.uuid=MIG-b\n";
    let fake = Fake::new(&control);
    let found = series_when(&mut fake.collector(PATIENT), is_up);
    for undefined in ["utilization", "encoder", "decoder", "processes"] {
        let starts = |line: &String| line.starts_with(&format!("node_gpu_{undefined}"));
        assert!(!found.iter().any(starts), "{undefined}: {found:#?}");
    }
    for (name, labels, value) in [
        ("enabled", "", "1"),
        (
            "info",
            r#"mig="0",mig_uuid="MIG-a",name="Fake MIG 1g","#,
            "1",
        ),
        ("info", r#"mig="5",mig_uuid="MIG-b",name="","#, "1"),
        ("memory_total_bytes", r#"mig="0","#, "100"),
        ("memory_used_bytes", r#"mig="0","#, "40"),
        ("memory_free_bytes", r#"mig="0","#, "60"),
        ("multiprocessors", r#"mig="0","#, "14"),
        ("slices", r#"mig="0","#, "1"),
    ] {
        let line = format!(r#"node_gpu_mig_{name}{{{labels}gpu="0",uuid="GPU-0"}} {value}"#);
        assert!(has(&found, &line), "{line}: {found:#?}");
    }
    let instances = found.iter().filter(|line| line.contains(r#"mig="5""#));
    assert_eq!(instances.count(), 1);
}

#[test]
fn processes_are_told_only_when_asked_for_the_largest_first_and_up_to_a_limit() {
    let control = HEALTHY.replace("13:2000", "13:2000 14:1500 15:-");
    let fake = Fake::new(&control);
    let procfs = tempfile::tempdir().unwrap();
    std::fs::create_dir(procfs.path().join("13")).unwrap();
    std::fs::write(procfs.path().join("13/comm"), "train\n").unwrap();
    let mut settings = settings(&fake.library);
    settings.paths.procfs = procfs.path().to_owned();
    settings.set(&PROCESSES, vec!["true".to_owned()]).unwrap();
    let lines = |gpus: &mut Gpus| {
        let found = series_when(gpus, is_up).into_iter();
        let found = found.filter(|line| line.starts_with("node_gpu_process"));
        found
            .skip_while(|line| line.starts_with("node_gpu_processes{"))
            .collect::<Vec<_>>()
    };
    let memory = |name, pid, kind, bytes| {
        format!(
            r#"node_gpu_process_memory_bytes{{name="{name}",pid="{pid}",type="{kind}",gpu="0",uuid="GPU-0"}} {bytes}"#
        )
    };
    let left_out =
        |count| format!(r#"node_gpu_processes_left_out{{gpu="0",uuid="GPU-0"}} {count}"#);
    let all = lines(&mut Gpus::new(&settings, PATIENT));
    let largest = [
        memory("train", 13, "compute", 2000),
        memory("", 14, "compute", 1500),
    ];
    assert_eq!(all[..2], largest);
    assert_eq!(all[2], memory("", 12, "compute+graphics", 1000));
    assert_eq!(all.last(), Some(&left_out(0)));
    settings.set(&PROCESSES_MAX, vec!["2".to_owned()]).unwrap();
    let some = lines(&mut Gpus::new(&settings, PATIENT));
    assert_eq!(some[..2], largest);
    assert_eq!(some.last(), Some(&left_out(1)));
    settings.set(&PROCESSES, Vec::new()).unwrap();
    let none = series_when(&mut Gpus::new(&settings, PATIENT), is_up);
    assert!(
        !none
            .iter()
            .any(|line| line.starts_with("node_gpu_process_"))
    );
}
