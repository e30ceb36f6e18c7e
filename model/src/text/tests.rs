use insta::assert_snapshot;

use super::{Entry, Format, Parser, Sample, transcribe};
use crate::{Labels, LabelsBuilder, NORMAL_NAN_BITS};

fn error(format: Format, page: &str) -> String {
    let mut labels = LabelsBuilder::default();
    for entry in Parser::new(format, page.as_bytes()) {
        let read = entry.and_then(|entry| match entry {
            Entry::Sample(sample) => {
                labels.clear();
                sample.labels_into(&mut labels)
            }
            _ => Ok(()),
        });
        if let Err(error) = read {
            return error.to_string();
        }
    }
    panic!("{page:?} was accepted")
}

/// The entries of a page, one a line.
fn listing(format: Format, page: &str) -> String {
    let lines: Vec<_> = Parser::new(format, page.as_bytes())
        .map(|entry| match entry.unwrap() {
            Entry::Comment(text) => format!("Comment {}", String::from_utf8_lossy(text)),
            Entry::Sample(sample) => format!(
                "Sample line {}: {} = {} at {:?}, exemplar {:?}",
                sample.line(),
                String::from_utf8_lossy(sample.series),
                sample.value,
                sample.timestamp_ms,
                sample.exemplar.map(|exemplar| (
                    String::from_utf8_lossy(exemplar.labels),
                    exemplar.value,
                    exemplar.timestamp_ms
                )),
            ),
            other => format!("{other:?}"),
        })
        .collect();
    lines.join("\n")
}

/// The only sample of a page, and its labels.
fn sample(format: Format, page: &str) -> (Sample<'_>, Labels) {
    let sample = Parser::new(format, page.as_bytes())
        .find_map(|entry| match entry.unwrap() {
            Entry::Sample(sample) => Some(sample),
            _ => None,
        })
        .unwrap();
    let mut labels = LabelsBuilder::default();
    sample.labels_into(&mut labels).unwrap();
    (sample, labels.build())
}

