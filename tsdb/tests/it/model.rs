//! The store against a plain map, over random histories.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::tempdir;
use watchpost_model::{Labels, MatchOp, Matcher, is_stale, stale_nan};
use watchpost_tsdb::{Db, Error, Group, LineId, Row, TimeRange};

use crate::support::{Dump, config, open_unsynced, select};

/// Names of the lines; each line stands with and without an own `job`, and one removes `instance`.
const LINES: usize = 8;
const GROUPS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Page {
        group: usize,
        after: i64,
        lines: Vec<usize>,
        values: Vec<f64>,
    },
    Part {
        group: usize,
        back: i64,
        lines: Vec<usize>,
        values: Vec<f64>,
    },
    Single {
        line: usize,
        after: i64,
        value: f64,
    },
    End {
        group: usize,
        after: i64,
    },
    Reopen,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..100_i32).prop_map(f64::from),
        2 => (0..10_000_i32).prop_map(|n| f64::from(n) / 100.0),
        1 => Just(stale_nan()),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
    .prop_filter("not the mark of none", |value| {
        !watchpost_model::is_absent(*value)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let lines = || vec(0..LINES, 0..LINES + 2);
    let values = || vec(value(), LINES + 2);
    prop_oneof![
        12 => (0..GROUPS, 0..3_000_i64, lines(), values())
            .prop_map(|(group, after, lines, values)| Step::Page { group, after, lines, values }),
        4 => (0..GROUPS, 0..3_i64, lines(), values())
            .prop_map(|(group, back, lines, values)| Step::Part { group, back, lines, values }),
        2 => (0..LINES, 1..3_000_i64, value())
            .prop_map(|(line, after, value)| Step::Single { line, after, value }),
        1 => (0..GROUPS, 1..3_000_i64).prop_map(|(group, after)| Step::End { group, after }),
        1 => Just(Step::Reopen),
    ]
}

/// What the store should hold: samples by source (a group or a single column) and final labels,
/// in the order of their acceptance.
#[derive(Default)]
struct Oracle {
    /// (source, line) to time to (order, value).
    columns: BTreeMap<(usize, usize), BTreeMap<i64, (u64, f64)>>,
    /// Rows' orders: the first acceptance at a time.
    rows: BTreeMap<(usize, i64), u64>,
    /// Lines on the page, by source.
    on_page: BTreeMap<(usize, usize), bool>,
    newest_page: BTreeMap<usize, i64>,
    newest: BTreeMap<usize, i64>,
    order: u64,
}

impl Oracle {
    fn order_at(&mut self, source: usize, time: i64) -> u64 {
        self.order += 1;
        *self.rows.entry((source, time)).or_insert(self.order)
    }

    fn has(&self, source: usize, line: usize, time: i64) -> Option<f64> {
        let column = self.columns.get(&(source, line))?;
        column.get(&time).map(|(_, value)| *value)
    }

    fn put(&mut self, source: usize, line: usize, (time, value): (i64, f64), page: bool) {
        let order = self.order_at(source, time);
        let column = self.columns.entry((source, line)).or_default();
        let known = column.contains_key(&time);
        let have = column.entry(time).or_insert((order, value)).1;
        let latest = column.last_key_value().map(|(last, _)| *last) == Some(time);
        if latest && have.to_bits() == value.to_bits() && (page || !known) {
            if is_stale(value) {
                self.on_page.remove(&(source, line));
            } else {
                self.on_page.insert((source, line), page);
            }
        }
        let newest = self.newest.entry(source).or_insert(time);
        *newest = time.max(*newest);
    }

    fn page(&mut self, source: usize, time: i64, page: &[(usize, f64)]) {
        let left: Vec<_> = self
            .on_page
            .iter()
            .filter(|((of, line), by_page)| {
                *of == source && **by_page && page.iter().all(|(have, _)| have != line)
            })
            .map(|((_, line), _)| *line)
            .collect();
        let said = !page.is_empty() || !left.is_empty();
        for (line, value) in page {
            self.put(source, *line, (time, *value), true);
        }
        for line in left {
            self.put(source, line, (time, stale_nan()), true);
        }
        // A page that says nothing is not remembered.
        if said {
            self.newest_page.insert(source, time);
        }
    }

    /// A page at the time of the last one says the same.
    fn says_the_same(&self, source: usize, time: i64, page: &[(usize, f64)]) -> bool {
        page.iter().all(|(line, value)| {
            self.has(source, *line, time)
                .is_some_and(|have| have.to_bits() == value.to_bits())
        })
    }

    fn select(&self, range: TimeRange, matchers: &[Matcher]) -> Dump {
        let mut series: BTreeMap<Labels, BTreeMap<i64, (u64, usize, f64)>> = BTreeMap::new();
        for ((source, line), samples) in &self.columns {
            let labels = final_labels(*source, *line);
            if !matchers
                .iter()
                .all(|matcher| matcher.matches(labels.get(matcher.name())))
            {
                continue;
            }
            for (time, (order, value)) in samples.range(range.from_ms..=range.to_ms) {
                let at = series.entry(labels.clone()).or_default().entry(*time);
                let new = (*order, *line, *value);
                at.and_modify(|have| {
                    if (new.0, new.1) < (have.0, have.1) {
                        *have = new;
                    }
                })
                .or_insert(new);
            }
        }
        let series = series.into_iter().map(|(labels, samples)| {
            let samples = samples
                .into_iter()
                .map(|(time, (_, _, value))| (time, value.to_bits()));
            (labels.to_string(), samples.collect())
        });
        series.collect()
    }
}

fn line_labels(line: usize) -> (Labels, &'static [&'static str]) {
    let name = format!("m{}", line / 2);
    match line {
        7 => (
            Labels::from_pairs([("__name__", name.as_str())]),
            &["instance"],
        ),
        odd if odd % 2 == 1 => (
            Labels::from_pairs([("__name__", name.as_str()), ("job", "own")]),
            &[],
        ),
        _ => (Labels::from_pairs([("__name__", name.as_str())]), &[]),
    }
}

