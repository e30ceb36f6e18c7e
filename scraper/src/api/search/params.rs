//! What a search asks for.

use watchpost_model::Matcher;
use watchpost_tsdb::TimeRange;

use super::matching::{Algorithm, Way};
use crate::api::{Error, Params};

/// How many results, and how many of them in a line, where nobody says.
const LIMIT: usize = 100;
/// How far back is searched where nobody says, ms.
const SPAN_MS: i64 = 3_600_000;
/// The most terms of a search, and the most results of a line.
const MAX_TERMS: usize = 100;
const MAX_BATCH: usize = 10_000;

/// The order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
    Score,
}

/// What a search asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// One at the least: no selector selects everything.
    pub(super) selectors: Vec<Vec<Matcher>>,
    pub(super) terms: Vec<String>,
    pub(super) way: Way,
    pub(super) order: Order,
    pub(super) with_score: bool,
    pub(super) range: TimeRange,
    pub(super) limit: usize,
    pub(super) batch: usize,
}

impl Wanted {
    pub(super) fn new(params: &Params, now_ms: i64, max_limit: usize) -> Result<Self, Error> {
        let from_ms = params.time("start")?.unwrap_or(now_ms - SPAN_MS);
        let to_ms = params.time("end")?.unwrap_or(now_ms);
        let mut selectors = params.selectors()?;
        if selectors.is_empty() {
            selectors.push(Vec::new());
        }
        let terms: Vec<String> = params.all("search[]").map(str::to_owned).collect();
        if terms.len() > MAX_TERMS {
            return Err(bad(format!("expected at most {MAX_TERMS} search[] terms")));
        }
        let way = Way {
            algorithm: algorithm(params)?,
            threshold: threshold(params)?,
            case_sensitive: flag(params, "case_sensitive", true)?,
        };
        let with_score = flag(params, "include_score", false)?;
        let order = order(params)?;
        if order == Order::Score && terms.is_empty() {
            return Err(bad("sort_by=score requires search[] to be set"));
        }
        let limit = count(params, "limit", LIMIT)?;
        if max_limit > 0 && limit > max_limit {
            return Err(bad(format!(
                "limit {limit} exceeds the maximum of {max_limit} (--web.search.max-limit)"
            )));
        }
        Ok(Self {
            selectors,
            terms,
            way,
            order,
            with_score,
            range: TimeRange::new(from_ms, to_ms),
            limit,
            batch: count(params, "batch_size", LIMIT)?.min(MAX_BATCH),
        })
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::BadData(text.into())
}

fn algorithm(params: &Params) -> Result<Algorithm, Error> {
    match params.get("fuzz_alg") {
        "" | "subsequence" => Ok(Algorithm::Subsequence),
        "jarowinkler" => Ok(Algorithm::JaroWinkler),
        other => Err(bad(format!(
            "unsupported fuzz_alg {other:?}: must be one of [subsequence jarowinkler]"
        ))),
    }
}

/// Of 100, as a part of 1.
fn threshold(params: &Params) -> Result<f64, Error> {
    let text = params.get("fuzz_threshold");
    let value: Option<u8> = match text {
        "" => Some(0),
        text => text.parse().ok(),
    };
    match value {
        Some(percent @ 0..=100) => Ok(f64::from(percent) / 100.0),
        _ => Err(bad(format!(
            "invalid fuzz_threshold {text:?}: must be 0-100"
        ))),
    }
}

fn flag(params: &Params, name: &str, otherwise: bool) -> Result<bool, Error> {
    let found = params.boolean(name).map_err(|_| {
        let text = params.get(name);
        bad(format!("invalid {name} {text:?}: must be boolean"))
    })?;
    Ok(found.unwrap_or(otherwise))
}

/// A number above 0; 0 stands for what nobody says.
fn count(params: &Params, name: &str, otherwise: usize) -> Result<usize, Error> {
    let found = params.number(name).map_err(|_| {
        let text = params.get(name);
        bad(format!(
            "invalid {name} {text:?}: must be non-negative integer"
        ))
    })?;
    Ok(found.filter(|count| *count > 0).unwrap_or(otherwise))
}

fn order(params: &Params) -> Result<Order, Error> {
    match (params.get("sort_by"), params.get("sort_dir")) {
        ("", "") | ("alpha", "" | "asc") => Ok(Order::Ascending),
        ("alpha", "dsc") => Ok(Order::Descending),
        ("score", "") => Ok(Order::Score),
        ("", _) => Err(bad("sort_dir is only valid when sort_by is set")),
        ("score", _) => Err(bad("sort_dir is not supported for sort_by=score")),
        ("alpha", other) => Err(bad(format!(
            "invalid sort_dir {other:?}: must be \"asc\" or \"dsc\""
        ))),
        (other, _) => Err(bad(format!(
            "invalid sort_by {other:?}: must be \"alpha\" or \"score\""
        ))),
    }
}
