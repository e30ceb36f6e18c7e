use std::sync::mpsc;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::*;
use crate::collectors::{CollectError, Collector};

/// Writes one family, or does something else.
enum Fake {
    Works(&'static str),
    HasNoData,
    /// Works on this thread only.
    WorksHere(std::thread::ThreadId),
    Fails,
    Panics,
    /// Waits until the other end of the channel is dropped.
    Hangs(Mutex<mpsc::Receiver<()>>),
}

impl Collector for Fake {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        match self {
            Self::Works(name) => {
                page.family(name, "Help.", MetricType::Gauge);
                page.sample(&[], 1.0);
                Ok(())
            }
            Self::HasNoData => Err(CollectError::NoData("none")),
            Self::WorksHere(thread) => {
                let here = std::thread::current().id() == *thread;
                let elsewhere = || CollectError::Call("on another thread".to_owned());
                here.then_some(()).ok_or_else(elsewhere)
            }
            Self::Fails => {
                page.family("node_partial", "Help.", MetricType::Gauge);
                page.sample(&[], 1.0);
                Err(CollectError::Call("out of order".to_owned()))
            }
            Self::Panics => panic!("on purpose"),
            Self::Hangs(until) => {
                assert!(until.lock().recv().is_err());
                Ok(())
            }
        }
    }
}

fn registry(fakes: Vec<(&'static str, Fake)>, deadline: Duration) -> Registry {
    let collectors = fakes
        .into_iter()
        .map(|(name, fake)| Ready {
            name,
            collector: Box::new(fake) as Box<dyn Collector>,
            may_wait: name != "never_waits",
            slow: false,
            ours: name == "gpu",
        })
        .collect();
    let patience = Duration::from_millis(5);
    Registry::new(collectors, Limits { patience, deadline })
}

async fn page(registry: &Registry) -> String {
    page_within(registry, Duration::MAX).await
}

async fn page_within(registry: &Registry, patience: Duration) -> String {
    let page = registry.scrape(patience, Vec::new).await;
    String::from_utf8(page.to_vec()).unwrap()
}

fn success(page: &str, name: &str) -> bool {
    let line = |value| format!("node_scrape_collector_success{{collector=\"{name}\"}} {value}\n");
    assert!(page.contains(&line(0)) != page.contains(&line(1)), "{page}");
    page.contains(&line(1))
}

#[tokio::test]
async fn families_are_in_the_order_of_their_names() {
    let fakes = vec![
        ("b", Fake::Works("node_b")),
        ("a", Fake::Works("node_a")),
        ("z", Fake::Works("node_z")),
    ];
    let registry = registry(fakes, Duration::from_secs(10));
    let own = || {
        b"# HELP node_az A.\n# TYPE node_az gauge\nnode_az 1\n# HELP a A.\n# TYPE a gauge\na 1\n"
            .to_vec()
    };
    let page = String::from_utf8(registry.scrape(Duration::MAX, own).await.to_vec()).unwrap();
    let names: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), 7);
    assert!(success(&page, "a") && success(&page, "b") && success(&page, "z"));
}

#[tokio::test]
async fn a_collector_that_fails_or_panics_costs_only_itself() {
    let fakes = vec![
        ("fails", Fake::Fails),
        ("panics", Fake::Panics),
        ("works", Fake::Works("node_works")),
    ];
    let registry = registry(fakes, Duration::from_secs(10));
    for _ in 0..2 {
        let page = page(&registry).await;
        assert!(!success(&page, "fails") && !success(&page, "panics"));
        assert!(success(&page, "works"));
        assert!(page.contains("\nnode_partial 1\n"));
        assert!(page.contains("\nnode_works 1\n"));
    }
}

#[tokio::test]
async fn collectors_that_hang_cost_only_themselves_and_are_not_started_twice() {
    let (release, hang) = mpsc::channel();
    let (release_too, hang_too) = mpsc::channel();
    let fakes = vec![
        ("hangs", Fake::Hangs(Mutex::new(hang))),
        ("works", Fake::Works("node_works")),
        ("hangs_too", Fake::Hangs(Mutex::new(hang_too))),
    ];
    let registry = registry(fakes, Duration::from_hours(1));
    // The client's own patience ends before the registry's.
    let patience = Duration::from_millis(200);
    let start = Instant::now();
    let first = page_within(&registry, patience).await;
    assert!(start.elapsed() >= patience);
    assert!(!success(&first, "hangs") && !success(&first, "hangs_too"));
    assert!(success(&first, "works"));
    // Both still run: the next pass does not wait for them.
    let second = tokio::time::timeout(Duration::from_mins(1), page(&registry));
    let second = second.await.unwrap();
    assert!(!success(&second, "hangs") && success(&second, "works"));
    drop((release, release_too));
    // Free again, and the result of the first pass does not stand in for that of a later one.
    for _ in 0..1_000 {
        let page = page(&registry).await;
        if success(&page, "hangs") && success(&page, "hangs_too") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the collectors are free and still count as hanging");
}

#[tokio::test]
async fn collectors_that_never_wait_need_no_other_thread_and_the_others_get_one() {
    let here = std::thread::current().id();
    let fakes = vec![
        ("never_waits", Fake::WorksHere(here)),
        ("hwmon", Fake::WorksHere(here)),
    ];
    let page = page(&registry(fakes, Duration::from_mins(1))).await;
    assert!(success(&page, "never_waits"));
    assert!(!success(&page, "hwmon"));
}

#[tokio::test]
async fn a_collector_that_node_exporter_lacks_is_not_on_the_page_without_data() {
    let fakes = vec![("gpu", Fake::HasNoData), ("hwmon", Fake::HasNoData)];
    let page = page(&registry(fakes, Duration::from_mins(1))).await;
    assert!(!success(&page, "hwmon"));
    assert!(!page.contains("\"gpu\""));
    let fakes = vec![("gpu", Fake::Fails)];
    let page = self::page(&registry(fakes, Duration::from_mins(1))).await;
    assert!(!success(&page, "gpu"));
}

#[tokio::test]
async fn only_the_collectors_that_are_wanted_run() {
    let fakes = vec![("a", Fake::Works("node_a")), ("fails", Fake::Fails)];
    let registry = registry(fakes, Duration::from_secs(10));
    let page = registry.scrape_some(|name| name == "a", Duration::MAX, Vec::new);
    let page = page.await;
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(success(&page, "a"));
    assert!(!page.contains("fails"));
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_spoil_the_next_page() {
    let (release, hang) = mpsc::channel();
    let fakes = vec![
        ("hangs", Fake::Hangs(Mutex::new(hang))),
        ("works", Fake::Works("node_works")),
    ];
    let registry = registry(fakes, Duration::from_secs(10));
    let impatient = tokio::time::timeout(Duration::from_millis(1), page(&registry));
    assert!(impatient.await.is_err());
    drop(release);
    let page = page(&registry).await;
    assert!(success(&page, "works"), "{page}");
}

#[tokio::test]
async fn a_page_is_shared_with_those_who_have_no_more_patience() {
    let (_release, hang) = mpsc::channel();
    let fakes = vec![("hangs", Fake::Hangs(Mutex::new(hang)))];
    let registry = registry(fakes, Duration::from_hours(1));
    let ask = |millis| registry.scrape(Duration::from_millis(millis), Vec::new);
    // All others ask while the first one waits.
    let (_first, short, long, as_long) = tokio::join!(ask(50), ask(60), ask(70), ask(65));
    assert_ne!(short.as_ptr(), long.as_ptr());
    assert_eq!(long.as_ptr(), as_long.as_ptr());
}
