//! The families of what drivers count.

use std::borrow::Cow;

/// The names that are known beforehand, with their families.
#[rustfmt::skip]
const KNOWN: [(&str, &str, &str); 7] = [
    ("rx_bytes", "node_ethtool_received_bytes_total", "Network interface bytes received"),
    ("rx_dropped", "node_ethtool_received_dropped_total", "Number of received frames dropped"),
    ("rx_errors", "node_ethtool_received_errors_total", "Number of received frames with errors"),
    ("rx_packets", "node_ethtool_received_packets_total", "Network interface packets received"),
    ("tx_bytes", "node_ethtool_transmitted_bytes_total", "Network interface bytes sent"),
    ("tx_errors", "node_ethtool_transmitted_errors_total", "Number of sent frames with errors"),
    ("tx_packets", "node_ethtool_transmitted_packets_total", "Network interface packets sent"),
];

/// A driver's name with a low line for each run of what cannot be part of a metric's name.
pub(super) fn clean(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        clean.push_str(before.trim_end_matches('_'));
        clean.push('_');
        rest = after.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    }
    clean + rest
}

/// The family of a clean name.
pub(super) fn family(clean: &str) -> String {
    if let Some((_, family, _)) = KNOWN.iter().find(|(name, _, _)| *name == clean) {
        return (*family).to_owned();
    }
    let lower = clean.to_ascii_lowercase();
    let name = replace(lower.trim_start_matches('_'), "rx", "received");
    let name = replace(&name, "tx", "transmitted");
    format!("node_ethtool_{name}")
}

/// The help text of a clean name.
pub(super) fn help(clean: &str) -> Cow<'static, str> {
    match KNOWN.iter().find(|(name, _, _)| *name == clean) {
        Some((_, _, help)) => Cow::Borrowed(help),
        None => Cow::Owned(format!("Network interface {clean}")),
    }
}

/// Replaces a part between low lines. Of two that stand side by side the second stays, as with a
/// regular expression that takes the low line between them for itself.
fn replace(name: &str, part: &str, with: &str) -> String {
    let mut replaced = false;
    let parts: Vec<_> = name
        .split('_')
        .map(|word| {
            replaced = word == part && !replaced;
            if replaced { with } else { word }
        })
        .collect();
    parts.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_name_becomes_a_family() {
        for (name, expected) in [
            ("rx_bytes", "node_ethtool_received_bytes_total"),
            ("tx_dropped", "node_ethtool_transmitted_dropped"),
            ("port.rx_dropped", "node_ethtool_port_received_dropped"),
            ("Tx Queue#: 0", "node_ethtool_transmitted_queue_0"),
            ("[0]: tx_ucast", "node_ethtool_0_transmitted_ucast"),
            ("__rx-_.-q_", "node_ethtool_received_q_"),
            ("rx_rx_x", "node_ethtool_received_rx_x"),
            ("prx_txx", "node_ethtool_prx_txx"),
            ("gr\u{fc}n", "node_ethtool_gr_n"),
        ] {
            assert_eq!(family(&clean(name)), expected, "{name}");
        }
        assert_eq!(help("rx_bytes"), "Network interface bytes received");
        assert_eq!(help("Port_rx"), "Network interface Port_rx");
    }

    proptest::proptest! {
        #[test]
        fn any_name_becomes_one_of_a_metric(name: String) {
            let family = family(&clean(&name));
            assert!(family.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'), "{family}");
        }
    }
}
