//! Whether a target is silent, read from `up` in the store.
//!
//! The decision table, for a firing alert whose series is gone:
//!
//! | the targets behind it, remembered when it began to fire | the alert |
//! |---|---|
//! | one has `up 0` now | held: a scrape failed |
//! | one has no `up` within the lookback, and it was not ended | held: nothing is known |
//! | one has its first good scrape after a failed one, or after a gap | held until the second: a rate needs two |
//! | one has a gap now: its next scrape is overdue by more than a round | held: nothing is known |
//! | all have `up 1` | ends: the expression is false, or the series is gone from a good page |
//! | `up` was ended by a stale marker | ends: the target was removed from the configuration |
//! | no target is known (a store filled from elsewhere) | ends, as in Prometheus |
//!
//! A rule about absence (`up`, `absent`) or with `hold: false` is never held. A held alert is held
//! until its target is back or removed: there is no time limit yet.

use std::collections::BTreeSet;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{Labels, METRIC_NAME, Matcher, is_absent, is_stale};
use watchpost_promql::Expr;
use watchpost_tsdb::{Db, TimeRange};

use crate::alert::Witness;

/// How far back a sample counts as the present, ms: PromQL's lookback.
const PRESENT_MS: i64 = 5 * 60 * 1_000;
/// How far back `up` is looked for, ms.
const PAST_MS: i64 = 24 * 3_600 * 1_000;
/// The most targets remembered behind one alert.
const MAX_SOURCES: usize = 10_000;

/// Reads the store for [`crate::alert`].
#[derive(Debug)]
pub(crate) struct StoreWitness<'a> {
    pub(crate) db: &'a Db,
    pub(crate) expr: &'a Expr,
    /// Whether the rule wants its alerts held.
    pub(crate) hold: bool,
    pub(crate) now_ms: i64,
}

impl Witness for StoreWitness<'_> {
    /// The targets of all series that the expression selects and that do not contradict the labels
    /// of the result.
    fn sources(&mut self, series: &Labels) -> Vec<Labels> {
        if !self.hold {
            return Vec::new();
        }
        let range = TimeRange::new(self.now_ms - PRESENT_MS, self.now_ms);
        let mut targets = BTreeSet::new();
        for matchers in self.expr.selectors() {
            let Ok(found) = self.db.series(range, &matchers) else {
                continue;
            };
            for labels in found {
                let target = labels.retain(|name| matches!(name, "job" | "instance"));
                if labels.has("instance") && agrees(&labels, series) && targets.len() < MAX_SOURCES
                {
                    targets.insert(target);
                }
            }
        }
        targets.into_iter().collect()
    }

    fn silent(&mut self, sources: &[Labels]) -> Option<String> {
        if !self.hold {
            return None;
        }
        let mut silent = sources
            .iter()
            .filter_map(|target| Some((target, complaint(health(self.db, target, self.now_ms))?)));
        let (target, complaint) = silent.next()?;
        let more = match silent.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!(
            "target {} {complaint}{more}",
            target.get("instance")
        ))
    }
}

fn agrees(labels: &Labels, result: &Labels) -> bool {
    result.iter().all(|(name, value)| {
        let have = labels.get(name);
        name == METRIC_NAME || have.is_empty() || have == value
    })
}

/// How a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Up,
    Down,
    Unknown,
    Returning,
    Removed,
    NoTarget,
}

fn complaint(health: Health) -> Option<&'static str> {
    match health {
        Health::Down => Some("is down"),
        Health::Unknown => Some("has not been scraped lately"),
        Health::Returning => Some("has only just come back"),
        Health::Up | Health::Removed | Health::NoTarget => None,
    }
}

/// So many samples of `up` are looked at: two give the usual distance, the third a gap before them.
const SAMPLES: usize = 3;

