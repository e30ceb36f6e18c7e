//! The program as its user starts it.

use std::process::Output;

/// What the program answers, for starts that end by themselves.
#[expect(
    clippy::disallowed_methods,
    reason = "the program is what is tested here"
)]
fn started(args: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_watchpost-exporter"))
        .args(args)
        .output()
        .unwrap()
}

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = started(args);
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told)
}

#[test]
fn a_procfs_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let flag = format!("--path.procfs={path}");
    let (code, told) = refused(&[&flag, "--web.listen-address=127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    let expected =
        "watchpost-exporter: --path.procfs: expected a mounted procfs, found no file `stat` in";
    assert_eq!(told, format!("{expected} `{path}`\n"));
}

#[test]
fn a_port_that_is_taken_is_told_with_its_holder_and_another_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (code, told) = refused(&[&format!("--web.listen-address=127.0.0.1:{port}")]);
    assert_eq!(code, Some(1));
    let start = format!("watchpost-exporter: port {port} is taken by ");
    let pid = std::process::id();
    let end = format!("(pid {pid}); choose another one with --web.listen-address=127.0.0.1:");
    assert!(told.starts_with(&start) && told.contains(&end), "{told}");
}

#[test]
fn an_address_that_is_none_is_wrong_use() {
    for (address, told) in [
        (
            "nohost.invalid:9",
            "found `nohost.invalid` in `nohost.invalid:9`",
        ),
        (":https", "found `https` in `:https`"),
        ("vsock://:9100", "family vsock"),
    ] {
        let (code, text) = refused(&[&format!("--web.listen-address={address}")]);
        assert_eq!(code, Some(2));
        assert!(text.starts_with("watchpost-exporter: --web.listen-address: expected "));
        assert!(text.contains(told) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn the_help_says_how_to_start_and_what_the_exit_status_means() {
    let output = started(&["--help"]);
    assert_eq!(started(&["--help-long"]).stdout, output.stdout);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for part in [
        "\nCollectors:\n",
        "\nExamples:\n",
        "docs/commands.md",
        "64 wrong configuration",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}
