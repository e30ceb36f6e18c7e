//! Snapshots and deletion, over the API and by `watchpost tsdb`.

use std::path::Path;

use watchpost_tsdb::{Config, Db};

use crate::harness::{Running, bare_server, server_in};

async fn post(running: &Running, path: &str) -> (u16, String) {
    let url = format!("{}/api/v1/admin/tsdb/{path}", running.url);
    let response = running.client.post(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn append(db: &Db, name: &str, value: f64) {
    let now = watchpost_scraper::clock::now_ms();
    let labels = watchpost_model::Labels::from_pairs([("__name__", name)]);
    db.append_single(&labels, now, value, now).unwrap();
}

fn series(path: &Path) -> Vec<String> {
    let db = Db::open_read_only(Config {
        path: path.to_owned(),
        ..Config::default()
    });
    let range = watchpost_tsdb::TimeRange::ALL;
    let series = db.unwrap().series(range, &[]).unwrap();
    series.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_snapshot_has_all_samples_and_opens_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let running = server_in(folder.path(), "{}").await;
    append(&running.server.app().db, "a", 1.0);
    append(&running.server.app().db, "b", 2.0);
    let (status, answer) = post(&running, "snapshot?skip_head=false").await;
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let name = answer["data"]["name"].as_str().unwrap();
    let snapshot = folder.path().join("snapshots").join(name);
    assert_eq!(series(&snapshot), ["a", "b"]);
    running.server.stop().await;
}

#[tokio::test]
async fn deleted_series_are_not_found_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let running = server_in(folder.path(), "{}").await;
    append(&running.server.app().db, "a", 1.0);
    append(&running.server.app().db, "b", 2.0);
    let deleted = post(&running, "delete_series?match[]=a").await;
    assert_eq!(deleted, (204, String::new()));
    assert_eq!(running.value("a").await, None);
    assert_eq!(running.value("b").await, Some(2.0));
    assert_eq!(
        post(&running, "clean_tombstones").await,
        (204, String::new())
    );
    assert_eq!(running.value("b").await, Some(2.0));
    running.server.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_refused_and_without_the_flag_all_are() {
    let folder = tempfile::tempdir().unwrap();
    let running = server_in(folder.path(), "{}").await;
    for (path, text) in [
        ("delete_series", "no match[] parameter provided"),
        ("delete_series?match[]=%7B", "match[]"),
        ("delete_series?match[]=a&start=x", "cannot parse"),
        ("snapshot?skip_head=x", "unable to parse boolean"),
    ] {
        let (status, answer) = post(&running, path).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains(text), "{answer}");
    }
    running.server.stop().await;
    let running = bare_server().await;
    for path in ["delete_series?match[]=a", "snapshot", "clean_tombstones"] {
        let (status, answer) = post(&running, path).await;
        assert_eq!(status, 503);
        assert!(answer.contains("admin APIs disabled"), "{answer}");
    }
    running.server.stop().await;
}
