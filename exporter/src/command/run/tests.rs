use std::time::Instant;

use super::*;

fn shell(script: &str) -> Program {
    Program {
        path: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        timeout: Duration::from_secs(20),
        max_output: 1000,
    }
}

fn text(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.output).unwrap()
}

#[tokio::test]
async fn both_outputs_and_the_exit_code_are_told() {
    let ended = run(&shell("echo out; echo err >&2; exit 3"), ()).await;
    assert_eq!(text(&ended), "out\nerr\n");
    assert_eq!(ended.exit_code, Some(3));
    assert_eq!(ended.status, Status::Failed);
    assert!(!ended.truncated);
    let ended = run(&shell("true"), ()).await;
    assert_eq!((ended.status, ended.exit_code), (Status::Ok, Some(0)));
}

#[tokio::test]
async fn a_program_gets_no_environment_no_input_and_the_root_folder() {
    let program = Program {
        path: "/usr/bin/env".into(),
        args: Vec::new(),
        ..shell("")
    };
    assert_eq!(text(&run(&program, ()).await), "");
    let ended = run(&shell("cat; pwd"), ()).await;
    assert_eq!(text(&ended), "/\n");
}

#[tokio::test]
async fn arguments_are_not_read_by_a_shell() {
    let program = Program {
        path: "/bin/echo".into(),
        args: vec!["$HOME;id".to_owned(), "`id`\n".to_owned()],
        ..shell("")
    };
    assert_eq!(text(&run(&program, ()).await), "$HOME;id `id`\n\n");
}

#[tokio::test]
async fn output_beyond_the_limit_is_cut_and_does_not_hold_the_program_up() {
    let ended = run(&shell("head -c 1000000 /dev/zero; exit 0"), ()).await;
    assert_eq!(ended.output.len(), 1000);
    assert!(ended.truncated);
    assert_eq!(ended.status, Status::Ok);
    let exact = run(&shell("head -c 1000 /dev/zero"), ()).await;
    assert!(!exact.truncated);
}

/// Whether a process is there and not only waiting for its exit status to be taken.
fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

async fn gone(pid: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) {
        if Instant::now() > end {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test]
async fn the_time_limit_kills_the_whole_group() {
    let program = Program {
        timeout: Duration::from_millis(300),
        ..shell("sleep 60 & echo $!; trap '' TERM; sleep 60")
    };
    let start = Instant::now();
    let ended = run(&program, ()).await;
    assert_eq!(ended.status, Status::Timeout);
    assert_eq!(ended.exit_code, None);
    assert!(start.elapsed() < Duration::from_secs(10));
    let pid = text(&ended).trim();
    assert!(!pid.is_empty());
    assert!(gone(pid).await, "{pid} lives on");
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_killed_when_it_ends() {
    let ended = run(&shell("sleep 60 & echo $!"), ()).await;
    assert_eq!(ended.status, Status::Ok);
    assert!(gone(text(&ended).trim()).await);
}

#[tokio::test]
async fn a_run_that_is_given_up_kills_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let program = shell(&format!("echo $$ > {}; sleep 60", file.display()));
    let task = tokio::spawn(async move { run(&program, ()).await });
    let end = Instant::now() + Duration::from_secs(10);
    let pid = loop {
        match std::fs::read_to_string(&file) {
            Ok(pid) if pid.ends_with('\n') => break pid.trim().to_owned(),
            _ => assert!(Instant::now() < end, "the program does not start"),
        }
        tokio::task::yield_now().await;
    };
    task.abort();
    assert!(task.await.is_err());
    assert!(gone(&pid).await);
}

#[tokio::test]
async fn a_program_that_cannot_be_started_has_failed() {
    for path in ["/nonexistent/program", "/etc", "/etc/passwd"] {
        let program = Program {
            path: path.into(),
            ..shell("")
        };
        let ended = run(&program, ()).await;
        assert_eq!(ended.status, Status::Failed, "{path}");
        assert!(text(&ended).starts_with("cannot start `/"), "{path}");
    }
}

#[tokio::test]
async fn a_program_that_others_can_replace_is_not_started() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    symlink("/bin/echo", &path).unwrap();
    let program = Program {
        path,
        args: vec!["started".to_owned()],
        ..shell("")
    };
    assert_eq!(text(&run(&program, ()).await), "started\n");
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    let ended = run(&program, ()).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(text(&ended).contains("on the way to it: expected at most mode 0755, found 0777"));
}

#[tokio::test]
async fn the_place_is_given_back_when_the_program_is_gone() {
    let place = std::sync::Arc::new(());
    for program in [shell("true"), shell("exec /nonexistent")] {
        run(&program, std::sync::Arc::clone(&place)).await;
        assert_eq!(std::sync::Arc::strong_count(&place), 1);
    }
}

#[tokio::test]
async fn a_program_that_others_can_write_is_not_started() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    std::fs::write(&path, "#!/bin/sh\necho started\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    let program = Program { path, ..shell("") };
    let ended = run(&program, ()).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(text(&ended).contains("expected at most mode 7755, found 0777"));
}
