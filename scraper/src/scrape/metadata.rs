//! What a page says of its metrics beside their samples: type, help and unit.

use std::collections::BTreeMap;

use watchpost_model::Metadata;
use watchpost_model::text::{Entry, Format, Parser};

/// Reads the comment lines of a page.
pub(super) fn read<'a>(
    format: Format,
    comments: impl Iterator<Item = &'a [u8]>,
) -> Vec<(String, Metadata)> {
    let mut metrics: BTreeMap<String, Metadata> = BTreeMap::new();
    let comments = comments.filter(|text| !text.is_empty());
    for entry in comments
        .flat_map(|text| Parser::new(format, text))
        .flatten()
    {
        match entry {
            Entry::Help { name, help } => {
                metrics.entry(name.into_owned()).or_default().help = help.into_owned();
            }
            Entry::Type { name, metric_type } => {
                metrics.entry(name.into_owned()).or_default().metric_type = metric_type;
            }
            Entry::Unit { name, unit } => {
                let metadata = metrics.entry(name.into_owned()).or_default();
                unit.clone_into(&mut metadata.unit);
            }
            Entry::Comment(_) | Entry::Sample(_) => {}
        }
    }
    metrics.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use watchpost_model::MetricType;

    use super::*;

    #[test]
    fn comments_say_what_a_metric_is() {
        let comments: [&[u8]; 3] = [
            b"# HELP a One.\n# TYPE a counter\n",
            b"",
            b"# TYPE b gauge\n",
        ];
        let read = read(Format::Text, comments.into_iter());
        let [(a, of_a), (b, of_b)] = read.as_slice() else {
            panic!("{read:?}");
        };
        assert_eq!((a.as_str(), b.as_str()), ("a", "b"));
        assert_eq!(
            (of_a.help.as_str(), of_a.metric_type),
            ("One.", MetricType::Counter)
        );
        assert_eq!(of_b.metric_type, MetricType::Gauge);
    }
}
