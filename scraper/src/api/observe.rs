//! Counts requests by route, with how long they took and how long the answer was.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};

use super::App;

/// What stands for everything that is no route: the files of the page.
const FILES: &str = "/";

/// Counts a request when its answer is sent, or given up.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(FILES, MatchedPath::as_str);
    // Prometheus writes the one path with a part that varies so.
    let route = route.replace("{name}", ":name");
    let response = next.run(request).await;
    let code = response.status().as_u16();
    response.map(|body| {
        Body::new(Counted {
            body,
            bytes: 0,
            route,
            code,
            start,
            app,
        })
    })
}

/// A body that is counted when it ends.
struct Counted {
    body: Body,
    bytes: u64,
    route: String,
    code: u16,
    start: Instant,
    app: Arc<App>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let requests = self.app.telemetry.requests();
        requests.add(&self.route, self.code, self.start.elapsed(), self.bytes);
    }
}
