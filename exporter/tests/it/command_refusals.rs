//! Calls that are refused, each for one reason, and each on record.

use std::net::{IpAddr, Ipv4Addr};

use watchpost_exporter::command::{Config, Refusal, Status};

use crate::support::{Call, Exporter, LOCALHOST, TOKEN, eventually};

const STATUS: &str = "actions: {status: {}}";

/// The answer has this status and tells why, and the audit log has this reason.
async fn refused(exporter: &Exporter, call: &Call, status: u16, reason: &str) {
    let answer = exporter.send(call).await;
    assert_eq!(answer.status, status, "{answer:?}");
    let refusal: Refusal = serde_json::from_str(&answer.body).unwrap();
    assert!(!refusal.error.is_empty());
    assert_eq!(exporter.last_refusal(), reason);
}

#[tokio::test]
async fn without_the_section_no_route_exists() {
    let exporter = Exporter::start(tempfile::tempdir().unwrap(), None).await;
    let unknown = exporter
        .send(&Call {
            path: "/no/such/path".to_owned(),
            ..Call::post("")
        })
        .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(exporter.send(&Call::list()).await, unknown);
    assert_eq!(exporter.post("status").await, unknown);
    exporter.stop().await;
}

#[tokio::test]
async fn a_missing_token_and_a_wrong_one_have_the_same_answer() {
    let exporter = Exporter::with_commands(STATUS).await;
    let missing = Call::post("status").header("authorization", None);
    let first = exporter.send(&missing).await;
    assert_eq!(first.status, 401);
    assert!(first.head.contains(&"www-authenticate: Bearer".to_owned()));
    for wrong in [
        "Bearer wrong-token-of-this-test",
        "Bearer ",
        "Bearer",
        &format!("Bearer {TOKEN}x"),
        &format!("Bearer  {TOKEN}"),
        &format!("Basic {TOKEN}"),
        TOKEN,
    ] {
        let call = Call::post("status").header("authorization", Some(wrong));
        assert_eq!(exporter.send(&call).await, first, "{wrong}");
        assert_eq!(exporter.last_refusal(), "token");
    }
    // Nor does the answer tell which actions there are.
    let call = Call::post("nothing").header("authorization", None);
    assert_eq!(exporter.send(&call).await, first);
    let call = Call::list().header("authorization", None);
    assert_eq!(exporter.send(&call).await, first);
    let audit = exporter.audit();
    assert_eq!(audit.len(), 10);
    for line in &audit {
        assert!(line["caller"].is_null());
        assert!(!line.to_string().contains("token-of-this-test"));
    }
    exporter.stop().await;
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused() {
    let exporter =
        Exporter::with_commands(&format!("allowed_sources: [127.0.0.1]\n{STATUS}")).await;
    let call = Call {
        from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
        ..Call::post("status")
    };
    refused(&exporter, &call, 403, "source").await;
    exporter.post("status").await.outcome();
    exporter.stop().await;
}

#[tokio::test]
async fn a_foreign_host_name_a_web_page_and_a_proxy_are_refused() {
    let exporter = Exporter::with_commands(STATUS).await;
    let rebound = Call::post("status").header("host", Some("evil.example:9100"));
    refused(&exporter, &rebound, 403, "host").await;
    let page = Call::post("status").header("origin", Some("http://evil.example"));
    refused(&exporter, &page, 403, "host").await;
    for header in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
        let passed_on = Call::post("status").header(header, Some("10.0.0.1"));
        refused(&exporter, &passed_on, 403, "proxy").await;
    }
    exporter.stop().await;
}

#[tokio::test]
async fn names_that_are_not_on_the_list_are_refused_as_they_are() {
    let exporter = Exporter::with_commands(STATUS).await;
    let names = [
        "nothing",
        "STATUS",
        "status;id",
        "status%3Bid",
        "status%0Aid",
        "status%0D%0Aid",
        "status%00",
        "status%20",
        "st%61tus",
        "../status",
        "..%2Fstatus",
        "../commands/status",
        "./status",
        "status/",
        "status/x",
        "%2Fbin%2Fsh",
        "|id",
        "$(id)",
        "status&id",
        "*",
    ];
    for name in names {
        refused(&exporter, &Call::post(name), 404, "unknown_action").await;
        let audit = exporter.audit();
        assert_eq!(audit.last().unwrap()["action"], name);
    }
    // Characters that no request may hold do not even get that far.
    for raw in ["status\nid", "status\0", "status\r\nx: y", "`id`"] {
        let answer = exporter.raw(LOCALHOST, &Call::post(raw).text()).await;
        assert!(
            matches!(answer.status, 400 | 401 | 403 | 404 | 405),
            "{answer:?}"
        );
    }
    let events = exporter.audit();
    assert!(events.iter().all(|line| line["event"] == "refused"));
    exporter.stop().await;
}

