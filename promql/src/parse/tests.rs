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
    for text in [
        r#""\xff""#,
        r#""\ud800""#,
        r#""\'""#,
        "\"a\nb\"",
        r#""\400""#,
    ] {
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
            "{\"my.metric\",\"a b\"=\"c\"}",
        ),
        ("{__name__=~\"a.*\"}", "{__name__=~\"a.*\"}"),
        ("{__name__=\"a\"}", "{__name__=\"a\"}"),
        ("1e21+0.00001+300-5m", "1e+21 + 1e-05 + 300 - 5m"),
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
    let root = parse(text).unwrap().root;
    let mut texts = Vec::new();
    let mut open = vec![&root];
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
