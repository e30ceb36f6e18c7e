//! A text file's families: text format 0.0.4, as strict as `node_exporter` takes it.
//!
//! A file is taken as a whole or not at all. It must end with a newline, so that one that is cut
//! short is not read as if its last number were whole.

use std::collections::HashMap;

use watchpost_model::text::{Entry, Format, ParseError, Parser, Sample as Line};
use watchpost_model::{Labels, LabelsBuilder, MetricType, is_label_name, is_metric_name};

/// A family of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: Option<String>,
    pub(super) metric_type: MetricType,
    pub(super) samples: Vec<Sample>,
}

/// A series of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    /// Its labels, with the metric's name.
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// Where it ends, counted from 1.
    pub(super) line: usize,
}

/// The families of a text that have series, in the order in which they are first named.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Family>, ParseError> {
    let mut reader = Reader::default();
    let mut parser = Parser::new(Format::Text, text);
    let mut before = 0;
    while let Some(entry) = parser.next() {
        let entry = entry?;
        let passed = text.get(before..parser.offset()).unwrap_or_default();
        before = parser.offset();
        reader.line += passed.split(|c| *c == b'\n').skip(1).count();
        reader.take(entry)?;
    }
    if text.last().is_some_and(|c| *c != b'\n') {
        let found = "the end of the file";
        return Err(reader.fault("a newline at the end of the last line", found));
    }
    let mut families = reader.families;
    families.retain(|family| !family.samples.is_empty());
    Ok(families)
}

/// What the names of a histogram's or summary's series end with.
const PARTS: [(&str, &[MetricType]); 3] = [
    ("_bucket", &[MetricType::Histogram]),
    ("_count", &[MetricType::Histogram, MetricType::Summary]),
    ("_sum", &[MetricType::Histogram, MetricType::Summary]),
];

#[derive(Default)]
struct Reader {
    families: Vec<Family>,
    /// Where each family stands in the list.
    places: HashMap<String, usize>,
    /// The line that was read last.
    line: usize,
    builder: LabelsBuilder,
}

impl Reader {
    fn take(&mut self, entry: Entry<'_>) -> Result<(), ParseError> {
        match entry {
            Entry::Help { name, help } => {
                let place = self.place(&name)?;
                match self.families.get_mut(place) {
                    Some(family) if family.help.is_none() => family.help = Some(help.into_owned()),
                    _ => return Err(self.fault("one HELP for each metric", &name)),
                }
            }
            Entry::Type { name, metric_type } => {
                let place = self.place(&name)?;
                let untyped = |family: &&mut Family| {
                    family.metric_type == MetricType::Unknown && family.samples.is_empty()
                };
                let Some(family) = self.families.get_mut(place).filter(untyped) else {
                    let expected = "one TYPE for each metric, before its samples";
                    return Err(self.fault(expected, &name));
                };
                family.metric_type = metric_type;
            }
            Entry::Sample(line) => self.add(&line)?,
            Entry::Comment(_) | Entry::Unit { .. } => {}
        }
        Ok(())
    }

