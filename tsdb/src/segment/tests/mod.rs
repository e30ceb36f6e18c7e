//! Segments against what they were written from.

mod damage;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use watchpost_model::{Labels, MatchOp, Matcher, absent_nan, is_absent, stale_nan};

use self::damage::{opened, written};
use super::writer::{Sizes, write_sized};
use super::*;
use crate::histogram::Histograms;
use crate::index::{Line, Schemas, matching};
use crate::{Error, LineId, SystemDisk, TimeRange};

/// Rows in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    lines: Vec<Line>,
    groups: Vec<SourceGroup>,
    rows: Vec<(Vec<i64>, Vec<u64>)>,
    /// By group and slot.
    values: Vec<Vec<Vec<f64>>>,
    /// Whether values are given line by line.
    by_line: bool,
}

impl Source for Memory {
    fn groups(&self) -> &[SourceGroup] {
        &self.groups
    }

    fn line(&self, line: LineId) -> Option<Line> {
        self.lines.get(line.0 as usize).cloned()
    }

    fn rows(
        &mut self,
        group: usize,
        times: &mut Vec<i64>,
        sequences: &mut Vec<u64>,
    ) -> Result<(), Error> {
        times.extend(&self.rows[group].0);
        sequences.extend(&self.rows[group].1);
        Ok(())
    }

    fn values(&mut self, pass: &Pass<'_>, each: &mut EachColumn<'_>) -> Result<(), Error> {
        let mut columns = Vec::new();
        for group in 0..self.groups.len() {
            for wanted in pass.columns(group) {
                columns.push((group, *wanted));
            }
        }
        if self.by_line {
            columns.sort_by_key(|(group, wanted)| (wanted.place, *group));
        }
        for (group, Wanted { slot, place }) in columns {
            let line = self.groups[group].schema.line(slot);
            assert_eq!(line, pass.lines().get(place).copied());
            let values = &self.values[group][slot][pass.rows(group)];
            if self.by_line || !values.iter().all(|value| is_absent(*value)) {
                each(group, place, (values, &Histograms::default()))?;
            }
        }
        Ok(())
    }
}

/// Group, line, time: value and order of acceptance.
type Oracle = BTreeMap<(String, String, i64), (u64, u64)>;

fn name(key: &GroupKey) -> String {
    format!("{key:?}")
}

impl Memory {
    fn oracle(&self, range: TimeRange) -> Oracle {
        let mut oracle = Oracle::new();
        for (group, (times, sequences)) in self.groups.iter().zip(&self.rows) {
            let of_group = &self.values[self
                .groups
                .iter()
                .position(|it| it.key == group.key)
                .unwrap()];
            for (line, values) in group.schema.lines().iter().zip(of_group) {
                let line = format!("{:?}", self.lines[line.0 as usize]);
                for ((time, sequence), value) in times.iter().zip(sequences).zip(values) {
                    if !is_absent(*value) && (range.from_ms..=range.to_ms).contains(time) {
                        let key = (name(&group.key), line.clone(), *time);
                        oracle.insert(key, (value.to_bits(), *sequence));
                    }
                }
            }
        }
        oracle
    }

    fn write(&self, directory: &Path, sizes: Sizes) -> (std::path::PathBuf, Option<SegmentInfo>) {
        let path = directory.join("a.seg");
        let info = write_sized(&SystemDisk, &path, &mut self.clone(), sizes).unwrap();
        (path, info)
    }
}

const SMALL: Sizes = Sizes {
    memory: 200,
    extent: 40,
    part_rows: 10,
};

/// All that a segment has of a range.
fn contents(segment: &Segment, range: TimeRange) -> Result<Oracle, Error> {
    let index = segment.index(&Cache::new(1 << 20))?;
    let mut reader = Reader::new(segment, std::sync::Arc::clone(&index));
    let mut oracle = Oracle::new();
    for found in matching(&*index, &[]) {
        let rows = reader.rows(&found.groups, range)?;
        for line in &*found.lines {
            let text = format!("{:?}", index.line(*line));
            for (rows, values) in
                rows.iter()
                    .zip(reader.values(*line, &rows, &Histograms::default())?)
            {
                let group = name(&index.group_key(rows.group()));
                let at = rows.times.iter().zip(&*rows.sequences);
                for ((time, sequence), value) in at.zip(values) {
                    if !is_absent(value) {
                        let key = (group.clone(), text.clone(), *time);
                        oracle.insert(key, (value.to_bits(), *sequence));
                    }
                }
            }
        }
    }
    Ok(oracle)
}

