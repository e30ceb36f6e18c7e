//! What the kernel calls itself and the host, by `uname(2)`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Settings};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "uname",
    help: "What the kernel calls itself.",
    default_on: true,
    flags: &[],
    new,
};

struct Uname;

fn new(_: &Settings) -> Box<dyn Collector> {
    Box::new(Uname)
}

impl Collector for Uname {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let uname = rustix::system::uname();
        page.family(
            "node_uname_info",
            "Labeled system information as provided by the uname system call.",
            MetricType::Gauge,
        );
        let mut series = page.series("");
        series
            .label("domainname", uname.domainname().to_bytes())
            .label("machine", uname.machine().to_bytes())
            .label("nodename", uname.nodename().to_bytes())
            .label("release", uname.release().to_bytes())
            .label("sysname", uname.sysname().to_bytes())
            .label("version", uname.version().to_bytes());
        series.digits(b"1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_names_itself() {
        let mut page = Page::new();
        Uname.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.contains("sysname=\"Linux\""), "{text}");
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert!(
            text.contains(&format!("release=\"{}\"", release.trim())),
            "{text}"
        );
    }
}
