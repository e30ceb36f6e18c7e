use super::super::fake_host;
use super::*;

fn set(settings: &mut Settings, flag: &Flag, value: &str) {
    settings.set(flag, vec![value.to_owned()]).unwrap();
}

/// Asks a server that gives one answer, made from the question.
fn collect(
    make: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> (Result<(), CollectError>, Vec<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut memory = [0; 64];
        let (length, client) = socket.recv_from(&mut memory).unwrap();
        socket
            .send_to(&make(memory[..length].to_vec()), client)
            .unwrap();
    });
    let mut settings = Settings::default();
    set(&mut settings, &SERVER_PORT, &port.to_string());
    let found = fake_host::collect(&DEFINITION, &settings);
    server.join().unwrap();
    found
}

/// The clock of the client, who sent the question just now.
fn echo(question: &[u8]) -> Vec<u8> {
    let mut answer = vec![0x24, 3];
    answer.resize(16, 0);
    let sent = &question[40..];
    for stamp in [sent, sent, sent, sent] {
        answer.extend_from_slice(stamp);
    }
    answer
}

#[test]
fn a_server_that_agrees_is_sane() {
    let (outcome, series) = collect(|question| {
        assert_eq!((question.len(), question[0]), (48, 0x23));
        echo(&question)
    });
    outcome.unwrap();
    let names: Vec<_> = series
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, FAMILIES.map(|(name, ..)| name));
    for line in ["node_ntp_leap 0", "node_ntp_sanity 1", "node_ntp_stratum 3"] {
        assert!(series.iter().any(|found| found == line), "{series:?}");
    }
}

#[test]
fn what_is_no_answer_is_told() {
    let (outcome, series) = collect(|question| question[..20].to_vec());
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.ends_with(": expected 48 bytes, found a packet of 20 bytes"),
        "{error}"
    );
    assert!(series.is_empty());
}

#[test]
fn only_a_local_server_is_asked() {
    let address = |server: &str, certified: bool| {
        let mut settings = Settings::default();
        set(&mut settings, &SERVER, server);
        set(&mut settings, &SERVER_IS_LOCAL, &certified.to_string());
        let address = Ntp::new(&settings).address();
        address
            .map(|address| address.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(address("127.0.0.7", false).unwrap(), "127.0.0.7:123");
    assert_eq!(address("::1", false).unwrap(), "[::1]:123");
    assert_eq!(address("192.0.2.1", true).unwrap(), "192.0.2.1:123");
    for server in ["192.0.2.1", "localhost", ""] {
        let error = address(server, false).unwrap_err();
        assert_eq!(
            error,
            format!(
                "--collector.ntp.server: expected a loopback address unless \
                 --collector.ntp.server-is-local is given, found `{server}`"
            )
        );
    }
}

#[test]
fn near_a_leap_second_an_error_of_a_second_is_tolerated() {
    let sent = Stamp::new(1_795_000_000, 0);
    let mut packet = echo(&packet::request(4, sent));
    // Half a second ahead of us on receipt.
    packet[36] = 0x80;
    packet[44] = 0x80;
    let answer = |packet: &[u8]| packet::answer(packet, sent, sent).unwrap();
    let mut ntp = Ntp::new(&Settings::default());
    assert!(!ntp.judge(answer(&packet)).1);
    packet[0] |= 1 << 6;
    assert!(ntp.judge(answer(&packet)).1);
    packet[0] &= 0x3f;
    assert!(ntp.judge(answer(&packet)).1, "the midnight is remembered");
}
