use super::*;

/// What a text means, with all parentheses.
fn shape(node: &Node) -> String {
    match &node.kind {
        Kind::Binary(binary) => {
            let (lhs, rhs) = (shape(&binary.lhs), shape(&binary.rhs));
            format!("({lhs} {} {rhs})", binary.op.name())
        }
        Kind::Unary(_, inner) => format!("(-{})", shape(inner)),
        Kind::Paren(inner) => shape(inner),
        _ => node.to_string(),
    }
}

#[test]
fn operators_bind_as_in_prometheus() {
    for (text, wanted) in [
        ("a + b * c", "(a + (b * c))"),
        ("a * b + c", "((a * b) + c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("-a ^ b", "(-(a ^ b))"),
        ("-a * b", "((-a) * b)"),
        ("a ^ -b * c", "((a ^ (-b)) * c)"),
        ("2 ^ ---1 * 3", "((2 ^ -1) * 3)"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a == b > c + d", "((a == b) > (c + d))"),
        ("a AND b OR c", "((a and b) or c)"),
        ("a atan2 b * c", "((a atan2 b) * c)"),
        ("a % b / c", "((a % b) / c)"),
    ] {
        assert_eq!(shape(&parse(text).unwrap().root), wanted, "{text}");
    }
}

#[test]
fn numbers_read_as_in_go() {
    for (text, wanted) in [
        ("0x1F", 31.0),
        ("017", 15.0),
        ("089", 89.0),
        ("1_000.5", 1_000.5),
        (".5e-3", 0.0005),
        ("2.", 2.0),
        ("5m", 300.0),
        ("1h30m5ms", 5_400.005),
        ("-Inf", f64::NEG_INFINITY),
        ("+iNf", f64::INFINITY),
    ] {
        let Kind::Number(number) = parse(text).unwrap().root.kind else {
            panic!("{text}");
        };
        assert_eq!(number.value.to_bits(), f64::to_bits(wanted), "{text}");
    }
    for text in ["1_", "0x", "1__0", "0x_", "5m1h", "1e", "1.2.3"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn strings_read_as_in_go() {
    for (text, wanted) in [
        (
            r#""a\tb\"\\\x41\101\u00e9\U0001F600'""#,
            "a\tb\"\\AA\u{e9}\u{1f600}'",
        ),
        (r#"'a"\''"#, "a\"'"),
        ("`a\\n\n\"`", "a\\n\n\""),
    ] {
        assert_eq!(
            parse(text).unwrap().root.kind,
            Kind::Text(wanted.to_owned())
        );
    }
    for text in [r#""\ud800""#, r#""\'""#, "\"a\nb\"", r#""\400""#] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn expressions_print_as_prometheus_prints_them() {
    for (text, wanted) in [
        ("sum(x)by(a,b)", "sum by (a, b) (x)"),
        ("sum by() (x)", "sum(x)"),
        ("SUM WITHOUT() (x)", "sum without () (x)"),
        ("topk without(a)(5,x)", "topk without (a) (5, x)"),
        (
            "x{b='1',a!~\"2\"}[5m]offset -1h",
            "x{a!~\"2\",b=\"1\"}[5m] offset -1h",
        ),
        ("x@start()", "x @ start()"),
        ("x[1h:5m]@1.5 offset 90s", "x[1h:5m] @ 1.500 offset 1m30s"),
        ("x[1h:]", "x[1h:]"),
        ("a/on(x,y)group_left(z)b", "a / on (x, y) group_left (z) b"),
        ("a>bool ignoring(x)b", "a > bool ignoring (x) b"),
        ("a+on()b", "a + on () b"),
        ("a+ignoring()b", "a + b"),
        (
            "{\"my.metric\",\"a b\"=\"c\"}",
            "{\"a b\"=\"c\",__name__=\"my.metric\"}",
        ),
        ("{__name__=~\"a.*\"}", "{__name__=~\"a.*\"}"),
        ("{__name__=\"a\"}", "{__name__=\"a\"}"),
        (
            "1e21+0.00001+300-5m",
            "1000000000000000000000 + 0.00001 + 300 - 5m",
        ),
        ("-(1)^+x", "-(1) ^ +x"),
        (
            "label_replace(x,'a','$1','b','(.*)')",
            "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")",
        ),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), wanted);
    }
}

#[test]
fn words_of_the_language_can_name_metrics_and_labels() {
    for text in [
        "sum",
        "by + offset",
        "count{by=\"1\",on=\"2\",bool=\"3\"}",
        "sum by (by, on, offset) (start)",
        "and{} and or{}",
        ":a:b",
    ] {
        assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
    }
}

#[test]
fn every_node_knows_its_place() {
    let text = "sum by (a) (rate(x{a=\"b\"}[5m] offset 1m)) / (2 + y)";
    let expr = parse(text).unwrap();
    let mut texts = Vec::new();
    let mut open: Vec<&Node> = vec![&expr.root];
    while let Some(node) = open.pop() {
        texts.push(text.get(node.span.start..node.span.end).unwrap());
        open.extend(node.kind.children());
    }
    assert_eq!(
        texts,
        [
            text,
            "(2 + y)",
            "2 + y",
            "y",
            "2",
            "sum by (a) (rate(x{a=\"b\"}[5m] offset 1m))",
            "rate(x{a=\"b\"}[5m] offset 1m)",
            "x{a=\"b\"}[5m] offset 1m",
        ]
    );
}

#[test]
fn what_is_longer_than_a_line_is_split() {
    let text = "sum by (instance) (rate(node_cpu_seconds_total{mode!=\"idle\",job=\"node\"}[5m])) / on (instance) group_left () -count by (instance) (node_cpu_seconds_total{mode=\"idle\"})";
    assert_eq!(
        parse(text).unwrap().format(),
        r#"  sum by (instance) (rate(node_cpu_seconds_total{job="node",mode!="idle"}[5m]))
/ on (instance) group_left ()
  -count by (instance) (node_cpu_seconds_total{mode="idle"})"#
    );
    assert_eq!(parse("foo/bar").unwrap().format(), "foo / bar");
}

#[test]
fn the_tree_is_told_as_prometheus_tells_it() {
    let text = "sum by(a)(rate(x{a=\"<\"}[5m] @ start() offset 1m)) / on(b) group_left(c) 5m";
    assert!(parse(text).is_err());
    let text = "sum by(a)(rate(x{a=\"<\"}[5m] @ start() offset 1m)) / 5m";
    assert_eq!(
        parse(text).unwrap().ast_json(),
        r#"{"bool":false,"lhs":{"expr":{"args":[{"anchored":false,"matchers":[{"name":"a","type":"=","value":"\u003c"},{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":60000,"range":300000,"smoothed":false,"startOrEnd":"start","timestamp":null,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},"type":"call"},"grouping":["a"],"op":"sum","param":null,"type":"aggregation","without":false},"matching":null,"op":"/","rhs":{"type":"numberLiteral","val":"300"},"type":"binaryExpr"}"#
    );
}

#[test]
fn the_whole_language_prints_as_it_was_read() {
    for text in [
        "x[step() + 5m] offset -(min_of(step(), 1s))",
        "x[-2 ^ 2 + 1h:max_of(step(), 5s)] @ end() offset range()",
        "rate(x[5m] anchored) + on (a) group_left (b) fill_left (0) fill_right (-5) (x smoothed offset 5m)",
        "x + fill (NaN) y",
        "x </ 5 >/ y",
        "x offset (1m + 1m) ^ 2",
        "fill + fill_left{a=\"b\"}",
        "step + range + min_of + max_of + anchored",
        "max_of(step(), range()) + start() - end()",
    ] {
        let expr = parse_with(text, Features::ALL).unwrap();
        assert_eq!(expr.to_string(), text);
    }
    let sides = |text: &str| match &parse_with(text, Features::ALL).unwrap().root.kind {
        Kind::Binary(binary) => (binary.lhs.to_string(), binary.rhs.to_string()),
        _ => (String::new(), String::new()),
    };
    let pair = |left: &str, right: &str| (left.to_owned(), right.to_owned());
    assert_eq!(sides("x offset -2 ^ 2"), pair("x offset -2s", "2"));
    assert_eq!(sides("x offset step() * 0"), pair("x offset step()", "0"));
    assert_eq!(sides("x offset (1m + 1m) ^ 2"), pair("", ""));
    assert_eq!(
        sides("x offset -(step()) + 2"),
        pair("x offset -(step())", "2")
    );
}
