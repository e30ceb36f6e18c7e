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
use self::step::{query, setting, step};

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
        queries.iter().for_each(|query| run.check(query));
        run.restart();
        queries.iter().for_each(|query| run.check(query));
    }
}
