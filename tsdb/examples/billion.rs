//! Fills a store with a billion samples and measures what it costs to have them: per sample while
//! they come, on disk, at a start, and in two selects, cold and warm.
//!
//! ```text
//! cargo run --release -p watchpost-tsdb --example billion [groups=1000] [series=100] [rows=10000] [step=15] [keep=0]
//! ```
//!
//! The store is made in the directory for temporary files and removed at the end, unless `keep=1`.
//! Time is simulated: `now` goes on by `step` seconds a row. The values move like those of a host:
//! two of five never, one of five is a counter that always moves, others count now and then, walk in
//! hundredths, or are sizes in KiB. Cold means that the kernel was told to forget the files.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{Advice, fadvise};
use watchpost_model::{Duration, Labels, Matcher};
use watchpost_tsdb::{Config, Db, Group, Layout, Row, TimeRange};

type Outcome<T> = Result<T, Box<dyn Error>>;

const START: i64 = 1_700_000_000_000;
/// Rows between two calls of `maintain`.
const ROWS_PER_MAINTAIN: usize = 20;

struct Plan {
    groups: usize,
    series: usize,
    rows: usize,
    step_ms: i64,
    keep: bool,
}

impl Plan {
    fn read() -> Outcome<Self> {
        let mut plan = Self {
            groups: 1_000,
            series: 100,
            rows: 10_000,
            step_ms: 15_000,
            keep: false,
        };
        for argument in std::env::args().skip(1) {
            let (name, value) = argument
                .split_once('=')
                .ok_or("expected arguments like `rows=1000`")?;
            match name {
                "groups" => plan.groups = value.parse()?,
                "series" => plan.series = value.parse()?,
                "rows" => plan.rows = value.parse()?,
                "step" => plan.step_ms = value.parse::<i64>()? * 1_000,
                "keep" => plan.keep = value == "1",
                _ => return Err(format!("unknown argument `{name}`").into()),
            }
        }
        Ok(plan)
    }

    fn samples(&self) -> usize {
        self.groups * self.series * self.rows
    }

    fn time(&self, row: usize) -> Outcome<i64> {
        Ok(START + i64::try_from(row)? * self.step_ms)
    }
}

/// The values of one group, and what moves them.
struct Host {
    group: Group,
    values: Vec<f64>,
    random: u64,
}

impl Host {
    fn next(&mut self) -> u64 {
        // Xorshift, Marsaglia 2003.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn advance(&mut self) {
        for place in 0..self.values.len() {
            let random = if place % 20 < 8 { 0 } else { self.next() };
            let small = f64::from(u16::try_from(random & 0x3ff).unwrap_or(0));
            let rarely = random >> 60 == 0;
            if let Some(value) = self.values.get_mut(place) {
                match place % 20 {
                    8..12 => *value += small,
                    12..15 if rarely => *value += 1.0,
                    15..18 => *value = ((*value * 100.0).round() + small - 512.0) / 100.0,
                    18.. if rarely => *value += (small - 512.0) * 4_096.0,
                    _ => {}
                }
            }
        }
    }
}

fn main() -> Outcome<()> {
    let plan = Plan::read()?;
    let directory = std::env::temp_dir().join(format!("billion-{}", std::process::id()));
    let outcome = run(&plan, &directory);
    if !plan.keep {
        fs::remove_dir_all(&directory)?;
    }
    outcome
}

fn config(directory: &Path) -> Config {
    Config {
        path: directory.to_owned(),
        retention: Duration::from_secs(100 * 86_400),
        ..Config::default()
    }
}

fn run(plan: &Plan, directory: &Path) -> Outcome<()> {
    let db = Db::open(config(directory))?;
    fill(plan, &db)?;
    let stats = db.stats();
    println!("stats: {stats:?}");
    memory("after the fill")?;
    drop(db);
    let bytes = files(directory)?;
    let size: u64 = bytes.iter().map(|(_, size)| size).sum();
    println!(
        "on disk: {size} bytes in {} files, {:.3} bytes per sample",
        bytes.len(),
        size as f64 / plan.samples() as f64
    );
    forget(directory)?;
    let start = Instant::now();
    let db = Db::open(config(directory))?;
    println!("open, cold: {:?}", start.elapsed());
    memory("after the start")?;
    let one = [
        Matcher::equal("__name__", "metric_9"),
        Matcher::equal("instance", format!("host_{}", plan.groups / 2)),
    ];
    ask(
        "one series, all time",
        &db,
        directory,
        (TimeRange::ALL, &one),
    )?;
    let middle = plan.time(plan.rows / 2)?;
    let hour = TimeRange::new(middle, middle + 3_600_000);
    let all = [Matcher::equal("__name__", "metric_9")];
    ask(
        "one metric, all groups, an hour",
        &db,
        directory,
        (hour, &all),
    )?;
    let newest = plan.time(plan.rows)?;
    let hour = TimeRange::new(newest - 3_600_000, newest);
    ask(
        "one metric, all groups, the last hour",
        &db,
        directory,
        (hour, &all),
    )?;
    memory("at the end")
}

