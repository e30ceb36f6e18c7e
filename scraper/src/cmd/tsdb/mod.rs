//! `watchpost tsdb`: looks into a store, and moves samples in and out.

mod analyze;
mod batches;
mod change;
mod dump;
mod import;
mod pieces;
mod verify;

use std::path::Path;

use anyhow::Context;
use watchpost_model::{Duration, Matcher};
use watchpost_promql::parse_selector;
use watchpost_tsdb::{Config, Db, TimeRange};

use super::Failure;
use crate::flags::TsdbVerb;

/// Longer than any data: what is old enough to go is for the server to say.
const FOREVER: Duration = Duration::from_secs(1_000 * 365 * 86_400);

/// Runs the verb.
pub fn run(verb: &TsdbVerb) -> Result<(), Failure> {
    let done = match verb {
        TsdbVerb::Verify(flags) => return verify::verify(flags),
        TsdbVerb::Analyze(flags) => analyze::analyze(flags),
        TsdbVerb::Dump(flags) => dump::dump(flags),
        TsdbVerb::Import(flags) => import::import(flags),
        TsdbVerb::Snapshot(flags) => change::snapshot(flags),
        TsdbVerb::Delete(flags) => change::delete(flags),
        TsdbVerb::Clean(flags) => change::clean(flags),
    };
    Ok(done?)
}

/// Opens a store to read it.
fn open(directory: &Path) -> anyhow::Result<Db> {
    is_there(directory)?;
    Db::open_read_only(config(directory)).context("cannot open the store")
}

/// A directory that is not there is not made by reading it.
fn is_there(directory: &Path) -> anyhow::Result<()> {
    if !directory.is_dir() {
        anyhow::bail!(
            "expected the directory of a store, found none at `{}`",
            directory.display()
        );
    }
    Ok(())
}

/// Opens a store to write to it; it is made where there is none.
fn open_for_writing(directory: &Path) -> anyhow::Result<Db> {
    Db::open(config(directory)).context("cannot open the store")
}

fn config(directory: &Path) -> Config {
    Config {
        path: directory.to_owned(),
        retention: FOREVER,
        ..Config::default()
    }
}

/// All selectors; everything where there is none.
fn selectors(texts: &[String]) -> anyhow::Result<Vec<Vec<Matcher>>> {
    if texts.is_empty() {
        return Ok(vec![Vec::new()]);
    }
    texts
        .iter()
        .map(|text| parse_selector(text).with_context(|| format!("--match `{text}`")))
        .collect()
}

/// The span between two times as the command line has them.
fn range(from: Option<i64>, to: Option<i64>) -> anyhow::Result<TimeRange> {
    let (from, to) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    if to < from {
        anyhow::bail!("expected --max-time after --min-time, found it before");
    }
    Ok(TimeRange::new(from, to))
}