/// Reads the last samples of a target's `up`.
fn health(db: &Db, target: &Labels, now_ms: i64) -> Health {
    let Some(mut samples) = last_of_up(db, target, now_ms - PRESENT_MS, now_ms) else {
        return Health::Unknown;
    };
    if samples.len() < SAMPLES {
        match last_of_up(db, target, now_ms - PAST_MS, now_ms) {
            Some(more) => samples = more,
            None => return Health::Unknown,
        }
    }
    judge(&samples, now_ms)
}

/// The last samples of a target's `up`, the latest first; nothing where the store fails.
fn last_of_up(db: &Db, target: &Labels, from_ms: i64, now_ms: i64) -> Option<Vec<(i64, f64)>> {
    let mut matchers = vec![Matcher::equal(METRIC_NAME, "up")];
    matchers.extend(
        target
            .iter()
            .map(|(name, value)| Matcher::equal(name, value)),
    );
    let range = TimeRange::new(from_ms, now_ms);
    let selection = db.select(range, &matchers).ok()?;
    let mut samples: Vec<(i64, f64)> = Vec::new();
    for series in &selection.series {
        let values = series.values.iter().copied();
        let all = series.times.iter().copied().zip(values);
        let is_sample = |value: f64| !is_absent(value) && histogram_index(value).is_none();
        let present = all.rev().filter(|(_, value)| is_sample(*value));
        samples.extend(present.take(SAMPLES));
    }
    samples.sort_by_key(|(time_ms, _)| -time_ms);
    samples.truncate(SAMPLES);
    Some(samples)
}

/// What the last samples of `up`, the latest first, say of a target.
fn judge(samples: &[(i64, f64)], now_ms: i64) -> Health {
    let Some((time_ms, value)) = samples.first().copied() else {
        return Health::NoTarget;
    };
    let before = samples.get(1).copied();
    let last_gap = before.map(|(before_ms, _)| time_ms - before_ms);
    let gap_before = match samples {
        [_, (later, _), (earlier, _), ..] => Some(later - earlier),
        _ => None,
    };
    let usual = last_gap.into_iter().chain(gap_before).min();
    // A round that comes a little late is none that was left out.
    let is_gap = |gap: i64| usual.is_some_and(|usual| gap > 2 * usual + usual / 2);
    if is_stale(value) {
        Health::Removed
    } else if time_ms < now_ms - PRESENT_MS {
        Health::Unknown
    } else if value == 0.0 {
        Health::Down
    } else if is_gap(now_ms - time_ms) {
        Health::Unknown
    } else if before.is_some_and(|(_, value)| value == 0.0) || last_gap.is_some_and(is_gap) {
        Health::Returning
    } else {
        Health::Up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_no_sign_of_life() {
        // The latest first, a round every 15 s.
        for (samples, now, health) in [
            (vec![(60, 1.0), (45, 1.0), (30, 1.0)], 74, Health::Up),
            (vec![(60, 1.0), (45, 1.0), (30, 1.0)], 91, Health::Up),
            (vec![(60, 1.0), (45, 1.0), (30, 1.0)], 98, Health::Unknown),
            (
                vec![(160, 1.0), (45, 1.0), (30, 1.0)],
                161,
                Health::Returning,
            ),
            (vec![(175, 1.0), (160, 1.0), (45, 1.0)], 176, Health::Up),
            (vec![(60, 1.0), (45, 0.0), (30, 1.0)], 61, Health::Returning),
            (vec![(60, 0.0), (45, 1.0), (30, 1.0)], 61, Health::Down),
            (vec![(60, 1.0)], 61, Health::Up),
            (vec![(60, 1.0)], 400, Health::Unknown),
            (vec![], 61, Health::NoTarget),
        ] {
            let samples: Vec<_> = samples
                .iter()
                .map(|(seconds, value)| (seconds * 1_000, *value))
                .collect();
            assert_eq!(judge(&samples, now * 1_000), health, "{samples:?} at {now}");
        }
    }
}
