//! What is written is read back, and no bytes make the parser panic.

use proptest::prelude::*;
use watchpost_model::text::{Entry, Format, Page, Parser};
use watchpost_model::{LabelsBuilder, MetricType, format_value};

type Labels = std::collections::BTreeMap<String, String>;

/// A page of one family, as it comes back.
fn read_back(page: &[u8]) -> Vec<(Labels, String)> {
    let mut read = Vec::new();
    for entry in Parser::new(Format::Text, page) {
        if let Entry::Sample(sample) = entry.unwrap() {
            let mut labels = LabelsBuilder::default();
            sample.labels_into(&mut labels).unwrap();
            let labels = labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            read.push((labels, format_value(sample.value)));
        }
    }
    read
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (-1e6..1e6),
        (0_u32..1_000_000).prop_map(f64::from)
    ]
}

proptest! {
    #[test]
    fn samples_that_are_written_are_read_back(
        help in ".{0,20}",
        samples in prop::collection::vec(
            (prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,4}", "\\PC{1,8}|[\n\\\\\"{},= #]{1,8}", 0..5), value()),
            1..6,
        ),
    ) {
        let mut page = Page::new();
        page.family("name:x", &help, MetricType::Gauge);
        for (labels, value) in &samples {
            let labels: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            page.sample(&labels, *value);
        }
        let text = page.finish().to_vec();
        let expected: Vec<_> = samples
            .into_iter()
            .map(|(mut labels, value)| {
                labels.insert("__name__".to_owned(), "name:x".to_owned());
                // The writer does not tell the zeros apart.
                (labels, format_value(if value == 0.0 { 0.0 } else { value }))
            })
            .collect();
        prop_assert_eq!(read_back(&text), expected);
        let first = Parser::new(Format::Text, &text).next();
        let name = "name:x".into();
        prop_assert_eq!(first, Some(Ok(Entry::Help { name, help: help.into() })));
    }

    #[test]
    fn a_likely_series_changes_no_answer(
        page in "((a|b|a\\{b=\"c\"\\}|[a-c{}\"=, \\\\\n]{0,6})[ \t]{0,2}(1|[0-9a]{0,3})[ ]?[0-9]{0,2}\n?){0,8}",
        likely in "a|b|a\\{b=\"c\"\\}",
    ) {
        for format in [Format::Text, Format::OpenMetrics] {
            let plain: Vec<_> = Parser::new(format, page.as_bytes()).collect();
            let mut parser = Parser::new(format, page.as_bytes());
            let guessed: Vec<_> = std::iter::from_fn(|| parser.next_like(likely.as_bytes())).collect();
            prop_assert_eq!(plain, guessed);
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(page in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut labels = LabelsBuilder::default();
            for entry in Parser::new(format, &page) {
                if let Ok(Entry::Sample(sample)) = entry {
                    drop(sample.labels_into(&mut labels));
                }
            }
        }
    }

    #[test]
    fn nothing_like_a_page_makes_the_parser_panic(
        page in "((# (HELP|TYPE|UNIT|EOF) ?)?([a-c_]{0,2}|[{}\"=, #\\\\\n\t]|\"a\"|[0-9.]{1,3}|\u{e9}|counter|\n){0,6}){0,8}",
    ) {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut labels = LabelsBuilder::default();
            let mut line = 0;
            for entry in Parser::new(format, page.as_bytes()) {
                if let Ok(Entry::Sample(sample)) = entry {
                    prop_assert!(sample.line() > line);
                    line = sample.line();
                    drop(sample.labels_into(&mut labels));
                    if let Some(exemplar) = sample.exemplar {
                        drop(exemplar.labels_into(&mut labels));
                    }
                }
            }
        }
    }
}
