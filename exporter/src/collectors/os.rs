//! What the operating system calls itself, `os-release`.

use std::path::PathBuf;
use std::time::SystemTime;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Settings, read_small};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "os",
    help: "What the operating system calls itself.",
    default_on: true,
    flags: &[],
    new,
};

/// Where the file may be, the first that exists.
const PLACES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// The labels of `node_os_info`; a key of the file is the label in capitals.
const LABELS: [&str; 12] = [
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
];

struct Os {
    places: [PathBuf; PLACES.len()],
    /// The file read last, when it was changed, and what it says.
    read: Option<(PathBuf, SystemTime, Release)>,
}

/// The file's keys and values.
type Release = Vec<(String, String)>;

fn new(settings: &Settings) -> Box<dyn Collector> {
    let places = PLACES.map(|place| settings.paths.rootfs.join(place));
    Box::new(Os { places, read: None })
}

impl Collector for Os {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let changed = |path: &PathBuf| std::fs::metadata(path)?.modified();
        let found = self
            .places
            .iter()
            .find_map(|path| changed(path).ok().map(|changed| (path, changed)));
        let Some((path, changed)) = found else {
            return Err(CollectError::NoData("no os-release file"));
        };
        if !matches!(&self.read, Some((have, at, _)) if have == path && *at == changed) {
            let release = parse(&read_small(path)?);
            self.read = Some((path.clone(), changed, release));
        }
        if let Some((_, _, release)) = &self.read {
            write(release, page);
        }
        Ok(())
    }
}

fn write(release: &Release, page: &mut Page) {
    let field = |label: &str| {
        let key = release
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(label));
        key.map_or("", |(_, value)| value.as_str())
    };
    page.family(
        "node_os_info",
        "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, \
         name, pretty_name, variant, variant_id, version, version_codename, version_id.",
        MetricType::Gauge,
    );
    page.sample(&LABELS.map(|label| (label, field(label))), 1.0);
    if let Some(end) = support_end(field("support_end")) {
        page.family(
            "node_os_support_end_timestamp_seconds",
            "Metric containing the end-of-life date timestamp of the OS.",
            MetricType::Gauge,
        );
        page.sample(&[], end);
    }
    if let Some(version) = version(field("version_id")) {
        page.family(
            "node_os_version",
            "Metric containing the major.minor part of the OS version.",
            MetricType::Gauge,
        );
        let labels = ["id", "id_like", "name"].map(|label| (label, field(label)));
        page.sample(&labels, version);
    }
}

/// The number `major.minor` at the start of a version, whatever follows; 0 is none.
fn version(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = text.split_at_checked(digits(text))?;
    let minor = rest.strip_prefix('.').unwrap_or_default();
    let (minor, _) = minor.split_at_checked(digits(minor))?;
    let number: f64 = format!("{major}.{minor}").parse().ok()?;
    (number > 0.0 && !major.is_empty()).then_some(number)
}

/// The start of a day `2026-11-20`, UTC.
fn support_end(text: &str) -> Option<f64> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(start.timestamp().as_second() as f64)
}

/// `KEY=value` a line; the value may be in quotes, in which a backslash hides the next character.
fn parse(text: &str) -> Release {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), unquote(value)))
        .collect()
}

fn unquote(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(value) = inside('\'') {
        return value.to_owned();
    }
    let mut plain = String::with_capacity(value.len());
    let mut hidden = false;
    for c in inside('"').unwrap_or(value).chars() {
        hidden = c == '\\' && !hidden;
        if !hidden {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_like_a_shell_does() {
        let release = parse(
            "# comment\nNAME=\"A \\\"B\\\" C\"\nID=debian\nVERSION_ID='12.5.1'\n\nSUPPORT_END=2028-06-30\n",
        );
        let mut page = Page::new();
        write(&release, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.contains("name=\"A \\\"B\\\" C\""), "{text}");
        assert!(
            text.contains(
                "\nnode_os_version{id=\"debian\",id_like=\"\",name=\"A \\\"B\\\" C\"} 12.5\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("\nnode_os_support_end_timestamp_seconds 1.845936e+09\n"),
            "{text}"
        );
    }

    #[test]
    fn a_version_that_is_no_number_is_left_out() {
        assert_eq!(version("20.04"), Some(20.04));
        assert_eq!(version("12"), Some(12.0));
        assert_eq!(version("15.4-SP1"), Some(15.4));
        assert_eq!(version("8beta"), Some(8.0));
        assert_eq!(version("3.18.4"), Some(3.18));
        assert_eq!(version("rolling"), None);
        assert_eq!(version(".5"), None);
        assert_eq!(version("0"), None);
        assert_eq!(version(""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: String, value: String) {
            write(&parse(&text), &mut Page::new());
            let keys = ["VERSION_ID", "SUPPORT_END", "NAME"];
            let text: Vec<_> = keys.iter().map(|key| format!("{key}={value}")).collect();
            write(&parse(&text.join("\n")), &mut Page::new());
        }
    }
}
