//! `notifications` and `notifications/live`: what those who look at the page should know of the
//! server itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior};

use super::{App, response};
use crate::clock;

/// How often those who listen are told what is new.
const PERIOD: Duration = Duration::from_secs(1);

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Stopping,
    NotDurable,
    SetAside,
    QueryLogFails,
}

impl Notice {
    const ALL: [Self; 4] = [
        Self::Stopping,
        Self::NotDurable,
        Self::SetAside,
        Self::QueryLogFails,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Stopping => "Watchpost is shutting down and gracefully stopping all operations.",
            Self::NotDurable => {
                "The disk does not take samples: what is new is in memory only until it does."
            }
            Self::SetAside => "Files of the store could not be read and were set aside.",
            Self::QueryLogFails => "Queries could not be written to the query log.",
        }
    }

    fn holds(self, app: &App) -> bool {
        match self {
            Self::Stopping => !app.ready.load(Ordering::Acquire),
            Self::NotDurable => app.directory.is_some() && !app.db.stats().durable,
            Self::SetAside => app.db.stats().quarantined_files > 0,
            Self::QueryLogFails => app.queries.log().is_some_and(|log| log.failures() > 0),
        }
    }
}

/// Since when each notice holds, and how many listen.
#[derive(Debug, Default)]
pub struct Notices {
    since: Mutex<[Option<i64>; Notice::ALL.len()]>,
    listeners: AtomicUsize,
}

/// A notice as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Told {
    text: &'static str,
    date: String,
    active: bool,
}

/// The notices that hold now.
fn current(app: &App, now_ms: i64) -> Vec<Told> {
    let mut since = app.notices.since.lock();
    let mut told = Vec::new();
    for (notice, since) in Notice::ALL.into_iter().zip(since.iter_mut()) {
        if notice.holds(app) {
            let since = *since.get_or_insert(now_ms);
            told.push(Told {
                text: notice.text(),
                date: clock::rfc3339(since),
                active: true,
            });
        } else {
            *since = None;
        }
    }
    told
}

pub(super) async fn notifications(State(app): State<Arc<App>>) -> Response {
    response::success(&current(&app, clock::now_ms()), &[])
}

/// A stream of notices: those that hold, then those that come and go.
pub(super) async fn live(State(app): State<Arc<App>>) -> Response {
    let Some(listener) = Listener::new(&app) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::new(listener)).into_response()
}

/// One who listens.
struct Listener {
    app: Arc<App>,
    ticks: Interval,
    known: Vec<Told>,
    /// Whether the server stops, so that there is nothing more to tell.
    ended: bool,
}

impl Listener {
    /// Nothing where too many listen.
    fn new(app: &Arc<App>) -> Option<Self> {
        let listeners = &app.notices.listeners;
        if listeners.fetch_add(1, Ordering::Relaxed) >= app.bounds.subscribers {
            listeners.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(Self {
            app: Arc::clone(app),
            ticks,
            known: Vec::new(),
            ended: false,
        })
    }

    /// What is new, as events.
    fn news(&mut self) -> Vec<u8> {
        let now = current(&self.app, clock::now_ms());
        let gone = self.known.iter().filter(|told| !now.contains(told));
        let gone = gone.cloned().map(|told| Told {
            active: false,
            ..told
        });
        let new = now.iter().filter(|told| !self.known.contains(told));
        let mut events = Vec::new();
        for told in gone.chain(new.cloned()) {
            events.extend_from_slice(b"data: ");
            response::put_json(&mut events, &told);
            events.extend_from_slice(b"\n\n");
        }
        self.known = now;
        events
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.app.notices.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpBody for Listener {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            std::task::ready!(self.ticks.poll_tick(context));
            self.ended = !self.app.ready.load(Ordering::Acquire);
            let news = self.news();
            if !news.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(news.into()))));
            }
        }
    }
}
