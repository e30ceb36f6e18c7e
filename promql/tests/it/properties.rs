//! What holds for every text.

use proptest::prelude::*;
use watchpost_promql::{Engine, Error, Features, Options, Steps, parse, parse_with};
use watchpost_tsdb::{Config, Db};

use watchpost_model::Labels;

const ALL: Features = Features::ALL;

fn word() -> impl Strategy<Value = String> {
    let words = [
        "up",
        "http_requests_total",
        "x",
        "1",
        "0.5",
        "1e3",
        "5m",
        "Inf",
        "\"a\"",
        "'b'",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "[5m]",
        "[5m:1m]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "==",
        "!=",
        "<",
        ">=",
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "group_left",
        "by",
        "without",
        "offset",
        "@",
        "bool",
        "sum",
        "topk",
        "quantile",
        "count_values",
        "rate",
        "time",
        "histogram_quantile",
        "label_replace",
        "abs",
        "start",
        "end",
        "=~",
        "job=\"a\"",
        "#",
        "\n",
        "atan2",
        "vector",
        "scalar",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

/// Texts that are PromQL by construction.
fn vector() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("up".to_owned()),
        Just("x{job=~\"a|b\",host!=\"\"}".to_owned()),
        Just("{\"utf 8\",\"l b\"=\"v\"}".to_owned()),
        Just("rate(x_total[5m] offset -1m)".to_owned()),
        Just("max_over_time(up[10m:30s] @ 120.5)".to_owned()),
        Just("x @ end() offset 1h30m".to_owned()),
        Just("vector(1e-7)".to_owned()),
        Just("absent(up{job=\"none\"})".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "atan2",
            "==",
            "!= bool",
            ">",
            "<= bool",
            "and",
            "or",
            "unless",
            "+ on (job)",
            "- ignoring (host)",
            "* on (job) group_left (host)",
        ]);
        let aggregation = prop::sample::select(vec![
            "sum",
            "avg by (job)",
            "max without (host)",
            "stddev",
            "topk by (job)(2, ",
            "quantile(0.9, ",
            "count_values(\"v\", ",
        ]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
            (aggregation, inner.clone()).prop_map(|(aggregation, inner)| {
                let open = if aggregation.ends_with(' ') { "" } else { " (" };
                format!("{aggregation}{open}{inner})")
            }),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            inner.clone().prop_map(|inner| format!("-{inner}")),
            inner.clone().prop_map(|inner| format!("2 ^ {inner}")),
            inner.prop_map(|inner| format!("sum_over_time(({inner})[4m:1m])")),
        ]
    })
}

fn db() -> Db {
    let db = Db::in_memory(Config::default());
    for (job, host) in [("a", "1"), ("a", "2"), ("b", "1")] {
        for name in ["up", "x", "x_total", "utf 8"] {
            let labels = Labels::from_pairs([
                ("__name__", name),
                ("job", job),
                ("host", host),
                ("l b", "v"),
            ]);
            for step in 0..20_u32 {
                let (time_ms, value) = (i64::from(step) * 30_000, f64::from(step % 7));
                db.append_single(&labels, time_ms, value, time_ms).unwrap();
            }
        }
    }
    db
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        let _checked = parse(&text);
    }

    #[test]
    fn no_row_of_words_makes_the_parser_panic_and_what_parses_prints_and_parses_again(
        words in prop::collection::vec(word(), 0..14),
    ) {
        if let Ok(expr) = parse_with(&words.join(" "), ALL) {
            prop_assert_eq!(parse_with(&expr.to_string(), ALL), Ok(expr));
        }
    }

    #[test]
    fn an_expression_prints_as_text_that_parses_to_the_same_tree(text in vector()) {
        let expr = parse(&text).unwrap();
        let printed = expr.to_string();
        let again = parse(&printed).unwrap();
        prop_assert_eq!(&again, &expr);
        prop_assert_eq!(again.to_string(), printed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The value at a step does not depend on the steps around it.
    #[test]
    fn a_range_query_gives_at_each_step_what_an_instant_query_gives(text in vector()) {
        let (db, engine, expr) = (db(), Engine::default(), parse(&text).unwrap());
        // `@ end()` is the last step, so that all evaluations must end there.
        let end_ms = 300_000;
        for start_ms in [60_000, end_ms] {
            let steps = Steps { start_ms, end_ms, step_ms: 120_000 };
            let range = engine.range(&db, &expr, steps);
            let instant = engine.instant(&db, &expr, end_ms);
            let (Ok(range), Ok(instant)) = (range, instant) else {
                continue;
            };
            prop_assert_eq!(last_points(&range.value, end_ms), last_points(&instant.value, end_ms));
        }
    }
}

/// The samples at a time, sorted by labels.
fn last_points(value: &watchpost_promql::Value, time_ms: i64) -> Vec<String> {
    let mut points: Vec<String> = match value {
        watchpost_promql::Value::Vector(vector) => vector
            .iter()
            .map(|one| format!("{} {:?}", one.labels, one.value))
            .collect(),
        watchpost_promql::Value::Matrix(matrix) => matrix
            .iter()
            .filter_map(|one| {
                let (_, value) = one.points.iter().find(|(time, _)| *time == time_ms)?;
                Some(format!("{} {value:?}", one.labels))
            })
            .collect(),
        other => vec![format!("{other:?}")],
    };
    points.sort_unstable();
    points
}

#[test]
fn an_infinite_base_prints_without_a_sign_as_that_would_bind_less_tightly() {
    let long = format!("{{{}=\"1\"}}", "a".repeat(120));
    for text in [
        "Inf ^ by",
        "Inf ^ 2 * x",
        "-Inf ^ x",
        "Inf * x",
        &format!("Inf ^ {long}"),
    ] {
        let expr = parse(text).unwrap();
        assert_eq!(parse(&expr.to_string()), Ok(expr.clone()), "{text}");
        assert_eq!(parse(&expr.format()), Ok(expr), "{text}");
    }
}

/// As the threads of a server have it.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn deep_nesting_is_an_error_and_does_not_end_the_process() {
    on_a_small_stack(|| {
        for text in [
            format!("{}1{}", "(".repeat(200_000), ")".repeat(200_000)),
            "-".repeat(200_000) + "x",
            "x + ".repeat(200_000) + "x",
            "x ^ ".repeat(200_000) + "x",
            "abs(".repeat(200_000),
            "sum(".repeat(200_000),
            "x".to_owned() + &"[5m:]".repeat(100_000),
            format!("x[{}5m{}]", "(".repeat(200_000), ")".repeat(200_000)),
            format!("x[{}5m]", "-".repeat(200_000)),
            format!("x[{}5m]", "1m + ".repeat(150_000)),
            format!("x offset {}5m", "max_of(1, ".repeat(100_000)),
            "x".repeat(2 << 20),
            format!("x{{{}}}", "a=~\"b.*c\",".repeat(100_000)),
        ] {
            assert!(parse_with(&text, ALL).is_err());
        }
    });
}

