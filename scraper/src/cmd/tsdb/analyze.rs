//! `watchpost tsdb analyze`: what makes a store large.

use watchpost_tsdb::{Cardinality, Stats};

use super::super::say;
use super::open;
use crate::clock;
use crate::flags::AnalyzeFlags;

/// Runs the verb.
pub(super) fn analyze(flags: &AnalyzeFlags) -> anyhow::Result<()> {
    let db = open(&flags.directory)?;
    for line in report(&db.stats(), &db.cardinality(flags.limit)) {
        say(format_args!("{line}"));
    }
    Ok(())
}

fn report(stats: &Stats, counted: &Cardinality) -> Vec<String> {
    let time = |time: Option<i64>| time.map_or_else(|| "none".to_owned(), clock::rfc3339);
    let mut lines = vec![
        format!(
            "series    {} of {} groups and {} lines",
            counted.series, stats.groups, stats.lines
        ),
        format!("labels    {} names and values", counted.label_pairs),
        format!("oldest    {}", time(stats.min_time_ms)),
        format!("newest    {}", time(stats.max_time_ms)),
        format!(
            "segments  {} with {} samples, {}",
            stats.segments,
            stats.segment_samples,
            size(stats.segment_bytes)
        ),
        format!("head      {}", size(stats.head_bytes)),
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
            lines: 6,
            ..Stats::default()
        };
        let report = report(&stats, &counted);
        assert_eq!(
            report.first().unwrap(),
            "series    12 of 2 groups and 6 lines"
        );
        assert!(report.contains(&"oldest    1970-01-01T00:00:00Z".to_owned()));
        let at = report
            .iter()
            .position(|line| line == "metrics by series")
            .unwrap();
        assert_eq!(report[at + 1..at + 3], ["        10  a", "         2  b"]);
    }
}
