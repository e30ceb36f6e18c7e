//! Paging and swapping, `/proc/vmstat`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, KeptFile, Pattern, Settings, text};

const FIELDS: Flag = Flag::pattern(
    "vmstat.fields",
    "^(oom_kill|pgpg|pswp|pg.*fault).*",
    "Regexp of fields to return for vmstat collector.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "vmstat",
    help: "Paging and swapping.",
    default_on: true,
    flags: &[FIELDS],
    new: |settings| Box::new(VmStat::new(settings)),
};

struct VmStat {
    file: KeptFile,
    fields: Option<Pattern>,
    /// Whether each line of the file is wanted: the lines are the same ones until the next boot.
    wanted: Vec<bool>,
}

impl VmStat {
    fn new(settings: &Settings) -> Self {
        Self {
            file: KeptFile::new(settings.paths.procfs.join("vmstat")),
            fields: settings.pattern(&FIELDS),
            wanted: Vec::new(),
        }
    }
}

impl Collector for VmStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let text = self.file.text();
        if self.wanted.len() != text::lines(text).count() {
            self.wanted = text::lines(text)
                .map(|line| is_wanted(line, self.fields.as_ref()))
                .collect();
        }
        let lines = text::lines(text).zip(&self.wanted);
        for (line, _) in lines.filter(|(_, wanted)| **wanted) {
            write(line, page).ok_or_else(|| self.file.fault("a name and an integer", line))?;
        }
        Ok(())
    }
}

fn is_wanted(line: &[u8], fields: Option<&Pattern>) -> bool {
    let name = text::words(line).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    fields.is_none_or(|fields| fields.occurs_in(&name))
}

fn write(line: &[u8], page: &mut Page) -> Option<()> {
    let mut words = text::words(line);
    let field = std::str::from_utf8(words.next()?).ok()?;
    let value = words.next().filter(|word| text::is_integer(word))?;
    page.family(
        &format!("node_vmstat_{field}"),
        &format!("/proc/vmstat information field {field}."),
        MetricType::Unknown,
    );
    page.series("").digits(value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fields_are_paging_and_swapping() {
        let fields = Settings::default().pattern(&FIELDS);
        for (line, wanted) in [
            ("pgpgin 1", true),
            ("pswpout 2", true),
            ("pgmajfault 3", true),
            ("oom_kill 0", true),
            ("nr_free_pages 4", false),
        ] {
            assert_eq!(
                is_wanted(line.as_bytes(), fields.as_ref()),
                wanted,
                "{line}"
            );
        }
        let mut page = Page::new();
        write(b"pgpgin 12333421", &mut page).unwrap();
        assert_eq!(
            page.finish(),
            b"# HELP node_vmstat_pgpgin /proc/vmstat information field pgpgin.\n\
              # TYPE node_vmstat_pgpgin untyped\nnode_vmstat_pgpgin 12333421\n"
        );
        assert!(write(b"pgpgin", &mut page).is_none());
    }
}
