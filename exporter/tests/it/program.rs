//! The program as its user starts it.

use std::process::{Command, Output};

/// What the program does that cannot start.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_watchpost-exporter"))
        .args(args)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_procfs_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let flag = format!("--path.procfs={path}");
    let (code, told) = refused(&[&flag, "--web.listen-address=127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    let expected = "watchpost-exporter: --path.procfs: expected a mounted procfs, found no file `stat` in";
    assert_eq!(told, format!("{expected} `{path}`\n"));
}
