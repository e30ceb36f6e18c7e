//! The kernel's load balancer: what it handled, `/proc/net/ip_vs_stats`, and the connections of
//! each of its backends, `/proc/net/ip_vs`.

mod backend;

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::Page;

use super::rare::RareFile;
use super::{CollectError, Collector, Definition, Flag, FlagKind, KeptFile, Settings, text};
use backend::{Backend, Label};

const LABELS: Flag = Flag {
    name: "ipvs.backend-labels",
    help: "Comma separated list for IPVS backend stats labels.",
    kind: FlagKind::Text {
        default: ALL_LABELS,
    },
};
const ALL_LABELS: &str = "local_address,local_port,remote_address,remote_port,proto,local_mark";

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "ipvs",
    help: "The kernel's load balancer and its backends.",
    default_on: true,
    flags: &[LABELS],
    new: |settings| Box::new(Ipvs::new(settings)),
};

/// The numbers of the third line, in their order.
#[rustfmt::skip]
const TOTALS: [(&str, &str); 5] = [
    ("node_ipvs_connections_total", "The total number of connections made."),
    ("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
    ("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
    ("node_ipvs_incoming_bytes_total", "The total amount of incoming data."),
    ("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."),
];

/// What is told of each backend.
#[rustfmt::skip]
const FIGURES: [(&str, &str, Figure); 3] = [
    ("node_ipvs_backend_connections_active", "The current active connections by local and remote address.", |b| b.active),
    ("node_ipvs_backend_connections_inactive", "The current inactive connections by local and remote address.", |b| b.inactive),
    ("node_ipvs_backend_weight", "The current backend weight by local and remote address.", |b| b.weight),
];

type Figure = fn(&Backend<'_>) -> u64;

/// Judges the flag at the start.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    let labels = backend::labels(settings.text(&LABELS));
    labels.map(drop).map_err(|name| unknown_label(&name))
}

fn unknown_label(name: &str) -> String {
    format!("expected some of {ALL_LABELS}, found `{name}`")
}

struct Ipvs {
    totals: RareFile,
    backends: KeptFile,
    /// The error is a name that is none.
    labels: Result<Vec<Label>, String>,
}

impl Ipvs {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("net");
        Self {
            totals: RareFile::new(folder.join("ip_vs_stats"), "no load is balanced"),
            backends: KeptFile::new(folder.join("ip_vs")),
            labels: backend::labels(settings.text(&LABELS)),
        }
    }
}

impl Collector for Ipvs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let labels = self.labels.as_ref().map_err(|name| {
            let flag = LABELS.name;
            CollectError::Call(format!("--collector.{flag}: {}", unknown_label(name)))
        })?;
        self.totals.read()?;
        let totals = totals(self.totals.text()).ok_or_else(|| {
            let expected = "five hexadecimal numbers in the third line";
            self.totals.fault(expected, self.totals.text())
        })?;
        for ((name, help), value) in TOTALS.into_iter().zip(totals) {
            page.family(name, help, Counter);
            text::put_integer(page.series(""), value);
        }
        self.backends.read()?;
        let backends = backend::parse(self.backends.text(), labels).map_err(|line| {
            let expected = "a service or a backend with address, weight and connections";
            self.backends.fault(expected, line)
        })?;
        write(&backends, labels, page);
        Ok(())
    }
}

fn totals(text: &[u8]) -> Option<[u64; TOTALS.len()]> {
    let (line, _) = text::split_at(text, b'\n')
        .and_then(|(_, rest)| text::split_at(rest, b'\n'))
        .and_then(|(_, rest)| text::split_at(rest, b'\n'))?;
    let mut words = text::words(line);
    let mut totals = [0; TOTALS.len()];
    for total in &mut totals {
        *total = text::hexadecimal(words.next()?)?;
    }
    words.next().is_none().then_some(totals)
}

fn write(backends: &[Backend<'_>], labels: &[Label], page: &mut Page) {
    let mut memory = String::new();
    for (name, help, figure) in FIGURES {
        page.family(name, help, Gauge);
        for backend in backends {
            let mut series = page.series("");
            for label in labels {
                let value = backend.label(*label, &mut memory);
                series.label(label.name(), value);
            }
            text::put_integer(series, figure(backend));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Paths, fake_host};
    use super::*;

    const TOTALS: &str = "   Total Incoming Outgoing         Incoming         Outgoing\n   \
        Conns  Packets  Packets            Bytes            Bytes\n \
        16AA370 E33656E5        0     51D8C8883AB3                0\n\n";

    fn collect(labels: &str, backends: &str) -> (Result<(), CollectError>, String) {
        let procfs = tempfile::tempdir().unwrap();
        let folder = procfs.path().join("net");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ip_vs_stats"), TOTALS).unwrap();
        std::fs::write(folder.join("ip_vs"), backends).unwrap();
        let mut settings = Settings::new(Paths {
            procfs: procfs.path().to_owned(),
            ..Paths::default()
        });
        settings.set(&LABELS, vec![labels.to_owned()]).unwrap();
        let mut page = Page::new();
        let result = Ipvs::new(&settings).collect(&mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        (result, text)
    }

    #[test]
    fn totals_and_the_wanted_labels_stand_on_the_page() {
        let backends = "TCP  0A000001:0050 rr\n  \
            -> 0A000002:1F90      Masq    3      4        5\n  \
            -> 0A000002:1F91      Masq    1      1        1\n";
        let (result, text) = collect("remote_address,proto", backends);
        result.unwrap();
        for line in [
            "node_ipvs_connections_total 23765872",
            "node_ipvs_incoming_bytes_total 89991519156915",
            "node_ipvs_backend_weight{proto=\"TCP\",remote_address=\"10.0.0.2\"} 4",
            "node_ipvs_backend_connections_active{proto=\"TCP\",remote_address=\"10.0.0.2\"} 5",
            "node_ipvs_backend_connections_inactive{proto=\"TCP\",remote_address=\"10.0.0.2\"} 6",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_label_that_is_none_is_told_with_its_flag() {
        let (result, _) = collect("proto,colour", "");
        let error = result.unwrap_err().to_string();
        assert!(
            error.starts_with("--collector.ipvs.backend-labels: "),
            "{error}"
        );
        assert!(error.ends_with("found `colour`"), "{error}");
    }

    #[test]
    fn a_bad_file_gives_no_other_number() {
        let backends = "TCP  0A000001:0050 rr\n  \
            -> 0A000002:1F90      Masq    3      4        15\n";
        let files = [
            ("proc/net/ip_vs_stats", TOTALS),
            ("proc/net/ip_vs", backends),
        ];
        fake_host::bears_bad_files(&DEFINITION, &files);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            totals(&text);
        }
    }
}
