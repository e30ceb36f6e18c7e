//! How many bytes a sample takes in blocks, measured on pages that were recorded.
//!
//! `sizes DIRECTORY...`: each directory holds the pages of one target in text format 0.0.4, one file
//! for each scrape, named by its time in milliseconds. Prints bytes per sample and nanoseconds per
//! value by length of block, then the encodings and the metrics that take most at 120 rows.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::hint::black_box;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use watchpost_model::text::{Entry, Format, Parser};
use watchpost_model::{absent_nan, is_absent};
use watchpost_tsdb::internals::{BlockView, Malformed, Scratch, encode, encode_block, kind_name};

/// Lengths of blocks.
const LENGTHS: [usize; 4] = [32, 120, 240, 480];
/// The length that is looked at closer.
const CLOSER: usize = 120;
/// How many metrics are listed.
const LISTED: usize = 40;
/// How often work is repeated to be measured.
const REPEATS: u32 = 20;

/// The pages of one target.
#[derive(Default)]
struct Recorded {
    times: Vec<i64>,
    names: Vec<Vec<u8>>,
    columns: Vec<Vec<f64>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let targets: Result<Vec<_>, _> = std::env::args_os()
        .skip(1)
        .map(|directory| read(&directory))
        .collect();
    let targets = targets?;
    let samples: usize = targets.iter().map(Recorded::samples).sum();
    let rows: usize = targets.iter().map(|target| target.times.len()).sum();
    println!("{samples} samples, {} targets, {rows} rows", targets.len());
    for length in LENGTHS {
        lengths(&targets, length, samples)?;
    }
    closer(&targets, samples);
    Ok(())
}

fn read(directory: &OsStr) -> Result<Recorded, Box<dyn Error>> {
    let mut names: Vec<_> = std::fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .collect();
    names.sort_unstable();
    let mut recorded = Recorded::default();
    let mut places = BTreeMap::new();
    for time in names {
        let time: i64 = time;
        let page = std::fs::read(Path::new(directory).join(time.to_string()))?;
        recorded.add(time, &page, &mut places)?;
    }
    Ok(recorded)
}

impl Recorded {
    fn add(
        &mut self,
        time: i64,
        page: &[u8],
        places: &mut BTreeMap<Vec<u8>, usize>,
    ) -> Result<(), Box<dyn Error>> {
        let row = self.times.len();
        self.times.push(time);
        for entry in Parser::new(Format::Text, page) {
            let Entry::Sample(sample) = entry? else {
                continue;
            };
            let place = *places.entry(sample.series.to_vec()).or_insert_with(|| {
                self.names.push(sample.series.to_vec());
                self.columns.push(Vec::new());
                self.columns.len() - 1
            });
            let column = &mut self.columns[place];
            column.resize(row, absent_nan());
            column.push(sample.value);
        }
        Ok(())
    }

    fn samples(&self) -> usize {
        let values = self.columns.iter().flatten();
        values.filter(|value| !is_absent(**value)).count()
    }

    /// The rows of a block of a column.
    fn rows(&self, slot: usize, start: usize, length: usize) -> Vec<f64> {
        let end = self.times.len().min(start + length);
        let row = |row: usize| self.columns[slot].get(row).copied();
        (start..end)
            .map(|place| row(place).unwrap_or_else(absent_nan))
            .collect()
    }
}

