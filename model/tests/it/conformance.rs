//! The pages on which other parsers are tested, with what Prometheus makes of each. They are read
//! where they lie and the test passes over them where they do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use watchpost_model::LabelsBuilder;
use watchpost_model::text::{Entry, Format, Parser};

/// The folder with the pages: `WATCHPOST_CONFORMANCE`, or beside the repository.
fn conformance() -> Option<PathBuf> {
    let folder = std::env::var_os("WATCHPOST_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// What stands in the reference: `"case": "accepted"` in each line.
fn reference(folder: &Path) -> BTreeMap<String, bool> {
    let text = std::fs::read_to_string(folder.join("reference-3.5.3.json")).unwrap();
    text.lines()
        .filter_map(|line| {
            let mut quoted = line.split('"').skip(1).step_by(2);
            Some((quoted.next()?.to_owned(), quoted.next()? == "accepted"))
        })
        .collect()
}

/// Reads a page as a scrape does, to its end and with all labels; gives the number of samples.
fn read(format: Format, page: &[u8]) -> Result<usize, String> {
    let mut samples = 0;
    let mut labels = LabelsBuilder::default();
    for entry in Parser::new(format, page) {
        if let Entry::Sample(sample) = entry.map_err(|error| error.to_string())? {
            labels.clear();
            sample
                .labels_into(&mut labels)
                .map_err(|error| error.to_string())?;
            samples += 1;
        }
    }
    Ok(samples)
}

fn compare(reference: &BTreeMap<String, bool>, read_case: impl Fn(&str) -> Result<usize, String>) {
    let differences: Vec<_> = reference
        .iter()
        .filter_map(|(case, accepted)| {
            let ours = read_case(case);
            (ours.is_ok() != *accepted).then(|| format!("{case}: {ours:?}"))
        })
        .collect();
    assert!(!reference.is_empty());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn text_pages_are_accepted_and_refused_as_prometheus_does() {
    let Some(folder) = conformance().map(|folder| folder.join("exposition")) else {
        return;
    };
    compare(&reference(&folder), |case| {
        let page = std::fs::read(folder.join("expfmt").join(format!("{case}.prom"))).unwrap();
        read(Format::Text, &page)
    });
}

#[test]
fn openmetrics_pages_are_accepted_and_refused_as_prometheus_does() {
    let Some(folder) = conformance().map(|folder| folder.join("openmetrics")) else {
        return;
    };
    compare(&reference(&folder), |case| {
        let page = std::fs::read(folder.join(case).join("metrics")).unwrap();
        read(Format::OpenMetrics, &page)
    });
}

#[test]
fn whole_pages_are_read_to_their_end() {
    let Some(folder) = conformance() else {
        return;
    };
    for (file, format) in [
        (
            "exposition/textparse/alltypes.237mfs.prom.txt",
            Format::Text,
        ),
        (
            "exposition/textparse/alltypes.5mfs.om.txt",
            Format::OpenMetrics,
        ),
        (
            "exposition/textparse/1histogram.om.txt",
            Format::OpenMetrics,
        ),
        ("exposition/expfmt/testdata_text.prom", Format::Text),
        ("node_exporter/e2e-output.txt", Format::Text),
    ] {
        let page = std::fs::read(folder.join(file)).unwrap();
        let lines = page
            .split(|c| *c == b'\n')
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .count();
        assert_eq!(read(format, &page), Ok(lines), "{file}");
    }
}
