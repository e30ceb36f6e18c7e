//! The store against a plain map, over random histories.
//!
//! What the store takes and what it refuses is partly its own choice, so the map follows what can be
//! read right after an operation. What it holds the store to:
//!
//! - what could be read once can be read for good, with the same bits, until it is past the
//!   retention or deleted: over finished blocks, seals, merges, restarts and kills;
//! - nothing can be read that was not offered, and an operation changes nothing but its own samples;
//! - what comes in order is taken, a value that is not taken was counted as refused, and an end
//!   comes where a page or a group ends a series, and nowhere else;
//! - every question (ranges, matchers, names, values, series) is answered as the map answers it.

mod oracle;
mod run;
mod step;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;

use self::run::Run;
use self::step::{Query, Setting, Step, query, setting, step};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 2,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_says_what_a_plain_map_says(
        setting in setting(),
        steps in vec(step(), 1..120),
        queries in vec(query(), 8),
    ) {
        let mut run = Run::new(&setting);
        for step in &steps {
            run.step(step);
        }
        run.check_all();
        for query in &queries {
            run.check(query);
        }
        run.restart();
        for query in &queries {
            run.check(query);
        }
    }
}

/// Histories that were too much for the store once.
#[test]
fn a_late_part_of_a_row_that_is_not_the_newest_stays() {
    let mut run = Run::new(&Setting {
        retention: 600,
        window: 7_200,
        out_of_order: 0,
        log_file_size: 64 << 20,
        max_series: 0,
    });
    let pages = |group, count, each, lines: &[usize]| Step::Pages {
        group,
        count,
        each,
        lines: lines.to_vec(),
        seed: 0,
    };
    let part = Step::Part {
        group: 2,
        offset: -26_505,
        values: vec![(1, 0.0)],
    };
    for step in [
        pages(2, 17, 1, &[0]),
        Step::Restart,
        pages(2, 15, 602, &[0]),
        pages(2, 88, 1_549, &[0]),
        Step::Clock(52_471),
        pages(2, 36, 1_395, &[0]),
        part,
        pages(0, 136, 2_588, &[]),
        Step::Maintain,
    ] {
        run.step(&step);
    }
    run.check_all();
}

#[test]
fn what_was_deleted_stays_deleted_when_the_rest_is_sealed_and_after_a_restart() {
    let mut run = Run::new(&Setting {
        retention: 600,
        window: 20,
        out_of_order: 0,
        log_file_size: 2_000,
        max_series: 0,
    });
    let page = Step::Page {
        group: 0,
        after: 0,
        values: vec![(0, 0.0)],
    };
    let all = Query {
        matchers: Vec::new(),
        back: 0,
        length: 0,
    };
    let pages = Step::Pages {
        group: 1,
        count: 71,
        each: 1_691,
        lines: vec![0],
        seed: 0,
    };
    for step in [page, Step::Delete(all), pages, Step::Maintain] {
        run.step(&step);
    }
    run.restart();
}
