//! Calls that are served.

use watchpost_exporter::command::{ActionKind, ActionList, Status};

use crate::support::{Call, Exporter, LOCALHOST, eventually, is_alive};

#[tokio::test]
async fn the_list_has_the_actions_of_the_configuration_and_no_others() {
    let exporter = Exporter::with_commands(
        "actions: {status: {}, hello: {description: says hello, program: /bin/echo}}",
    )
    .await;
    let answer = exporter.send(&Call::list()).await;
    let list: ActionList = serde_json::from_str(&answer.body).unwrap();
    let names: Vec<_> = list
        .actions
        .iter()
        .map(|action| (action.name.as_str(), action.kind))
        .collect();
    assert_eq!(
        names,
        [
            ("hello", ActionKind::Program),
            ("status", ActionKind::Builtin)
        ]
    );
    assert_eq!(list.actions[0].description, "says hello");
    // What is behind an action stays on the host.
    assert!(!answer.body.contains("/bin/echo"));
    assert_eq!(exporter.audit()[0]["event"], "listed");
    exporter.stop().await;
}

#[tokio::test]
async fn built_in_actions_answer_with_text_and_figures() {
    let exporter = Exporter::with_commands(
        "actions: {status: {}, process_count: {}, top_processes: {count: 2}}",
    )
    .await;
    let status = exporter.post("status").await.outcome();
    assert_eq!((status.status, status.exit_code), (Status::Ok, None));
    assert!(status.output.contains("exporter_version: "));
    assert!(status.data.unwrap()["uptime_seconds"].as_u64().unwrap() > 0);
    let count = exporter.post("process_count").await.outcome();
    assert!(count.data.unwrap()["processes"].as_u64().unwrap() > 0);
    let top = exporter.post("top_processes").await.outcome();
    let top = top.data.unwrap();
    assert_eq!(top["by_cpu"].as_array().unwrap().len(), 2);
    exporter.stop().await;
}

#[tokio::test]
async fn a_program_gets_its_fixed_arguments_and_an_empty_environment() {
    let exporter = Exporter::with_commands(
        "actions:\n  env: {program: /usr/bin/env}\n  say: {program: /bin/echo, args: [$HOME, ';id']}",
    )
    .await;
    let outcome = exporter.post("env").await.outcome();
    assert_eq!((outcome.status, outcome.output.as_str()), (Status::Ok, ""));
    let outcome = exporter.post("say").await.outcome();
    assert_eq!(outcome.output, "$HOME ;id\n");
    exporter.stop().await;
}

#[tokio::test]
async fn a_call_leaves_a_line_before_and_a_line_after() {
    let exporter =
        Exporter::with_commands("actions: {fail: {program: /bin/sh, args: [-c, exit 7]}}").await;
    let outcome = exporter.post("fail").await.outcome();
    assert_eq!(
        (outcome.status, outcome.exit_code),
        (Status::Failed, Some(7))
    );
    let audit = exporter.audit();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[0]["event"], "started");
    assert_eq!(audit[1]["event"], "finished");
    assert_eq!(audit[1]["status"], "failed");
    assert_eq!(audit[1]["exit_code"], 7);
    for line in &audit {
        assert_eq!(line["id"], audit[0]["id"]);
        assert_eq!(line["caller"], "token");
        assert_eq!(line["action"], "fail");
        assert!(line["source"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }
    exporter.stop().await;
}

#[tokio::test]
async fn the_time_limit_kills_the_program_and_what_it_started() {
    let exporter = Exporter::with_commands(
        "actions: {hang: {program: /bin/sh, args: [-c, 'sleep 60 & echo $!; wait'], timeout: 300ms}}",
    )
    .await;
    let outcome = exporter.post("hang").await.outcome();
    assert_eq!(outcome.status, Status::Timeout);
    assert!(outcome.duration_seconds >= 0.3);
    let pid = outcome.output.trim().to_owned();
    assert!(!pid.is_empty());
    eventually("the child lives on", || !is_alive(&pid)).await;
    assert_eq!(exporter.audit()[1]["status"], "timeout");
    exporter.stop().await;
}

#[tokio::test]
async fn a_built_in_action_has_a_time_limit_too() {
    let exporter = Exporter::with_commands("timeout: 1ms\nactions: {top_processes: {}}").await;
    let outcome = exporter.post("top_processes").await.outcome();
    assert_eq!(outcome.status, Status::Timeout);
    assert_eq!(outcome.data, None);
    exporter.stop().await;
}

#[tokio::test]
async fn output_is_cut_at_the_limit_and_cleaned_of_what_terminals_act_on() {
    let exporter = Exporter::with_commands(
        "max_output: 10B\nactions:\n  \
         long: {program: /bin/echo, args: ['0123456789abcdef']}\n  \
         ugly: {program: /usr/bin/printf, args: ['\\033[2Jx\\n']}",
    )
    .await;
    let outcome = exporter.post("long").await.outcome();
    assert_eq!(outcome.output, "0123456789");
    assert!(outcome.truncated);
    let outcome = exporter.post("ugly").await.outcome();
    assert_eq!(outcome.output, "\u{fffd}[2Jx\n");
    assert!(!outcome.truncated);
    exporter.stop().await;
}

#[tokio::test]
async fn an_action_goes_on_when_its_caller_hangs_up() {
    let exporter = Exporter::with_commands(
        "actions: {slow: {program: /bin/sh, args: [-c, 'echo $$ > DIR/pid; while [ ! -e DIR/go ]; do sleep 0.01; done; touch DIR/done']}}",
    )
    .await;
    let mut stream = exporter.connect(LOCALHOST).await;
    let request = Call::post("slow").text();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    eventually("the program does not start", || {
        exporter.path("pid").exists()
    })
    .await;
    drop(stream);
    std::fs::write(exporter.path("go"), "").unwrap();
    eventually("the program was given up", || {
        exporter.path("done").exists()
    })
    .await;
    eventually("the end is not on record", || exporter.audit().len() == 2).await;
    assert_eq!(exporter.audit()[1]["status"], "ok");
    exporter.stop().await;
}
