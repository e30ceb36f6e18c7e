//! What recorded pages take in a finished segment, all of the file counted. Measured by hand:
//! `WATCHPOST_PAGES=DIRECTORY,... cargo test -p watchpost-tsdb --lib recorded -- --ignored --nocapture`,
//! where each directory has the pages of one target, a file for each scrape, named by its time in
//! milliseconds. `WATCHPOST_COPIES=N` makes N hosts of each.

use std::collections::BTreeMap;
use std::path::Path;

use watchpost_model::text::{Entry, Format, Parser};
use watchpost_model::{Labels, LabelsBuilder, absent_nan};

use crate::histogram::Histograms;
use crate::index::{Line, Schemas};
use crate::segment::{EachColumn, GroupKey, Pass, Source, SourceGroup, write};
use crate::{Error, LineId, SystemDisk};

/// The pages of some hosts.
#[derive(Default)]
struct Recorded {
    lines: Vec<Line>,
    groups: Vec<SourceGroup>,
    /// By group: times, and values by slot.
    rows: Vec<(Vec<i64>, Vec<Vec<f64>>)>,
    schemas: Schemas,
    known: BTreeMap<Vec<u8>, LineId>,
}

impl Recorded {
    fn add(&mut self, directory: &Path, host: usize) {
        let mut times: Vec<i64> = std::fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .into_string()
                    .unwrap()
                    .parse()
                    .ok()
            })
            .collect();
        times.sort_unstable();
        let (mut slots, mut lines, mut columns) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (row, time) in times.iter().enumerate() {
            let page = std::fs::read(directory.join(time.to_string())).unwrap();
            for entry in Parser::new(Format::Text, &page) {
                let Ok(Entry::Sample(sample)) = entry else {
                    continue;
                };
                let line = *self.known.entry(sample.series.to_vec()).or_insert_with(|| {
                    let mut labels = LabelsBuilder::default();
                    sample.labels_into(&mut labels).unwrap();
                    self.lines.push(Line::new(&labels.build(), &[]));
                    LineId(u32::try_from(self.lines.len() - 1).unwrap())
                });
                let slot = *slots.entry(line).or_insert_with(|| {
                    lines.push(line);
                    columns.push(Vec::new());
                    columns.len() - 1
                });
                let column: &mut Vec<f64> = &mut columns[slot];
                column.resize(row, absent_nan());
                column.push(sample.value);
            }
        }
        for column in &mut columns {
            column.resize(times.len(), absent_nan());
        }
        let instance = format!("host-{host:04}:9100");
        let labels = Labels::from_pairs([("job", "node"), ("instance", instance.as_str())]);
        let key = GroupKey {
            labels,
            single: None,
            side: 0,
        };
        self.groups.push(SourceGroup {
            key,
            schema: self.schemas.intern(lines),
        });
        self.rows.push((times, columns));
    }
}

impl Source for Recorded {
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
        let hosts = self.groups.len();
        sequences.extend((0..self.rows[group].0.len()).map(|row| (row * hosts + group) as u64));
        Ok(())
    }

    fn values(&mut self, pass: &Pass<'_>, each: &mut EachColumn<'_>) -> Result<(), Error> {
        for group in 0..self.groups.len() {
            for wanted in pass.columns(group) {
                each(
                    group,
                    wanted.place,
                    (
                        &self.rows[group].1[wanted.slot][pass.rows(group)],
                        &Histograms::default(),
                    ),
                )?;
            }
        }
        Ok(())
    }
}

#[test]
#[ignore = "needs recorded pages"]
fn recorded_pages_in_a_segment() {
    let copies = std::env::var("WATCHPOST_COPIES").map_or(1, |copies| copies.parse().unwrap());
    let mut recorded = Recorded::default();
    for directory in std::env::var("WATCHPOST_PAGES").unwrap().split(',') {
        for _ in 0..copies {
            let host = recorded.groups.len();
            recorded.add(Path::new(directory), host);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.seg");
    let info = write(&SystemDisk, &path, &mut recorded, 1 << 25)
        .unwrap()
        .unwrap();
    assert_eq!(info.bytes, std::fs::metadata(&path).unwrap().len());
    println!(
        "{} hosts, {} series, {} samples, {} bytes: {:.3} bytes per sample",
        info.groups,
        info.series,
        info.samples,
        info.bytes,
        info.bytes as f64 / info.samples as f64
    );
}
