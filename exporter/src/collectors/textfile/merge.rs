//! The families of all text files put together, each series once.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::path::Path;

use watchpost_model::text::Page;
use watchpost_model::{Labels, METRIC_NAME, MetricType};

use super::file::TextFile;
use super::parse::{Family, Sample};

/// The page of all files.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) page: Page,
    /// What was left out, and why.
    pub(super) faults: Vec<String>,
}

/// A family as the files have it together.
struct Group<'a> {
    help: Option<&'a str>,
    metric_type: MetricType,
    files: Vec<&'a Path>,
    samples: Vec<&'a Sample>,
}

/// Puts the files together. The first file's word on a family counts: where a later one gives it
/// another type or help, or a series that is there already, that is left out and told.
pub(super) fn merge(files: &[TextFile]) -> Merged {
    let mut merger = Merger::default();
    for file in files {
        match &file.content {
            Ok(content) => content
                .families
                .iter()
                .for_each(|family| merger.add(&file.path, family)),
            Err(fault) => merger.faults.push(fault.clone()),
        }
    }
    Merged {
        page: page(&merger.groups),
        faults: merger.faults,
    }
}

#[derive(Default)]
struct Merger<'a> {
    groups: BTreeMap<&'a str, Group<'a>>,
    /// Where each series stands.
    seen: HashMap<&'a Labels, (&'a Path, usize)>,
    faults: Vec<String>,
}

impl<'a> Merger<'a> {
    fn add(&mut self, path: &'a Path, family: &'a Family) {
        let group = self.groups.entry(&family.name).or_insert_with(|| Group {
            help: None,
            metric_type: family.metric_type,
            files: Vec::new(),
            samples: Vec::new(),
        });
        if let Some(fault) = group.contradiction(path, family) {
            self.faults.push(fault);
            return;
        }
        group.help = group.help.or(family.help.as_deref());
        group.files.push(path);
        for sample in &family.samples {
            match self.seen.entry(&sample.labels) {
                Entry::Vacant(free) => {
                    free.insert((path, sample.line));
                    group.samples.push(sample);
                }
                Entry::Occupied(taken) => {
                    let (first, first_line) = taken.get();
                    self.faults.push(format!(
                        "`{}` line {}: `{}` is in `{}` line {first_line} already",
                        path.display(),
                        sample.line,
                        sample.labels,
                        first.display(),
                    ));
                }
            }
        }
    }
}

impl Group<'_> {
    /// The help of a family that has none.
    fn origin(&self) -> String {
        let paths = self.files.iter().map(|path| path.display().to_string());
        format!("Metric read from {}", paths.collect::<Vec<_>>().join(", "))
    }

    /// What a file says otherwise of the family than the files before it.
    fn contradiction(&self, path: &Path, family: &Family) -> Option<String> {
        let first = self.files.first()?.display();
        let (path, name) = (path.display(), &family.name);
        let (had, has) = (self.metric_type, family.metric_type);
        if had != has {
            let fault =
                format!("`{path}`: expected `{name}` to be {had} as in `{first}`, found {has}");
            return Some(fault);
        }
        match (self.help, family.help.as_deref()) {
            (Some(had), Some(has)) if had != has => Some(format!(
                "`{path}`: expected the help of `{name}` to be `{had}` as in `{first}`, found `{has}`"
            )),
            _ => None,
        }
    }
}

fn page(groups: &BTreeMap<&str, Group<'_>>) -> Page {
    let mut page = Page::new();
    for (name, group) in groups {
        let help = group.help.map_or_else(|| group.origin(), str::to_owned);
        page.family(name, &help, group.metric_type);
        for sample in &group.samples {
            let suffix = sample.labels.metric_name().strip_prefix(name);
            let mut series = page.series(suffix.unwrap_or_default());
            for (name, value) in &sample.labels {
                if name != METRIC_NAME {
                    series.label(name, value);
                }
            }
            series.value(sample.value);
        }
    }
    page
}