#[test]
fn a_text_page_is_read_line_by_line() {
    let page = "# HELP a_total What \\\\ \\n \\\" it is.\n# TYPE a_total counter\n\n# other\n  a_total { x = \"1\" , } 2 3\nb 1";
    assert_snapshot!(listing(Format::Text, page), @r#"
      Help { name: "a_total", help: "What \\ \n \\\" it is." }
      Type { name: "a_total", metric_type: Counter }
      Comment # other
      Sample line 5: a_total { x = "1" , } = 2 at Some(3), exemplar None
      Sample line 6: b = 1 at None, exemplar None
    "#);
}

#[test]
fn an_openmetrics_page_is_read_line_by_line() {
    let page = "# TYPE a_s counter\n# UNIT a_s s\n# HELP a_s What \\\" it is.\na_s_total{x=\"1\"} 2 1.5 # {id=\"7\"} 0.5 1\n# TYPE u unknown\nu NaN\n# EOF\n";
    assert_snapshot!(listing(Format::OpenMetrics, page), @r#"
      Type { name: "a_s", metric_type: Counter }
      Unit { name: "a_s", unit: "s" }
      Help { name: "a_s", help: "What \" it is." }
      Sample line 4: a_s_total{x="1"} = 2 at Some(1500), exemplar Some(("{id=\"7\"}", 0.5, Some(1000)))
      Type { name: "u", metric_type: Unknown }
      Sample line 6: u = NaN at None, exemplar None
    "#);
}

#[test]
fn labels_are_read_with_escapes_and_quoted_names() {
    for (page, expected) in [
        ("a 1\n", "a"),
        ("a{} 1\n", "a"),
        ("a{b=\"c\",d=\"\",b=\"\"} 1\n", "a{b=\"c\"}"),
        (
            "a{b=\"\\\\ \\n \\\" \\x\"} 1\n",
            "a{b=\"\\\\ \\n \\\" \\\\x\"}",
        ),
        (
            "{\"my.metric\",a=\"b\"} 1\n",
            "{__name__=\"my.metric\", a=\"b\"}",
        ),
        (
            "{a=\"b\",\"my.metric\"} 1\n",
            "{__name__=\"my.metric\", a=\"b\"}",
        ),
        ("a{\"b.c\"=\"d\"} 1\n", "a{\"b.c\"=\"d\"}"),
        ("a:b{c=\"\u{e9}\"} 1\n", "a:b{c=\"\u{e9}\"}"),
    ] {
        let (_, labels) = sample(Format::Text, page);
        assert_eq!(labels.to_string(), expected, "{page:?}");
        let page = format!("{page}# EOF");
        let (_, labels) = sample(Format::OpenMetrics, &page);
        assert_eq!(labels.to_string(), expected, "{page:?}");
    }
}

#[test]
fn no_text_makes_a_marked_nan() {
    for text in ["NaN", "nan", "NAN"] {
        let page = format!("a {text}\n");
        assert_eq!(
            sample(Format::Text, &page).0.value.to_bits(),
            NORMAL_NAN_BITS
        );
    }
}

#[test]
fn the_place_of_an_error_is_told() {
    let text = |page| error(Format::Text, page);
    assert_snapshot!(text("a 1\nb{c=\"d\n"), @r#"line 2, column 5: expected a quoted text that ends, found `"d`"#);
    assert_snapshot!(text("a 1\nb{c=\"d\" 2\n"), @"line 2, column 9: expected a label name, found `2`");
    assert_snapshot!(text("a 1\nb{c=\"d\ne\",f} 2\n"), @"line 3, column 5: expected `=` after a label name, found `} 2`");
    assert_snapshot!(text("a\n"), @"line 1, column 2: expected a value, found the end of the line");
    assert_snapshot!(text("a"), @"line 1, column 2: expected a value, found the end of the page");
    assert_snapshot!(text("a one\n"), @"line 1, column 3: expected a value, found `one`");
    assert_snapshot!(text("a 1 2 3\n"), @"line 1, column 6: expected the end of the line, found ` 3`");
    assert_snapshot!(text("a 1 99999999999999999999\n"), @"line 1, column 5: expected a time in milliseconds, found `99999999999999999999`");
    assert_snapshot!(text("{a=\"b\"} 1\n"), @r#"line 1, column 1: expected a metric name before or in the braces, found `{a="b"} 1`"#);
    assert_snapshot!(text("{\"a\",\"b\"} 1\n"), @"line 1, column 9: expected `=` after a label name, found `} 1`");
    assert_snapshot!(text("x 1\na{b=\"1\",b=\"2\"} 1\n"), @r#"line 2, column 9: expected each label once, found `b="2"}`"#);
    assert_snapshot!(text("# TYPE a thing\n"), @"line 1, column 9: expected a type: counter, gauge, histogram, summary or untyped, found ` thing`");
    assert_snapshot!(text("# HELP 9\n"), @"line 1, column 8: expected a metric name, found `9`");
    assert_snapshot!(text("<html><head><title>404 Not Found</title></head>"), @"line 1, column 1: expected a metric name, found `<html><head><title>404 Not Found</title>...`");
    let openmetrics = |page| error(Format::OpenMetrics, page);
    assert_snapshot!(openmetrics("a 1\n"), @"line 2, column 1: expected `# EOF` at the end of the page, found the end of the page");
    assert_snapshot!(openmetrics("a 1\n# EOF\nb 1\n"), @"line 3, column 1: expected nothing after `# EOF`, found `b 1`");
    assert_snapshot!(openmetrics("a 1\n\n# EOF\n"), @"line 2, column 1: expected a metric name, found the end of the line");
    assert_snapshot!(openmetrics("a  1\n# EOF\n"), @"line 1, column 3: expected a value, found ` 1`");
    assert_snapshot!(openmetrics("a 1 # {b=\"c\"}\n# EOF\n"), @"line 1, column 14: expected one blank before the value, found the end of the line");
    assert_snapshot!(openmetrics("a 1 nan\n# EOF\n"), @"line 1, column 5: expected a time in seconds, found `nan`");
    assert_snapshot!(openmetrics("# UNIT a_b s\n# EOF\n"), @"line 1, column 11: expected a unit that is the end of the metric's name, found ` s`");
    assert_snapshot!(openmetrics("# TYPE a untyped\n# EOF\n"), @"line 1, column 9: expected a type of OpenMetrics, found ` untyped`");
}

#[test]
fn an_expected_series_is_taken_only_where_it_stands_whole() {
    let page = b"a 1\nab 2\na{b=\"c\"} 3\na  {b=\"d\"} 4\na x\n";
    let mut parser = Parser::new(Format::Text, page);
    let mut series = Vec::new();
    while let Some(Ok(Entry::Sample(sample))) = parser.next_like(b"a") {
        series.push(format!(
            "{} {}",
            sample.line(),
            String::from_utf8_lossy(sample.series)
        ));
    }
    assert_snapshot!(series.join("\n"), @r#"
      1 a
      2 ab
      3 a{b="c"}
      4 a  {b="d"}
    "#);
    assert_eq!(parser.next(), None, "the page ended with an error");
}

#[test]
fn the_format_follows_from_the_content_type() {
    for (content_type, format) in [
        ("text/plain", Some(Format::Text)),
        (
            "text/plain; version=0.0.4; charset=utf-8",
            Some(Format::Text),
        ),
        (
            "Application/OpenMetrics-Text; version=1.0.0",
            Some(Format::OpenMetrics),
        ),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(
            Format::from_content_type(content_type),
            format,
            "{content_type}"
        );
    }
}

#[test]
fn openmetrics_is_transcribed_to_text() {
    let page = "# HELP up Is it \\\\ up?\n# TYPE up gauge\nup{a=\"b\"} 1.0\n\
        # TYPE requests_seconds counter\n# UNIT requests_seconds seconds\n# HELP requests_seconds Seconds.\n\
        requests_seconds_total 1e7 12.5 # {id=\"1\"} 1\nrequests_seconds_created 1.5\n\
        # TYPE x_total counter\nx_total inf\n\
        # TYPE build info\nbuild_info{v=\"1\"} 1\n# HELP odd Odd.\n# TYPE odd unknown\nodd NaN\n\
        # TYPE h histogram\nh_bucket{le=\"+Inf\"} 1 # {} 1\nh_count 1\nh_sum 0.5\n\
        # TYPE \"my.c\" counter\n{\"my.c_total\"} 1\n# TYPE states stateset\nstates{states=\"on\"} 1\n\
        # TYPE none gauge\n# EOF\n";
    let text = String::from_utf8(transcribe(page.as_bytes()).unwrap()).unwrap();
    assert_snapshot!(text, @r#"
      # HELP up Is it \\ up?
      # TYPE up gauge
      up{a="b"} 1
      # HELP requests_seconds_total Seconds.
      # TYPE requests_seconds_total counter
      requests_seconds_total 1e+07 12500
      requests_seconds_created 1.5
      # TYPE x_total counter
      x_total +Inf
      # TYPE build_info gauge
      build_info{v="1"} 1
      # HELP odd Odd.
      # TYPE odd untyped
      odd NaN
      # TYPE h histogram
      h_bucket{le="+Inf"} 1
      h_count 1
      h_sum 0.5
      # TYPE "my.c_total" counter
      {"my.c_total"} 1
      # TYPE states gauge
      states{states="on"} 1
      # TYPE none gauge
    "#);
    let read: Vec<_> = Parser::new(Format::Text, text.as_bytes()).collect();
    assert!(read.iter().all(Result::is_ok), "{read:?}");
    assert_snapshot!(transcribe(b"a 1\n").unwrap_err(), @"line 2, column 1: expected `# EOF` at the end of the page, found the end of the page");
}
