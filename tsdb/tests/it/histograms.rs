//! Native histograms in histories of floats: a value with a number stands for one that is made of it,
//! so that what a test knows of samples, their bits, is enough for both.

use std::sync::Arc;

use watchpost_model::Histogram;
use watchpost_model::histogram::{
    CUSTOM_BUCKETS_SCHEMA, CounterReset, Counts, Span, histogram_mark,
};
use watchpost_tsdb::{Appended, Db, Error, Group, LineId, Series};

/// The upper half of such a value's bits: a NaN that means nothing to a store.
const NUMBERED: u64 = 0x7ff0_b10c;

/// Numbers are below this.
pub(crate) const NUMBERS: u32 = 2_000;

/// The value that stands for a histogram.
pub(crate) fn numbered(number: u32) -> f64 {
    f64::from_bits(NUMBERED << 32 | u64::from(number))
}

fn number(value: f64) -> Option<u32> {
    let [a, b, c, d, ..] = value.to_le_bytes();
    (value.to_bits() >> 32 == NUMBERED).then(|| u32::from_le_bytes([a, b, c, d]))
}

/// A histogram that tells its number by its sum: of integers or floats, with exponential or given
/// buckets.
pub(crate) fn histogram(number: u32) -> Histogram {
    let many = u64::from(number % 50);
    let span = |offset, length| Span { offset, length };
    let (schema, spans, bounds): (i32, _, Arc<[f64]>) = if number % 3 == 2 {
        let bounds = [0.5, 1.0, 2.5, 10.0];
        (CUSTOM_BUCKETS_SCHEMA, vec![span(1, 3)], bounds.into())
    } else {
        let spans = vec![span(-2, 2), span(3, 1)];
        (i32::try_from(number % 7).unwrap(), spans, Arc::default())
    };
    let resets = [
        CounterReset::Unknown,
        CounterReset::Reset,
        CounterReset::NotReset,
        CounterReset::Gauge,
    ];
    let counts = if number % 4 == 3 {
        Counts::Float {
            count: many as f64 + 0.25,
            zero_count: 0.0,
            positive: vec![many as f64, 0.1, 0.15],
            negative: Vec::new(),
        }
    } else {
        Counts::Integer {
            count: 3 * many + 5,
            zero_count: 0,
            positive: vec![many.cast_signed(), 2, 1],
            negative: Vec::new(),
        }
    };
    Histogram {
        counter_reset: resets[number as usize / 5 % 4],
        schema,
        zero_threshold: 0.0,
        sum: f64::from(number),
        positive_spans: spans,
        negative_spans: Vec::new(),
        custom_values: bounds,
        counts,
    }
}

/// Values as a store takes them, and the histograms that they stand for.
fn given<T: Copy>(values: &[(T, f64)]) -> (Vec<(T, f64)>, Vec<Histogram>) {
    let mut list = Vec::new();
    let values = values.iter().map(|(of, value)| {
        let Some(number) = number(*value) else {
            return (*of, *value);
        };
        list.push(histogram(number));
        (*of, histogram_mark(u32::try_from(list.len() - 1).unwrap()))
    });
    (values.collect(), list)
}

/// A value of a series as a test knows it; a histogram has to be what its number says.
pub(crate) fn known(series: &Series, row: usize) -> u64 {
    let Some(found) = series.histogram(row) else {
        return series.values[row].to_bits();
    };
    let mut numbers = 0..NUMBERS;
    let number = numbers.find(|number| f64::from(*number).to_bits() == found.sum.to_bits());
    let number = number.expect("a histogram that was given");
    assert_eq!(*found, histogram(number));
    numbered(number).to_bits()
}

/// Appends a page of (line, value).
pub(crate) fn append_page(
    db: &Db,
    group: &Group,
    time_ms: i64,
    page: &[(LineId, f64)],
    now_ms: i64,
) -> Result<Appended, Error> {
    let (page, list) = given(page);
    let lines: Vec<_> = page.iter().map(|(line, _)| *line).collect();
    let values: Vec<_> = page.iter().map(|(_, value)| *value).collect();
    let row = watchpost_tsdb::Row {
        time_ms,
        layout: &db.layout(&lines),
        values: &values,
    };
    group.append_with(row, &list, now_ms)
}

/// Appends samples of (line, value).
pub(crate) fn append_samples(
    group: &Group,
    time_ms: i64,
    samples: &[(LineId, f64)],
    now_ms: i64,
) -> Result<Appended, Error> {
    let (samples, list) = given(samples);
    group.append_samples_with(time_ms, (&samples, &list), now_ms)
}

/// Appends a sample of a single column.
pub(crate) fn append_single(
    db: &Db,
    labels: &watchpost_model::Labels,
    time_ms: i64,
    value: f64,
    now_ms: i64,
) -> Result<Appended, Error> {
    match number(value) {
        Some(number) => db.append_single_histogram(labels, time_ms, &histogram(number), now_ms),
        None => db.append_single(labels, time_ms, value, now_ms),
    }
}

#[test]
fn histograms_are_told_by_their_numbers() {
    for number in 0..NUMBERS {
        let histogram = histogram(number);
        assert_eq!(histogram.validate(), Ok(()), "{number}");
        assert_eq!(super::histograms::number(numbered(number)), Some(number));
    }
    assert_eq!(number(f64::NAN), None);
}
