//! The groups, lines and series that random histories are made of.

use watchpost_model::Labels;

pub(super) const GROUPS: usize = 3;
pub(super) const LINES: usize = 10;
/// A source that stands for the single columns, which have the labels of group 0.
pub(super) const SINGLES: usize = GROUPS;

/// All final label sets, sorted; a series is its place in the list.
#[derive(Debug)]
pub(super) struct World {
    series: Vec<Labels>,
}

impl World {
    pub(super) fn new() -> Self {
        let sources = (0..=SINGLES).flat_map(|group| (0..LINES).map(move |line| (group, line)));
        let mut series: Vec<_> = sources
            .map(|(group, line)| final_labels(group, line))
            .collect();
        series.sort();
        series.dedup();
        Self { series }
    }

    pub(super) fn labels(&self, series: usize) -> &Labels {
        &self.series[series]
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn find(&self, labels: &Labels) -> usize {
        let place = self.series.binary_search(labels);
        place.unwrap_or_else(|_| panic!("a series from nowhere: {labels}"))
    }

    pub(super) fn series_of(&self, group: usize, line: usize) -> usize {
        self.find(&final_labels(group, line))
    }
}

/// A line's labels and the names that it takes away. Lines shadow labels of the group, take them
/// away, and say again what the group says: 4 and 5 of group 2, 8 and 9 of all are one series.
pub(super) fn line_labels(line: usize) -> (Labels, &'static [&'static str]) {
    let name = format!("m{}", line / 2);
    let name = ("__name__", name.as_str());
    match line {
        1 | 3 => (Labels::from_pairs([name, ("job", "own")]), &[]),
        5 => (Labels::from_pairs([name, ("zone", "z")]), &[]),
        7 => (Labels::from_pairs([name]), &["instance"]),
        8 => (Labels::from_pairs([name, ("job", "node")]), &[]),
        _ => (Labels::from_pairs([name]), &[]),
    }
}

/// Whether a group has another line with the same final labels.
pub(super) fn is_twin(group: usize, line: usize) -> bool {
    matches!((group, line), (_, 8 | 9) | (2, 4 | 5))
}

pub(super) fn group_labels(group: usize) -> Labels {
    let instance = format!("h{}", group % GROUPS);
    let shared = [("instance", instance.as_str()), ("job", "node")];
    let zone = (group == 2).then_some(("zone", "z"));
    Labels::from_pairs(shared.into_iter().chain(zone))
}

pub(super) fn final_labels(group: usize, line: usize) -> Labels {
    let (labels, removed) = line_labels(line);
    let mut builder = group_labels(group).builder();
    for name in removed {
        builder.remove(name);
    }
    for (name, value) in &labels {
        builder.set(name, value);
    }
    builder.build()
}
