//! Devices that keep each number in a file of its own, as those of `/sys` do. A table says which
//! files there are and what series become of them.
//!
//! A file that is not there or that the device does not support has no series. One whose text is no
//! number costs its own series, and the collector fails for it.

use std::path::{Path, PathBuf};

use rustix::io::Errno;
use watchpost_model::MetricType;
use watchpost_model::text::{Page, Series};

use super::{CollectError, Inventory, KeptFile, text};

/// Name, help and type of a family, its file below the device's folder, and how its text is read.
pub(super) type Attribute<U> = (&'static str, &'static str, MetricType, &'static str, U);

/// Ends a series with what a file's text, without the white space around it, says. A series that is
/// not ended is left out; none means that the text is not what it should be.
pub(super) type Put<U> = fn(&[u8], U, Series<'_>) -> Option<()>;

/// The labels of a device's series.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A device, with the files that it has.
#[derive(Debug)]
pub(super) struct Device {
    labels: Labels,
    /// One for each line of the table.
    files: Vec<Option<KeptFile>>,
}

impl Device {
    /// Finds out which of the table's files there are. A host may have hundreds of devices, so none
    /// of the files stays open.
    pub(super) fn new<U>(folder: &Path, labels: Labels, table: &[Attribute<U>]) -> Self {
        let file = |(_, _, _, file, _): &Attribute<U>| file_if_any(folder, file);
        Self {
            labels,
            files: table.iter().map(file).collect(),
        }
    }

    /// A device whose files have names of its own, in the order of the table.
    pub(super) fn of_files(labels: Labels, files: impl IntoIterator<Item = PathBuf>) -> Self {
        let file = |path: PathBuf| path.exists().then(|| KeptFile::one_of_many(path));
        Self {
            labels,
            files: files.into_iter().map(file).collect(),
        }
    }

    /// Writes the device's series of the family that stands at a place of its table.
    pub(super) fn write<U>(
        &mut self,
        at: usize,
        unit: U,
        page: &mut Page,
        put: Put<U>,
    ) -> Result<(), CollectError> {
        let Some(Some(file)) = self.files.get_mut(at) else {
            return Ok(());
        };
        let Some(text) = read(file)? else {
            return Ok(());
        };
        put(text, unit, labelled(page, &self.labels))
            .ok_or_else(|| CollectError::parse(file.path(), "a number", file.text()))
    }

    /// The labels of its series.
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// One of the many files of a device, if it is there.
pub(super) fn file_if_any(folder: &Path, name: &str) -> Option<KeptFile> {
    let path = folder.join(name);
    path.exists().then(|| KeptFile::one_of_many(path))
}

/// Ends a series with a whole number.
pub(super) fn put_whole(text: &[u8], (): (), series: Series<'_>) -> Option<()> {
    series.digits(Some(text).filter(|text| text::is_whole(text))?);
    Some(())
}

/// Writes the families of a table. Of several errors the first is returned, when all is written.
pub(super) fn write<U: Copy>(
    table: &[Attribute<U>],
    devices: &mut [Device],
    page: &mut Page,
    put: Put<U>,
) -> Result<(), CollectError> {
    let mut result = Ok(());
    for (at, (family, help, metric_type, _, unit)) in table.iter().enumerate() {
        page.family(family, help, *metric_type);
        for device in &mut *devices {
            keep_first(&mut result, device.write(at, *unit, page, put));
        }
    }
    result
}

/// Starts a series with labels.
pub(super) fn labelled<'a>(page: &'a mut Page, labels: &Labels) -> Series<'a> {
    let mut series = page.series("");
    add_labels(&mut series, labels);
    series
}

/// Adds labels to a series.
pub(super) fn add_labels(series: &mut Series<'_>, labels: &Labels) {
    for (name, value) in labels {
        series.label(name, value);
    }
}

/// A file's text without the white space around it; none where the device does not support the
/// attribute or lets root alone see it. The kernel makes these texts at once and gives them whole.
/// So one without a new line is not taken for one that was cut: recorded hosts have many of them.
pub(super) fn read(file: &mut KeptFile) -> Result<Option<&[u8]>, CollectError> {
    match file.read() {
        Ok(_) => {}
        Err(CollectError::Read { source, .. }) if is_not_supported(&source) => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(Some(file.text().trim_ascii()))
}

fn is_not_supported(error: &std::io::Error) -> bool {
    let error = Errno::from_io_error(error);
    let known = [Errno::ACCESS, Errno::PERM, Errno::INVAL, Errno::OPNOTSUPP];
    error.is_some_and(|error| known.contains(&error))
}

/// Keeps the first of several errors.
pub(super) fn keep_first(result: &mut Result<(), CollectError>, next: Result<(), CollectError>) {
    if result.is_ok() {
        *result = next;
    }
}

/// Ends a collector's run: that a device went away is no fault, but the list of devices is old.
pub(super) fn settle<T>(
    result: Result<(), CollectError>,
    list: &mut Inventory<T>,
) -> Result<(), CollectError> {
    match result {
        Err(error) if error.is_missing() => {
            list.forget();
            Ok(())
        }
        result => result,
    }
}

/// Holds `put` against a text: whatever it writes must be a series with a number.
#[cfg(test)]
pub(super) fn assert_bears<U: Copy>(text: &[u8], units: &[U], put: Put<U>) {
    for unit in units {
        let mut page = Page::new();
        page.family("x", "X.", MetricType::Gauge);
        let is_good = put(text.trim_ascii(), *unit, page.series("")).is_some();
        let page = String::from_utf8(page.finish().to_vec()).unwrap();
        let series: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(series.len() <= usize::from(is_good), "{series:?}");
        for line in series {
            let number = line.strip_prefix("x ").unwrap();
            assert!(number.parse::<f64>().unwrap().is_finite(), "{number}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const TABLE: &[Attribute<()>] = &[
        ("a", "A.", MetricType::Counter, "a", ()),
        ("b", "B.", MetricType::Gauge, "sub/b", ()),
    ];

    fn put(text: &[u8], (): (), series: Series<'_>) -> Option<()> {
        if text != b"none" {
            series.digits(Some(text).filter(|text| text::is_integer(text))?);
        }
        Some(())
    }

    fn device(folder: &Path, name: &str, a: &str, b: Option<&str>) -> Device {
        let folder = folder.join(name);
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("a"), a).unwrap();
        if let Some(b) = b {
            std::fs::write(folder.join("sub/b"), b).unwrap();
        }
        Device::new(&folder, vec![("x", name.to_owned())], TABLE)
    }

    #[test]
    fn a_bad_file_costs_its_own_series_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut devices = [
            device(folder.path(), "0", "1\n", Some("none\n")),
            device(folder.path(), "1", "1x\n", Some(" 2 \n")),
            device(folder.path(), "2", "3", None),
        ];
        let mut page = Page::new();
        let error = write(TABLE, &mut devices, &mut page, put).unwrap_err();
        assert!(error.to_string().contains("1/a`: expected a number, found"));
        assert_eq!(
            String::from_utf8_lossy(page.finish()),
            "# HELP a A.\n# TYPE a counter\na{x=\"0\"} 1\na{x=\"2\"} 3\n\
             # HELP b B.\n# TYPE b gauge\nb{x=\"1\"} 2\n"
        );
    }

    #[test]
    fn a_device_that_went_away_is_no_fault_but_the_list_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut devices = [device(folder.path(), "0", "1", Some("2"))];
        std::fs::remove_dir_all(folder.path().join("0")).unwrap();
        let mut page = Page::new();
        let result = write(TABLE, &mut devices, &mut page, put);
        let mut list = Inventory::default();
        list.get(Instant::now(), |_| Ok(1)).unwrap();
        assert!(settle(result, &mut list).is_ok());
        assert_eq!(*list.get(Instant::now(), |_| Ok(2)).unwrap(), 2);
        assert_eq!(page.finish(), b"");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "-?[0-9]{0,22}[. a-f]?[0-9]{0,3}") {
            assert_bears(&text, &[()], put_whole);
            assert_bears(near.as_bytes(), &[()], put_whole);
        }
    }
}
