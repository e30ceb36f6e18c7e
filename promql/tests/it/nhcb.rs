//! Classic histograms as native ones with custom buckets, as `load_with_nhcb` of the scripts wants them.

use std::collections::BTreeMap;

use watchpost_model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};
use watchpost_model::{FloatHistogram, Labels, is_stale};

use crate::notation::{Point, SeriesLine};

/// At one step of a classic histogram: bounds and counts, the count of all and the sum.
#[derive(Default)]
struct ClassicAt {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The native histograms with custom buckets that classic ones are turned into.
pub(crate) fn nhcb(lines: &[SeriesLine]) -> Vec<(Labels, Vec<(usize, FloatHistogram)>)> {
    let mut all: BTreeMap<Labels, BTreeMap<usize, ClassicAt>> = BTreeMap::new();
    for SeriesLine { labels, points } in lines {
        let Some((name, part)) = labels.metric_name().rsplit_once('_') else {
            continue;
        };
        let bound = labels.get("le").parse::<f64>();
        if !matches!(part, "bucket" | "count" | "sum") || (part == "bucket" && bound.is_err()) {
            continue;
        }
        let steps = all
            .entry(labels.with("__name__", name).with("le", ""))
            .or_default();
        for (step, point) in points.iter().flatten().enumerate() {
            let Point::Value(value) = point else {
                continue;
            };
            if is_stale(*value) {
                continue;
            }
            let at = steps.entry(step).or_default();
            match part {
                "bucket" => at.buckets.push((*bound.as_ref().unwrap(), *value)),
                "count" => at.count = Some(*value),
                _ => at.sum = *value,
            }
        }
    }
    let series = all.into_iter().map(|(labels, steps)| {
        let steps = steps.into_iter().map(|(step, at)| (step, at.into_native()));
        (labels, steps.collect())
    });
    series.collect()
}

impl ClassicAt {
    fn into_native(mut self) -> FloatHistogram {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by_key(|(bound, _)| *bound);
        let last = self.buckets.last().map_or(0.0, |(_, count)| *count);
        if self
            .buckets
            .last()
            .is_none_or(|(bound, _)| bound.is_finite())
        {
            self.buckets
                .push((f64::INFINITY, self.count.unwrap_or(last)));
        }
        let mut before = 0.0;
        let counts = self.buckets.iter().map(|(_, count)| {
            let own = count - before;
            before = *count;
            own
        });
        let counts: Vec<f64> = counts.collect();
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: self.count.unwrap_or(before),
            sum: self.sum,
            positive_spans: vec![Span {
                offset: 0,
                length: u32::try_from(counts.len()).unwrap(),
            }],
            positive_buckets: counts,
            custom_values: bounds.filter(|bound| bound.is_finite()).collect(),
            ..FloatHistogram::default()
        };
        histogram.compact();
        histogram
    }
}
