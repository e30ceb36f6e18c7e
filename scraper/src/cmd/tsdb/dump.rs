//! `watchpost tsdb dump`: the samples as OpenMetrics or CSV.
//!
//! The OpenMetrics are those of `promtool tsdb dump-openmetrics`: a line a sample, with its time, and
//! `# EOF`. Stale markers and native histograms, which that format cannot tell, are left out; how many
//! of the latter there were is told at the end, on the error output.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use watchpost_model::histogram::histogram_index;
use watchpost_model::text::write_number;
use watchpost_model::{Labels, METRIC_NAME, is_absent, is_label_name, is_metric_name, is_stale};
use watchpost_tsdb::{Db, Series};

use super::batches::each_series;
use super::{open, range, selectors};
use crate::clock;
use crate::cmd::complain;
use crate::flags::{DumpFlags, DumpFormat};

/// Runs the verb.
pub(super) fn dump(flags: &DumpFlags) -> anyhow::Result<()> {
    let db = open(&flags.directory)?;
    let Some(path) = &flags.output else {
        let out = BufWriter::new(std::io::stdout().lock());
        return write(&db, flags, out).map(drop);
    };
    // Whoever reads the file finds a whole one or none.
    let part = path.with_added_extension("part");
    let made = File::create(&part)
        .with_context(|| format!("cannot make `{}`", part.display()))
        .and_then(|file| finish(write(&db, flags, BufWriter::new(file))?, &part, path));
    if made.is_err() {
        drop(std::fs::remove_file(&part));
    }
    made
}

fn finish(out: BufWriter<File>, part: &Path, path: &Path) -> anyhow::Result<()> {
    out.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    std::fs::rename(part, path).with_context(|| format!("cannot make `{}`", path.display()))
}

/// Writes what is asked for.
pub(super) fn write<W: Write>(db: &Db, flags: &DumpFlags, mut out: W) -> anyhow::Result<W> {
    let range = range(flags.min_time, flags.max_time)?;
    let selectors = selectors(&flags.selectors)?;
    if flags.format == DumpFormat::Csv {
        out.write_all(b"metric,labels,time,value\n")?;
    }
    let mut text = Vec::new();
    let mut histograms = 0;
    each_series(db, range, &selectors, |series| {
        text.clear();
        histograms += histogram_count(series);
        let begin = match flags.format {
            DumpFormat::Openmetrics => openmetrics(&series.labels),
            DumpFormat::Csv => csv(&series.labels),
        };
        for (time, value) in samples(series) {
            text.extend_from_slice(begin.as_bytes());
            match flags.format {
                DumpFormat::Openmetrics => {
                    number(&mut text, value);
                    writeln!(text, " {}", Seconds(time))?;
                }
                DumpFormat::Csv => {
                    write!(text, "{},", clock::rfc3339(time))?;
                    number(&mut text, value);
                    text.push(b'\n');
                }
            }
            if text.len() > FLUSH {
                out.write_all(&text)?;
                text.clear();
            }
        }
        Ok(out.write_all(&text)?)
    })?;
    if flags.format == DumpFormat::Openmetrics {
        out.write_all(b"# EOF\n")?;
    }
    out.flush()?;
    if histograms > 0 {
        complain(format_args!(
            "{histograms} native histogram samples were left out: neither format can tell them"
        ));
    }
    Ok(out)
}

/// How many native histograms a series has.
fn histogram_count(series: &Series) -> usize {
    if series.histograms.is_none() {
        return 0;
    }
    let values = series.values.iter();
    values
        .filter(|value| histogram_index(**value).is_some())
        .count()
}

/// How much text is put together before it is written.
const FLUSH: usize = 64 << 10;

/// The samples of a series: no marks, no stale markers.
fn samples(series: &Series) -> impl Iterator<Item = (i64, f64)> {
    let values = series.values.iter().copied();
    let samples = series.times.iter().copied().zip(values);
    let is_float = |value: f64| histogram_index(value).is_none();
    samples.filter(move |(_, value)| !is_absent(*value) && !is_stale(*value) && is_float(*value))
}

/// A value such that an import gives it back: the zero with a sign, which pages leave out.
fn number(text: &mut Vec<u8>, value: f64) {
    if value == 0.0 && value.is_sign_negative() {
        text.push(b'-');
    }
    write_number(text, value);
}

/// A time as seconds with three decimals.
struct Seconds(i64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ms = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}", ms / 1_000, ms % 1_000)
    }
}

/// `name{label="value",...} `; braces always, as promtool writes them.
fn openmetrics(labels: &Labels) -> String {
    let name = labels.metric_name();
    let mut text = String::new();
    let mut separator = "";
    if is_metric_name(name) {
        text.push_str(name);
        text.push('{');
    } else {
        text.push('{');
        quote(&mut text, name);
        separator = ",";
    }
    for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
        text.push_str(separator);
        separator = ",";
        if is_label_name(name) {
            text.push_str(name);
        } else {
            quote(&mut text, name);
        }
        text.push('=');
        quote(&mut text, value);
    }
    text.push_str("} ");
    text
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// `name,"{label=""value"",...}",`
fn csv(labels: &Labels) -> String {
    let others = labels.without_metric_name();
    let others = if others.is_empty() {
        String::new()
    } else {
        others.to_string()
    };
    format!("{},{},", cell(labels.metric_name()), cell(&others))
}

/// A text as a cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
