//! A run that uses all of the store, the same each time: for faults at a place of one's choice.

use std::collections::BTreeMap;
use std::path::Path;

use watchpost_model::{Duration, Labels, Matcher, stale_nan};
use watchpost_tsdb::{Config, Db, TimeRange};

use crate::histograms::{append_samples, numbered};
use crate::support::{self, Dump, append_at, dump, group, line};

/// How many steps the run has.
pub(crate) const STEPS: i64 = 260;

/// The step in which something is deleted.
pub(crate) const DELETION: i64 = 151;

const START: i64 = 10_000_000_000;

/// Small files and windows, so that little makes many.
pub(crate) fn config(path: &Path) -> Config {
    Config {
        log_file_size: 3_000,
        retention: Duration::from_secs(600),
        window: Duration::from_secs(30),
        out_of_order_window: Duration::from_secs(60),
        ..support::config(path)
    }
}

/// What time it is at a step.
pub(crate) fn now(step: i64) -> i64 {
    START + step * 1_000
}

/// Makes one step. What a failing disk answers is no matter here.
pub(crate) fn step(db: &Db, step: i64) {
    let now = now(step);
    let small = i32::try_from(step).unwrap();
    let [one, two] = ["h1", "h2"].map(|name| group(db, name));
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| line(db, name));
    let shapes = line(db, "shapes");
    let (count, noise) = (
        f64::from(small * 3),
        f64::from(small * 7_919 % 1_009).sqrt(),
    );
    match step % 10 {
        3 => {
            let single = Labels::from_pairs([("__name__", "single"), ("instance", "h1")]);
            db.append_single(&single, now - 7, noise, now).unwrap();
        }
        6 => {
            let part = [(d, count), (c, noise), (shapes, numbered(1))];
            append_samples(&two, now, &part, now).unwrap();
        }
        7 if step % 20 == 7 => drop(two.end(now, now)),
        8 => drop(db.sync()),
        9 if step % 30 == 29 => drop(db.maintain(now)),
        1 if step == DELETION => {
            let range = TimeRange::new(START + 40_000, START + 70_500);
            let of_c = [Matcher::equal("__name__", "c")];
            drop(db.delete(range, &of_c).or_else(|_| db.delete(range, &of_c)));
        }
        1 if step == 221 => drop(db.clean_tombstones()),
        4 if step == 104 => {
            // The clock was ahead: what comes next goes to a side.
            append_at(db, &one, now + 90_500, &[(a, 5.0), (b, stale_nan())], now).unwrap();
        }
        _ => {}
    }
    let shape = numbered(u32::try_from(step).unwrap());
    let page = [(a, count), (shapes, shape), (b, 7.0), (c, noise), (d, -0.0)];
    let lines = if step / 40 % 2 == 0 { 5 } else { 3 };
    append_at(db, &one, now, &page[..lines], now).unwrap();
    if step % 20 != 7 {
        append_at(db, &two, now, &page[..1], now).unwrap();
    }
}

/// The samples of a store, by series and time.
pub(crate) type Samples = BTreeMap<(String, i64), u64>;

pub(crate) fn samples(dump: &Dump) -> Samples {
    let samples = dump.iter().flat_map(|(series, samples)| {
        let samples = samples.iter();
        samples.map(move |(time, bits)| ((series.clone(), *time), *bits))
    });
    samples.collect()
}

pub(crate) fn visible(db: &Db) -> Samples {
    samples(&dump(db))
}

/// The samples that both have, and those that one of them has.
pub(crate) fn both(one: &Samples, two: &Samples) -> Samples {
    let both = one
        .iter()
        .filter(|(cell, bits)| two.get(*cell) == Some(bits));
    both.map(|(cell, bits)| (cell.clone(), *bits)).collect()
}

/// Fails where a sample of `least` is missing in `found`.
pub(crate) fn assert_holds(found: &Samples, least: &Samples, what: &str) {
    let missing = least
        .iter()
        .find(|(cell, bits)| found.get(*cell) != Some(bits));
    assert!(
        missing.is_none(),
        "{what}: {missing:x?} is lost, there is {:x?}",
        found.get(missing.unwrap().0)
    );
}

/// Fails where a sample of `found` is none of `most`.
pub(crate) fn assert_within(found: &Samples, most: &[&Samples], what: &str) {
    let foreign = found.iter().find(|(cell, bits)| {
        let mut known = most.iter();
        !known.any(|samples| samples.get(*cell) == Some(bits))
    });
    assert!(foreign.is_none(), "{what}: {foreign:x?} was never there");
}