fn labels(names: &'static [&str]) -> impl Strategy<Value = Labels> {
    let pair = (
        prop::sample::select(names),
        prop::sample::select(vec!["x", "xy", "y\u{e9}"]),
    );
    vec(pair, 0..3).prop_map(Labels::from_pairs)
}

fn line() -> impl Strategy<Value = Line> {
    let removed = vec(prop::sample::select(vec!["job", "b"]), 0..2);
    (labels(&["__name__", "a", "b", "job"]), removed)
        .prop_map(|(labels, removed)| Line::new(&labels, &removed))
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..100_i32).prop_map(f64::from),
        2 => Just(absent_nan()),
        1 => Just(stale_nan()),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(1.25),
    ]
}

#[derive(Clone, Debug)]
struct Group {
    labels: Labels,
    side: u32,
    single: bool,
    lines: Vec<usize>,
    times: Vec<i64>,
    values: Vec<f64>,
}

fn group() -> impl Strategy<Value = Group> {
    let times = prop_oneof![
        3 => (0..2_000_i64, 1..100_i64, 0..40_i64).prop_map(|(from, step, rows)| (0..rows).map(|row| from + row * step).collect()),
        1 => btree_set(-5_000..5_000_i64, 0..30).prop_map(|times| times.into_iter().collect()),
        1 => btree_set(any::<i64>(), 0..4).prop_map(|times| times.into_iter().collect()),
    ];
    (
        labels(&["instance", "job"]),
        0..3_u32,
        prop::bool::weighted(0.2),
        vec(0..12_usize, 0..8),
        times,
        vec(value(), 1..60),
    )
        .prop_map(|(labels, side, single, lines, times, values)| Group {
            labels,
            side,
            single,
            lines,
            times,
            values,
        })
}

prop_compose! {
    fn memory()(lines in vec(line(), 1..12), groups in vec(group(), 0..6), by_line in any::<bool>()) -> Memory {
        let mut memory = Memory { by_line, ..Memory::default() };
        for line in lines {
            if !memory.lines.contains(&line) {
                memory.lines.push(line);
            }
        }
        let mut schemas = Schemas::default();
        let mut sequence = 7_u64;
        for group in groups {
            let mut of_group: Vec<_> = group.lines.iter().map(|line| LineId(u32::try_from(line % memory.lines.len()).unwrap())).collect();
            if group.single {
                of_group.resize(1, LineId(0));
            }
            let schema = schemas.intern(of_group);
            let single = group.single.then(|| memory.lines[schema.lines()[0].0 as usize].clone());
            let labels = if group.single { Labels::empty() } else { group.labels };
            let key = GroupKey { labels, single, side: group.side };
            if memory.groups.iter().any(|have| have.key == key) {
                continue;
            }
            let sequences = group.times.iter().map(|time| {
                sequence = sequence.wrapping_add(time.unsigned_abs() % 5);
                sequence
            });
            memory.rows.push((group.times.clone(), sequences.collect()));
            let values = (0..schema.len()).map(|slot| {
                (0..group.times.len()).map(|row| group.values[(slot * 7 + row) % group.values.len()]).collect()
            });
            memory.values.push(values.collect());
            memory.groups.push(SourceGroup { key, schema });
        }
        memory
    }
}

