//! The host's routes, from the kernel by netlink.

mod message;

use std::collections::BTreeMap;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::netlink_socket::{NetlinkSocket, Question};
use super::{CollectError, Collector, Definition, text};
use message::{Route, routes};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "network_route",
    help: "The host's routes.",
    default_on: false,
    flags: &[],
    new: |_| Box::new(NetworkRoute(NetlinkSocket::new(None))),
};

const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;

/// The head of a question or an answer, `struct rtmsg`.
const RTMSG: usize = 12;

/// A host with more routes is a router of the internet: its routes are no page.
const LIMIT: usize = 1 << 16;

struct NetworkRoute(NetlinkSocket);

impl Collector for NetworkRoute {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut found = Vec::new();
        let mut whole = true;
        let asked = self
            .0
            .ask(RTM_GETROUTE, Question::All, &[0; RTMSG], |kind, body| {
                if kind == RTM_NEWROUTE {
                    whole &= found.len() < LIMIT;
                    found.extend(routes(body).into_iter().filter(|_| whole));
                }
            });
        asked.map_err(|error| CollectError::Call(format!("netlink, routes: {error}")))?;
        if !whole {
            let error = format!("netlink, routes: expected at most {LIMIT}, found more");
            return Err(CollectError::Call(error));
        }
        write(found, |index| self.0.device(index).ok(), page);
        Ok(())
    }
}

fn write(mut found: Vec<Route>, name: impl FnMut(u32) -> Option<String>, page: &mut Page) {
    let names = names(&found, name);
    let name = |route: &Route| names.get(&route.device).map_or("", String::as_str);
    let mut totals = BTreeMap::<&str, u64>::new();
    for route in &found {
        *totals.entry(name(route)).or_default() += 1;
    }
    // The same route may stand in two tables of the kernel.
    found.sort();
    found.dedup();
    let info = "network routing table information";
    page.family("node_network_route_info", info, Gauge);
    for route in &found {
        let mut series = page.series("");
        series.label("dest", &route.destination);
        series.label("device", name(route));
        series.label("gw", &route.gateway);
        series.label("priority", route.priority.to_string());
        series.label("proto", route.protocol);
        series.label("src", &route.source);
        series.label(
            "weight",
            route.weight.map(|w| w.to_string()).unwrap_or_default(),
        );
        series.digits(b"1");
    }
    page.family("node_network_routes", "network routes by interface", Gauge);
    for (device, total) in &totals {
        let mut series = page.series("");
        series.label("device", device);
        text::put_integer(series, *total);
    }
}

/// The names of the devices of some routes.
fn names(routes: &[Route], mut name: impl FnMut(u32) -> Option<String>) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for route in routes {
        names
            .entry(route.device)
            .or_insert_with(|| name(route.device).unwrap_or_default());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn route(device: u32) -> Route {
        Route {
            destination: "10.0.0.0/8".to_owned(),
            device,
            gateway: "192.0.2.1".to_owned(),
            priority: 100,
            protocol: "static",
            source: String::new(),
            weight: None,
        }
    }

    #[test]
    fn a_route_that_stands_in_two_tables_is_told_once_and_counted_twice() {
        let mut page = Page::new();
        let weighted = Route {
            weight: Some(2),
            ..route(9)
        };
        let name = |index| (index == 2).then(|| "eth0".to_owned());
        write(vec![route(2), weighted, route(2)], name, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let labels = "gw=\"192.0.2.1\",priority=\"100\",proto=\"static\",src=\"\"";
        assert_eq!(
            lines,
            [
                &format!(
                    "node_network_route_info{{dest=\"10.0.0.0/8\",device=\"eth0\",{labels},weight=\"\"}} 1"
                ),
                &format!(
                    "node_network_route_info{{dest=\"10.0.0.0/8\",device=\"\",{labels},weight=\"2\"}} 1"
                ),
                "node_network_routes{device=\"\"} 1",
                "node_network_routes{device=\"eth0\"} 2",
            ]
        );
    }

    #[test]
    fn the_kernel_tells_its_routes() {
        let mut page = Page::new();
        let mut collector = (DEFINITION.new)(&Settings::default());
        collector.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let file = std::fs::read_to_string("/proc/net/route").unwrap();
        let devices = file
            .lines()
            .skip(1)
            .filter_map(|line| line.split('\t').next());
        for device in devices {
            let line = format!("node_network_routes{{device=\"{device}\"}} ");
            assert!(text.contains(&line), "{text}");
        }
    }
}
