//! PromQL: what parses prints as text that means the same; what is evaluated gives an answer or an
//! error within its limits.

use std::sync::OnceLock;

use watchpost_model::Duration;
use watchpost_promql::{Engine, Error, Features, Options, Steps, parse_selector, parse_with};
use watchpost_tsdb::{Config, Db};

use crate::generate::{self, Random};

/// The longest text that is evaluated.
const MAX_TEXT: usize = 2_048;

/// Reading and printing.
pub fn parse(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    drop(parse_selector(&text));
    for features in [Features::default(), Features::ALL] {
        let expr = match parse_with(&text, features) {
            Ok(expr) => expr,
            Err(error) => {
                assert!(error.start <= error.end && error.end <= text.len(), "{error:?}");
                continue;
            }
        };
        assert!(!expr.ast_json().is_empty());
        for printed in [expr.to_string(), expr.format()] {
            let again = match parse_with(&printed, features) {
                Ok(again) => again,
                Err(error) => panic!("{text}\n{printed}\n{error}"),
            };
            assert_eq!(again.to_string(), expr.to_string(), "{text}");
            assert_eq!(again, expr, "{text}\n{printed}");
        }
    }
}

/// Evaluating over a few series.
pub fn eval(data: &[u8]) {
    static STORE: OnceLock<(Engine, Db)> = OnceLock::new();
    let (engine, db) = STORE.get_or_init(store);
    let text = String::from_utf8_lossy(data);
    if text.len() > MAX_TEXT {
        return;
    }
    let Ok(expr) = parse_with(&text, Features::ALL) else {
        return;
    };
    let time_ms = generate::START_MS + 900_000;
    let answer = engine.instant(db, &expr, time_ms);
    let steps = Steps {
        start_ms: time_ms,
        end_ms: time_ms + 600_000,
        step_ms: 60_000,
    };
    let over_steps = engine.range(db, &expr, steps);
    for error in answer.err().into_iter().chain(over_steps.err()) {
        assert!(!error.to_string().is_empty());
        assert!(!matches!(error, Error::Canceled), "{text}");
    }
}

fn store() -> (Engine, Db) {
    let db = Db::in_memory(Config::default());
    for (labels, samples) in generate::series(3) {
        for (time, value) in samples {
            db.append_single(&labels, time, value, time)
                .expect("a sample in order");
        }
    }
    let engine = Engine::new(Options {
        max_samples: 200_000,
        timeout: Duration::from_secs(2),
        ..Options::default()
    });
    (engine, db)
}

/// Random expressions, and one of each part of the language that these do not have.
pub fn seeds() -> Vec<Vec<u8>> {
    let others = [
        "x[step() + 5m] offset -(min_of(step(), 1s))",
        "rate(c_total[5m] anchored) + on (job) group_left (dc) fill_left (0) fill_right (-5) g2",
        "increase(c_total[5m] smoothed) or g smoothed",
        "info(g, {__name__=~\".+_info\"}) + start() - range()",
        "{\"utf 8\", 'l b'=~`v.*`}[1h30m:5m] @ end() # comment",
        "histogram_quantiles(h_bucket, \"q\", 0.5, 0.9) </ 3 >/ 1e-3",
        "sum by (\"a b\", c,) (x) unless 0x1F - 1_000.5e3 ^ -Inf",
    ];
    let mut random = Random(4);
    let generated = (0..400).map(|_| generate::expression(&mut random));
    let others = others.into_iter().map(str::to_owned);
    others.chain(generated).map(String::into_bytes).collect()
}
