use insta::assert_snapshot;

use super::Regex;
use super::shape::Shape;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

/// Expressions, texts they match and texts they do not.
const CASES: &[(&str, &[&str], &[&str])] = &[
    ("", &[""], &["a"]),
    ("a", &["a"], &["", "ab", "ba", "A"]),
    ("a|b", &["a", "b"], &["ab", "", "c"]),
    ("a.b", &["a\nb", "a.b", "a\u{e9}b"], &["ab"]),
    ("(?-s)a.b", &["axb"], &["a\nb"]),
    ("^a$", &["a"], &["a\n", "^a$"]),
    ("(?m)^a$\nb", &["a\nb"], &["a"]),
    (r"\Aa\z", &["a"], &["a\n"]),
    (r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb", "a.ba.b"]),
    (r"\Qa|b\E", &["a|b"], &["a"]),
    ("a{", &["a{"], &["a"]),
    ("a{,5}", &["a{,5}"], &["aa"]),
    ("a{1,2", &["a{1,2"], &["aa"]),
    ("a{x}", &["a{x}"], &["a"]),
    ("a{01}", &["a{01}"], &["a"]),
    ("{", &["{"], &[""]),
    ("}]", &["}]"], &[""]),
    ("a{2}", &["aa"], &["a", "aaa"]),
    ("a{2,}", &["aa", "aaaa"], &["a"]),
    ("a{0,1}?b", &["ab", "b"], &["aab"]),
    (r"\d+", &["0123"], &["\u{661}"]),
    (r"\D", &["\u{661}", "a", "\n"], &["1"]),
    (
        r"\s",
        &[" ", "\t", "\n", "\r", "\u{c}"],
        &["\u{b}", "\u{a0}"],
    ),
    (r"\S", &["\u{b}", "\u{a0}"], &[" "]),
    (r"\w+", &["aZ_9"], &["\u{e9}", "-"]),
    (r"\W", &["\u{e9}", "-"], &["a"]),
    (r"a\b.\bb", &["a-b", "a\u{e9}b"], &["a_b"]),
    (r"a\B\w", &["ab"], &["a-"]),
    (r"[\d\s]+", &["1 2"], &["a"]),
    (r"[^\D]", &["1"], &["a"]),
    ("[a-]", &["a", "-"], &["b"]),
    ("[-a]", &["a", "-"], &["b"]),
    ("[]a]+", &["]a"], &["b"]),
    ("[^]a]", &["b", "\n"], &["]", "a"]),
    ("[a&&b]+", &["a&b"], &["&c"]),
    ("[a~~b&&c-]+", &["-a~b&c"], &["d"]),
    ("[[a]+", &["[a"], &["b"]),
    ("[[:alpha:][:digit:]]+", &["aZ9"], &["\u{e9}", "_"]),
    ("[[:^alpha:]]", &["9", "\u{e9}"], &["a"]),
    ("[[:word:]]+", &["a_9"], &["-"]),
    ("[[=a=]]", &["=]", "[]", "a]"], &["a"]),
    (r"\pN+", &["1\u{661}"], &["a"]),
    (r"\p{Greek}", &["\u{3b1}"], &["a"]),
    (r"\p{^Greek}", &["a"], &["\u{3b1}"]),
    (r"\PN[\P{^Greek}]", &["a\u{3b1}"], &["1a", "aa"]),
    (
        "(?i)stra\u{df}e",
        &["STRA\u{1e9e}E", "stra\u{df}e"],
        &["strasse"],
    ),
    ("(?i:a)b", &["Ab"], &["AB"]),
    ("(?i)a(?-i)b", &["Ab"], &["AB"]),
    ("(?ii-i)a", &["a"], &["A"]),
    ("(?)a", &["a"], &["b"]),
    ("(?U)a+(b?)", &["aab", "aa"], &["b"]),
    ("(?P<1n>a)(?<m>b)", &["ab"], &["a"]),
    (r"\<\_\-\/\@", &["<_-/@"], &["_-/@"]),
    (r"\x41\x{1f600}\101\0\07", &["A\u{1f600}A\0\x07"], &["A"]),
    (r"\a\f\t\n\r\v", &["\x07\x0c\t\n\r\x0b"], &[""]),
    ("a||b", &["a", "", "b"], &["ab"]),
    ("()|(?:)", &[""], &["a"]),
    ("x*", &["", "xx"], &["y"]),
    (
        "\u{e9}|\u{e8}x",
        &["\u{e9}", "\u{e8}x"],
        &["\u{e8}", "\u{e9}x"],
    ),
    (".*\u{e9}", &["\u{e9}", "a\u{e9}"], &["\u{e9}a"]),
    ("foo.*", &["foo", "foo\nbar"], &["fo", "xfoo"]),
    ("foo.+", &["foox"], &["foo", "xfoox"]),
    (".*foo", &["foo", "xfoo"], &["foox"]),
    (".+foo", &["xfoo"], &["foo", "xfoox"]),
    (".*foo.*", &["foo", "xfoox"], &["fo"]),
    (".+", &["x"], &[""]),
    (".*", &["", "x"], &[]),
    ("(.*)", &["", "x"], &[]),
    ("(a|b)c?", &["a", "bc"], &["c", "ab"]),
];

#[test]
fn expressions_match_the_whole_text_as_in_go() {
    for (pattern, matching, other) in CASES {
        let regex = regex(pattern);
        for text in *matching {
            assert!(regex.is_match(text), "{pattern} matches {text:?}");
        }
        for text in *other {
            assert!(!regex.is_match(text), "{pattern} does not match {text:?}");
        }
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        "(",
        ")",
        "a)(b",
        "[",
        "[a",
        "[]",
        "*",
        "+a",
        "|*",
        "(*a)",
        "a**",
        "a*+",
        "a??*",
        "a{2}{3}",
        "a{2}*",
        "a{1001}",
        "a{2,1}",
        "(a{100}){100}",
        "a{99999999999}",
        r"\",
        r"\C",
        r"\Qa",
        "a(?i)*",
        r"\8",
        r"\1",
        r"\Z",
        r"\h",
        r"\u0041",
        r"\E",
        r"\x4",
        r"\x{110000}",
        r"\xg0",
        "[b-a]",
        "[[:foo:]]",
        r"[\b]",
        r"[\Qa\E]",
        r"\p",
        r"\p{Foo}",
        r"\p{sc=Greek}",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?x)a",
        "(?u)a",
        "(?-)",
        "(?i-)",
        "(?",
        "(?P<>a)",
        "(?P<a",
        "(?P<a-b>c)",
        "(?P<n>a)(?P<n>b)",
        "(?P=n)",
        "(?i",
        "(?i)*",
    ] {
        assert!(Regex::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn the_reason_of_a_refusal_is_told() {
    let error = |pattern: &str| Regex::new(pattern).unwrap_err().to_string();
    assert_snapshot!(error("a("), @"expected a regular expression in RE2 syntax, found `a(`: expected a closing `)`");
    assert_snapshot!(error("a**"), @"expected a regular expression in RE2 syntax, found `a**`: expected no `*` after a repetition");
    assert_snapshot!(error(r"\C"), @r"expected a regular expression in RE2 syntax, found `\C`: expected an escape that RE2 has, found `\C`");
    assert_snapshot!(error(r"\p{Foo}"), @r"expected a regular expression in RE2 syntax, found `\p{Foo}`: Unicode property not found");
    assert_snapshot!(error("a{1001}"), @"expected a regular expression in RE2 syntax, found `a{1001}`: expected at most 1000 repetitions and the smaller number first");
    assert_snapshot!(error("(a{100}){100}"), @"expected a regular expression in RE2 syntax, found `(a{100}){100}`: expected at most 1000 repetitions");
    assert_snapshot!(error(r"(\pL{1000}){1}(\pL{900})(\pL{900})"), @r"expected a regular expression in RE2 syntax, found `(\pL{1000}){1}(\pL{900})(\pL{900})`: expected at most 10485760 bytes when compiled, found more");
}

#[test]
fn simple_expressions_need_no_engine() {
    let texts = |list: &[&str]| Shape::Literals(list.iter().map(|it| (*it).to_owned()).collect());
    for (pattern, shape, prefix) in [
        ("foo", texts(&["foo"]), "foo"),
        ("^foo$", texts(&["foo"]), "foo"),
        ("foo|far|b", texts(&["b", "far", "foo"]), ""),
        ("foo|far", texts(&["far", "foo"]), "f"),
        (
            "a[bc](d|e)?",
            texts(&["ab", "abd", "abe", "ac", "acd", "ace"]),
            "a",
        ),
        ("(?i)a1", texts(&["A1", "a1"]), ""),
        ("", texts(&[""]), ""),
        ("foo.*", Shape::Prefix("foo".into(), false), "foo"),
        ("^(?:foo.+)$", Shape::Prefix("foo".into(), true), "foo"),
        (".*foo", Shape::Suffix("foo".into(), false), ""),
        (".+foo", Shape::Suffix("foo".into(), true), ""),
        (".*foo.*", Shape::Contains("foo".into()), ""),
        (".*", Shape::Anything, ""),
        (".+", Shape::NotEmpty, ""),
        ("foo[0-9]+", Shape::Other, "foo"),
        ("(foo|fob)[0-9]+", Shape::Other, "fo"),
        ("\u{e9}.|\u{e8}", Shape::Other, ""),
        ("[^a]", Shape::Other, ""),
    ] {
        let regex = regex(pattern);
        assert_eq!(regex.shape, shape, "{pattern}");
        assert_eq!(regex.prefix(), prefix, "{pattern}");
    }
    assert_eq!(
        regex("b|a").literals(),
        Some(&["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(regex("a.*").literals(), None);
}

#[test]
fn templates_are_filled_as_go_does() {
    for (pattern, text, template, expected) in [
        ("(.*)-(?P<last>.*)", "a-b", "$1/$2", Some("a/b")),
        ("(.*)-(?P<last>.*)", "a-b", "${1}x$last!", Some("axb!")),
        ("(.*)-(?P<last>.*)", "a-b", "$1x", Some("")),
        ("(.*)-(?P<last>.*)", "a-b", "$$1$0", Some("$1a-b")),
        ("(.*)-(?P<last>.*)", "a-b", "${1", Some("${1")),
        ("(.*)-(?P<last>.*)", "a-b", "$-${}$", Some("$-${}$")),
        ("(.*)-(?P<last>.*)", "a-b", "$9$nobody$01", Some("")),
        ("(.*)-(?P<last>.*)", "a-b", "$\u{e9}", Some("")),
        ("(.*)-(?P<last>.*)", "ab", "$1", None),
        ("a(b)?", "a", "<$1>", Some("<>")),
        ("a|b", "b", "$0$1", Some("b")),
        ("a|b", "c", "$0", None),
        (".*", "\u{e9}", "${0}", Some("\u{e9}")),
    ] {
        assert_eq!(
            regex(pattern).expand(text, template).as_deref(),
            expected,
            "{pattern} {template}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_pattern_makes_compiling_panic(
        pattern in "(\\PC|[\\\\\\[\\](){}?*+|^$.a-c0-9:PpQEdswbB<>=!,-]){0,12}", text in "[a-c0-9]{0,4}",
    ) {
        if let Ok(regex) = Regex::new(&pattern) {
            regex.is_match(&text);
            drop(regex.expand(&text, &pattern));
        }
    }

    /// The shapes are a short cut: what they say is what the engine says.
    #[test]
    fn shapes_agree_with_the_engine(
        pattern in "(\\.\\*|\\.\\+|a|b|ab|\u{e9}|[(]a|b[)]|\\||[?]|\\[ab\\]|\\^|\\$){0,6}", text in "[ab\u{e9}\n]{0,5}",
    ) {
        if let (Ok(short), Ok(full)) = (Regex::new(&pattern), Regex::new(&format!("(?:{pattern})|[^\\x00-\\x{{10ffff}}]x*"))) {
            let engine = super::compile(regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build().parse(&pattern).unwrap()).unwrap();
            proptest::prop_assert_eq!(short.is_match(&text), engine.is_match(text.as_str()));
            proptest::prop_assert_eq!(full.is_match(&text), engine.is_match(text.as_str()));
            if short.is_match(&text) {
                proptest::prop_assert!(text.starts_with(short.prefix()));
            }
        }
    }
}
