//! The kernel's pool of randomness, `/proc/sys/kernel/random`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "entropy",
    help: "The kernel's pool of randomness.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Entropy::new(settings)),
};

/// A file of one integer, and its family.
const FILES: [(&str, &str, &str); 2] = [
    (
        "entropy_avail",
        "node_entropy_available_bits",
        "Bits of available entropy.",
    ),
    (
        "poolsize",
        "node_entropy_pool_size_bits",
        "Bits of entropy pool.",
    ),
];

struct Entropy {
    files: [KeptFile; FILES.len()],
}

impl Entropy {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("sys/kernel/random");
        let files = FILES.map(|(file, _, _)| KeptFile::at_once(folder.join(file)));
        Self { files }
    }
}

impl Collector for Entropy {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        for (file, (_, name, help)) in self.files.iter_mut().zip(FILES) {
            file.read()?;
            let value = text::only_line(file.text()).filter(|value| text::is_integer(value));
            let value = value.ok_or_else(|| file.fault("an integer", file.text()))?;
            page.family(name, help, MetricType::Gauge);
            page.series("").digits(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_host;
    use super::*;
    use crate::collectors::Paths;

    #[test]
    fn a_bad_file_gives_no_other_number() {
        let folder = "proc/sys/kernel/random";
        let files = [("entropy_avail", "256\n"), ("poolsize", "4096\n")];
        let files = files.map(|(file, text)| (format!("{folder}/{file}"), text));
        let files = files.each_ref().map(|(path, text)| (path.as_str(), *text));
        fake_host::bears_bad_files(&DEFINITION, &files);
    }

    #[test]
    fn the_numbers_are_copied() {
        let folder = tempfile::tempdir().unwrap();
        let random = folder.path().join("sys/kernel/random");
        std::fs::create_dir_all(&random).unwrap();
        std::fs::write(random.join("entropy_avail"), "256\n").unwrap();
        let procfs = folder.path().to_owned();
        let settings = Settings::new(Paths {
            procfs,
            ..Paths::default()
        });
        let mut page = Page::new();
        let error = Entropy::new(&settings).collect(&mut page).unwrap_err();
        assert!(error.is_missing());
        std::fs::write(random.join("poolsize"), "many\n").unwrap();
        let error = Entropy::new(&settings).collect(&mut page).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("expected an integer, found `many`")
        );
        std::fs::write(random.join("poolsize"), "4096\n").unwrap();
        page.clear();
        Entropy::new(&settings).collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.contains("\nnode_entropy_available_bits 256\n"));
        assert!(text.contains("\nnode_entropy_pool_size_bits 4096\n"));
    }
}