/// A segment of some size that does not change from run to run.
fn fixed() -> Memory {
    let mut memory = Memory::default();
    for metric in 0..6 {
        for cpu in 0..3 {
            let labels = [
                ("__name__", format!("metric_{metric}")),
                ("cpu", cpu.to_string()),
            ];
            memory
                .lines
                .push(Line::new(&Labels::from_pairs(labels), &["zone"]));
        }
    }
    let mut schemas = Schemas::default();
    for host in 0..4_u32 {
        let lines = (0..18)
            .filter(|line| host != 3 || line % 2 == 0)
            .map(LineId)
            .collect();
        let instance = format!("host-{host}");
        let labels = Labels::from_pairs([("instance", instance.as_str()), ("zone", "z")]);
        let key = GroupKey {
            labels,
            single: None,
            side: 0,
        };
        let schema = schemas.intern(lines);
        let times: Vec<i64> = (0..25).map(|row| row * 15_000 + i64::from(host)).collect();
        let sequences = (0..25).map(|row| row * 4 + u64::from(host)).collect();
        let column = |slot: usize| {
            let value = move |row: i32| f64::from(row * 10 + i32::try_from(slot).unwrap());
            (0..25).map(value).collect()
        };
        memory.values.push((0..schema.len()).map(column).collect());
        memory.rows.push((times, sequences));
        memory.groups.push(SourceGroup { key, schema });
    }
    memory
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_segment_gives_back_the_bits_it_was_written_from(
        memory in memory(),
        small in any::<bool>(),
        (from, to) in (-3_000..3_000_i64, -3_000..3_000_i64),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let sizes = if small { SMALL } else { Sizes { memory: 1 << 20, extent: 1 << 14, part_rows: 480 } };
        let (path, info) = memory.write(directory.path(), sizes);
        let all = memory.oracle(TimeRange::ALL);
        let Some(info) = info else {
            prop_assert!(memory.rows.iter().all(|(times, _)| times.is_empty()));
            prop_assert!(!path.exists());
            return Ok(());
        };
        let segment = Segment::open(&path).unwrap();
        prop_assert_eq!(segment.info(), &info);
        prop_assert_eq!(info.samples, all.len() as u64);
        prop_assert_eq!(info.bytes, std::fs::metadata(&path).unwrap().len());
        let times = || memory.rows.iter().flat_map(|(times, _)| times);
        prop_assert_eq!(times().min(), Some(&info.min_time_ms));
        prop_assert_eq!(times().max(), Some(&info.max_time_ms));
        prop_assert_eq!(contents(&segment, TimeRange::ALL).unwrap(), all);
        let range = TimeRange::new(from, to);
        prop_assert_eq!(contents(&segment, range).unwrap(), memory.oracle(range));
        let verified = segment.verify();
        prop_assert!(verified.faults.is_empty(), "{:?}", verified.faults);
        let cache = Cache::new(0);
        let marks: BTreeMap<_, _> = segment.watermarks(&cache).unwrap().into_iter().map(|(key, time)| (name(&key), time)).collect();
        let newest = memory.groups.iter().zip(&memory.rows);
        let newest: BTreeMap<_, _> = newest.filter_map(|(group, (times, _))| Some((name(&group.key), *times.last()?))).collect();
        prop_assert_eq!(marks, newest);
        prop_assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "only the segment is left");
    }

    #[test]
    fn the_index_of_a_segment_matches_like_final_labels(
        memory in memory(),
        op in prop::sample::select(vec![MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex]),
        label in prop::sample::select(vec!["__name__", "a", "b", "job", "instance", "none"]),
        value in prop::sample::select(vec!["", "x", "x.*", ".+", "y|x"]),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (path, info) = memory.write(directory.path(), SMALL);
        prop_assume!(info.is_some());
        let segment = Segment::open(&path).unwrap();
        let index = segment.index(&Cache::new(1 << 20)).unwrap();
        let matcher = Matcher::new(op, label, value).unwrap();
        let mut found = Vec::new();
        for series in matching(&*index, std::slice::from_ref(&matcher)) {
            for group in &series.groups {
                let key = index.group_key(*group);
                found.extend(series.lines.iter().map(|line| {
                    let line = index.line(*line);
                    (name(&key), format!("{line:?}"), line.final_labels(&key.labels))
                }));
            }
        }
        let mut plain = Vec::new();
        for (group, (times, _)) in memory.groups.iter().zip(&memory.rows) {
            for line in group.schema.lines().iter().filter(|_| !times.is_empty()) {
                let line = &memory.lines[line.0 as usize];
                let labels = line.final_labels(&group.key.labels);
                if matcher.matches(labels.get(label)) {
                    plain.push((name(&group.key), format!("{line:?}"), labels));
                }
            }
        }
        found.sort();
        plain.sort();
        prop_assert_eq!(found, plain);
    }
}

#[test]
fn indexes_are_kept_within_the_cache() {
    let file = written(&fixed(), SMALL);
    let segments: Vec<_> = (0..5).map(|_| opened(file.clone()).unwrap()).collect();
    let size = segments[0].read_index().unwrap().size();
    let cache = Cache::new(3 * size);
    for segment in &segments {
        segment.index(&cache).unwrap();
    }
    assert_eq!(
        cache.stats(),
        CacheStats {
            bytes: 3 * size,
            hits: 0,
            misses: 5
        }
    );
    for segment in [&segments[4], &segments[2], &segments[0], &segments[3]] {
        segment.index(&cache).unwrap();
    }
    assert_eq!((cache.stats().hits, cache.stats().misses), (2, 7));
    segments[3].forget(&cache);
    assert_eq!(cache.stats().bytes, 2 * size);
    assert_eq!(Cache::new(size - 1).stats().bytes, 0);
}