    /// The place of the family of this name, which is made where there is none.
    fn place(&mut self, name: &str) -> Result<usize, ParseError> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        if !is_metric_name(name) {
            return Err(self.fault("a metric name of letters, digits, `_` and `:`", name));
        }
        let place = self.families.len();
        self.places.insert(name.to_owned(), place);
        self.families.push(Family {
            name: name.to_owned(),
            help: None,
            metric_type: MetricType::Unknown,
            samples: Vec::new(),
        });
        Ok(place)
    }

    fn add(&mut self, line: &Line<'_>) -> Result<(), ParseError> {
        if line.timestamp_ms.is_some() {
            let found = String::from_utf8_lossy(line.series).into_owned();
            return Err(self.fault("samples without a time of their own", &found));
        }
        self.builder.clear();
        line.labels_into(&mut self.builder)?;
        let labels = self.builder.build();
        let bad = |name: &&str| !is_label_name(name);
        if let Some(name) = labels.iter().map(|(name, _)| name).find(bad) {
            return Err(self.fault("a label name of letters, digits and `_`", name));
        }
        let name = labels.metric_name();
        let place = match self.family_of(name) {
            Some(place) => place,
            None => self.place(name)?,
        };
        if let Some(family) = self.families.get_mut(place) {
            family.samples.push(Sample {
                value: line.value,
                line: self.line,
                labels,
            });
        }
        Ok(())
    }

    /// The family that a series of this name belongs to: its own, or the histogram or summary
    /// that it is a part of.
    fn family_of(&self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        PARTS.iter().find_map(|(suffix, types)| {
            let place = *self.places.get(name.strip_suffix(suffix)?)?;
            let family = self.families.get(place)?;
            types.contains(&family.metric_type).then_some(place)
        })
    }

    fn fault(&self, expected: &'static str, found: &str) -> ParseError {
        ParseError {
            line: self.line.max(1),
            column: 1,
            expected,
            found: format!(
                "`{}`",
                found.chars().take(80).collect::<String>().escape_debug()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "# HELP a A \\\\ text.\n# TYPE a counter\na{x=\"1\",b=\"\"} 1\n\
        # a comment\n\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n\
        free 12345\n";

    fn told(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn samples_belong_to_the_family_that_their_name_is_a_part_of() {
        let families = parse(GOOD.as_bytes()).unwrap();
        let shown: Vec<_> = families
            .iter()
            .map(|family| {
                let samples = family.samples.iter();
                let samples = samples.map(|s| format!("{}: {} {}", s.line, s.labels, s.value));
                (family.name.as_str(), samples.collect::<Vec<_>>().join(", "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "3: a{x=\"1\"} 1".to_owned()),
                (
                    "h",
                    "7: h_bucket{le=\"+Inf\"} 3, 8: h_sum 4.5, 9: h_count 3".to_owned()
                ),
                ("free", "10: free 12345".to_owned()),
            ]
        );
        assert_eq!(families[0].help.as_deref(), Some("A \\ text."));
        assert_eq!(families[0].metric_type, MetricType::Counter);
        assert_eq!(families[2].metric_type, MetricType::Unknown);
    }

    #[test]
    fn a_file_that_is_not_as_it_should_be_is_refused_with_the_line() {
        for (text, expected) in [
            (
                "a 1\nb 2 1441205977284\n",
                "line 2, column 1: expected samples without a time of their own, found `b`",
            ),
            (
                "a 1\nb 2",
                "line 1, column 1: expected a newline at the end of the last line, found `the end of the file`",
            ),
            (
                "# HELP a A.\n# HELP a B.\n",
                "line 2, column 1: expected one HELP for each metric, found `a`",
            ),
            (
                "a 1\n# TYPE a gauge\n",
                "line 2, column 1: expected one TYPE for each metric, before its samples, found `a`",
            ),
            (
                "# TYPE a gauge\n# TYPE a gauge\n",
                "line 2, column 1: expected one TYPE for each metric, before its samples, found `a`",
            ),
            (
                "{\"a.b\"} 1\n",
                "line 1, column 1: expected a metric name of letters, digits, `_` and `:`, found `a.b`",
            ),
            (
                "a{\"b.c\"=\"1\"} 1\n",
                "line 1, column 1: expected a label name of letters, digits and `_`, found `b.c`",
            ),
        ] {
            assert_eq!(told(text), expected);
        }
        for text in [
            "a x\n",
            "a 1\r\n",
            "a{b=\"1\",b=\"2\"} 1\n",
            "# TYPE a thing\n",
            "a{b=\"c} 1\n",
        ] {
            assert!(told(text).starts_with("line 1, column "), "{text}");
        }
    }

    #[test]
    fn an_empty_file_is_good_and_so_is_one_with_comments_only() {
        assert_eq!(parse(b""), Ok(Vec::new()));
        assert_eq!(parse(b"# HELP a A.\n"), Ok(Vec::new()));
    }

    #[test]
    fn a_text_that_is_cut_gives_its_whole_lines_or_nothing() {
        let whole = parse(GOOD.as_bytes()).unwrap();
        let samples = |families: &[Family]| -> Vec<String> {
            let samples = families.iter().flat_map(|family| &family.samples);
            samples
                .map(|s| format!("{} {}", s.labels, s.value))
                .collect()
        };
        let whole = samples(&whole);
        for end in 0..GOOD.len() {
            let cut = &GOOD.as_bytes()[..end];
            if let Ok(families) = parse(cut) {
                assert!(cut.is_empty() || cut.ends_with(b"\n"));
                assert!(samples(&families).iter().all(|have| whole.contains(have)));
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in any::<Vec<u8>>(), line in "[a-c#{}\"=, 0-9.\n\\\\]{0,60}") {
            drop(parse(&text));
            drop(parse(line.as_bytes()));
        }
    }
}
