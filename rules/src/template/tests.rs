use watchpost_model::Labels;
use watchpost_promql::InstantSample;

use super::{Context, Template, TemplateError};

fn query(text: &str) -> Result<Vec<InstantSample>, String> {
    let sample = |instance: &str, value: f64| InstantSample {
        labels: Labels::from_pairs([("__name__", "metric"), ("instance", instance)]),
        time_ms: 0,
        value,
        histogram: None,
    };
    match text {
        "metric" => Ok(vec![sample("b", 11.0), sample("a", 21.0)]),
        "empty" => Ok(Vec::new()),
        _ => Err("no such query".to_owned()),
    }
}

fn render_value(text: &str, value: f64) -> Result<String, TemplateError> {
    let labels = Labels::from_pairs([("instance", "web1.example.com:9100"), ("job", "node")]);
    let external_labels = Labels::from_pairs([("site", "north")]);
    let context = Context {
        histogram: None,
        labels: &labels,
        value,
        external_labels: &external_labels,
        external_url: "http://watch.example.com:9090/post/",
        now_ms: 1_500_000_000_250,
        query: &query,
    };
    Template::parse(text)?.render(&context)
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(
            render_value(text, 91.25).as_deref(),
            Ok(*expected),
            "{text}"
        );
    }
}

#[test]
fn labels_and_values_of_the_alert_are_shown() {
    check(&[
        ("", ""),
        ("plain { text }", "plain { text }"),
        ("{{ $labels.job }} {{$value}}", "node 91.25"),
        ("{{ .Labels.job }} {{ .Value }}", "node 91.25"),
        ("{{ $.Labels.job }}", "node"),
        ("[{{ $labels.nothing }}]", "[]"),
        (
            "{{ $externalLabels.site }} {{ .ExternalLabels.site }}",
            "north north",
        ),
        (
            "{{ $externalURL }} {{ .ExternalURL }}",
            "http://watch.example.com:9090/post/ http://watch.example.com:9090/post/",
        ),
        (
            "{{ externalURL }}|{{ pathPrefix }}",
            "http://watch.example.com:9090/post/|/post",
        ),
        (
            "{{ $labels }}",
            "map[instance:web1.example.com:9100 job:node]",
        ),
        ("{{ index $labels \"job\" }}", "node"),
    ]);
}

#[test]
fn floats_print_as_in_go() {
    for (value, expected) in [
        (1.0, "1"),
        (0.1, "0.1"),
        (123_456.0, "123456"),
        (1e6, "1e+06"),
        (1e8, "1e+08"),
        (123_456_789.0, "1.23456789e+08"),
        (0.00001, "1e-05"),
        (f64::INFINITY, "+Inf"),
        (f64::NAN, "NaN"),
        (-2.5, "-2.5"),
    ] {
        assert_eq!(render_value("{{ $value }}", value).as_deref(), Ok(expected));
    }
}

#[test]
fn numbers_are_made_readable_as_in_prometheus() {
    check(&[
        (
            "{{ 0.0 | humanize }} {{ 1.0 | humanize }} {{ 1234567.0 | humanize }} {{ .12 | humanize }}",
            "0 1 1.235M 120m",
        ),
        (
            "{{ humanize 999999 }} {{ humanize \"12345\" }} {{ humanize -1500 }}",
            "1000k 12.35k -1.5k",
        ),
        (
            "{{ humanize1024 1048576 }} {{ humanize1024 1 }} {{ humanize1024 1000 }}",
            "1Mi 1 1000",
        ),
        (
            "{{ humanizeDuration 0 }} {{ humanizeDuration 1 }} {{ humanizeDuration 60 }} {{ humanizeDuration 3600 }} {{ humanizeDuration 86400 }}",
            "0s 1s 1m 0s 1h 0m 0s 1d 0h 0m 0s",
        ),
        (
            "{{ humanizeDuration 899.99 }} {{ humanizeDuration .1 }} {{ humanizeDuration 12.3456 }} {{ humanizeDuration -90061 }}",
            "14m 59s 100ms 12.35s -1d 1h 1m 1s",
        ),
        (
            "{{ -0.22222222 | humanizePercentage }} {{ 0.1234567 | humanizePercentage }} {{ 1e3 | humanizePercentage }}",
            "-22.22% 12.35% 1e+05%",
        ),
        (
            "{{ 1435065584.128 | humanizeTimestamp }}",
            "2015-06-23 13:19:44.128 +0000 UTC",
        ),
        (
            "{{ 1427241600.0 | humanizeTimestamp }}",
            "2015-03-25 00:00:00 +0000 UTC",
        ),
        (
            "{{ now | humanizeTimestamp }}",
            "2017-07-14 02:40:00.25 +0000 UTC",
        ),
        ("{{ parseDuration \"1h2m10s\" }}", "3730"),
    ]);
}

