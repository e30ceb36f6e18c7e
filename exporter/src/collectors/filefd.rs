//! How many files all processes have open, `/proc/sys/fs/file-nr`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "filefd",
    help: "How many files all processes have open.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(FileFd::new(settings)),
};

struct FileFd {
    file: KeptFile,
}

impl FileFd {
    fn new(settings: &Settings) -> Self {
        let file = KeptFile::at_once(settings.paths.procfs.join("sys/fs/file-nr"));
        Self { file }
    }
}

impl Collector for FileFd {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let text = self.file.text();
        write(text, page).ok_or_else(|| self.file.fault("three integers", text))
    }
}

/// Allocated, free (always 0), maximum.
fn write(text: &[u8], page: &mut Page) -> Option<()> {
    let mut words = text::words(text::only_line(text)?);
    let mut integer = || words.next().filter(|word| text::is_integer(word));
    let (allocated, _free, maximum) = (integer()?, integer()?, integer()?);
    for (name, help, value) in [
        (
            "node_filefd_allocated",
            "File descriptor statistics: allocated.",
            allocated,
        ),
        (
            "node_filefd_maximum",
            "File descriptor statistics: maximum.",
            maximum,
        ),
    ] {
        page.family(name, help, MetricType::Gauge);
        page.series("").digits(value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host;
    use super::*;

    #[test]
    fn a_bad_file_gives_no_other_number() {
        let file = ("proc/sys/fs/file-nr", "2720\t0\t2466177\n");
        fake_host::bears_bad_files(&DEFINITION, &[file]);
    }

    #[test]
    fn the_first_and_the_last_number_count() {
        let mut page = Page::new();
        write(b"2720\t0\t2466177\n", &mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.contains("\nnode_filefd_allocated 2720\n"));
        assert!(text.contains("\nnode_filefd_maximum 2466177\n"));
        for bad in ["2720\t0\n", "2720\tx\t0\t1\n", "2720\t0\t24"] {
            assert!(write(bad.as_bytes(), &mut page).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            write(&text, &mut Page::new());
        }
    }
}
