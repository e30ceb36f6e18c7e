//! `textfile`: the families of the files `*.prom` in folders of the user's choice, such as what a
//! batch job leaves behind.
//!
//! A file is read when it has changed. What is wrong with one file costs that file, what is wrong
//! between two files costs the later one's series; both are logged when they begin and make
//! `node_textfile_scrape_error` 1.

mod file;
mod folders;
mod merge;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use file::TextFile;
use merge::{Merged, merge};

const DIRECTORY: Flag = Flag {
    name: "textfile.directory",
    help: "Directory to read text files with metrics from, supports glob matching. (repeatable)",
    kind: FlagKind::List,
};

/// So many files are read and no more.
const FILES_LIMIT: usize = 10_000;

/// So many bytes are kept in all.
const TOTAL_LIMIT: u64 = 64 << 20;

/// So many faults are told.
const FAULTS_LIMIT: usize = 100;

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "textfile",
    help: "Metrics that other programs leave in files.",
    default_on: true,
    flags: &[DIRECTORY],
    new: |settings| Box::new(Textfiles::new(settings)),
};

#[derive(Debug)]
struct Textfiles {
    patterns: Vec<String>,
    /// In the order in which they go before each other.
    files: Vec<TextFile>,
    merged: Merged,
    /// The families of the last page that other collectors have as well.
    refused: Vec<String>,
    /// The faults that are logged.
    told: Vec<String>,
}

impl Textfiles {
    fn new(settings: &Settings) -> Self {
        let given = settings.list(&DIRECTORY).iter();
        Self {
            patterns: given.filter(|text| !text.is_empty()).cloned().collect(),
            files: Vec::new(),
            merged: Merged::default(),
            refused: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Reads what has changed, and tells whether anything has.
    fn refresh(&mut self, paths: Vec<PathBuf>) -> bool {
        let same = paths.iter().eq(self.files.iter().map(|file| &file.path));
        let old = std::mem::take(&mut self.files);
        let mut old: HashMap<PathBuf, TextFile> = old
            .into_iter()
            .map(|file| (file.path.clone(), file))
            .collect();
        let mut changed = !same;
        let mut left = TOTAL_LIMIT;
        for path in paths {
            let file = match old.remove(&path) {
                Some(file) if file.is_unchanged() => file,
                _ => {
                    changed = true;
                    TextFile::read(path, left)
                }
            };
            left = left.saturating_sub(file.size());
            self.files.push(file);
        }
        changed
    }

    /// The faults with other collectors: each refused family with the first file that has it.
    fn refusals(&self) -> impl Iterator<Item = String> {
        self.refused.iter().filter_map(|name| {
            let file = self.files.iter().find(|file| file.has_family(name))?;
            let path = file.path.display();
            Some(format!(
                "`{path}`: `{name}` is a family of the exporter, which goes first"
            ))
        })
    }

    /// Logs the faults that are new.
    fn tell(&mut self, mut faults: Vec<String>) {
        let more = faults.len().saturating_sub(FAULTS_LIMIT);
        faults.truncate(FAULTS_LIMIT);
        if more > 0 {
            faults.push(format!("{more} more faults"));
        }
        for fault in &faults {
            if !self.told.contains(fault) {
                tracing::error!(
                    collector = "textfile",
                    fault,
                    "textfile is left out or in part"
                );
            }
        }
        self.told = faults;
    }
}

impl Collector for Textfiles {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut faults = Vec::new();
        let paths = list(&self.patterns, &mut faults);
        if self.refresh(paths) {
            self.merged = merge(&self.files);
        }
        faults.extend(self.merged.faults.iter().cloned());
        faults.extend(self.refusals());
        page.family(
            "node_textfile_mtime_seconds",
            "Unixtime mtime of textfiles successfully read.",
            Gauge,
        );
        for file in &self.files {
            if let Ok(content) = &file.content {
                let path = file.path.display().to_string();
                page.sample(&[("file", &path)], content.modified as f64);
            }
        }
        page.family(
            "node_textfile_scrape_error",
            "1 if there was an error opening or reading a file, 0 otherwise",
            Gauge,
        );
        page.series("")
            .digits(if faults.is_empty() { b"0" } else { b"1" });
        self.tell(faults);
        page.append(&mut self.merged.page);
        Ok(())
    }

    fn is_foreign(&self) -> bool {
        true
    }

    /// The next page says that there is a fault; this one is on its way.
    fn note_refused(&mut self, families: &[String]) {
        families.clone_into(&mut self.refused);
    }
}

/// The text files of all folders, each once; what is wrong with a folder is added to `faults`.
fn list(patterns: &[String], faults: &mut Vec<String>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for folder in patterns
        .iter()
        .flat_map(|pattern| folders::folders(pattern))
    {
        if !seen.insert(folder.clone()) {
            continue;
        }
        match text_files(&folder) {
            Ok(found) => paths.extend(found),
            Err(error) => faults.push(format!("`{}`: {error}", folder.display())),
        }
    }
    if paths.len() > FILES_LIMIT {
        let found = paths.len();
        faults.push(format!(
            "expected at most {FILES_LIMIT} text files, found {found}"
        ));
        paths.truncate(FILES_LIMIT);
    }
    paths
}

/// The text files of a folder, in the order of their names.
fn text_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(here)? {
        let name = entry?.file_name();
        if name.as_encoded_bytes().ends_with(b".prom") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}
