//! The load averages, `/proc/loadavg`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// Name and help of the three figures in the order of the file.
const FAMILIES: [(&str, &str); 3] = [
    ("node_load1", "1m load average."),
    ("node_load5", "5m load average."),
    ("node_load15", "15m load average."),
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "loadavg",
    help: "The load averages.",
    default_on: true,
    flags: &[],
    new,
};

struct LoadAvg {
    file: KeptFile,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(LoadAvg {
        file: KeptFile::at_once(settings.paths.procfs.join("loadavg")),
    })
}

impl Collector for LoadAvg {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let text = self.file.read()?;
        write(text, page).ok_or_else(|| self.file.fault("three load averages", self.file.text()))
    }
}

/// Behind the averages stand the numbers of tasks: what ends before them may be cut off.
fn write(text: &[u8], page: &mut Page) -> Option<()> {
    let mut words = text::words(text);
    for (name, help) in FAMILIES {
        let word = words.next().filter(|word| text::number(word).is_some())?;
        words.clone().next()?;
        page.family(name, help, MetricType::Gauge);
        page.series("").digits(word);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host;
    use super::*;

    const FILE: &str = "proc/loadavg";

    #[test]
    fn a_bad_file_gives_no_other_number() {
        let file = (FILE, "0.20 0.38 12.09 1/718 19737\n");
        fake_host::bears_bad_files(&DEFINITION, &[file]);
    }

    #[test]
    fn the_averages_are_copied() {
        let mut page = Page::new();
        write(b"0.20 0.38 12.09 1/718 19737\n", &mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let values: Vec<_> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(
            values,
            ["node_load1 0.20", "node_load5 0.38", "node_load15 12.09"]
        );
        assert!(write(b"0.20 0.38", &mut page).is_none());
        assert!(write(b"0.20 x 1 1", &mut page).is_none());
    }
}