fn group_labels(group: usize) -> Labels {
    let instance = format!("h{group}");
    Labels::from_pairs([("instance", instance.as_str()), ("job", "node")])
}

/// Sources from `GROUPS` on are single columns: those of group 0 again.
fn final_labels(source: usize, line: usize) -> Labels {
    let (labels, removed) = line_labels(line);
    let mut builder = group_labels(source % GROUPS).builder();
    for name in removed {
        builder.remove(name);
    }
    for (name, value) in &labels {
        builder.set(name, value);
    }
    builder.build()
}

struct Run {
    path: std::path::PathBuf,
    db: Option<Db>,
    oracle: Oracle,
    time: i64,
}

impl Run {
    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn group(&self, group: usize) -> Group {
        self.db().group(&group_labels(group)).unwrap()
    }

    fn lines(&self, lines: &[usize]) -> Vec<LineId> {
        let ids = lines.iter().map(|line| {
            let (labels, removed) = line_labels(*line);
            self.db().line(&labels, removed).unwrap()
        });
        ids.collect()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Page {
                group,
                after,
                lines,
                values,
            } => {
                self.time += after;
                self.page(*group, lines, values);
            }
            Step::Part {
                group,
                back,
                lines,
                values,
            } => self.part(*group, *back, lines, values),
            Step::Single { line, after, value } => {
                self.time += after;
                let labels = final_labels(GROUPS, *line);
                // Lines with equal final labels are one single column.
                self.db()
                    .append_single(&labels, self.time, *value, self.time)
                    .unwrap();
                self.oracle
                    .put(GROUPS * (*line + 1), *line, (self.time, *value), false);
            }
            Step::End { group, after } => {
                self.time += after;
                self.group(*group).end(self.time, self.time).unwrap();
                let live: Vec<_> = self.oracle.on_page.keys().copied().collect();
                let live = live.into_iter().filter(|(source, _)| source == group);
                for (_, line) in live {
                    self.oracle
                        .put(*group, line, (self.time, stale_nan()), true);
                }
                if self.oracle.newest.get(group) == Some(&self.time) {
                    self.oracle.newest_page.insert(*group, self.time);
                }
            }
            Step::Reopen => {
                self.db = None;
                self.db = Some(open_unsynced(config(&self.path)));
            }
        }
    }

    fn page(&mut self, group: usize, lines: &[usize], values: &[f64]) {
        let db = self.db().clone();
        let row = Row {
            time_ms: self.time,
            layout: &db.layout(&self.lines(lines)),
            values: &values[..lines.len()],
        };
        let result = self.group(group).append(row, self.time);
        let page = first_of_each(lines, values);
        if self.oracle.newest_page.get(&group) == Some(&self.time) {
            let same = self.oracle.says_the_same(group, self.time, &page);
            assert_eq!(result.is_ok(), same, "{result:?}");
        } else {
            result.unwrap();
            self.oracle.page(group, self.time, &page);
        }
    }

    fn part(&mut self, group: usize, back: i64, lines: &[usize], values: &[f64]) {
        // A part at the time of the newest row, or a little before or after it.
        let newest = self.oracle.newest.get(&group).copied();
        let time = newest.unwrap_or(self.time) + 1 - back;
        let first = first_of_each(lines, values);
        let (lines, values): (Vec<_>, Vec<_>) = first.iter().copied().unzip();
        let ids = self.lines(&lines).into_iter();
        let samples: Vec<_> = ids.zip(values).collect();
        match self
            .group(group)
            .append_samples(time, &samples, self.time.max(time))
        {
            Ok(appended) => {
                let mut conflicts = 0;
                for (line, value) in first {
                    let have = self.oracle.has(group, line, time);
                    if have.is_some_and(|have| have.to_bits() != value.to_bits()) {
                        conflicts += 1;
                    } else {
                        self.oracle.put(group, line, (time, value), false);
                    }
                }
                assert_eq!(appended.conflicts, conflicts);
                self.time = self.time.max(time);
            }
            other => assert!(matches!(other, Err(Error::Refused(_))), "{other:?}"),
        }
    }
}

