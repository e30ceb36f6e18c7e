//! Which process listens on a port, where `/proc` lets us know.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// That the port of `--web.listen-address` is taken, by whom, and which one to try.
pub fn taken(address: SocketAddr) -> String {
    let port = address.port();
    let holder = find(address).unwrap_or_else(|| "another process".to_owned());
    let next = port.checked_add(1).unwrap_or(1_024);
    let other = if address.ip().is_unspecified() {
        format!(":{next}")
    } else {
        SocketAddr::new(address.ip(), next).to_string()
    };
    format!(
        "port {port} is taken by {holder}; choose another one with --web.listen-address={other}"
    )
}

/// `grafana (pid 12)`, or nothing where it cannot be known (another user's process).
pub fn find(address: SocketAddr) -> Option<String> {
    let inodes = listening_inodes(address.port());
    let wanted: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let holds = files.flatten().any(|file| {
            fs::read_link(file.path())
                .is_ok_and(|link| wanted.iter().any(|want| link.as_os_str() == want.as_str()))
        });
        if holds {
            return Some(format!("{} (pid {pid})", program(&entry.path())));
        }
    }
    None
}

/// The name of a process's program: of its file, else of its first argument. `comm` is the last
/// choice, since it holds 15 bytes only.
fn program(process: &Path) -> String {
    let file = fs::read_link(process.join("exe")).ok();
    let file = file.and_then(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some(name.trim_end_matches(" (deleted)").to_owned())
    });
    let argument = || {
        let line = fs::read_to_string(process.join("cmdline")).ok()?;
        let name = Path::new(line.split('\0').next()?).file_name()?;
        Some(name.to_string_lossy().into_owned())
    };
    let comm = || fs::read_to_string(process.join("comm")).ok();
    let name = file.or_else(argument).or_else(comm).unwrap_or_default();
    name.trim().to_owned()
}

/// The socket numbers that listen on a port.
fn listening_inodes(port: u16) -> Vec<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| parse_table(&table, port))
        .collect()
}

/// Lines of `/proc/net/tcp`: slot, local address in hexadecimal, remote address, state (`0A` is
/// listening), queues, timer, retransmits, uid, timeout, inode.
fn parse_table(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let local = fields.nth(1)?;
            let state = fields.nth(1)?;
            let inode = fields.nth(5)?;
            (local.ends_with(&port) && state == "0A").then(|| inode.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_the_port_are_taken() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n\
             1: 0100007F:2382 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n\
             2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0\n";
        assert_eq!(parse_table(table, 9_090), ["4711"]);
    }

    #[test]
    fn this_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = find(listener.local_addr().unwrap()).unwrap();
        let program = std::env::current_exe().unwrap();
        let program = program.file_name().unwrap().to_str().unwrap();
        let expected = format!("{program} (pid {})", std::process::id());
        assert_eq!(holder, expected);
    }
}
