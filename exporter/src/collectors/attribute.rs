//! Devices of `/sys` whose numbers have a file each.
//!
//! A device is found seldom, with its labels and the files that it has; at each scrape only these
//! files are read. A file that is gone costs its series and has the devices looked for again; one
//! that is not a number costs its series and is told.

use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::{Page, Series};

use super::{CollectError, KeptFile, text};

/// A family of numbers that have a file each.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: MetricType,
}

/// A device, or a part of one.
#[derive(Debug)]
pub(super) struct Device {
    /// In the order in which they are written.
    pub(super) labels: Vec<(&'static str, String)>,
    /// In the order of the families; none where the device does not have it.
    pub(super) files: Vec<Option<KeptFile>>,
}

/// Up to this many files of a collector stay open: a process may have a thousand.
const KEPT_OPEN: usize = 64;

impl Device {
    /// A device with those of the files that are there.
    pub(super) fn new(
        labels: Vec<(&'static str, String)>,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let files = files.into_iter();
        let files = files.map(|path| path.exists().then(|| KeptFile::new(path)));
        Self {
            labels,
            files: files.collect(),
        }
    }
}

/// Has many files opened for each read, so that they do not use up what a process may open.
pub(super) fn limit_open<'a>(devices: impl IntoIterator<Item = &'a mut Device>) {
    let files = devices.into_iter().flat_map(|device| &mut device.files);
    for file in files.flatten().skip(KEPT_OPEN) {
        *file = KeptFile::one_of_many(file.path().to_owned());
    }
}

/// What went wrong while the rest was read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    first: Option<CollectError>,
    /// Whether something that was found is not there any more.
    pub(super) gone: bool,
}

impl Faults {
    /// Notes a fault, or that a file is gone.
    pub(super) fn note(&mut self, error: CollectError) {
        if error.is_missing() {
            self.gone = true;
        } else {
            self.first.get_or_insert(error);
        }
    }

    /// The first fault.
    pub(super) fn finish(self) -> Result<(), CollectError> {
        self.first.map_or(Ok(()), Err)
    }
}

/// Writes the families of the devices.
pub(super) fn write(
    families: &[Family],
    devices: &mut [Device],
    page: &mut Page,
    faults: &mut Faults,
) {
    for (at, family) in families.iter().enumerate() {
        page.family(family.name, family.help, family.kind);
        for device in &mut *devices {
            let Some(file) = device.files.get_mut(at).and_then(Option::as_mut) else {
                continue;
            };
            match whole(file) {
                Ok(number) => start(page, &device.labels).digits(number),
                Err(error) => faults.note(error),
            }
        }
    }
}

/// Starts a series with a device's labels.
pub(super) fn start<'a>(page: &'a mut Page, labels: &[(&'static str, String)]) -> Series<'a> {
    let mut series = page.series("");
    for (name, value) in labels {
        series.label(name, value);
    }
    series
}

/// A file's whole number, which may be negative.
pub(super) fn whole(file: &mut KeptFile) -> Result<&[u8], CollectError> {
    file.read()?;
    let number = file.text().trim_ascii();
    if is_whole(number) {
        Ok(number)
    } else {
        Err(file.fault("a whole number", file.text()))
    }
}

/// A file's number that is not negative.
pub(super) fn count(file: &mut KeptFile) -> Result<u64, CollectError> {
    file.read()?;
    text::integer(file.text().trim_ascii())
        .ok_or_else(|| file.fault("a number that is not negative", file.text()))
}

/// Whether a word is a whole number, so that it may go to the page as it is.
pub(super) fn is_whole(word: &[u8]) -> bool {
    text::is_integer(word.strip_prefix(b"-").unwrap_or(word))
}

/// The entries of a folder by name; a fault where it cannot be listed.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, CollectError> {
    let listed = std::fs::read_dir(folder).map_err(|error| CollectError::read(folder, error))?;
    let mut entries: Vec<_> = listed
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, entry.path())
        })
        .collect();
    entries.sort();
    Ok(entries)
}

/// As [`entries`]; none where the folder is not there.
pub(super) fn entries_if_any(folder: &Path) -> Result<Vec<(String, PathBuf)>, CollectError> {
    match entries(folder) {
        Err(error) if error.is_missing() => Ok(Vec::new()),
        listed => listed,
    }
}

/// The entries that are a prefix and a number, with the number.
pub(super) fn numbered(
    entries: Vec<(String, PathBuf)>,
    prefix: &str,
) -> impl Iterator<Item = (String, PathBuf)> {
    entries.into_iter().filter_map(move |(name, path)| {
        let number = name.strip_prefix(prefix)?;
        text::is_integer(number.as_bytes()).then(|| (number.to_owned(), path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchpost_model::MetricType::Gauge;

    const FAMILIES: &[Family] = &[
        Family {
            name: "node_a",
            help: "A.",
            kind: Gauge,
        },
        Family {
            name: "node_b",
            help: "B.",
            kind: Gauge,
        },
    ];

    fn page_of(devices: &mut [Device], faults: &mut Faults) -> Vec<String> {
        let mut page = Page::new();
        write(FAMILIES, devices, &mut page, faults);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series.map(str::to_owned).collect()
    }

    #[test]
    fn a_bad_file_costs_its_series_and_is_told_and_one_that_is_gone_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("good"), "-12\n").unwrap();
        std::fs::write(file("bad"), "12 apples\n").unwrap();
        std::fs::write(file("goes"), "3\n").unwrap();
        let labels = |name: &str| vec![("device", name.to_owned())];
        let mut devices = [
            Device::new(labels("x"), [file("good"), file("never")]),
            Device::new(labels("y"), [file("bad"), file("goes")]),
        ];
        let mut faults = Faults::default();
        let lines = page_of(&mut devices, &mut faults);
        assert_eq!(
            lines,
            ["node_a{device=\"x\"} -12", "node_b{device=\"y\"} 3"]
        );
        assert!(!faults.gone);
        let told = faults.finish().unwrap_err().to_string();
        assert!(
            told.ends_with("bad`: expected a whole number, found `12 apples`"),
            "{told}"
        );

        std::fs::remove_file(file("goes")).unwrap();
        limit_open(&mut devices);
        let file_of_y = devices[1].files[1].as_mut().unwrap();
        *file_of_y = KeptFile::one_of_many(file("goes"));
        let mut faults = Faults::default();
        assert_eq!(
            page_of(&mut devices, &mut faults),
            ["node_a{device=\"x\"} -12"]
        );
        assert!(faults.gone);
    }

    #[test]
    fn only_what_is_a_prefix_and_a_number_is_numbered() {
        let entries = ["mc0", "mc12", "mc", "mcx", "power"];
        let entries = entries.map(|name| (name.to_owned(), PathBuf::from(name)));
        let found: Vec<_> = numbered(entries.to_vec(), "mc").map(|(n, _)| n).collect();
        assert_eq!(found, ["0", "12"]);
    }

    #[test]
    fn whole_numbers_are_digits_behind_at_most_one_sign() {
        assert!(is_whole(b"0") && is_whole(b"-1"));
        for word in ["", "-", "--1", "+1", "1.0", "0x1", "1 2"] {
            assert!(!is_whole(word.as_bytes()), "{word}");
        }
    }
}