#[tokio::test]
async fn an_action_is_called_by_post_and_the_list_by_get() {
    let exporter = Exporter::with_commands(STATUS).await;
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        let call = Call {
            method,
            ..Call::post("status")
        };
        let answer = exporter.send(&call).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains(&"allow: POST".to_owned()));
        assert_eq!(exporter.last_refusal(), "method");
    }
    let call = Call {
        method: "POST",
        ..Call::list()
    };
    refused(&exporter, &call, 405, "method").await;
    exporter.stop().await;
}

#[tokio::test]
async fn a_body_is_small_json_and_empty_of_parameters() {
    let exporter = Exporter::with_commands(STATUS).await;
    let with = |body: &str| Call {
        body: body.to_owned(),
        ..Call::post("status")
    };
    for body in ["", "[]x", "null", r#"{"args": ["x"]}"#, "{}{}"] {
        refused(&exporter, &with(body), 400, "body").await;
    }
    let long = format!("{{{}}}", " ".repeat(5_000));
    refused(&exporter, &with(&long), 413, "body_size").await;
    let form = Call::post("status").header("content-type", Some("text/plain"));
    refused(&exporter, &form, 415, "content_type").await;
    let charset = Some("application/json; charset=utf-8");
    let call = Call::post("status").header("content-type", charset);
    exporter.send(&call).await.outcome();
    exporter.stop().await;
}

#[tokio::test]
async fn more_calls_than_allowed_a_minute_are_refused() {
    let exporter = Exporter::with_commands(&format!("rate_limit: 3\n{STATUS}")).await;
    for _ in 0..3 {
        exporter.post("status").await.outcome();
    }
    refused(&exporter, &Call::post("status"), 429, "rate_limit").await;
    exporter.stop().await;
}

#[tokio::test]
async fn strangers_can_neither_use_up_the_calls_nor_fill_the_log() {
    let exporter = Exporter::with_commands(&format!("rate_limit: 5\n{STATUS}")).await;
    let stranger = Call::post("status").header("authorization", None);
    for _ in 0..20 {
        assert_eq!(exporter.send(&stranger).await.status, 401);
    }
    assert!(exporter.audit().len() < 10);
    exporter.post("status").await.outcome();
    exporter.stop().await;
}

#[tokio::test]
async fn more_actions_at_once_than_allowed_are_refused() {
    let exporter = Exporter::with_commands(
        "max_concurrent: 1\nactions: {status: {}, wait: {program: /bin/sh, args: [-c, 'touch DIR/started; while [ ! -e DIR/go ]; do sleep 0.01; done']}}",
    )
    .await;
    let waits = Call::post("wait");
    let (outcome, ()) = tokio::join!(exporter.send(&waits), async {
        eventually("the program does not start", || {
            exporter.path("started").exists()
        })
        .await;
        refused(&exporter, &Call::post("status"), 429, "busy").await;
        std::fs::write(exporter.path("go"), "").unwrap();
    });
    assert_eq!(outcome.outcome().status, Status::Ok);
    exporter.stop().await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let exporter =
        Exporter::with_commands("actions: {touch: {program: /usr/bin/touch, args: [DIR/done]}}")
            .await;
    exporter.post("touch").await.outcome();
    std::fs::remove_file(exporter.path("done")).unwrap();
    std::fs::remove_file(exporter.path("audit.log")).unwrap();
    std::fs::create_dir(exporter.path("audit.log")).unwrap();
    for call in [Call::post("touch"), Call::list()] {
        assert_eq!(exporter.send(&call).await.status, 503);
    }
    assert!(!exporter.path("done").exists());
    exporter.stop().await;
}

#[tokio::test]
async fn a_token_file_that_others_can_read_switches_commands_off() {
    use std::os::unix::fs::PermissionsExt;
    for (mode, status) in [(0o600, 200), (0o640, 404), (0o604, 404)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let config = Config {
            token_file: Some(path),
            audit_log: folder.path().join("audit.log"),
            ..Config::default()
        };
        let exporter = Exporter::start(folder, Some(config)).await;
        let answer = exporter.send(&Call::list()).await;
        assert_eq!(answer.status, status, "{mode:o}");
        exporter.stop().await;
    }
}
