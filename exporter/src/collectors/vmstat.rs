//! Paging and swapping, `/proc/vmstat`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::text::Names;
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
    /// Name and help of each line that is wanted.
    names: Names<Option<[String; 2]>>,
}

impl VmStat {
    fn new(settings: &Settings) -> Self {
        Self {
            file: KeptFile::rows(settings.paths.procfs.join("vmstat")),
            fields: settings.pattern(&FIELDS),
            names: Names::default(),
        }
    }
}

impl Collector for VmStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        self.names.rewind();
        let fields = self.fields.as_ref();
        for line in text::ended_lines(self.file.text()) {
            write(line, fields, &mut self.names, page)
                .ok_or_else(|| self.file.fault("a name and an integer", line))?;
        }
        Ok(())
    }
}

fn write(
    line: &[u8],
    fields: Option<&Pattern>,
    names: &mut Names<Option<[String; 2]>>,
    page: &mut Page,
) -> Option<()> {
    let (name, value) = names.next_line(line, |field| named(field, fields))?;
    if let Some([name, help]) = name {
        if !text::is_integer(value) {
            return None;
        }
        page.family(name, help, MetricType::Unknown);
        page.series("").digits(value);
    }
    Some(())
}

/// Name and help of a field that is wanted.
fn named(field: &[u8], fields: Option<&Pattern>) -> Option<[String; 2]> {
    let field = std::str::from_utf8(field).ok()?;
    let wanted = fields.is_none_or(|fields| fields.occurs_in(field));
    wanted.then(|| {
        [
            format!("node_vmstat_{field}"),
            format!("/proc/vmstat information field {field}."),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    #[test]
    fn the_default_fields_are_paging_and_swapping() {
        let fields = Settings::default().pattern(&FIELDS);
        let mut names = Names::default();
        let mut page = Page::new();
        for line in ["pgpgin 12333421", "nr_free_pages 4", "oom_kill 0"] {
            write(line.as_bytes(), fields.as_ref(), &mut names, &mut page).unwrap();
        }
        assert_eq!(
            std::str::from_utf8(page.finish()).unwrap(),
            "# HELP node_vmstat_pgpgin /proc/vmstat information field pgpgin.\n\
             # TYPE node_vmstat_pgpgin untyped\nnode_vmstat_pgpgin 12333421\n\
             # HELP node_vmstat_oom_kill /proc/vmstat information field oom_kill.\n\
             # TYPE node_vmstat_oom_kill untyped\nnode_vmstat_oom_kill 0\n"
        );
        for cut in ["pgpgin", "pgpgin ", "pgpgin 1x"] {
            let mut names = Names::default();
            assert!(write(cut.as_bytes(), None, &mut names, &mut page).is_none());
        }
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let host = FakeHost::new(&[(
            "proc/vmstat",
            "nr_free_pages 4\npgpgin 12333421\noom_kill 10\n",
        )]);
        let file = host.root().join("proc/vmstat");
        bears_bad_input(&DEFINITION, &host.settings(), &file);
    }
}
