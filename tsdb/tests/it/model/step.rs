//! Random operations, settings and questions.

use proptest::collection::vec;
use proptest::prelude::*;
use watchpost_model::histogram::histogram_index;
use watchpost_model::{MatchOp, Matcher, is_absent, stale_nan};

use super::world::{GROUPS, LINES};
use crate::histograms::{NUMBERS, numbered};

/// What a store is opened with. Times are in seconds.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) retention: i64,
    pub(super) window: i64,
    pub(super) out_of_order: i64,
    pub(super) log_file_size: u64,
    pub(super) max_series: usize,
}

/// Lines of a page or a part with their values; a line may stand twice.
pub(super) type Values = Vec<(usize, f64)>;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A page, some time after the step before.
    Page {
        group: usize,
        after: i64,
        values: Values,
    },
    /// Many pages with one layout.
    Pages {
        group: usize,
        count: u16,
        each: i64,
        lines: Vec<usize>,
        seed: u32,
    },
    /// A part of a row, so many ms from the newest row of the group.
    Part {
        group: usize,
        offset: i64,
        values: Values,
    },
    /// A sample of a single column, so many ms from now.
    Single {
        line: usize,
        offset: i64,
        value: f64,
    },
    /// A page that is too far ahead or too old to be taken.
    OutOfBounds {
        group: usize,
        ahead: bool,
        values: Values,
    },
    /// The group ends.
    End {
        group: usize,
        after: i64,
    },
    /// The clock moves by so many ms, maybe back.
    Clock(i64),
    Maintain,
    /// What a question would find is deleted.
    Delete(Query),
    CleanTombstones,
    /// The history goes on in a snapshot.
    MoveToSnapshot,
    Restart,
    Kill,
    Ask(Query),
}

/// A question: matchers, and a range from so many ms before now, so long.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) matchers: Vec<Matcher>,
    pub(super) back: i64,
    pub(super) length: i64,
}

pub(super) fn setting() -> impl Strategy<Value = Setting> {
    (
        prop_oneof![3 => Just(100_000), 1 => Just(600)],
        prop_oneof![Just(0), Just(100)],
        prop_oneof![Just(20), Just(7_200)],
        prop_oneof![Just(2_000), Just(64 << 20)],
        prop_oneof![4 => Just(0), 1 => 1..12_usize],
    )
        .prop_map(
            |(retention, out_of_order, window, log_file_size, max_series)| Setting {
                retention,
                window,
                out_of_order,
                log_file_size,
                max_series,
            },
        )
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..100_i32).prop_map(f64::from),
        2 => (0..10_000_i32).prop_map(|n| f64::from(n) / 100.0),
        1 => Just(stale_nan()),
        1 => Just(f64::NAN),
        1 => Just(-0.0),
        1 => any::<u64>().prop_map(f64::from_bits),
        2 => (0..NUMBERS).prop_map(numbered),
        1 => (0..4_u32).prop_map(numbered),
    ]
    .prop_filter("not a mark", |value| {
        !is_absent(*value) && histogram_index(*value).is_none()
    })
}

fn values() -> impl Strategy<Value = Values> {
    vec((0..LINES, value()), 0..LINES + 2)
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let group = || 0..GROUPS;
    let offset = || {
        prop_oneof![
            4 => -3..4_i64,
            3 => -20_000..2_000_i64,
            1 => -90_000..-20_000_i64,
            1 => -400_000..-110_000_i64,
        ]
    };
    prop_oneof![
        12 => (group(), 0..3_000_i64, values())
            .prop_map(|(group, after, values)| Step::Page { group, after, values }),
        3 => (group(), 1..200_u16, 1..4_000_i64, vec(0..LINES, 0..LINES), any::<u32>())
            .prop_map(|(group, count, each, lines, seed)| Step::Pages { group, count, each, lines, seed }),
        6 => (group(), offset(), values())
            .prop_map(|(group, offset, values)| Step::Part { group, offset, values }),
        3 => (0..LINES, offset(), value())
            .prop_map(|(line, offset, value)| Step::Single { line, offset, value }),
        1 => (group(), any::<bool>(), values())
            .prop_map(|(group, ahead, values)| Step::OutOfBounds { group, ahead, values }),
        1 => (group(), 1..3_000_i64).prop_map(|(group, after)| Step::End { group, after }),
        1 => prop_oneof![3 => -300_000..300_000_i64, 1 => 300_000..2_000_000_i64].prop_map(Step::Clock),
        3 => Just(Step::Maintain),
        1 => query().prop_map(Step::Delete),
        1 => Just(Step::CleanTombstones),
        1 => Just(Step::MoveToSnapshot),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        2 => query().prop_map(Step::Ask),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = prop_oneof![
        Just(MatchOp::Equal),
        Just(MatchOp::NotEqual),
        Just(MatchOp::Regex),
        Just(MatchOp::NotRegex),
    ];
    let name = prop::sample::select(vec!["__name__", "instance", "job", "zone"]);
    let value = prop::sample::select(vec![
        "m0", "m1", "m4", "h0", "h1", "own", "node", "z", "", "m[01]", "m.*", ".*", ".+", "h0|own",
        "h.|", "nothing",
    ]);
    (op, name, value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
}

pub(super) fn query() -> impl Strategy<Value = Query> {
    let back = prop_oneof![-1_000..3_000_i64, 0..500_000_i64, 0..5_000_000_i64];
    let length = prop_oneof![Just(0), 0..10_000_i64, 0..5_000_000_i64];
    (vec(matcher(), 0..4), back, length).prop_map(|(matchers, back, length)| Query {
        matchers,
        back,
        length,
    })
}
