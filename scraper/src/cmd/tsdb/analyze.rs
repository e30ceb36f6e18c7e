//! `watchpost tsdb analyze`: what makes a store large.

use std::collections::{BTreeMap, HashMap};

use watchpost_model::{METRIC_NAME, MatchOp, Matcher};
use watchpost_tsdb::{Cardinality, Db, Stats, TimeRange};

use super::super::say;
use super::open;
use crate::clock;
use crate::flags::AnalyzeFlags;

/// Runs the verb.
pub(super) fn analyze(flags: &AnalyzeFlags) -> anyhow::Result<()> {
    let db = open(&flags.directory)?;
    for line in report(&db.stats(), &count(&db, flags.limit)?) {
        say(format_args!("{line}"));
    }
    Ok(())
}

/// Counts the series in the segments and the head, each once: metric by metric, so that the labels
/// of one metric are held at a time.
fn count(db: &Db, top: usize) -> anyhow::Result<Cardinality> {
    let mut counted = Cardinality::default();
    let mut labels: BTreeMap<String, HashMap<String, u64>> = BTreeMap::new();
    for metric in db.label_values(METRIC_NAME, TimeRange::ALL, &[])? {
        let matcher = Matcher::new(MatchOp::Equal, METRIC_NAME, metric.as_str())?;
        let series = db.series(TimeRange::ALL, &[matcher])?;
        counted.series += series.len() as u64;
        for (name, value) in series.iter().flatten() {
            if let Some(count) = labels.get_mut(name).and_then(|have| have.get_mut(value)) {
                *count += 1;
            } else {
                let values = labels.entry(name.to_owned()).or_default();
                values.insert(value.to_owned(), 1);
            }
        }
        counted.series_by_metric.push((metric, series.len() as u64));
    }
    for (name, values) in labels {
        let bytes = values
            .iter()
            .map(|(value, count)| value.len() as u64 * count);
        counted.bytes_by_label.push((name.clone(), bytes.sum()));
        let pairs = values
            .iter()
            .map(|(value, count)| (format!("{name}={value}"), *count));
        counted.series_by_pair.extend(pairs);
        keep(&mut counted.series_by_pair, top);
        counted.label_pairs += values.len() as u64;
        counted.values_by_label.push((name, values.len() as u64));
    }
    keep(&mut counted.series_by_metric, top);
    keep(&mut counted.values_by_label, top);
    keep(&mut counted.bytes_by_label, top);
    Ok(counted)
}

/// Keeps the greatest, the first by name of equal ones.
fn keep(list: &mut Vec<(String, u64)>, top: usize) {
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(top);
}

fn report(stats: &Stats, counted: &Cardinality) -> Vec<String> {
    let time = |time: Option<i64>| time.map_or_else(|| "none".to_owned(), clock::rfc3339);
    let mut lines = vec![
        format!("series    {}", counted.series),
        format!("labels    {} names and values", counted.label_pairs),
        format!("oldest    {}", time(stats.min_time_ms)),
        format!("newest    {}", time(stats.max_time_ms)),
        format!(
            "segments  {} with {} samples, {}",
            stats.segments,
            stats.segment_samples,
            size(stats.segment_bytes)
        ),
        format!(
            "head      {} columns of {} groups, {} blocks, {}",
            stats.series,
            stats.groups,
            stats.head_blocks,
            size(stats.head_bytes)
        ),
        format!("log       {}", size(stats.log_bytes)),
        format!("all       {}", size(stats.disk_bytes)),
    ];
    if stats.quarantined_files + stats.damaged_records > 0 {
        lines.push(format!(
            "damaged   {} files and {} records",
            stats.quarantined_files, stats.damaged_records
        ));
    }
    for (title, list) in [
        ("metrics by series", &counted.series_by_metric),
        ("labels by series", &counted.series_by_pair),
        ("label names by values", &counted.values_by_label),
        (
            "label names by bytes of values in all series",
            &counted.bytes_by_label,
        ),
    ] {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(
            list.iter()
                .map(|(name, count)| format!("{count:>10}  {name}")),
        );
    }
    lines
}

/// A size for people.
fn size(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut units = ["KB", "MB", "GB", "TB"].into_iter().peekable();
    while let Some(unit) = units.next() {
        if value < 1_024.0 || units.peek().is_none() {
            return format!("{value:.1} {unit}");
        }
        value /= 1_024.0;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use watchpost_model::Labels;
    use watchpost_tsdb::Config;

    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KB"),
            (5 << 30, "5.0 GB"),
            (u64::MAX, "16777216.0 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn series_count_once_whether_they_are_in_the_head_or_in_segments() {
        const NOW: i64 = 1_700_000_000_000;
        const EARLIER: i64 = NOW - 4 * 3_600_000;
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            path: folder.path().join("store"),
            ..Config::default()
        };
        let db = Db::open(config).unwrap();
        let append = |name: &str, time| {
            let labels = Labels::from_pairs([("__name__", name), ("job", "j")]);
            db.append_single(&labels, time, 1.0, time).unwrap();
        };
        append("a", EARLIER);
        append("b", EARLIER);
        db.maintain(NOW).unwrap();
        append("a", NOW);
        assert_eq!(db.stats().segments, 1);
        let counted = count(&db, 2).unwrap();
        let list = |entries: &[(&str, u64)]| -> Vec<(String, u64)> {
            let entries = entries.iter();
            entries.map(|(name, n)| ((*name).to_owned(), *n)).collect()
        };
        let wanted = Cardinality {
            series: 2,
            label_pairs: 3,
            series_by_metric: list(&[("a", 1), ("b", 1)]),
            values_by_label: list(&[("__name__", 2), ("job", 1)]),
            bytes_by_label: list(&[("__name__", 2), ("job", 2)]),
            series_by_pair: list(&[("job=j", 2), ("__name__=a", 1)]),
        };
        assert_eq!(counted, wanted);
    }

    #[test]
    fn a_report_has_the_greatest_first() {
        let counted = Cardinality {
            series: 12,
            label_pairs: 3,
            series_by_metric: vec![("a".to_owned(), 10), ("b".to_owned(), 2)],
            ..Cardinality::default()
        };
        let stats = Stats {
            min_time_ms: Some(0),
            groups: 2,
            ..Stats::default()
        };
        let report = report(&stats, &counted);
        assert_eq!(report.first().unwrap(), "series    12");
        assert!(report.contains(&"oldest    1970-01-01T00:00:00Z".to_owned()));
        let at = report
            .iter()
            .position(|line| line == "metrics by series")
            .unwrap();
        assert_eq!(report[at + 1..at + 3], ["        10  a", "         2  b"]);
    }
}
