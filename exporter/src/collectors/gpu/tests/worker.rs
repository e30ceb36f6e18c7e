//! The thread, on sources made for it.

use super::super::snapshot::{Gpu, Reason, Snapshot};
use super::super::worker::{Desk, Source};
use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Publishes the same each time, and counts how often its thread was started.
struct Fixed {
    snapshot: Option<Snapshot>,
    starts: Arc<AtomicUsize>,
}

impl Source for Fixed {
    fn serve(&mut self, desk: &Desk) {
        self.starts.fetch_add(1, Ordering::SeqCst);
        while desk.next().is_some() {
            desk.publish(self.snapshot.clone());
        }
    }
}

fn worker(snapshot: Option<Snapshot>, limits: Limits) -> (Worker, Arc<AtomicUsize>) {
    let starts = Arc::new(AtomicUsize::new(0));
    let source = Fixed {
        snapshot,
        starts: Arc::clone(&starts),
    };
    (Worker::new("test", limits, source), starts)
}

fn one_gpu() -> Snapshot {
    Snapshot::new(vec![Gpu::default()], Vec::new())
}

fn eventually(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
}

#[test]
fn where_there_is_nothing_the_thread_ends_and_is_started_at_most_once_in_the_time_to_retry() {
    let limits = Limits {
        retry: Duration::from_mins(1),
        ..PATIENT
    };
    let (worker, starts) = worker(None, limits);
    let start = Instant::now();
    eventually(|| !worker.runs());
    for seconds in 0..30 {
        assert!(
            worker
                .latest(start + Duration::from_secs(seconds))
                .is_none()
        );
    }
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    worker.latest(Instant::now() + Duration::from_mins(1));
    eventually(|| !worker.runs());
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

#[test]
fn a_thread_that_nobody_asks_ends_and_forgets_what_it_read() {
    let limits = Limits {
        idle: Duration::from_millis(50),
        ..PATIENT
    };
    let (worker, starts) = worker(Some(one_gpu()), limits);
    eventually(|| !worker.runs());
    assert!(worker.latest(Instant::now()).is_none());
    eventually(|| worker.latest(Instant::now()).is_some());
    assert!(starts.load(Ordering::SeqCst) >= 2);
}

#[test]
fn a_panic_is_a_fault_of_the_driver_and_does_not_end_the_reading() {
    struct Panics(bool);
    impl Source for Panics {
        fn serve(&mut self, desk: &Desk) {
            while desk.next().is_some() {
                let first = std::mem::take(&mut self.0);
                assert!(!first, "on purpose");
                desk.publish(Some(one_gpu()));
            }
        }
    }
    let worker = Worker::new("test", PATIENT, Panics(true));
    let fault = |wanted| {
        let latest = worker.latest(Instant::now());
        latest.is_some_and(|latest| latest.fault == wanted)
    };
    eventually(|| fault(Some(Reason::DriverError)) || fault(None));
    eventually(|| fault(None));
}
