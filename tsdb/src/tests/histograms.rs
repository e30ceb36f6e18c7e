use std::sync::Arc;

use watchpost_model::Histogram;
use watchpost_model::histogram::{CounterReset, Counts, Span, histogram_mark};

use super::*;

fn histogram(count: u64) -> Histogram {
    Histogram {
        counter_reset: CounterReset::Unknown,
        schema: 0,
        zero_threshold: 0.001,
        sum: count as f64,
        positive_spans: vec![Span {
            offset: 0,
            length: 1,
        }],
        negative_spans: Vec::new(),
        custom_values: Arc::default(),
        counts: Counts::Integer {
            count,
            zero_count: 0,
            positive: vec![count.cast_signed()],
            negative: Vec::new(),
        },
    }
}

/// What a series has, a histogram by its count.
fn cells(series: &Series) -> Vec<String> {
    let rows = 0..series.times.len();
    let rows = rows.filter(|row| !is_absent(series.values[*row]));
    let rows = rows.map(|row| match series.histogram(row) {
        Some(histogram) => format!("{}:h{}", series.times[row], histogram.to_float().count),
        None => format!("{}:{}", series.times[row], series.values[row]),
    });
    rows.collect()
}

fn all(db: &Db, name: &str) -> Vec<String> {
    let selection = db.select(TimeRange::ALL, &[Matcher::equal("__name__", name)]);
    let selection = selection.unwrap();
    selection.series.iter().flat_map(cells).collect()
}

#[test]
fn pages_samples_and_single_columns_take_histograms() {
    let db = Db::in_memory(Config::default());
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let one = group(&db, "one");
    let layout = db.layout(&[a, b]);
    let mut expected = Vec::new();
    // Enough rows that most of them are in blocks.
    for row in 0..100_u32 {
        let time = i64::from(row) * 1_000;
        let list = [histogram(7), histogram(row.into())];
        let values = [f64::from(row), histogram_mark(1)];
        let page = Row {
            time_ms: time,
            layout: &layout,
            values: &values,
        };
        assert_eq!(one.append_with(page, &list, time).unwrap().samples, 2);
        expected.push(format!("{time}:h{row}"));
    }
    assert_eq!(all(&db, "b"), expected);
    assert_eq!(all(&db, "a").len(), 100);
    let selection = db.select(TimeRange::ALL, &[]).unwrap();
    let with: Vec<_> = selection
        .series
        .iter()
        .map(|it| it.histograms.is_some())
        .collect();
    assert_eq!(with, [false, true], "a series of floats costs nothing");
    assert!(!selection.series[1].dense);
    let single = Labels::from_pairs([("__name__", "single")]);
    db.append_single(&single, 1, 0.5, 1).unwrap();
    db.append_single_histogram(&single, 2, &histogram(3), 2)
        .unwrap();
    db.append_past_with(&single, (&[(0, histogram_mark(0))], &[histogram(9)]), 2)
        .unwrap();
    assert_eq!(all(&db, "single"), ["0:h9", "1:0.5", "2:h3"]);
}

#[test]
fn a_histogram_conflicts_with_another_and_with_floats_wherever_its_row_is() {
    let db = Db::in_memory(Config::default());
    let a = line(&db, "a");
    let one = group(&db, "one");
    let put = |time: i64, value: f64, list: &[Histogram]| {
        one.append_samples_with(time, (&[(a, value)], list), 99_000)
            .unwrap()
    };
    for second in 0..50 {
        let list = [histogram(second)];
        let time = second.cast_signed() * 1_000;
        assert_eq!(
            put(time, histogram_mark(0), &list).new_series,
            usize::from(second == 0)
        );
    }
    for time in [3_000_i64, 48_000] {
        let same = [histogram(time.unsigned_abs() / 1_000)];
        assert_eq!(put(time, histogram_mark(0), &same).samples, 1, "{time}");
        assert_eq!(
            put(time, histogram_mark(0), &[histogram(77)]).conflicts,
            1,
            "{time}"
        );
        assert_eq!(put(time, 3.0, &[]).conflicts, 1, "{time}");
    }
    assert_eq!(
        put(50_000, histogram_mark(1), &[histogram(1)]).marks,
        1,
        "no such place"
    );
    assert_eq!(put(50_000, histogram_mark(0), &[]).marks, 1);
    let mut wrong = histogram(1);
    wrong.schema = 99;
    let refused = one.append_samples_with(60_000, (&[(a, histogram_mark(0))], &[wrong]), 99_000);
    assert!(matches!(refused, Err(Error::Histogram(_))));
    let mut end = histogram(0);
    end.sum = stale_nan();
    assert_eq!(put(70_000, histogram_mark(0), &[end]).samples, 1);
    let selection = db.select(TimeRange::ALL, &[]).unwrap();
    let series = &selection.series[0];
    assert!(
        is_stale(*series.values.last().unwrap()),
        "it is a stale marker as any"
    );
    assert_eq!(cells(series).len(), 51);
}

#[test]
fn histograms_that_are_refused_or_go_to_a_side_do_not_stay_in_memory() {
    let db = Db::in_memory(Config::default());
    let a = line(&db, "a");
    let one = group(&db, "one");
    let put = |time: i64, count: u64| {
        let samples = (&[(a, histogram_mark(0))][..], &[histogram(count)][..]);
        one.append_samples_with(time, samples, 99_000_000).unwrap()
    };
    for row in 0..50_u64 {
        put(row.cast_signed() * 1_000, row);
    }
    for count in 100..50_000 {
        assert_eq!(put(2_000, count).conflicts, 1);
    }
    let open = one.state.body.lock().open_histogram_bytes();
    assert!(open < 200_000, "{open}");
}
