//! The memory of each NUMA node, `/sys/devices/system/node/node*/meminfo` and `numastat`:
//!
//! ```text
//! Node 0 Active(anon):     691324 kB          numa_hit 193460335812
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Inventory, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "meminfo_numa",
    help: "The memory of each NUMA node.",
    default_on: false,
    flags: &[],
    new: |settings| {
        Box::new(MeminfoNuma {
            folder: settings.paths.sysfs.join("devices/system/node"),
            nodes: Inventory::default(),
        })
    },
};

struct MeminfoNuma {
    folder: PathBuf,
    nodes: Inventory<Vec<Node>>,
}

struct Node {
    number: String,
    meminfo: KeptFile,
    numastat: KeptFile,
}

/// The figures of all nodes by family: the node's place among them, and its figure.
type Families = BTreeMap<String, (MetricType, Vec<(usize, u64)>)>;

impl Collector for MeminfoNuma {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let folder = &self.folder;
        let nodes = self.nodes.get(Instant::now(), |_| Ok(find(folder)))?;
        let mut families = Families::new();
        let mut outcome = Ok(());
        for (at, node) in nodes.iter_mut().enumerate() {
            outcome = outcome.and(node.gather(at, &mut families));
        }
        for (name, (metric_type, figures)) in &families {
            let help = format!("Memory information field {name}.");
            page.family(&format!("node_memory_numa_{name}"), &help, *metric_type);
            for (at, figure) in figures {
                if let Some(node) = nodes.get(*at) {
                    let mut series = page.series("");
                    series.label("node", &node.number);
                    text::put_integer(series, *figure);
                }
            }
        }
        if outcome.is_err() {
            // The node may be gone.
            self.nodes.forget();
        }
        outcome
    }
}

impl Node {
    fn gather(&mut self, at: usize, families: &mut Families) -> Result<(), CollectError> {
        let files = [
            (
                &mut self.meminfo,
                meminfo as fn(&[u8]) -> _,
                MetricType::Gauge,
            ),
            (&mut self.numastat, numastat, MetricType::Counter),
        ];
        for (file, parse, metric_type) in files {
            file.read()?;
            for line in text::ended_lines(file.text()) {
                let (name, figure) =
                    parse(line).ok_or_else(|| file.fault("a name and an integer", line))?;
                let (_, figures) = families
                    .entry(name)
                    .or_insert_with(|| (metric_type, Vec::new()));
                figures.push((at, figure));
            }
        }
        Ok(())
    }
}

fn find(folder: &Path) -> Vec<Node> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut nodes: Vec<Node> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix("node")?;
            text::is_integer(number.as_bytes()).then(|| Node {
                number: number.to_owned(),
                meminfo: KeptFile::one_of_many(entry.path().join("meminfo")),
                numastat: KeptFile::one_of_many(entry.path().join("numastat")),
            })
        })
        .collect();
    nodes.sort_by(|a, b| a.number.cmp(&b.number));
    nodes
}

/// `Active_anon` for `Active(anon):`, in bytes.
fn meminfo(line: &[u8]) -> Option<(String, u64)> {
    let mut words = text::words(line).skip(2);
    let name = std::str::from_utf8(words.next()?).ok()?;
    let name = name.trim_end_matches(':').replacen('(', "_", 1);
    let name = name.trim_end_matches(')');
    let figure = text::integer(words.next()?)?;
    let scale = match words.next() {
        None => 1,
        Some(b"kB") => 1_024,
        Some(_) => return None,
    };
    let known = words.next().is_none() && is_name(name);
    Some((name.to_owned(), figure.checked_mul(scale)?)).filter(|_| known)
}

fn numastat(line: &[u8]) -> Option<(String, u64)> {
    let mut words = text::words(line);
    let name = std::str::from_utf8(words.next()?).ok()?;
    let figure = text::integer(words.next()?)?;
    let known = words.next().is_none() && is_name(name);
    Some((format!("{name}_total"), figure)).filter(|_| known)
}

/// Whether it can be part of a family's name.
fn is_name(name: &str) -> bool {
    name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    const FOLDER: &str = "sys/devices/system/node";

    #[test]
    fn fields_of_the_nodes_are_families() {
        let host = FakeHost::new(&[
            (
                &format!("{FOLDER}/node0/meminfo"),
                "Node 0 Active(anon):     5 kB\nNode 0 HugePages_Free:     7\n",
            ),
            (&format!("{FOLDER}/node0/numastat"), "numa_hit 12\n"),
            (
                &format!("{FOLDER}/node1/meminfo"),
                "Node 1 Active(anon):     6 kB\nNode 1 Dirty: 9",
            ),
            (&format!("{FOLDER}/node1/numastat"), "numa_hit 13\n"),
            (&format!("{FOLDER}/nodes/meminfo"), "no node\n"),
        ]);
        let (outcome, series) = host.collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_memory_numa_Active_anon{node=\"0\"} 5120",
                "node_memory_numa_Active_anon{node=\"1\"} 6144",
                "node_memory_numa_HugePages_Free{node=\"0\"} 7",
                "node_memory_numa_numa_hit_total{node=\"0\"} 12",
                "node_memory_numa_numa_hit_total{node=\"1\"} 13",
            ]
        );
    }

    #[test]
    fn a_bad_node_is_told_and_costs_the_others_nothing() {
        let host = FakeHost::new(&[
            (&format!("{FOLDER}/node0/meminfo"), "Node 0 MemFree: x kB\n"),
            (&format!("{FOLDER}/node1/meminfo"), "Node 1 MemFree: 1 kB\n"),
            (&format!("{FOLDER}/node1/numastat"), "numa_hit 13\n"),
        ]);
        let (outcome, series) = host.collect(&DEFINITION);
        let error = outcome.unwrap_err().to_string();
        assert!(error.ends_with("found `Node 0 MemFree: x kB`"), "{error}");
        assert_eq!(series.len(), 2);
        for line in [
            "Node 0 A\"b: 1",
            "Node 0 A: 1 MB",
            "Node 0 A: 1 kB 2",
            "Node 0",
            "Node 0 A: 18446744073709551615 kB",
        ] {
            assert_eq!(meminfo(line.as_bytes()), None, "{line}");
        }
        assert_eq!(numastat(b"numa_hit 1 2"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_bytes_are_a_name_is_fit_for_a_page(text: Vec<u8>) {
            let lines = [text.clone(), [b"Node 0 ", &text[..], b" 1"].concat()];
            for (name, _) in lines.iter().filter_map(|line| meminfo(line).or_else(|| numastat(line))) {
                assert!(is_name(&name));
            }
        }
    }
}
