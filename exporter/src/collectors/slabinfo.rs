//! The kernel's caches of objects, `/proc/slabinfo`, which only root may read:
//!
//! ```text
//! # name  <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables ...
//! kmalloc-8192      132        148      8192            4              8 : tunables ...
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Filter, Flag, KeptFile, text};

const INCLUDE: Flag = Flag::pattern(
    "slabinfo.slabs-include",
    ".*",
    "Regexp of slabs to include in slabinfo collector.",
);
const EXCLUDE: Flag = Flag::pattern(
    "slabinfo.slabs-exclude",
    "",
    "Regexp of slabs to exclude in slabinfo collector.",
);

/// The families in the order of the columns behind the name.
const FAMILIES: [(&str, &str); 5] = [
    (
        "node_slabinfo_active_objects",
        "The number of objects that are currently active (i.e., in use).",
    ),
    (
        "node_slabinfo_objects",
        "The total number of allocated objects (i.e., objects that are both in use and not in use).",
    ),
    (
        "node_slabinfo_object_size_bytes",
        "The size of objects in this slab, in bytes.",
    ),
    (
        "node_slabinfo_objects_per_slab",
        "The number of objects stored in each slab.",
    ),
    (
        "node_slabinfo_pages_per_slab",
        "The number of pages allocated for each slab.",
    ),
];

/// All columns of version 2.1, the only one there is.
const COLUMNS: usize = 16;

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "slabinfo",
    help: "The kernel's caches of objects.",
    default_on: false,
    flags: &[INCLUDE, EXCLUDE],
    new: |settings| {
        Box::new(SlabInfo {
            file: KeptFile::new(settings.paths.procfs.join("slabinfo")),
            slabs: settings.filter(&INCLUDE, &EXCLUDE),
        })
    },
};

struct SlabInfo {
    file: KeptFile,
    slabs: Filter,
}

impl Collector for SlabInfo {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let mut slabs =
            parse(self.file.text()).map_err(|line| self.file.fault("a name and integers", line))?;
        slabs.retain(|slab| {
            let name = String::from_utf8_lossy(slab.name);
            self.slabs.lets_through(&name)
        });
        for (at, (name, help)) in FAMILIES.into_iter().enumerate() {
            page.family(name, help, MetricType::Gauge);
            for slab in &slabs {
                let Some(figure) = slab.figures.get(at) else {
                    continue;
                };
                let mut series = page.series("");
                series.label("slab", slab.name);
                series.digits(figure);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Slab<'a> {
    name: &'a [u8],
    /// In the order of [`FAMILIES`].
    figures: [&'a [u8]; FAMILIES.len()],
}

/// All slabs. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Slab<'_>>, &[u8]> {
    text::ended_lines(text)
        .filter(|line| !line.starts_with(b"slabinfo -") && !line.starts_with(b"# name"))
        .map(|line| slab(line).ok_or(line))
        .collect()
}

fn slab(line: &[u8]) -> Option<Slab<'_>> {
    if text::words(line).count() != COLUMNS {
        return None;
    }
    let mut words = text::words(line);
    let name = words.next()?;
    let mut figures = [b"".as_slice(); FAMILIES.len()];
    for figure in &mut figures {
        *figure = words.next().filter(|word| text::is_integer(word))?;
    }
    Some(Slab { name, figures })
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{self, FakeHost};
    use super::*;

    const SLABINFO: &str = "slabinfo - version: 2.1\n# name  <active_objs> <num_objs> ...\n\
        dentry 704 864 256 32 2 : tunables 0 0 0 : slabdata 27 27 0\n\
        kmalloc-8192 132 148 8192 4 8 : tunables 0 0 0 : slabdata 37 37 0\n";

    #[test]
    fn the_columns_of_the_slabs_that_are_wanted_are_families() {
        let host = FakeHost::new(&[("proc/slabinfo", SLABINFO)]);
        assert_eq!(host.collect(&DEFINITION).1.len(), 10);
        let mut settings = host.settings();
        settings.set(&EXCLUDE, vec!["^kmalloc".to_owned()]).unwrap();
        let (outcome, series) = fake_host::collect(&DEFINITION, &settings);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_slabinfo_active_objects{slab=\"dentry\"} 704",
                "node_slabinfo_objects{slab=\"dentry\"} 864",
                "node_slabinfo_object_size_bytes{slab=\"dentry\"} 256",
                "node_slabinfo_objects_per_slab{slab=\"dentry\"} 32",
                "node_slabinfo_pages_per_slab{slab=\"dentry\"} 2",
            ]
        );
    }

    #[test]
    fn a_line_of_another_form_is_told() {
        for line in ["dentry 1 2 3 4 5", "dentry 1 2 3 4 x : t 0 0 0 : s 2 2 0"] {
            let text = format!("{SLABINFO}{line}\n");
            assert_eq!(parse(text.as_bytes()), Err(line.as_bytes()));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_the_first_of_the_slabs(end in 0..SLABINFO.len()) {
            let whole = parse(SLABINFO.as_bytes()).unwrap();
            let cut = parse(&SLABINFO.as_bytes()[..end]).unwrap();
            assert!(whole.starts_with(&cut) && cut.len() < whole.len());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            assert!(slab(&text).is_none() || text.len() > COLUMNS);
        }
    }
}
