//! The order of series by their labels, without making a label set for each.
//!
//! Labels are sorted by name, so those of a series are pieces of its line's and of its group's in
//! turn: `__name__, cpu` of the line, `instance, job` of the group, `mode` of the line. Where all
//! lines of a metric have the same names, and all groups, the pieces are the same for all series of
//! the metric, and a series is told by the rank of each of its pieces among all others.

use std::collections::BTreeMap;

use foldhash::HashMap;
use watchpost_model::{Labels, METRIC_NAME};
use watchpost_tsdb::Scan;

/// Bits of a piece's rank, and how many pieces there are room for after the metric name's rank.
const PIECE_BITS: u32 = 26;
const PIECES: usize = 4;
const NAME_BITS: u32 = 24;

/// The order of the series of a selection.
#[derive(Debug)]
pub(super) struct Order {
    /// For each line its pieces; those of the groups stand apart.
    lines: Vec<Vec<Piece>>,
    /// The rank of the metric name of each line.
    names: Vec<u32>,
    /// For each piece of the groups' labels the rank of each group.
    groups: Vec<Vec<u32>>,
}

/// A piece of a series' labels.
#[derive(Clone, Copy, Debug)]
enum Piece {
    /// The rank of the line's.
    Line(u32),
    /// One of the pieces of the groups.
    Group(usize),
}

impl Order {
    /// The order of a selection; nothing where it cannot be told so.
    pub(super) fn new(scan: &Scan) -> Option<Self> {
        let mut order = Self {
            lines: vec![Vec::new(); scan.line_count()],
            names: vec![0; scan.line_count()],
            groups: Vec::new(),
        };
        let group_names = same_names((0..scan.group_count()).filter_map(|at| scan.group(at)))?;
        if group_names.iter().any(|name| *name <= METRIC_NAME) {
            return None;
        }
        let mut metrics: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for line in 0..scan.line_count() {
            let name = scan.line(line)?.metric_name();
            metrics.entry(name).or_default().push(line);
        }
        if metrics.len() > 1 << NAME_BITS
            || scan.line_count().max(scan.group_count()) > 1 << PIECE_BITS
        {
            return None;
        }
        let mut known: HashMap<Vec<&str>, usize> = HashMap::default();
        for (rank, lines) in (0..).zip(metrics.values()) {
            order.add_metric(scan, (rank, lines), &group_names, &mut known)?;
        }
        Some(order)
    }

    fn add_metric<'s>(
        &mut self,
        scan: &'s Scan,
        (rank, lines): (u32, &[usize]),
        group_names: &[&'s str],
        known: &mut HashMap<Vec<&'s str>, usize>,
    ) -> Option<()> {
        let names = same_names(lines.iter().filter_map(|line| scan.line(*line)))?;
        if names.iter().any(|name| *name < METRIC_NAME) {
            return None;
        }
        let mut all: Vec<(&str, bool)> = names.iter().map(|name| (*name, true)).collect();
        all.extend(group_names.iter().map(|name| (*name, false)));
        all.retain(|(name, _)| *name != METRIC_NAME);
        all.sort_unstable();
        for (place, piece) in all.chunk_by(|a, b| a.1 == b.1).enumerate() {
            if place >= PIECES {
                return None;
            }
            let of_line = piece.first().is_some_and(|(_, of_line)| *of_line);
            let names: Vec<&str> = piece.iter().map(|(name, _)| *name).collect();
            if of_line {
                let ranks = ranks(lines.iter().filter_map(|line| scan.line(*line)), &names);
                for (line, rank) in lines.iter().zip(ranks) {
                    self.lines.get_mut(*line)?.push(Piece::Line(rank));
                }
            } else {
                let groups = &mut self.groups;
                let at = *known.entry(names).or_insert_with_key(|names| {
                    let labels = (0..scan.group_count()).filter_map(|at| scan.group(at));
                    groups.push(ranks(labels, names));
                    groups.len() - 1
                });
                for line in lines {
                    self.lines.get_mut(*line)?.push(Piece::Group(at));
                }
            }
        }
        for line in lines {
            *self.names.get_mut(*line)? = rank;
        }
        Some(())
    }

    /// A number that is the greater the later a series comes.
    pub(super) fn key(&self, (group, line): (u32, u32)) -> u128 {
        let name = self.names.get(line as usize).copied().unwrap_or(0);
        let mut key = u128::from(name);
        let pieces = self.lines.get(line as usize).map_or(&[][..], Vec::as_slice);
        for place in 0..PIECES {
            let rank = match pieces.get(place) {
                Some(Piece::Line(rank)) => *rank,
                Some(Piece::Group(at)) => {
                    let ranks = self.groups.get(*at);
                    ranks
                        .and_then(|ranks| ranks.get(group as usize))
                        .copied()
                        .unwrap_or(0)
                }
                None => 0,
            };
            key = key << PIECE_BITS | u128::from(rank);
        }
        key
    }
}

/// The names of label sets that all have the same ones.
fn same_names<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> Option<Vec<&'a str>> {
    let names = |labels: &'a Labels| labels.iter().map(|(name, _)| name);
    let first: Vec<&str> = sets
        .next()
        .map(|labels| names(labels).collect())
        .unwrap_or_default();
    sets.all(|labels| names(labels).eq(first.iter().copied()))
        .then_some(first)
}

/// The rank of each label set by its values of some names, which it has; equal ones have equal ranks.
fn ranks<'a>(sets: impl Iterator<Item = &'a Labels>, names: &[&str]) -> Vec<u32> {
    let restricted = sets.map(|labels| labels.retain(|name| names.contains(&name)));
    let mut order: Vec<(Labels, usize)> = restricted.zip(0..).collect();
    if !order.is_sorted() {
        order.sort();
    }
    let mut ranks = vec![0; order.len()];
    let mut rank = 0;
    let mut before: Option<&Labels> = None;
    for (labels, place) in &order {
        if before.is_some_and(|before| before != labels) {
            rank += 1;
        }
        before = Some(labels);
        if let Some(to) = ranks.get_mut(*place) {
            *to = rank;
        }
    }
    ranks
}
