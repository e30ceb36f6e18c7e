//! The program itself: exit codes and what is said.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

/// Starts the program in a folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the program under test is started here"
)]
fn watchpost(folder: &std::path::Path) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "globl: {}\nglobal: {scrape_interval: soon}\nscrape_configs:\n- job_name: a\n  scrape_timeout: 2m\n";
    fs::write(folder.path().join("c.yaml"), text).unwrap();
    for arguments in [
        vec!["--config.file=c.yaml"],
        vec!["check", "config", "c.yaml"],
    ] {
        let (code, text) = said(&watchpost(folder.path()).args(arguments).output().unwrap());
        assert_eq!(code, Some(64), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(
            lines[0].starts_with("c.yaml:1: globl: unknown key"),
            "{text}"
        );
        assert!(
            lines[1].starts_with("c.yaml:2: global.scrape_interval: expected a duration"),
            "{text}"
        );
        assert!(
            lines[2].starts_with("c.yaml:5: scrape_configs[0].scrape_timeout: expected at most"),
            "{text}"
        );
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn faults_of_rule_files_are_faults_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'up ==', colour: red}\n  - {record: b, expr: 'sum(up'}\n";
    fs::write(folder.path().join("r.yaml"), rules).unwrap();
    fs::write(folder.path().join("c.yaml"), "rule_files: ['*.yaml']\n").unwrap();
    fs::write(
        folder.path().join("d.yaml"),
        "rule_files: [r.yaml, missing.yaml]\nscrape_configs: [{job_name: a, tls_config: {ca_file: gone.pem}}]\n",
    )
    .unwrap();
    let (code, text) = said(
        &watchpost(folder.path())
            .args(["check", "config", "d.yaml"])
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(64), "{text}");
    for part in [
        "r.yaml:4: groups[0].rules[0].expr",
        "r.yaml:4: groups[0].rules[0].colour",
        "r.yaml:5: groups[0].rules[1].expr",
        "missing.yaml: cannot read the file",
        "d.yaml: scrape_configs: cannot read `gone.pem`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    fs::write(
        folder.path().join("e.yaml"),
        "globl: {}\nrule_files: ['r.y*']\n",
    )
    .unwrap();
    for arguments in [
        vec!["--config.file=e.yaml"],
        vec!["check", "config", "e.yaml"],
    ] {
        let (_, text) = said(&watchpost(folder.path()).args(arguments).output().unwrap());
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("e.yaml:1: globl: unknown key"), "{text}");
        assert!(
            text.contains("\nr.yaml:4: groups[0].rules[0].expr"),
            "{text}"
        );
    }
    let (code, text) = said(
        &watchpost(folder.path())
            .args(["check", "rules", "r.yaml"])
            .output()
            .unwrap(),
    );
    assert_eq!((code, text.lines().count()), (Some(64), 3), "{text}");
}

#[test]
fn rules_are_checked_with_the_features_that_the_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let rules =
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'mad_over_time(up[1m + 1m])'}\n";
    fs::write(folder.path().join("r.yaml"), rules).unwrap();
    fs::write(folder.path().join("c.yaml"), "rule_files: [r.yaml]\n").unwrap();
    for what in [["rules", "r.yaml"], ["config", "c.yaml"]] {
        let check = |features: &[&str]| {
            let mut command = watchpost(folder.path());
            said(
                &command
                    .arg("check")
                    .args(what)
                    .args(features)
                    .output()
                    .unwrap(),
            )
        };
        let (code, text) = check(&[]);
        assert_eq!(code, Some(64), "{text}");
        let (code, text) =
            check(&["--enable-feature=promql-experimental-functions,promql-duration-expr"]);
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn a_pattern_of_rule_files_that_names_none_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("c.yaml"),
        "rule_files: ['rules/*.yml']\n",
    )
    .unwrap();
    let (code, text) = said(
        &watchpost(folder.path())
            .args(["check", "config", "c.yaml"])
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("no file matches `rules/*.yml`"), "{text}");
}

#[test]
fn a_target_without_a_port_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "scrape_configs:\n- {job_name: a, static_configs: [{targets: [web1, 'web2:9100']}]}\n- {job_name: b, scheme: https, static_configs: [{targets: [web3]}]}\n";
    fs::write(folder.path().join("c.yaml"), text).unwrap();
    let output = watchpost(folder.path())
        .args(["check", "config", "c.yaml"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    let notes: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("note"))
        .collect();
    assert_eq!(
        notes,
        [
            "note: job `a`: `web1` names no port: port 80 is scraped",
            "note: job `b`: `web3` names no port: port 443 is scraped"
        ]
    );
}

