//! What a sample costs from the bytes of a page to the store, log included: lines that stand where
//! they stood, known lines that stand elsewhere, and new ones. CPU time of the thread, so that other
//! programs hardly count.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use watchpost_model::text::write_number;
use watchpost_scraper::config::{Global, ScrapeConfig, StaticConfig};
use watchpost_scraper::scrape::{Feed, Pool};
use watchpost_tsdb::{Config, Db};

const LINES: usize = 1_000;
const INTERVAL_MS: i64 = 15_000;
/// So many rows are stored between two looks at what is to be sealed.
const ROWS_BETWEEN_SEALS: u64 = 50_000;

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The number of a line on a page: a third of them move from page to page.
fn number(line: usize, page: usize) -> f64 {
    let base = line * 7_919 % 1_000_003;
    match line % 15 {
        0..=2 => (base + page * 17) as f64,
        3 => (base + page * 4_096) as f64 * 4_096.0,
        4 => (base + page) as f64 / 100.0,
        5..=10 => base as f64,
        11..=13 => 0.0,
        _ => 1.0 / (base + 3) as f64,
    }
}

/// A page. `order` gives the line that stands at each place, `name` what its last label says.
fn page(
    number_of: usize,
    order: impl Iterator<Item = usize>,
    name: impl Fn(usize) -> String,
) -> Vec<u8> {
    let mut page = Vec::new();
    for line in order {
        let mut text = String::new();
        if line % 20 == 0 {
            let family = line / 20;
            write!(
                text,
                "# HELP node_field{family}_total A number that the kernel keeps of a kind.\n# TYPE node_field{family}_total counter\n"
            )
            .unwrap_or_default();
        }
        let (family, cpu) = (line / 20, line % 20);
        let name = name(line);
        write!(
            text,
            "node_field{family}_total{{cpu=\"{cpu}\",mode=\"{name}\"}} "
        )
        .unwrap_or_default();
        page.extend_from_slice(text.as_bytes());
        write_number(&mut page, number(line, number_of));
        page.push(b'\n');
    }
    page
}

fn plain(line: usize) -> String {
    format!("m{}", line % 8)
}

struct Store {
    _directory: tempfile::TempDir,
    db: Db,
    feeds: Vec<Feed>,
    time_ms: i64,
    rows: u64,
}

impl Store {
    fn new(targets: usize) -> Option<Self> {
        let directory = tempfile::tempdir().ok()?;
        let config = Config {
            path: directory.path().to_owned(),
            retention: watchpost_model::Duration::from_secs(100 * 365 * 86_400),
            ..Config::default()
        };
        let db = Db::open(config).ok()?;
        let targets =
            (0..targets).map(|target| format!("10.0.{}.{}:9100", target / 250, target % 250));
        let mut job = ScrapeConfig::default();
        "node".clone_into(&mut job.job_name);
        job.static_configs = vec![StaticConfig {
            targets: targets.collect(),
            ..StaticConfig::default()
        }];
        let pool = Pool::new(&job, &Global::default()).ok()?;
        Some(Self {
            feeds: Feed::all(&db, pool),
            _directory: directory,
            db,
            time_ms: 1_700_000_000_000,
            rows: 0,
        })
    }

    /// The time that it takes to store these pages one after the other, `rounds` pages in all.
    fn take(&mut self, pages: &mut [Vec<u8>], rounds: u64) -> Duration {
        let mut spent = Duration::ZERO;
        let (targets, kinds) = (self.feeds.len(), pages.len());
        for round in 0..rounds {
            let place = usize::try_from(self.rows).unwrap_or_default();
            if place % targets == 0 {
                self.time_ms += INTERVAL_MS;
            }
            let feed = self.feeds.get_mut(place % targets);
            let page = pages.get_mut(place / targets % kinds);
            if let (Some(feed), Some(page)) = (feed, page) {
                let start = thread_time();
                let stored = black_box(feed.store(self.time_ms, page));
                spent += thread_time().saturating_sub(start);
                assert_eq!(stored, Ok(LINES), "page {round}");
            }
            self.rows += 1;
            if self.rows.is_multiple_of(ROWS_BETWEEN_SEALS) {
                self.db.maintain(self.time_ms).unwrap_or_default();
            }
        }
        spent
    }
}

fn ingest(criterion: &mut Criterion) {
    // A pool makes its HTTP client, which wants to know who does its cryptography.
    watchpost_scraper::cmd::prepare();
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(LINES as u64));
    let in_order = |number| page(number, 0..LINES, plain);
    for (name, targets) in [("unchanged", 1), ("unchanged_of_1000_targets", 1_000)] {
        let Some(mut store) = Store::new(targets) else {
            continue;
        };
        let mut pages: Vec<_> = (0..64).map(in_order).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| store.take(&mut pages, rounds));
        });
    }
    // The second page has each line elsewhere: no line stands where it stood on the page before.
    if let Some(mut store) = Store::new(1) {
        let stride = |number| page(number, (0..LINES).map(|at| at * 7 % LINES), plain);
        let mut pages: Vec<_> = (0..32)
            .flat_map(|at| [in_order(2 * at), stride(2 * at + 1)])
            .collect();
        group.bench_function("changed", |bencher| {
            bencher.iter_custom(|rounds| store.take(&mut pages, rounds));
        });
    }
    group.sample_size(10);
    group.bench_function("new", |bencher| {
        bencher.iter_custom(|rounds| new_lines(rounds).unwrap_or_default());
    });
    group.finish();
}

/// Pages that have no line in common with those before.
fn new_lines(rounds: u64) -> Option<Duration> {
    const PAGES: usize = 50;
    let mut pages: Vec<_> = (0..PAGES)
        .map(|number| page(number, 0..LINES, |line| format!("p{number}-{line}")))
        .collect();
    let mut spent = Duration::ZERO;
    let mut left = rounds;
    while left > 0 {
        let round = left.min(PAGES as u64);
        spent += Store::new(1)?.take(&mut pages, round);
        left -= round;
    }
    Some(spent)
}

criterion_group!(benches, ingest);
criterion_main!(benches);
