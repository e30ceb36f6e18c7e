//! The collector as a whole, on stand-ins for library and kernel.

mod cards;
mod fake;
mod nvidia;
mod worker;

use std::time::{Duration, Instant};

use super::*;

/// Whatever is slow on a busy machine is not a hang.
const PATIENT: Limits = Limits {
    pace: Duration::from_millis(5),
    retry: Duration::from_millis(20),
    hang: Duration::from_mins(1),
    idle: Duration::from_mins(10),
};

/// The series of the page, without help and types.
fn series(gpus: &mut Gpus) -> Vec<String> {
    let mut page = Page::new();
    let outcome = gpus.collect(&mut page);
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series: Vec<_> = lines.map(str::to_owned).collect();
    assert_eq!(outcome.is_ok(), !series.is_empty(), "{outcome:?}");
    series
}

/// The series, as soon as they are as wanted.
fn series_when(gpus: &mut Gpus, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let found = series(gpus);
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < end, "{found:#?}");
        std::thread::yield_now();
    }
}

fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|found| found == line)
}