#[test]
fn wrong_flags_are_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _) = said(
        &watchpost(folder.path())
            .arg("--no-such-flag")
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(2));
}

/// A running program. It is killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts the server and gives what it says up to the line with `until`.
fn start(folder: &std::path::Path, until: &str) -> (Running, String) {
    let arguments = ["--web.listen-address=127.0.0.1:0", "--config.file=c.yaml"];
    let mut running = Running(watchpost(folder).args(arguments).spawn().unwrap());
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains(until) {
        assert!(out.read_line(&mut text).unwrap() > 0, "{text}");
    }
    (running, text)
}

#[test]
fn a_server_without_a_login_on_the_network_warns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yaml"), "{}\n").unwrap();
    let mut running = Running(
        watchpost(folder.path())
            .args(["--web.listen-address=0.0.0.0:0", "--config.file=c.yaml"])
            .spawn()
            .unwrap(),
    );
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("no login yet") {
        assert!(log.read_line(&mut text).unwrap() > 0, "{text}");
    }
}

#[test]
fn a_query_without_series_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yaml"), "{}\n").unwrap();
    let (_running, text) = start(folder.path(), "stop");
    let (_, page) = text.split_once("page   http://").unwrap();
    let server = page.lines().next().unwrap();
    let output = watchpost(folder.path())
        .args(["query", "instant", "nosuch", "--server", server])
        .output()
        .unwrap();
    assert_eq!(said(&output), (Some(0), "no series\n".to_owned()));
    assert!(output.stdout.is_empty());
    let ask = |arguments: &[&str]| {
        let output = watchpost(folder.path())
            .args(["query"])
            .args(arguments)
            .args(["--server", server])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        (said(&output), text)
    };
    let span = ["--start=0", "--end=60", "--step=30"];
    let range = [&["range", "vector(1.5)", "--format=csv"], &span[..]].concat();
    assert_eq!(
        ask(&range).1,
        "time,value\n1970-01-01T00:00:00Z,1.5\n1970-01-01T00:00:30Z,1.5\n1970-01-01T00:01:00Z,1.5\n"
    );
    let (_, table) = ask(&[&["range", "vector(2)"], &span[..]].concat());
    assert!(
        table.starts_with("{}\n  1970-01-01T00:00:00Z  2\n"),
        "{table}"
    );
    let (_, json) = ask(&["instant", "1+1", "--time=5", "--format=json"]);
    assert!(json.contains("\"result\":[5,\"2\"]"), "{json}");
    let (_, values) = ask(&["labels", "no.such/label"]);
    assert_eq!(values, "");
    for (arguments, part) in [
        (&["instant", "sum("][..], "parse error"),
        (&["series", "up{"], "parse error"),
        (
            &["range", "up", "--start=yesterday"],
            "expected RFC 3339 or Unix seconds as --start",
        ),
    ] {
        let ((code, text), _) = ask(arguments);
        assert_eq!(code, Some(1));
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn an_expression_is_formatted_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let format = |text: &str| {
        let mut command = watchpost(folder.path());
        command.args(["query", "format", text]).output().unwrap()
    };
    let output = format("sum(a)by(b)");
    assert_eq!(output.stdout, b"sum by (b) (a)\n");
    let (code, text) = said(&format("sum("));
    assert_eq!(code, Some(1));
    assert!(text.contains("1:5: parse error"), "{text}");
}

#[test]
fn a_data_directory_serves_one_process_only() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yaml"), "{}\n").unwrap();
    let (running, _) = start(folder.path(), "stop");
    let second = watchpost(folder.path())
        .args(["--web.listen-address=127.0.0.1:0", "--config.file=c.yaml"])
        .output()
        .unwrap();
    let (code, text) = said(&second);
    assert_eq!(code, Some(1));
    assert!(
        text.contains(&format!(
            "is in use by another process (pid {})",
            running.0.id()
        )),
        "{text}"
    );
}

#[test]
fn a_port_that_is_taken_is_told_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let flag = format!("--web.listen-address={address}");
    let (code, text) = said(&watchpost(folder.path()).arg(flag).output().unwrap());
    assert_eq!(code, Some(1));
    let holder = format!("(pid {})", std::process::id());
    for part in [
        address.port().to_string().as_str(),
        holder.as_str(),
        "--web.listen-address=",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_hangup_is_told_and_a_term_signal_ends_the_server_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yaml"), "{}\n").unwrap();
    let (mut running, text) = start(folder.path(), "stop");
    assert!(text.contains("page   http://127.0.0.1:"), "{text}");
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("reload is not supported yet") {
        assert!(log.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let begin = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(running.0.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(2));
}