#[test]
fn what_a_generator_nests_or_chains_is_read_printed_evaluated_and_released_on_a_small_stack() {
    for text in [
        format!("{}up{}", "(".repeat(1_200), ")".repeat(1_200)),
        format!("{}up{}", "abs(".repeat(1_200), ")".repeat(1_200)),
        format!("{}up{}", "sum(".repeat(1_200), ")".repeat(1_200)),
        format!("{}up{}", "(1 + ".repeat(1_200), ")".repeat(1_200)),
        format!(
            "{}up{}",
            "quantile(0.5, abs(-(1 * ".repeat(900),
            ")))".repeat(900)
        ),
        "-".repeat(4_000) + "up",
        "up + ".repeat(4_000) + "up",
        "up or ".repeat(4_000) + "up",
        "1 + ".repeat(4_000) + "1",
        "up ^ ".repeat(4_000) + "up",
        "up + ".repeat(2_000) + "sum_over_time(up[step() + 1m])",
    ] {
        on_a_small_stack(move || {
            let expr = parse_with(&text, ALL).unwrap();
            let copy = expr.clone();
            assert!(parse_with(&copy.to_string(), ALL) == Ok(expr));
            assert!(copy.format().len() >= text.len());
            assert!(copy.ast_json().len() > text.len());
            assert!(!format!("{copy:?}").is_empty());
            assert_eq!(copy.selectors().is_empty(), !text.contains("up"));
            let (db, engine) = (db(), Engine::default());
            assert!(engine.instant(&db, &copy, 300_000).is_ok());
            let (start_ms, end_ms, step_ms) = (0, 60_000, 30_000);
            let steps = Steps {
                start_ms,
                end_ms,
                step_ms,
            };
            assert!(engine.range(&db, &copy, steps).is_ok());
        });
    }
}

#[test]
fn labels_that_are_made_count_against_the_limit_of_samples() {
    let options = Options {
        max_samples: 1_000,
        ..Options::default()
    };
    let engine = Engine::new(options);
    for (bytes, fits) in [(1_000, true), (8_000, false)] {
        let long = "a".repeat(bytes);
        let text = format!("label_join(up, \"l\", \"{long}\", \"job\", \"host\")");
        let answer = engine.instant(&db(), &parse(&text).unwrap(), 300_000);
        assert_eq!(answer.is_ok(), fits, "{bytes} bytes");
    }
}

#[test]
fn extreme_times_and_steps_give_an_answer_or_an_error() {
    let (db, engine) = (db(), Engine::default());
    for text in [
        "up",
        "rate(x_total[292y])",
        "up offset 292y",
        "up @ -1e12",
        "sum_over_time(up[292y:292y] offset -292y)",
        "hour(up * 1e300)",
        "time()",
    ] {
        let expr = parse(text).unwrap();
        for time_ms in [i64::MIN, -1, 0, i64::MAX] {
            let _answer = engine.instant(&db, &expr, time_ms);
            for step_ms in [i64::MIN, 0, 1, i64::MAX] {
                let steps = Steps {
                    start_ms: time_ms,
                    end_ms: i64::MAX,
                    step_ms,
                };
                let _answer = engine.range(&db, &expr, steps);
            }
        }
    }
    let steps = Steps {
        start_ms: 0,
        end_ms: i64::MAX,
        step_ms: 1,
    };
    let error = engine.range(&db, &parse("up").unwrap(), steps).unwrap_err();
    assert!(matches!(error, Error::TooManySamples(_)));
}
