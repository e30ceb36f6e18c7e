use super::*;
use crate::collectors::Paths;
use crate::collectors::fake_host::{self, FakeHost};

#[test]
fn a_cpu_that_comes_online_is_there_at_the_next_scrape() {
    let sysfs = tempfile::tempdir().unwrap();
    let folder = sysfs.path().join("devices/system/cpu");
    let sysfs = sysfs.path().to_owned();
    let mut collector = new(&Settings::new(Paths {
        sysfs,
        ..Paths::default()
    }));
    for (cpu, online) in [(0, "0"), (1, "0-1")] {
        let cpufreq = folder.join(format!("cpu{cpu}/cpufreq"));
        std::fs::create_dir_all(&cpufreq).unwrap();
        std::fs::write(cpufreq.join("scaling_cur_freq"), "1000\n").unwrap();
        std::fs::write(folder.join("online"), online).unwrap();
        let mut page = Page::new();
        collector.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let line = format!("node_cpu_scaling_frequency_hertz{{cpu=\"{cpu}\"}} 1000000\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn a_host_of_many_cpus_does_not_use_up_the_open_files() {
    let folder = tempfile::tempdir().unwrap();
    for cpu in 0..256 {
        let cpufreq = folder.path().join(format!("cpu{cpu}/cpufreq"));
        std::fs::create_dir_all(&cpufreq).unwrap();
        std::fs::write(cpufreq.join("scaling_cur_freq"), "1000\n").unwrap();
    }
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let cpus = find(folder.path()).unwrap();
    assert_eq!(cpus.len(), 256);
    // Other tests open files meanwhile.
    assert!(open() < before + 200);
}

#[test]
fn the_current_frequency_is_served_once() {
    let cpufreq = "sys/devices/system/cpu/cpu0/cpufreq";
    let host = FakeHost::new(&[
        (&format!("{cpufreq}/cpuinfo_cur_freq"), "2000\n"),
        (&format!("{cpufreq}/cpuinfo_avg_freq"), "1500\n"),
    ]);
    let current = "node_cpu_frequency_hertz{cpu=\"0\"} 2000000";
    let average = "node_cpu_frequency_avg_hertz{cpu=\"0\"} 1500000";
    assert_eq!(host.collect(&DEFINITION).1, [current, average]);
    let mut settings = host.settings();
    settings.set(&info::INFO, vec!["true".to_owned()]).unwrap();
    assert_eq!(fake_host::collect(&DEFINITION, &settings).1, [average]);
}

#[test]
fn a_governor_whose_module_comes_later_is_told() {
    let folder = "sys/devices/system/cpu/cpu0/cpufreq";
    let [governor, all] =
        ["scaling_governor", "scaling_available_governors"].map(|file| format!("{folder}/{file}"));
    let host = FakeHost::new(&[(&governor, "schedutil\n"), (&all, "schedutil\n")]);
    let mut collector = new(&host.settings());
    let mut told = || {
        let mut page = Page::new();
        collector.collect(&mut page).unwrap();
        fake_host::series(&mut page)
    };
    assert_eq!(told().len(), 1);
    host.write(&all, "powersave schedutil\n");
    host.write(&governor, "powersave\n");
    let line =
        |name, value| format!("node_cpu_scaling_governor{{cpu=\"0\",governor=\"{name}\"}} {value}");
    assert_eq!(told(), [line("powersave", 1), line("schedutil", 0)]);
}

#[test]
fn frequencies_are_hertz_and_the_governor_in_use_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let cpufreq = folder.path().join("devices/system/cpu/cpu0/cpufreq");
    std::fs::create_dir_all(&cpufreq).unwrap();
    for (name, text) in [
        ("scaling_cur_freq", "1699981\n"),
        ("scaling_governor", "powersave\n"),
        ("scaling_available_governors", "performance powersave\n"),
    ] {
        std::fs::write(cpufreq.join(name), text).unwrap();
    }
    let sysfs = folder.path().to_owned();
    let settings = Settings::new(Paths {
        sysfs,
        ..Paths::default()
    });
    let mut page = Page::new();
    new(&settings).collect(&mut page).unwrap();
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 1699981000",
            "node_cpu_scaling_governor{cpu=\"0\",governor=\"performance\"} 0",
            "node_cpu_scaling_governor{cpu=\"0\",governor=\"powersave\"} 1",
        ]
    );
}
