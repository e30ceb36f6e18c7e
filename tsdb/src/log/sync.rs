//! The thread that forces the log and the head files to the disk.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing::warn;

use super::Log;
use crate::Error;
use crate::head::HeadFiles;

/// Syncs the files on a timer until it is dropped, and once more then.
#[derive(Debug)]
pub(crate) struct SyncThread {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
    files: (Arc<Log>, Arc<HeadFiles>),
}

impl SyncThread {
    /// Starts the thread; with an interval of zero there is none, and only the last sync is made.
    pub(crate) fn start(
        files: (Arc<Log>, Arc<HeadFiles>),
        interval: Duration,
    ) -> Result<Self, Error> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = if interval.is_zero() {
            None
        } else {
            let (stop, files) = (Arc::clone(&stop), files.clone());
            let thread = std::thread::Builder::new().name("tsdb-sync".to_owned());
            let thread = thread.spawn(move || run(&stop, &files, interval));
            Some(thread.map_err(|source| Error::Io {
                action: "start the thread that syncs",
                path: "log".into(),
                source,
            })?)
        };
        Ok(Self {
            stop,
            thread,
            files,
        })
    }
}

fn run(stop: &(Mutex<bool>, Condvar), files: &(Arc<Log>, Arc<HeadFiles>), interval: Duration) {
    let (stopped, wake) = stop;
    let mut stopped = stopped.lock();
    while !*stopped {
        let until = Instant::now() + interval;
        while !*stopped && !wake.wait_until(&mut stopped, until).timed_out() {}
        if !*stopped {
            parking_lot::MutexGuard::unlocked(&mut stopped, || sync(files));
        }
    }
}

/// A failure is logged and counted by the files themselves.
fn sync((log, head): &(Arc<Log>, Arc<HeadFiles>)) {
    if let Err(error) = log.sync() {
        tracing::debug!(%error, "the log will go on in a new file");
    }
    if let Err(error) = head.sync() {
        tracing::debug!(%error, "blocks will go to a new head file");
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        let (stopped, wake) = &*self.stop;
        *stopped.lock() = true;
        wake.notify_all();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            warn!("the thread that syncs the log has panicked");
        }
        sync(&self.files);
    }
}
