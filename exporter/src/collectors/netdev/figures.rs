//! What is told of each device.

/// A family, and where netlink has its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Places in `struct rtnl_link_stats64`, whose sum it is.
    pub(super) places: &'static [usize],
}

const fn figure(name: &'static str, help: &'static str, places: &'static [usize]) -> Figure {
    Figure { name, help, places }
}

/// The most figures that a device has.
pub(super) const MOST: usize = DETAILED.len();

/// The columns of `/proc/net/dev`.
pub(super) const COLUMNS: usize = DETAILED_COLUMNS.len();

/// The figures, in the order of the columns of `/proc/net/dev`, whose sums they are; the last one
/// is netlink's alone.
#[rustfmt::skip]
pub(super) const FIGURES: [Figure; 17] = [
    figure("node_network_receive_bytes_total", "Network device statistic receive_bytes.", &[2]),
    figure("node_network_receive_packets_total", "Network device statistic receive_packets.", &[0]),
    figure("node_network_receive_errs_total", "Network device statistic receive_errs.", &[4]),
    // Dropped, and missed for want of buffers.
    figure("node_network_receive_drop_total", "Network device statistic receive_drop.", &[6, 15]),
    figure("node_network_receive_fifo_total", "Network device statistic receive_fifo.", &[14]),
    // Frame, length, overrun and checksum errors.
    figure("node_network_receive_frame_total", "Network device statistic receive_frame.", &[13, 10, 11, 12]),
    figure("node_network_receive_compressed_total", "Network device statistic receive_compressed.", &[21]),
    figure("node_network_receive_multicast_total", "Network device statistic receive_multicast.", &[8]),
    figure("node_network_transmit_bytes_total", "Network device statistic transmit_bytes.", &[3]),
    figure("node_network_transmit_packets_total", "Network device statistic transmit_packets.", &[1]),
    figure("node_network_transmit_errs_total", "Network device statistic transmit_errs.", &[5]),
    figure("node_network_transmit_drop_total", "Network device statistic transmit_drop.", &[7]),
    figure("node_network_transmit_fifo_total", "Network device statistic transmit_fifo.", &[18]),
    figure("node_network_transmit_colls_total", "Network device statistic transmit_colls.", &[9]),
    // Carrier, aborted, window and heartbeat errors.
    figure("node_network_transmit_carrier_total", "Network device statistic transmit_carrier.", &[17, 16, 20, 19]),
    figure("node_network_transmit_compressed_total", "Network device statistic transmit_compressed.", &[22]),
    figure("node_network_receive_nohandler_total", "Network device statistic receive_nohandler.", &[23]),
];

/// Each number of netlink by itself, under the kernel's names.
#[rustfmt::skip]
pub(super) const DETAILED: [Figure; 24] = [
    figure("node_network_receive_packets_total", "Network device statistic receive_packets.", &[0]),
    figure("node_network_transmit_packets_total", "Network device statistic transmit_packets.", &[1]),
    figure("node_network_receive_bytes_total", "Network device statistic receive_bytes.", &[2]),
    figure("node_network_transmit_bytes_total", "Network device statistic transmit_bytes.", &[3]),
    figure("node_network_receive_errors_total", "Network device statistic receive_errors.", &[4]),
    figure("node_network_transmit_errors_total", "Network device statistic transmit_errors.", &[5]),
    figure("node_network_receive_dropped_total", "Network device statistic receive_dropped.", &[6]),
    figure("node_network_transmit_dropped_total", "Network device statistic transmit_dropped.", &[7]),
    figure("node_network_multicast_total", "Network device statistic multicast.", &[8]),
    figure("node_network_collisions_total", "Network device statistic collisions.", &[9]),
    figure("node_network_receive_length_errors_total", "Network device statistic receive_length_errors.", &[10]),
    figure("node_network_receive_over_errors_total", "Network device statistic receive_over_errors.", &[11]),
    figure("node_network_receive_crc_errors_total", "Network device statistic receive_crc_errors.", &[12]),
    figure("node_network_receive_frame_errors_total", "Network device statistic receive_frame_errors.", &[13]),
    figure("node_network_receive_fifo_errors_total", "Network device statistic receive_fifo_errors.", &[14]),
    figure("node_network_receive_missed_errors_total", "Network device statistic receive_missed_errors.", &[15]),
    figure("node_network_transmit_aborted_errors_total", "Network device statistic transmit_aborted_errors.", &[16]),
    figure("node_network_transmit_carrier_errors_total", "Network device statistic transmit_carrier_errors.", &[17]),
    figure("node_network_transmit_fifo_errors_total", "Network device statistic transmit_fifo_errors.", &[18]),
    figure("node_network_transmit_heartbeat_errors_total", "Network device statistic transmit_heartbeat_errors.", &[19]),
    figure("node_network_transmit_window_errors_total", "Network device statistic transmit_window_errors.", &[20]),
    figure("node_network_receive_compressed_total", "Network device statistic receive_compressed.", &[21]),
    figure("node_network_transmit_compressed_total", "Network device statistic transmit_compressed.", &[22]),
    figure("node_network_receive_nohandler_total", "Network device statistic receive_nohandler.", &[23]),
];

/// The columns of `/proc/net/dev` where the kernel's names are wanted: it has no more of them.
#[rustfmt::skip]
pub(super) const DETAILED_COLUMNS: [Figure; 16] = [
    figure("node_network_receive_bytes_total", "Network device statistic receive_bytes.", &[]),
    figure("node_network_receive_packets_total", "Network device statistic receive_packets.", &[]),
    figure("node_network_receive_errors_total", "Network device statistic receive_errors.", &[]),
    figure("node_network_receive_dropped_total", "Network device statistic receive_dropped.", &[]),
    figure("node_network_receive_fifo_total", "Network device statistic receive_fifo.", &[]),
    figure("node_network_receive_frame_total", "Network device statistic receive_frame.", &[]),
    figure("node_network_receive_compressed_total", "Network device statistic receive_compressed.", &[]),
    figure("node_network_receive_multicast_total", "Network device statistic receive_multicast.", &[]),
    figure("node_network_transmit_bytes_total", "Network device statistic transmit_bytes.", &[]),
    figure("node_network_transmit_packets_total", "Network device statistic transmit_packets.", &[]),
    figure("node_network_transmit_errors_total", "Network device statistic transmit_errors.", &[]),
    figure("node_network_transmit_dropped_total", "Network device statistic transmit_dropped.", &[]),
    figure("node_network_transmit_fifo_total", "Network device statistic transmit_fifo.", &[]),
    figure("node_network_transmit_colls_total", "Network device statistic transmit_colls.", &[]),
    figure("node_network_transmit_carrier_total", "Network device statistic transmit_carrier.", &[]),
    figure("node_network_transmit_compressed_total", "Network device statistic transmit_compressed.", &[]),
];
