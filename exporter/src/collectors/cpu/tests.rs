use super::super::fake_host::{FakeHost, bears_bad_input};
use super::*;

const STAT: &[u8] = b"cpu  301854 612 111922 8979004 3552 2 3944 0 0 0\n\
    cpu0 44490 19 21045 1087069 220 1 3410 0 2 1\n\
    cpu1 47869 23 16474 1110787 591\n\
    intr 8885917 17 0 0\n";

fn lines(page: &mut Page) -> Vec<String> {
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn ticks_are_exact_seconds() {
    let cpus = parse(STAT).unwrap().into_iter().collect();
    let mut page = Page::new();
    write(&cpus, true, &mut page);
    let lines = lines(&mut page);
    assert_eq!(lines.len(), 20);
    for line in [
        "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"} 0.02",
        "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"nice\"} 0.01",
        "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 444.9",
        "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 10870.69",
        "node_cpu_seconds_total{cpu=\"0\",mode=\"softirq\"} 34.1",
        "node_cpu_seconds_total{cpu=\"1\",mode=\"iowait\"} 5.91",
        "node_cpu_seconds_total{cpu=\"1\",mode=\"steal\"} 0",
    ] {
        assert!(lines.iter().any(|have| have == line), "{line}: {lines:?}");
    }
}

#[test]
fn a_counter_does_not_go_back_unless_the_cpu_has_been_off() {
    let mut times = Times([10, 0, 0, 1_000, 0, 0, 0, 0, 0, 0]);
    times.advance(&Times([9, 0, 1, 701, 0, 0, 0, 0, 0, 0]));
    assert_eq!(times, Times([10, 0, 1, 1_000, 0, 0, 0, 0, 0, 0]));
    times.advance(&Times([1, 0, 0, 700, 0, 0, 0, 0, 0, 0]));
    assert_eq!(times, Times([1, 0, 0, 700, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn lists_of_cpus_are_ranges() {
    let list = |text: &str| {
        text.split(',')
            .filter_map(range)
            .flatten()
            .collect::<Vec<_>>()
    };
    assert_eq!(list("1,3-5,9"), [1, 3, 4, 5, 9]);
    assert!(list("").is_empty());
    assert!(list("0-4294967295").is_empty());
}

proptest::proptest! {
    #[test]
    fn a_cut_or_garbled_text_does_not_panic(end in 0..STAT.len(), at in 0..STAT.len(), byte: u8) {
        let mut text = STAT.to_vec();
        text[at] = byte;
        text.truncate(end);
        if let Ok(cpus) = parse(&text) {
            write(&cpus.into_iter().collect(), true, &mut Page::new());
        }
    }
}

#[test]
fn a_cut_text_gives_no_other_number() {
    let text = String::from_utf8(STAT.to_vec()).unwrap();
    let host = FakeHost::new(&[("proc/stat", &text)]);
    let file = host.root().join("proc/stat");
    bears_bad_input(&DEFINITION, &host.settings(), &file);
}

#[test]
fn a_cut_list_of_cpus_switches_none_off() {
    let folder = "sys/devices/system/cpu";
    let stat = String::from_utf8(STAT.to_vec()).unwrap();
    let lists = ["present", "online"].map(|name| format!("{folder}/{name}"));
    for list in &lists {
        let host = FakeHost::new(&[
            ("proc/stat", &stat),
            (&format!("{folder}/cpu0/online"), "1\n"),
            (&lists[0], "0-11\n"),
            (&lists[1], "0,2-11\n"),
        ]);
        bears_bad_input(&DEFINITION, &host.settings(), &host.root().join(list));
    }
}