#[test]
fn printf_follows_go() {
    check(&[
        (
            "{{ printf \"%.1f%% of %s\" $value $labels.job }}",
            "91.2% of node",
        ),
        ("{{ $value | printf \"%.0f\" }}", "91"),
        (
            "{{ printf \"%d %5d|%-5d|%05d\" 7 42 42 -42 }}",
            "7    42|42   |-0042",
        ),
        (
            "{{ printf \"%q %v %t %x\" \"a\\\"b\" 1.5 true 255 }}",
            "\"a\\\"b\" 1.5 true ff",
        ),
        (
            "{{ printf \"%e %g %.3g %6.2f|\" 12345.678 1e21 1234.5 3.14159 }}",
            "1.234568e+04 1e+21 1.23e+03   3.14|",
        ),
        ("{{ printf \"%d\" $value }}", "%!d(float64=91.25)"),
        (
            "{{ printf \"%s\" }} {{ printf \"x\" 1 }}",
            "%!s(MISSING) x%!(EXTRA int=1)",
        ),
        (
            "{{ print 1 2 \"a\" \"b\" 3 }} {{ println \"x\" }}",
            "1 2ab3 x\n",
        ),
    ]);
}

#[test]
fn conditions_choose_a_branch() {
    check(&[
        ("{{ if gt $value 90.0 }}high{{ else }}low{{ end }}", "high"),
        (
            "{{ if lt $value 90.0 }}low{{ else if ge $value 91.0 }}mid{{ else }}x{{ end }}",
            "mid",
        ),
        (
            "{{ if and (eq $labels.job \"node\") (ne $labels.job \"x\" ) }}yes{{ end }}",
            "yes",
        ),
        (
            "{{ if or false $labels.nothing }}yes{{ else }}no{{ end }}",
            "no",
        ),
        ("{{ if not $labels.nothing }}none{{ end }}", "none"),
        (
            "{{ if gt $value 80 }}whole numbers compare too{{ end }}",
            "whole numbers compare too",
        ),
        (
            "{{ if eq $labels.job \"a\" \"node\" }}one of{{ end }}",
            "one of",
        ),
        (
            "{{ with $labels.job }}{{ . }}{{ end }}{{ with $labels.nothing }}x{{ else }}none{{ end }}",
            "nodenone",
        ),
    ]);
}

#[test]
fn loops_go_over_the_results_of_queries() {
    check(&[
        (
            "{{ range query \"metric\" }}{{ .Labels.instance }}:{{ .Value }}: {{ end }}",
            "b:11: a:21: ",
        ),
        ("{{ query \"metric\" | first | value | humanize }}", "11"),
        (
            "{{ query \"metric\" | sortByLabel \"instance\" | first | label \"instance\" }}",
            "a",
        ),
        ("{{ with query \"empty\" }}x{{ else }}none{{ end }}", "none"),
        (
            "{{ range query \"empty\" }}x{{ else }}none{{ end }}",
            "none",
        ),
        (
            "{{ range $i, $s := query \"metric\" }}{{ $i }}={{ $s.Value }} {{ end }}",
            "0=11 1=21 ",
        ),
        (
            "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
            "instance=web1.example.com:9100;job=node;",
        ),
        (
            "{{ range query \"metric\" }}{{ .Value }}{{ break }}{{ end }}",
            "11",
        ),
        (
            "{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}",
            "02",
        ),
        ("{{ len (query \"metric\") }}", "2"),
    ]);
}

#[test]
fn variables_have_a_scope() {
    check(&[
        (
            "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}",
            "21",
        ),
        (
            "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
            "2",
        ),
        ("{{ with $x := $labels.job }}{{ $x }}{{ end }}", "node"),
        (
            "{{ $sum := 0 }}{{ range query \"metric\" }}{{ $sum = .Value }}{{ end }}{{ $sum }}",
            "21",
        ),
        ("{{ (args 1 \"b\").arg1 }}", "b"),
    ]);
}

