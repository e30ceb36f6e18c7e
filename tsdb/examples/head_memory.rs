//! What the head costs: 1,000 groups of 1,000 series that share one schema, every 15 s, half of the
//! values moving. Prints memory, sizes of files and times. Arguments: rows, groups, directory.

use std::time::Instant;

use watchpost_model::Labels;
use watchpost_tsdb::{Config, Db, Error, Group, Layout, Row};

const COLUMNS: usize = 1_000;
const START: i64 = 1_700_000_000_000;

/// Kibibytes of a field of this process's status.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let digits: String = line
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn say(what: &str, db: &Db, series: usize, since: Instant) {
    let stats = db.stats();
    let each = |kib: u64| kib as f64 * 1024.0 / series as f64;
    println!(
        "{what}: {:.2?}; RssAnon {:.1} B, RssFile {:.1} B a series; log {} B, head {} B, {} B of blocks in memory; {} records replayed, {} damaged",
        since.elapsed(),
        each(memory("RssAnon:")),
        each(memory("RssFile:")),
        stats.log_bytes,
        stats.head_bytes,
        stats.memory_bytes,
        stats.replayed_records,
        stats.damaged_records,
    );
}

fn append(
    db: &Db,
    targets: &[Group],
    layout: &Layout,
    rows: std::ops::Range<i64>,
) -> Result<(), Error> {
    let mut values = vec![0.0; COLUMNS];
    for row in rows {
        for (number, group) in targets.iter().enumerate() {
            for (place, value) in values.iter_mut().enumerate() {
                let step = row as f64 * (1.0 + (place % 97) as f64);
                *value = match place % 10 {
                    0..=3 => number as f64 * 1e6 + step,
                    4 => (step * 7_919.0 % 10_007.0).round() / 100.0,
                    _ => place as f64,
                };
            }
            let time_ms = START + row * 15_000;
            let row = Row {
                time_ms,
                layout,
                values: &values,
            };
            group.append(row, time_ms)?;
        }
        db.maintain(START + row * 15_000)?;
    }
    Ok(())
}

fn run(rows: i64, groups: usize, path: &str) -> Result<(), Error> {
    let config = Config {
        path: path.into(),
        ..Config::default()
    };
    let series = groups * COLUMNS;
    let db = Db::open(config.clone())?;
    let lines = (0..COLUMNS).map(|column| {
        let value = (column % 10).to_string();
        let name = format!("metric_{}", column / 10);
        db.line(
            &Labels::from_pairs([("__name__", name.as_str()), ("n", value.as_str())]),
            &[],
        )
    });
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let layout = db.layout(&lines);
    let targets = (0..groups).map(|number| {
        let instance = format!("host-{number}");
        db.group(&Labels::from_pairs([
            ("instance", instance.as_str()),
            ("job", "node"),
        ]))
    });
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    say("empty", &db, series, Instant::now());
    let since = Instant::now();
    append(&db, &targets, &layout, 0..8)?;
    say("8 rows", &db, series, since);
    let since = Instant::now();
    append(&db, &targets, &layout, 8..rows)?;
    say(&format!("{rows} rows"), &db, series, since);
    drop((targets, layout, db));
    let since = Instant::now();
    let db = Db::open(config)?;
    say("opened again", &db, series, since);
    Ok(())
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |place: usize, otherwise: i64| {
        let argument = arguments.get(place);
        argument
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let groups = usize::try_from(number(2, 1_000)).unwrap_or(1_000);
    let path = arguments.get(3).map_or("head-memory", String::as_str);
    run(number(1, 480), groups, path)
}