fn cpu_ns() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Sizes and costs of blocks of a length.
fn lengths(targets: &[Recorded], length: usize, samples: usize) -> Result<(), Malformed> {
    let (mut bytes, mut head) = (0, 0);
    let (mut encoding, mut decoding, mut values) = (0, 0, 0);
    for target in targets {
        for start in (0..target.times.len()).step_by(length) {
            let end = target.times.len().min(start + length);
            let columns: Vec<_> = (0..target.columns.len())
                .map(|slot| target.rows(slot, start, length))
                .collect();
            let times = &target.times[start..end];
            let sequences: Vec<_> = (start as u64..end as u64).map(|row| row * 1_000).collect();
            let mut block = Vec::new();
            let from = cpu_ns();
            for _ in 0..REPEATS {
                block.clear();
                let column =
                    |slot: usize, out: &mut Vec<f64>| out.extend_from_slice(&columns[slot]);
                encode_block(times, &sequences, columns.len(), column, &mut block);
            }
            encoding += cpu_ns() - from;
            let view = BlockView::parse(&block)?;
            let mut out = Vec::new();
            let from = cpu_ns();
            for _ in 0..REPEATS {
                for column in view.all() {
                    out.clear();
                    watchpost_tsdb::internals::decode(
                        column?,
                        view.rows(),
                        0..view.rows(),
                        &mut out,
                    )?;
                    black_box(&out);
                }
            }
            decoding += cpu_ns() - from;
            values += columns.len() * times.len();
            bytes += block.len();
            let mut empty = Vec::new();
            encode_block(times, &sequences, 0, |_, _| {}, &mut empty);
            head += empty.len();
        }
    }
    let per_value = |ns: i64| ns as f64 / f64::from(REPEATS) / values as f64;
    println!(
        "{length:4} rows: {:.3} B/sample (times and sequences {:.3}), encode {:.2} ns, decode {:.2} ns",
        bytes as f64 / samples as f64,
        head as f64 / samples as f64,
        per_value(encoding),
        per_value(decoding),
    );
    Ok(())
}

#[derive(Default)]
struct Sum {
    bytes: usize,
    samples: usize,
    columns: usize,
    series: BTreeMap<&'static str, usize>,
}

impl Sum {
    fn add(&mut self, bytes: usize, samples: usize, kind: &'static str) {
        self.bytes += bytes;
        self.samples += samples;
        self.columns += 1;
        *self.series.entry(kind).or_default() += 1;
    }
}

/// Which encodings and metrics take how much.
fn closer(targets: &[Recorded], all: usize) {
    let mut kinds: BTreeMap<&'static str, Sum> = BTreeMap::new();
    let mut metrics: BTreeMap<String, Sum> = BTreeMap::new();
    let mut scratch = Scratch::default();
    for target in targets {
        for start in (0..target.times.len()).step_by(CLOSER) {
            for (slot, name) in target.names.iter().enumerate() {
                let values = target.rows(slot, start, CLOSER);
                let mut column = Vec::new();
                encode(&values, &mut scratch, &mut column);
                let samples = values.iter().filter(|value| !is_absent(**value)).count();
                let kind = kind_name(&column);
                kinds
                    .entry(kind)
                    .or_default()
                    .add(column.len(), samples, kind);
                let metric = name.split(|byte| *byte == b'{').next().unwrap_or_default();
                let metric = String::from_utf8_lossy(metric).into_owned();
                metrics
                    .entry(metric)
                    .or_default()
                    .add(column.len(), samples, kind);
            }
        }
    }
    println!("\nencodings at {CLOSER} rows: share of samples, of bytes, bytes per sample");
    let bytes: usize = kinds.values().map(|sum| sum.bytes).sum();
    for (kind, sum) in &kinds {
        println!(
            "{kind:26} {:6.2} % {:6.2} %  {:.3}",
            100.0 * sum.samples as f64 / all as f64,
            100.0 * sum.bytes as f64 / bytes as f64,
            sum.bytes as f64 / sum.samples.max(1) as f64,
        );
    }
    println!("\nmetrics: share of bytes, bytes per sample, columns, encodings");
    let mut metrics: Vec<_> = metrics.into_iter().collect();
    metrics.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.bytes));
    for (metric, sum) in metrics.iter().take(LISTED) {
        println!(
            "{metric:60} {:6.2} %  {:.3} {:5} {:?}",
            100.0 * sum.bytes as f64 / bytes as f64,
            sum.bytes as f64 / sum.samples.max(1) as f64,
            sum.columns,
            sum.series,
        );
    }
}