fn first_of_each(lines: &[usize], values: &[f64]) -> Vec<(usize, f64)> {
    let pairs = lines.iter().zip(values).enumerate();
    pairs
        .filter(|(place, (line, _))| !lines[..*place].contains(line))
        .map(|(_, (line, value))| (*line, *value))
        .collect()
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = prop_oneof![
        Just(MatchOp::Equal),
        Just(MatchOp::NotEqual),
        Just(MatchOp::Regex),
        Just(MatchOp::NotRegex),
    ];
    let name = prop_oneof![
        Just("__name__"),
        Just("instance"),
        Just("job"),
        Just("zone")
    ];
    let value = prop_oneof![
        Just("m0"),
        Just("m1"),
        Just("m3"),
        Just("h0"),
        Just("h1"),
        Just("own"),
        Just("node"),
        Just(""),
        Just("m[01]"),
        Just(".*"),
        Just(".+"),
        Just("h0|own"),
        Just("h.|"),
    ];
    (op, name, value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_says_what_a_plain_map_says(
        steps in vec(step(), 1..300),
        queries in vec((vec(matcher(), 0..4), 0..500_000_i64, 0..500_000_i64), 10),
    ) {
        let directory = tempdir().unwrap();
        let mut run = Run {
            path: directory.path().to_owned(),
            db: Some(open_unsynced(config(directory.path()))),
            oracle: Oracle::default(),
            time: 0,
        };
        for step in &steps {
            run.step(step);
        }
        prop_assert_eq!(select(run.db(), TimeRange::ALL, &[]), run.oracle.select(TimeRange::ALL, &[]));
        run.step(&Step::Reopen);
        for (matchers, from, length) in &queries {
            let range = TimeRange::new(*from, from + length);
            for range in [range, TimeRange::ALL] {
                let expected = run.oracle.select(range, matchers);
                prop_assert_eq!(select(run.db(), range, matchers), expected, "{:?}", matchers);
                let series: Vec<_> = run.oracle.select(range, matchers).into_iter().map(|(l, _)| l).collect();
                let found = run.db().series(range, matchers).unwrap();
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                prop_assert_eq!(found, series);
            }
        }
    }
}