#[test]
fn texts_are_changed() {
    check(&[
        (
            "{{ $labels.job | toUpper }} {{ \"ABC\" | toLower }} {{ \"aa bB cc\" | title }}",
            "NODE abc Aa BB Cc",
        ),
        (
            "{{ reReplaceAll \"(.*)\\\\.example.*\" \"$1\" $labels.instance }}",
            "web1",
        ),
        (
            "{{ reReplaceAll `:\\d+` \"\" $labels.instance }}",
            "web1.example.com",
        ),
        (
            "{{ match \"a+\" \"baab\" }} {{ match \"^b+$\" \"aa\" }}",
            "true false",
        ),
        (
            "{{ stripPort $labels.instance }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"bare\" }}",
            "web1.example.com ::1 bare",
        ),
        (
            "{{ stripDomain $labels.instance }} {{ stripDomain \"10.0.0.1:80\" }} {{ stripDomain \"a.b\" }}",
            "web1:9100 10.0.0.1:80 a",
        ),
        (
            "{{ graphLink \"up == 0\" }}",
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=0",
        ),
        (
            "{{ tableLink \"up{job=\\\"a\\\"}\" }}",
            "/graph?g0.expr=up%7Bjob%3D%22a%22%7D&g0.tab=1",
        ),
        (
            "{{ html \"<a>\" }} {{ urlQueryEscape \"a b\" }} {{ slice \"abcd\" 1 3 }}",
            "&lt;a&gt; a+b bc",
        ),
    ]);
}

#[test]
fn spaces_are_trimmed_and_comments_left_out() {
    check(&[
        ("a {{- /* note */ -}} b", "ab"),
        ("a {{/* note */}} b", "a  b"),
        ("a\n{{- $value -}}\nb", "a91.25b"),
        ("{{ -3 }}{{- -4 -}} x", "-3-4x"),
        (
            "{{ 'a' }} {{ 0x10 }} {{ 1_000 }} {{ `raw\\n` }} {{ nil | print }}",
            "97 16 1000 raw\\n <no value>",
        ),
    ]);
}

#[test]
fn broken_templates_are_refused_with_their_place() {
    for (text, expected) in [
        (
            "{{ $value",
            "1:1: template error: expected `}}` to close the action, found the end",
        ),
        (
            "ab\n  {{ nope }}",
            "2:6: template error: function `nope` is not defined",
        ),
        (
            "{{ $nope }}",
            "1:4: template error: undefined variable `$nope`",
        ),
        (
            "{{ if $value }}x",
            "1:4: template error: expected `{{end}}` for this action, found the end",
        ),
        (
            "{{ end }}",
            "1:4: template error: unexpected `end`: nothing is open",
        ),
        (
            "{{ }}",
            "1:4: template error: expected a value or a function, found `}}`",
        ),
        (
            "{{ \"abc }}",
            "1:4: template error: expected a closing \", found the end of the line",
        ),
        (
            "{{ 1 2 }}",
            "1:4: template error: expected a function before several values",
        ),
        (
            "{{ $value | 3 }}",
            "1:13: template error: expected a function after `|`",
        ),
        ("{{ (1 }}", "1:7: template error: expected `)`, found `}}`"),
        (
            "{{ template \"x\" }}",
            "1:4: template error: `template` is not supported yet",
        ),
        (
            "{{ toTime 1 }}",
            "1:4: template error: function `toTime` is not supported yet",
        ),
        (
            "{{ break }}",
            "1:4: template error: `break` and `continue` stand within `range` only",
        ),
        (
            "{{ $value @ }}",
            "1:11: template error: unexpected `@` in an action",
        ),
    ] {
        let error = Template::parse(text).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(Template::parse(&text).is_err());
    let text = "{{ if 1 }}".repeat(50_000);
    assert!(Template::parse(&text).is_err());
}

#[test]
fn what_fails_at_run_time_names_its_place() {
    for (text, expected) in [
        (
            "{{ query \"empty\" | first }}",
            "1:20: template error: error calling first: first() called on vector with no elements",
        ),
        (
            "{{ query \"bad\" }}",
            "1:4: template error: error calling query: no such query",
        ),
        (
            "{{ $labels.job.x }}",
            "1:4: template error: can't evaluate field `x` in string",
        ),
        (
            "{{ humanize \"x\" }}",
            "1:4: template error: error calling humanize: expected a number, found the text \"x\"",
        ),
        (
            "{{ toUpper }}",
            "1:4: template error: wrong number of arguments for toUpper: expected 1, found 0",
        ),
        ("{{ match \"(\" \"x\" }}", "1:4"),
        (
            "{{ range 1000000 }}{{ end }}",
            "1:10: template error: the template takes more than 100000 steps",
        ),
        (
            "{{ range 90000 }}xxxxxxxxxx{{ end }}",
            "1:1: template error: the text is longer than 65536 bytes",
        ),
    ] {
        let error = render_value(text, 1.0).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
