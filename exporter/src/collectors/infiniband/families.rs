//! The families of an InfiniBand port, and what the numbers in its files count.

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::Series;

use super::super::attributes::Attribute;
use super::super::text;

/// How a file says its number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Count,
    /// Words of four bytes, as the specification counts data.
    Words,
    Milliseconds,
    /// `4: ACTIVE`
    State,
    /// `40 Gb/sec (4X QDR)`
    Rate,
}
use Unit::{Count, Milliseconds, Rate, State, Words};

/// The files in `hw_counters` are those of the mlx5 and irdma drivers.
#[rustfmt::skip]
pub(super) const TABLE: &[Attribute<Unit>] = &[
    ("node_infiniband_state_id", "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)", Gauge, "state", State),
    ("node_infiniband_physical_state_id", "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)", Gauge, "phys_state", State),
    ("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate", Gauge, "rate", Rate),
    ("node_infiniband_legacy_multicast_packets_received_total", "Number of multicast packets received", Counter, "counters_ext/port_multicast_rcv_packets", Count),
    ("node_infiniband_legacy_multicast_packets_transmitted_total", "Number of multicast packets transmitted", Counter, "counters_ext/port_multicast_xmit_packets", Count),
    ("node_infiniband_legacy_data_received_bytes_total", "Number of data octets received on all links", Counter, "counters_ext/port_rcv_data_64", Words),
    ("node_infiniband_legacy_packets_received_total", "Number of data packets received on all links", Counter, "counters_ext/port_rcv_packets_64", Count),
    ("node_infiniband_legacy_unicast_packets_received_total", "Number of unicast packets received", Counter, "counters_ext/port_unicast_rcv_packets", Count),
    ("node_infiniband_legacy_unicast_packets_transmitted_total", "Number of unicast packets transmitted", Counter, "counters_ext/port_unicast_xmit_packets", Count),
    ("node_infiniband_legacy_data_transmitted_bytes_total", "Number of data octets transmitted on all links", Counter, "counters_ext/port_xmit_data_64", Words),
    ("node_infiniband_legacy_packets_transmitted_total", "Number of data packets received on all links", Counter, "counters_ext/port_xmit_packets_64", Count),
    ("node_infiniband_excessive_buffer_overrun_errors_total", "Number of times that OverrunErrors consecutive flow control update periods occurred, each having at least one overrun error.", Counter, "counters/excessive_buffer_overrun_errors", Count),
    ("node_infiniband_link_downed_total", "Number of times the link failed to recover from an error state and went down", Counter, "counters/link_downed", Count),
    ("node_infiniband_link_error_recovery_total", "Number of times the link successfully recovered from an error state", Counter, "counters/link_error_recovery", Count),
    ("node_infiniband_local_link_integrity_errors_total", "Number of times that the count of local physical errors exceeded the threshold specified by LocalPhyErrors.", Counter, "counters/local_link_integrity_errors", Count),
    ("node_infiniband_multicast_packets_received_total", "Number of multicast packets received (including errors)", Counter, "counters/multicast_rcv_packets", Count),
    ("node_infiniband_multicast_packets_transmitted_total", "Number of multicast packets transmitted (including errors)", Counter, "counters/multicast_xmit_packets", Count),
    ("node_infiniband_port_constraint_errors_received_total", "Number of packets received on the switch physical port that are discarded", Counter, "counters/port_rcv_constraint_errors", Count),
    ("node_infiniband_port_constraint_errors_transmitted_total", "Number of packets not transmitted from the switch physical port", Counter, "counters/port_xmit_constraint_errors", Count),
    ("node_infiniband_port_data_received_bytes_total", "Number of data octets received on all links", Counter, "counters/port_rcv_data", Words),
    ("node_infiniband_port_data_transmitted_bytes_total", "Number of data octets transmitted on all links", Counter, "counters/port_xmit_data", Words),
    ("node_infiniband_port_discards_received_total", "Number of inbound packets discarded by the port because the port is down or congested", Counter, "counters/port_rcv_discards", Count),
    ("node_infiniband_port_discards_transmitted_total", "Number of outbound packets discarded by the port because the port is down or congested", Counter, "counters/port_xmit_discards", Count),
    ("node_infiniband_port_errors_received_total", "Number of packets containing an error that were received on this port", Counter, "counters/port_rcv_errors", Count),
    ("node_infiniband_port_packets_received_total", "Number of packets received on all VLs by this port (including errors)", Counter, "counters/port_rcv_packets", Count),
    ("node_infiniband_port_packets_transmitted_total", "Number of packets transmitted on all VLs from this port (including errors)", Counter, "counters/port_xmit_packets", Count),
    ("node_infiniband_port_transmit_wait_total", "Number of ticks during which the port had data to transmit but no data was sent during the entire tick", Counter, "counters/port_xmit_wait", Count),
    ("node_infiniband_unicast_packets_received_total", "Number of unicast packets received (including errors)", Counter, "counters/unicast_rcv_packets", Count),
    ("node_infiniband_unicast_packets_transmitted_total", "Number of unicast packets transmitted (including errors)", Counter, "counters/unicast_xmit_packets", Count),
    ("node_infiniband_port_receive_remote_physical_errors_total", "Number of packets marked with the EBP (End of Bad Packet) delimiter received on the port.", Counter, "counters/port_rcv_remote_physical_errors", Count),
    ("node_infiniband_port_receive_switch_relay_errors_total", "Number of packets that could not be forwarded by the switch.", Counter, "counters/port_rcv_switch_relay_errors", Count),
    ("node_infiniband_symbol_error_total", "Number of minor link errors detected on one or more physical lanes.", Counter, "counters/symbol_error", Count),
    ("node_infiniband_vl15_dropped_total", "Number of incoming VL15 packets dropped due to resource limitations.", Counter, "counters/VL15_dropped", Count),
    ("node_infiniband_lifespan_seconds", "The maximum period in ms which defines the aging of the counter reads. Two consecutive reads within this period might return the same values.", Gauge, "hw_counters/lifespan", Milliseconds),
    ("node_infiniband_duplicate_requests_packets_total", "The number of received packets. A duplicate request is a request that had been previously executed.", Counter, "hw_counters/duplicate_request", Count),
    ("node_infiniband_implied_nak_seq_errors_total", "The number of time the requested decided an ACK. with a PSN larger than the expected PSN for an RDMA read or response.", Counter, "hw_counters/implied_nak_seq_err", Count),
    ("node_infiniband_local_ack_timeout_errors_total", "The number of times QP's ack timer expired for RC, XRC, DCT QPs at the sender side. The QP retry limit was not exceed, therefore it is still recoverable error.", Counter, "hw_counters/local_ack_timeout_err", Count),
    ("node_infiniband_np_cnp_packets_sent_total", "The number of CNP packets sent by the Notification Point when it noticed congestion experienced in the RoCEv2 IP header (ECN bits). The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/np_cnp_sent", Count),
    ("node_infiniband_np_ecn_marked_roce_packets_received_total", "The number of RoCEv2 packets received by the notification point which were marked for experiencing the congestion (ECN bits where '11' on the ingress RoCE traffic) . The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/np_ecn_marked_roce_packets", Count),
    ("node_infiniband_out_of_buffer_drops_total", "The number of drops occurred due to lack of WQE for the associated QPs.", Counter, "hw_counters/out_of_buffer", Count),
    ("node_infiniband_out_of_sequence_packets_received_total", "The number of out of sequence packets received.", Counter, "hw_counters/out_of_sequence", Count),
    ("node_infiniband_packet_sequence_errors_total", "The number of received NAK sequence error packets. The QP retry limit was not exceeded.", Counter, "hw_counters/packet_seq_err", Count),
    ("node_infiniband_req_cqes_errors_total", "The number of times requester detected CQEs completed with errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/req_cqe_error", Count),
    ("node_infiniband_req_cqes_flush_errors_total", "The number of times requester detected CQEs completed with flushed errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/req_cqe_flush_error", Count),
    ("node_infiniband_req_remote_access_errors_total", "The number of times requester detected remote access errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/req_remote_access_errors", Count),
    ("node_infiniband_req_remote_invalid_request_errors_total", "The number of times requester detected remote invalid request errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/req_remote_invalid_request", Count),
    ("node_infiniband_resp_cqes_errors_total", "The number of times responder detected CQEs completed with errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/resp_cqe_error", Count),
    ("node_infiniband_resp_cqes_flush_errors_total", "The number of times responder detected CQEs completed with flushed errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/resp_cqe_flush_error", Count),
    ("node_infiniband_resp_local_length_errors_total", "The number of times responder detected local length errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/resp_local_length_error", Count),
    ("node_infiniband_resp_remote_access_errors_total", "The number of times responder detected remote access errors. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/resp_remote_access_errors", Count),
    ("node_infiniband_rnr_nak_retry_packets_received_total", "The number of received RNR NAK packets. The QP retry limit was not exceeded.", Counter, "hw_counters/rnr_nak_retry_err", Count),
    ("node_infiniband_roce_adp_retransmits_total", "The number of adaptive retransmissions for RoCE traffic. The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0", Counter, "hw_counters/roce_adp_retrans", Count),
    ("node_infiniband_roce_adp_retransmits_timeout_total", "The number of times RoCE traffic reached timeout due to adaptive retransmission. The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0", Counter, "hw_counters/roce_adp_retrans_to", Count),
    ("node_infiniband_roce_slow_restart_used_total", "The number of times RoCE slow restart was used. The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0", Counter, "hw_counters/roce_slow_restart", Count),
    ("node_infiniband_roce_slow_restart_cnps_total", "The number of times RoCE slow restart generated CNP packets. The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0", Counter, "hw_counters/roce_slow_restart_cnps", Count),
    ("node_infiniband_roce_slow_restart_total", "The number of times RoCE slow restart changed state to slow restart. The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0", Counter, "hw_counters/roce_slow_restart_trans", Count),
    ("node_infiniband_rp_cnp_packets_handled_total", "The number of CNP packets handled by the Reaction Point HCA to throttle the transmission rate. The counters was added in MLNX_OFED 4.1", Counter, "hw_counters/rp_cnp_handled", Count),
    ("node_infiniband_rp_cnp_ignored_packets_received_total", "The number of CNP packets received and ignored by the Reaction Point HCA. This counter should not raise if RoCE Congestion Control was enabled in the network. If this counter raise, verify that ECN was enabled on the adapter.", Counter, "hw_counters/rp_cnp_ignored", Count),
    ("node_infiniband_rx_atomic_requests_total", "The number of received ATOMIC request for the associated QPs.", Counter, "hw_counters/rx_atomic_requests", Count),
    ("node_infiniband_rx_dct_connect_requests_total", "The number of received connection requests for the associated DCTs.", Counter, "hw_counters/rx_dct_connect", Count),
    ("node_infiniband_rx_read_requests_total", "The number of received READ requests for the associated QPs.", Counter, "hw_counters/rx_read_requests", Count),
    ("node_infiniband_rx_write_requests_total", "The number of received WRITE requests for the associated QPs.", Counter, "hw_counters/rx_write_requests", Count),
    ("node_infiniband_rx_icrc_encapsulated_errors_total", "The number of RoCE packets with ICRC errors. This counter was added in MLNX_OFED 4.4 and kernel 4.19", Counter, "hw_counters/rx_icrc_encapsulated", Count),
];

/// Ends a series with what a file says.
pub(super) fn put(text: &[u8], unit: Unit, series: Series<'_>) -> Option<()> {
    // Some drivers have all files, whether their hardware counts or not.
    if text.starts_with(b"N/A (no PMA)") {
        return Some(());
    }
    match unit {
        Count => series.digits(Some(text).filter(|text| text::is_integer(text))?),
        Words => text::put_integer(series, text::integer(text)?.checked_mul(4)?),
        Milliseconds => text::put_fraction(series, text::integer(text)?, 3),
        State => {
            let (number, _) = text::split_at(text, b':')?;
            series.digits(Some(number).filter(|number| text::is_integer(number))?);
        }
        Rate => series.value(rate(text)?),
    }
    Some(())
}

/// Bytes a second.
fn rate(text: &[u8]) -> Option<f64> {
    const BYTES_IN_GIGABIT: f64 = 125_000_000.0;
    let mut words = text::words(text);
    let number = words.next()?;
    let is_plain = number.iter().all(|c| c.is_ascii_digit() || *c == b'.');
    let number = text::number(number).filter(|_| is_plain)?;
    (words.next()? == b"Gb/sec").then_some(number * BYTES_IN_GIGABIT)
}
