//! What is said of texts that are not PromQL, and of queries that cannot be answered.

use watchpost_model::Labels;
use watchpost_promql::{Engine, Error, Features, Options, parse, parse_selector, parse_with};
use watchpost_tsdb::{Config, Db};

/// Texts, and why each is refused.
const REFUSED: &[(&str, &str)] = &[
    (
        "",
        "unknown position: parse error: no expression found in input",
    ),
    ("# only", "1:1: parse error: no expression found in input"),
    (
        "foo bar",
        r#"1:5: parse error: unexpected identifier "bar""#,
    ),
    ("sum(", "1:5: parse error: unclosed left parenthesis"),
    ("(x", "1:3: parse error: unclosed left parenthesis"),
    ("x)", "1:3: parse error: unexpected right parenthesis ')'"),
    (
        "sum(x y)",
        r#"1:7: parse error: unexpected identifier "y" in aggregation"#,
    ),
    ("sum 5", r#"1:5: parse error: unexpected number "5""#),
    ("x +", "1:4: parse error: unexpected end of input"),
    ("x + * y", "1:5: parse error: unexpected <op:*>"),
    ("bool", "1:1: parse error: unexpected <bool>"),
    ("x\nor\n  ;", "3:3: parse error: unexpected character: ';'"),
    (
        "\u{e9}\u{e9} ",
        "1:1: parse error: unexpected character: '\u{e9}'",
    ),
    (
        "\"\u{e9}\" b",
        r#"1:6: parse error: unexpected identifier "b""#,
    ),
    (
        "x \"abcdefghijklmnop\"",
        r#"1:3: parse error: unexpected string "\"abcdefghi"..."#,
    ),
    (
        "x{a",
        "1:4: parse error: unexpected end of input inside braces",
    ),
    (
        "x{a}",
        r#"1:4: parse error: unexpected "}" in label matching, expected label matching operator"#,
    ),
    (
        "x{a=b}",
        r#"1:5: parse error: unexpected identifier "b" in label matching, expected string"#,
    ),
    (
        r#"x{a="b" c="d"}"#,
        r#"1:9: parse error: unexpected identifier "c" in label matching, expected "," or "}""#,
    ),
    (r#"x{a=~"("}"#, "1:3: parse error: "),
    (
        "{}",
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    ),
    (
        r#"{a=~".*"}"#,
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    ),
    (
        r#"x{__name__=~"y"}"#,
        r#"1:1: parse error: metric name must not be set twice: "x" or "y""#,
    ),
    ("x[5m", "1:5: parse error: unclosed left bracket"),
    (
        "x[]",
        r#"1:3: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()"#,
    ),
    (
        "x[5m 6]",
        r#"1:6: parse error: unexpected number "6" in subquery or range, expected ":" or "]""#,
    ),
    (
        "x[5m y]",
        "1:6: parse error: unexpected character: 'y', expected ':'",
    ),
    ("x[0s]", "1:3: parse error: duration must be greater than 0"),
    (
        "x[5m] offset",
        "1:13: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
    ),
    (
        "x offset 5m offset 5m",
        "1:1: parse error: offset may not be set multiple times",
    ),
    (
        "(x)[5m]",
        "1:4: parse error: ranges only allowed for vector selectors",
    ),
    (
        "x offset 5m [5m]",
        "1:13: parse error: no offset modifiers allowed before range",
    ),
    (
        "x @ 5 [5m]",
        "1:7: parse error: no @ modifiers allowed before range",
    ),
    (
        "1 offset 5m",
        "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    (
        "x @ inf",
        "1:1: parse error: timestamp out of bounds for @ modifier: +Inf",
    ),
    (
        "x @ 1 @ 2",
        "1:1: parse error: @ <timestamp> may not be set multiple times",
    ),
    (
        "rate(x)",
        r#"1:6: parse error: expected type range vector in call to function "rate", got instant vector"#,
    ),
    (
        "rate(x[5m], 1)",
        r#"1:1: parse error: expected 1 argument(s) in call to "rate", got 2"#,
    ),
    (
        "round(x, 1, 2)",
        r#"1:1: parse error: expected at most 2 argument(s) in call to "round", got 3"#,
    ),
    (
        r#"label_join(x, "a")"#,
        r#"1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2"#,
    ),
    (
        "rate(x[5m],)",
        "1:11: parse error: trailing commas not allowed in function call args",
    ),
    (
        "nope(x)",
        r#"1:1: parse error: unknown function with name "nope""#,
    ),
    (
        "sum(x[5m])",
        "1:5: parse error: expected type instant vector in aggregation expression, got range vector",
    ),
    (
        "topk(x)",
        "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    ),
    (
        r#"topk("1", x)"#,
        "1:6: parse error: expected type scalar in aggregation parameter, got string",
    ),
    (
        "sum by (1) (x)",
        r#"1:9: parse error: unexpected number "1" in grouping opts, expected label"#,
    ),
    (
        "1 == 1",
        "1:3: parse error: comparisons between scalars must use BOOL modifier",
    ),
    (
        "x and 1",
        r#"1:1: parse error: set operator "and" not allowed in binary scalar expression"#,
    ),
    (
        "x + x[5m]",
        "1:5: parse error: binary expression must contain only scalar and instant vector types",
    ),
    (
        r#"-"a""#,
        r#"1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string""#,
    ),
    (
        "x + bool y",
        "1:3: parse error: bool modifier can only be used on comparison operators",
    ),
    (
        "1 + on(a) x",
        "1:1: parse error: vector matching only allowed between instant vectors",
    ),
    (
        "x and on(a) group_left y",
        r#"1:1: parse error: no grouping allowed for "and" operation"#,
    ),
    (
        "x * on(a) group_left(a) y",
        r#"1:3: parse error: label "a" must not occur in ON and GROUP clause at once"#,
    ),
    (
        "5m[5m:]",
        "1:1: parse error: subquery is only allowed on instant vector, got scalar instead",
    ),
    (
        "x ! y",
        "1:3: parse error: unexpected character after '!': ' '",
    ),
    ("\"abc", "1:1: parse error: unterminated quoted string"),
    (
        r"'a\qb'",
        "1:1: parse error: unknown escape sequence U+0071 'q'",
    ),
    (
        "5mm",
        r#"1:1: parse error: bad number or duration syntax: "5mm""#,
    ),
    (
        "5m1h",
        r#"1:1: parse error: not a valid duration string: "5m1h""#,
    ),
    (
        "1e999",
        r#"1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e999": value out of range"#,
    ),
    (
        "mad_over_time(x[5m])",
        r#"1:1: parse error: function "mad_over_time" is not enabled"#,
    ),
    (
        "limitk(1, x)",
        "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
    ),
    (
        "x[5m+1m]",
        "1:3: parse error: experimental duration expression is not enabled",
    ),
    (
        "x + fill(1) y",
        "1:5: parse error: binop fill modifiers are experimental and not enabled",
    ),
    (
        "increase(x[5m] anchored)",
        "1:10: parse error: anchored modifier is experimental and not enabled",
    ),
    (
        "x smoothed",
        "1:1: parse error: smoothed modifier is experimental and not enabled",
    ),
];

#[test]
fn a_text_that_is_not_promql_is_refused_with_its_place_and_what_was_expected() {
    for (text, wanted) in REFUSED {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{text}\n{error}\n{wanted}");
        assert!(!wanted.ends_with("error: ") || error.len() > wanted.len());
    }
}

/// What Prometheus 3.5.3 says of 500 texts that it refuses. Newer versions, which this parser
/// follows, name more of what could stand for a duration.
#[test]
fn texts_are_refused_in_the_words_of_prometheus() {
    let newer = [
        (
            "subquery or range selector, expected number, duration, step(), or range()",
            "subquery selector, expected number or duration",
        ),
        (
            "expected number, duration, step(), range(), or \"]\"",
            "expected number or duration or \"]\"",
        ),
        (
            "expected number, duration, step(), or range()",
            "expected number or duration",
        ),
    ];
    let mut checked = 0;
    for line in include_str!("../recorded/refused.jsonl").lines() {
        let [text, wanted]: [String; 2] = serde_json::from_str(line).unwrap();
        let mut error = parse_with(&text, Features::ALL).unwrap_err().to_string();
        for (ours, theirs) in newer {
            error = error.replace(ours, theirs);
        }
        assert_eq!(error, wanted, "{text}");
        checked += 1;
    }
    assert!(checked >= 500);
}

#[test]
fn an_error_names_the_bytes_of_its_place() {
    let text = "sum(rate(up)) by (job)";
    let error = parse(text).unwrap_err();
    assert_eq!(text.get(error.start..error.end), Some("up"));
}

#[test]
fn only_a_plain_selector_is_taken_as_one() {
    assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
    for text in ["up[5m]", "sum(up)", "up offset 5m", "1", "{}"] {
        assert!(parse_selector(text).is_err(), "{text}");
    }
}

fn db() -> Db {
    let db = Db::in_memory(Config::default());
    for (name, host, mode) in [
        ("a", "1", "x"),
        ("a", "1", "y"),
        ("b", "1", "x"),
        ("b", "1", "y"),
    ] {
        let labels = Labels::from_pairs([("__name__", name), ("host", host), ("mode", mode)]);
        db.append_single(&labels, 0, 1.0, 0).unwrap();
    }
    db
}

#[test]
fn what_cannot_be_evaluated_over_the_data_is_an_error_that_says_why() {
    let (db, engine) = (db(), Engine::default());
    for (text, wanted) in [
        (
            "a + on (host) b",
            r#"found duplicate series for the match group {host="1"} on the right hand-side of the operation: [{__name__="b", host="1", mode="y"}, {__name__="b", host="1", mode="x"}];many-to-many matching not allowed: matching labels must be unique on one side"#,
        ),
        (
            r#"a + on (host) b{mode="x"}"#,
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        (
            r#"sum without (mode) (a) * on (host) group_right b or label_replace(a, "mode", "z", "", "")"#,
            "vector cannot contain metrics with the same labelset",
        ),
        (
            r#"-{host="1"}"#,
            "vector cannot contain metrics with the same labelset",
        ),
        (
            r#"label_replace(a, "b", "c", "d", "(")"#,
            "invalid regular expression in label_replace(): (",
        ),
        ("topk(NaN, a)", "Parameter value is NaN"),
    ] {
        let error = engine.instant(&db, &parse(text).unwrap(), 0).unwrap_err();
        assert_eq!(error.to_string(), wanted, "{text}");
    }
}

#[test]
fn a_query_that_holds_too_many_samples_or_takes_too_long_is_cut_off() {
    let (db, expr) = (db(), parse("a + b").unwrap());
    let few = Engine::new(Options {
        max_samples: 3,
        ..Options::default()
    });
    let error = few.instant(&db, &expr, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "query processing would load too many samples into memory in query execution"
    );
    let brief = Engine::new(Options {
        timeout: watchpost_model::Duration::ZERO,
        ..Options::default()
    });
    assert_eq!(brief.instant(&db, &expr, 0), Err(Error::Timeout));
    let options = Options::default();
    let canceled = std::sync::Arc::clone(&options.canceled);
    let engine = Engine::new(options);
    assert!(engine.instant(&db, &expr, 0).is_ok());
    canceled.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(engine.instant(&db, &expr, 0), Err(Error::Canceled));
}

#[test]
fn a_nest_of_calls_that_doubles_a_label_is_cut_off() {
    let mut text = "label_replace(a, \"x\", \"0123456789\", \"\", \"\")".to_owned();
    for _ in 0..40 {
        text = format!("label_replace({text}, \"x\", \"$1$1\", \"x\", \"(.*)\")");
    }
    let error = Engine::default()
        .instant(&db(), &parse(&text).unwrap(), 0)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a value of at most 1048576 bytes for label `x`, found 1310720"
    );
}

#[test]
fn what_is_doubtful_about_an_answer_is_said_with_its_place() {
    let (db, engine) = (db(), Engine::default());
    let answer = |text: &str| engine.instant(&db, &parse(text).unwrap(), 0).unwrap();
    let labels = Labels::from_pairs([("__name__", "a"), ("host", "1"), ("mode", "x")]);
    db.append_single(&labels, 30_000, 2.0, 30_000).unwrap();
    let text = "1 +\n  sum(rate(a[1m]))";
    assert!(answer(text).infos.is_empty());
    assert_eq!(
        engine
            .instant(&db, &parse(text).unwrap(), 30_000)
            .unwrap()
            .infos,
        [
            r#"PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "a" (2:12)"#
        ]
    );
    assert_eq!(
        answer("quantile(2, a)").warnings,
        ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]
    );
    assert_eq!(
        answer("histogram_quantile(0.5, a)").warnings,
        [
            r#"PromQL warning: bucket label "le" is missing or has a malformed value of "" for metric name "a" (1:25)"#
        ]
    );
    let plain = answer("sum(a)");
    assert!(plain.infos.is_empty() && plain.warnings.is_empty());
}
