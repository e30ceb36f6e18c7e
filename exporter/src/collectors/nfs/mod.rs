//! `nfs` and `nfsd`: what clients and the server of NFS count, `/proc/net/rpc`.
//!
//! A line is a word and numbers. What each number is stands in a table for the client and one for
//! the server; lines and numbers that are not in it are left alone, since kernels add some.

pub(super) mod client;
pub(super) mod server;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::rare::RareFile;
use super::{CollectError, text};

/// A family.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
}

/// What a line's numbers are.
struct Line {
    key: &'static [u8],
    meaning: Meaning,
}

enum Meaning {
    /// At least so many numbers, some of which are series.
    Numbers(usize, &'static [Number]),
    /// How many numbers follow, then how often each call was made.
    Calls(&'static Calls),
}

/// A number that is a series.
struct Number {
    at: usize,
    family: &'static Family,
    labels: &'static [(&'static str, &'static str)],
}

/// The calls of a version of the protocol.
struct Calls {
    family: &'static Family,
    version: &'static str,
    /// Fewer numbers are a fault; those that an older kernel does not have are 0.
    at_least: usize,
    /// In the kernel's order; empty where it is none.
    names: &'static [&'static str],
}

/// Writes the series of a file's lines. A line that is not as it should be costs its own.
fn collect(file: &mut RareFile, table: &[Line], page: &mut Page) -> Result<(), CollectError> {
    file.read()?;
    let mut faults = Faults::default();
    let mut writer = Writer { page, family: "" };
    for line in file.text().split_inclusive(|c| *c == b'\n') {
        // A last line without an end may be cut within a number.
        let whole = line.strip_suffix(b"\n");
        if whole.and_then(|line| writer.line(line, table)).is_none() {
            faults.note(file.fault("a word and its numbers", line));
        }
    }
    faults.finish()
}

struct Writer<'a> {
    page: &'a mut Page,
    /// The name of the family that is being written.
    family: &'static str,
}

impl Writer<'_> {
    /// Writes a line's series; none where it is not as the table says.
    fn line(&mut self, line: &[u8], table: &[Line]) -> Option<()> {
        let mut words = text::words(line);
        let Some(key) = words.next() else {
            return Some(());
        };
        let Some(line) = table.iter().find(|line| line.key == key) else {
            return Some(());
        };
        match &line.meaning {
            Meaning::Numbers(count, series) => self.numbers(&words, *count, series),
            Meaning::Calls(calls) => self.calls(words, calls),
        }
    }

    fn numbers<'b>(
        &mut self,
        words: &(impl Iterator<Item = &'b [u8]> + Clone),
        count: usize,
        series: &[Number],
    ) -> Option<()> {
        let needed = words.clone().take(count);
        if needed.clone().count() < count || !needed.clone().all(text::is_integer) {
            return None;
        }
        for number in series {
            let value = words.clone().nth(number.at)?;
            self.series(number.family, number.labels, value);
        }
        Some(())
    }

    fn calls<'b>(
        &mut self,
        mut words: impl Iterator<Item = &'b [u8]> + Clone,
        calls: &Calls,
    ) -> Option<()> {
        let count = usize::try_from(text::integer(words.next()?)?).ok()?;
        let whole = words.clone().all(text::is_integer) && words.clone().count() == count;
        if !whole || count < calls.at_least {
            return None;
        }
        for name in calls.names {
            let value = words.next().unwrap_or(b"0");
            if !name.is_empty() {
                let labels = [("method", *name), ("proto", calls.version)];
                self.series(calls.family, &labels, value);
            }
        }
        Some(())
    }

    fn series(&mut self, family: &Family, labels: &[(&str, &str)], value: &[u8]) {
        if self.family != family.name {
            self.page.family(family.name, family.help, family.kind);
            self.family = family.name;
        }
        let mut series = self.page.series("");
        for (name, value) in labels {
            series.label(name, value);
        }
        series.digits(value);
    }
}

#[cfg(test)]
mod tests;
