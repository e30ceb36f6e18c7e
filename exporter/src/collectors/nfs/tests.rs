use proptest::prelude::*;

use super::*;

const CLIENT: &str = "net 1 2 3 4\nrpc 5 6 7\nproc2 18 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n\
    proc4 3 10 20 30\n";
const SERVER: &str =
    "rc 0 6 18622\nth 8 0 0.000 0.000\nrpc 9 3 1 2 0\nproc4 2 2 10\nwdeleg_getattr 15\n";

fn read(text: &str, table: &[Line]) -> (Vec<String>, Result<(), CollectError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, text).unwrap();
    let mut page = Page::new();
    let outcome = collect(&mut RareFile::new(path, "nothing"), table, &mut page);
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    let series = text.lines().filter(|line| !line.starts_with('#'));
    (series.map(str::to_owned).collect(), outcome)
}

#[test]
fn a_client_has_its_calls_by_name_and_those_that_its_kernel_does_not_know_are_0() {
    let (series, outcome) = read(CLIENT, client::TABLE);
    outcome.unwrap();
    for line in [
        "node_nfs_packets_total{protocol=\"tcp\"} 3",
        "node_nfs_packets_total{protocol=\"udp\"} 2",
        "node_nfs_connections_total 4",
        "node_nfs_rpc_retransmissions_total 6",
        "node_nfs_requests_total{method=\"Root\",proto=\"2\"} 3",
        "node_nfs_requests_total{method=\"FsStat\",proto=\"2\"} 17",
        "node_nfs_requests_total{method=\"Write\",proto=\"4\"} 30",
        "node_nfs_requests_total{method=\"Clone\",proto=\"4\"} 0",
    ] {
        assert!(series.iter().any(|have| have == line), "{line}\n{series:?}");
    }
    assert_eq!(series.len(), 3 + 3 + 18 + 59);
}

#[test]
fn a_server_has_its_errors_by_kind() {
    let (series, outcome) = read(SERVER, server::TABLE);
    outcome.unwrap();
    assert_eq!(
        series,
        [
            "node_nfsd_reply_cache_hits_total 0",
            "node_nfsd_reply_cache_misses_total 6",
            "node_nfsd_reply_cache_nocache_total 18622",
            "node_nfsd_server_threads 8",
            "node_nfsd_rpc_errors_total{error=\"auth\"} 2",
            "node_nfsd_rpc_errors_total{error=\"cInt\"} 0",
            "node_nfsd_rpc_errors_total{error=\"fmt\"} 1",
            "node_nfsd_server_rpcs_total 9",
            "node_nfsd_requests_total{method=\"WdelegGetattr\",proto=\"4\"} 15",
        ]
    );
}

#[test]
fn a_bad_line_costs_itself_only_and_one_of_a_newer_kernel_nothing() {
    let text = "net 1 2\nnew_thing a b\nproc2 18 1 2\nrpc 5 6 x\nproc4 2 7 8 9\nproc3 99999999999999999999\n";
    let (series, outcome) = read(text, client::TABLE);
    assert!(series.is_empty(), "{series:?}");
    let told = outcome.unwrap_err().to_string();
    assert!(
        told.ends_with("expected a word and its numbers, found `net 1 2`"),
        "{told}"
    );
    let (series, outcome) = read("new_thing a b\n\nio 1 2\n", server::TABLE);
    assert!(outcome.is_ok());
    assert_eq!(series.len(), 2);
}

proptest! {
    #[test]
    fn a_cut_text_gives_a_part_of_the_series(end in 0..CLIENT.len()) {
        let (all, _) = read(CLIENT, client::TABLE);
        let (some, _) = read(CLIENT.get(..end).unwrap(), client::TABLE);
        prop_assert!(some.iter().all(|line| all.contains(line)), "{some:?}");
    }

    #[test]
    fn no_text_panics(text in "(net|rpc|proc4|proc2|[a-z]{0,3})( [0-9]{0,22}){0,6}\n?.{0,20}") {
        let (series, _) = read(&text, client::TABLE);
        prop_assert!(series.len() <= 3 + 3 + 18 + 22 + 59);
    }
}
