//! Which CPUs are online, `/sys/devices/system/cpu/online` beside `present`, where the kernel can
//! switch CPUs off: there the first one has a file for it, too.

use std::path::Path;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::KeptFile;
use super::range;

pub(super) struct Online {
    /// Lists such as `0-3,8`: all CPUs, and those that are online. None where all always are.
    files: Option<[KeptFile; 2]>,
}

impl Online {
    pub(super) fn new(folder: &Path) -> Self {
        let file = |name| KeptFile::at_once(folder.join(name));
        let switchable = folder.join("cpu0/online").exists();
        let files = switchable.then(|| ["present", "online"].map(file));
        Self { files }
    }

    pub(super) fn collect(&mut self, page: &mut Page) {
        let Some([present, online]) = &mut self.files else {
            return;
        };
        let (Some(present), Some(online)) = (list(present), list(online)) else {
            return;
        };
        page.family(
            "node_cpu_online",
            "CPUs that are online and being scheduled.",
            MetricType::Gauge,
        );
        for cpu in present {
            let mut series = page.series("");
            series.label("cpu", cpu.to_string());
            series.digits(if online.contains(&cpu) { b"1" } else { b"0" });
        }
    }
}

/// None where the list is cut: all CPUs behind that would count as switched off.
fn list(file: &mut KeptFile) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(file.read().ok()?.strip_suffix(b"\n")?).ok()?;
    Some(text.split(',').filter_map(range).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::fake_host::{FakeHost, series};
    use super::*;

    fn collect(files: &[(&str, &str)]) -> Vec<String> {
        let host = FakeHost::new(files);
        let mut page = Page::new();
        Online::new(host.root()).collect(&mut page);
        series(&mut page)
    }

    #[test]
    fn cpus_that_are_switched_off_are_told_where_they_can_be() {
        let lists = [("present", "0-2,4\n"), ("online", "0,2-4\n")];
        assert!(collect(&lists).is_empty());
        let switch = ("cpu0/online", "1\n");
        assert_eq!(
            collect(&[switch, lists[0], lists[1]]),
            [
                "node_cpu_online{cpu=\"0\"} 1",
                "node_cpu_online{cpu=\"1\"} 0",
                "node_cpu_online{cpu=\"2\"} 1",
                "node_cpu_online{cpu=\"4\"} 1",
            ]
        );
        assert!(collect(&[switch, lists[0]]).is_empty());
    }
}