fn fill(plan: &Plan, db: &Db) -> Outcome<()> {
    let lines: Result<Vec<_>, _> = (0..plan.series)
        .map(|series| {
            let name = format!("metric_{series}");
            db.line(&Labels::from_pairs([("__name__", name.as_str())]), &[])
        })
        .collect();
    let layout = db.layout(&lines?);
    let mut hosts = (0..plan.groups)
        .map(|number| {
            let instance = format!("host_{number}");
            let labels = Labels::from_pairs([("instance", instance.as_str()), ("job", "node")]);
            Ok(Host {
                group: db.group(&labels)?,
                values: (0..plan.series).map(|n| (n * 1_024) as f64).collect(),
                random: number as u64 + 1,
            })
        })
        .collect::<Outcome<Vec<_>>>()?;
    let (start, cpu) = (Instant::now(), cpu_time());
    let (mut appending, mut maintaining, mut longest) = (0.0, 0.0, 0.0_f64);
    for row in 0..plan.rows {
        let time = plan.time(row)?;
        for host in &mut hosts {
            host.advance();
        }
        let before = cpu_time();
        append(&hosts, &layout, time)?;
        let between = cpu_time();
        appending += between - before;
        if row % ROWS_PER_MAINTAIN == 0 {
            let wall = Instant::now();
            db.maintain(time)?;
            longest = longest.max(wall.elapsed().as_secs_f64());
            maintaining += cpu_time() - between;
        }
        if row % (plan.rows / 10).max(1) == 0 {
            memory(&format!("at row {row}"))?;
        }
    }
    let per_sample = 1e9 / plan.samples() as f64;
    println!(
        "filled {} samples in {:?}, {:.1} s CPU; CPU per sample: append {:.1} ns, maintain {:.1} ns (longest call {longest:.2} s)",
        plan.samples(),
        start.elapsed(),
        cpu_time() - cpu,
        appending * per_sample,
        maintaining * per_sample
    );
    Ok(())
}

fn append(hosts: &[Host], layout: &Layout, time_ms: i64) -> Outcome<()> {
    for host in hosts {
        let row = Row {
            time_ms,
            layout,
            values: &host.values,
        };
        host.group.append(row, time_ms)?;
    }
    Ok(())
}

/// Asks once when the kernel has forgotten the files, and then again and again.
fn ask(
    what: &str,
    db: &Db,
    directory: &Path,
    (range, matchers): (TimeRange, &[Matcher]),
) -> Outcome<()> {
    forget(directory)?;
    let mut times = Vec::new();
    let mut samples = 0;
    for _ in 0..11 {
        let start = Instant::now();
        let selection = db.select(range, matchers)?;
        times.push(start.elapsed());
        let columns = selection.series.iter().map(|series| series.values.len());
        samples = columns.sum::<usize>();
    }
    let cold = times.remove(0);
    times.sort_unstable();
    let warm = times.get(times.len() / 2).copied().unwrap_or(cold);
    println!("{what}: {samples} samples, cold {cold:?}, warm {warm:?}");
    Ok(())
}

/// Tells the kernel to forget what it holds of the files.
fn forget(directory: &Path) -> Outcome<()> {
    for (path, _) in files(directory)? {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// All files under a directory, with their sizes.
fn files(directory: &Path) -> Outcome<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
    Ok(found)
}

/// CPU time of the process in seconds, all threads together.
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Prints what the process has in memory.
fn memory(when: &str) -> Outcome<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| {
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    println!(
        "memory {when}: anon {}, file {}, peak {}",
        of("RssAnon").unwrap_or_default(),
        of("RssFile").unwrap_or_default(),
        of("VmHWM").unwrap_or_default()
    );
    Ok(())
}
