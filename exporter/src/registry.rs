//! Runs the collectors, so that none of them can spoil the page.
//!
//! A scrape is a *pass*. Collectors that only read what the kernel has in memory run where the page
//! is asked for, since to wake another thread costs as much as many of them. The others, which may
//! have to wait for a device, a lock or another host, are run one after the other by a worker
//! thread at the same time. When one keeps the worker for longer than the [`Limits::patience`],
//! another worker takes over the collectors that are left, and at the [`Limits::deadline`] the page
//! is written without those that are not done. A collector that still runs when the next pass comes
//! to it is not started again, so that at most one thread hangs for each collector.

mod merge;
mod pass;
mod slot;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::collectors::Ready;
use crate::memory::Code;
use merge::Order;
use pass::Pass;
use slot::Slot;

/// How long collectors may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one collector may keep the others waiting.
    pub patience: Duration,
    /// How long a page may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(100),
            deadline: Duration::from_secs(2),
        }
    }
}

/// The collectors that are switched on.
#[derive(Debug)]
pub struct Registry {
    slots: Arc<[Slot]>,
    limits: Limits,
    worker: Mutex<Option<SyncSender<Arc<Pass>>>>,
    turn: tokio::sync::Mutex<Turn>,
    /// What the first page gives back.
    code: Code,
}

/// Whose turn it is: one pass at a time.
#[derive(Debug, Default)]
struct Turn {
    number: u64,
    last: Option<Kept>,
    order: Order,
}

/// A page that those who asked before it was begun may have, too.
#[derive(Debug)]
struct Kept {
    started: Instant,
    /// How long its collectors had.
    patience: Duration,
    page: Bytes,
}

impl Registry {
    /// Takes over collectors.
    pub fn new(collectors: Vec<Ready>, limits: Limits) -> Self {
        let slots = collectors.into_iter().map(Slot::new).collect();
        let worker = Mutex::new(None);
        let turn = tokio::sync::Mutex::default();
        Self {
            slots,
            limits,
            worker,
            turn,
            code: Code::default(),
        }
    }

    /// Gives back the program's code after the first page.
    #[must_use]
    pub(crate) fn that_gives_back(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The collectors' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().map(|slot| slot.name)
    }

    /// A page of everything, with the families of the text `own` merged in. Those who ask while a
    /// pass is running share the next one, so that no number is older than the request for it;
    /// but none of someone who had less patience, which may lack what is slow.
    /// The page takes at most `patience`, if that is less than the registry's own.
    pub async fn scrape(&self, patience: Duration, own: impl FnOnce() -> Vec<u8>) -> Bytes {
        let asked = Instant::now();
        let patience = patience.min(self.limits.deadline);
        let mut turn = self.turn.lock().await;
        if let Some(last) = &turn.last
            && last.started >= asked
            && last.patience >= patience
        {
            return last.page.clone();
        }
        let started = Instant::now();
        let page = self.pass(&mut turn, |_| true, patience, own).await;
        if turn.last.is_none() {
            // The first page takes what no other one does: files are found, names are made.
            self.code.give_back();
        }
        turn.last = Some(Kept {
            started,
            patience,
            page: page.clone(),
        });
        page
    }

    /// A page of the collectors that are `wanted`, with the families of the text `own` merged in.
    pub async fn scrape_some(
        &self,
        wanted: impl Fn(&str) -> bool,
        patience: Duration,
        own: impl FnOnce() -> Vec<u8>,
    ) -> Bytes {
        let mut turn = self.turn.lock().await;
        self.pass(&mut turn, wanted, patience, own).await
    }

    async fn pass(
        &self,
        turn: &mut Turn,
        wanted: impl Fn(&str) -> bool,
        patience: Duration,
        own: impl FnOnce() -> Vec<u8>,
    ) -> Bytes {
        turn.number += 1;
        let pass = Arc::new(Pass::new(turn.number, &self.slots, wanted));
        self.run(&pass, patience).await;
        pass.page(&own(), &mut turn.order)
    }

    async fn run(&self, pass: &Arc<Pass>, patience: Duration) {
        // Also when the client goes away and this is not polled to its end.
        let _given_up = GiveUp(pass);
        if !pass.is_done() {
            self.hand_over(pass);
        }
        pass.run_here();
        if !pass.is_done() {
            self.wait_for(pass, patience).await;
        }
    }

    async fn wait_for(&self, pass: &Arc<Pass>, patience: Duration) {
        let end = pass.started + self.limits.deadline.min(patience);
        let mut seen = Some(0);
        loop {
            let look = end.min(Instant::now() + self.limits.patience);
            let done = tokio::time::timeout_at(look.into(), pass.done.notified());
            if done.await.is_ok() {
                return;
            }
            if look >= end {
                // The worker hangs in the last of the collectors: the next pass needs another.
                *self.worker.lock() = None;
                return;
            }
            let progress = pass.progress();
            if progress.is_some() && progress == seen {
                *self.worker.lock() = None;
                self.hand_over(pass);
            }
            seen = progress;
        }
    }

    /// Gives a pass to the worker. One whose channel is dropped ends when it comes back.
    fn hand_over(&self, pass: &Arc<Pass>) {
        let mut worker = self.worker.lock();
        if let Some(sender) = &*worker
            && sender.try_send(Arc::clone(pass)).is_ok()
        {
            return;
        }
        let (sender, receiver) = sync_channel(1);
        let started = std::thread::Builder::new()
            .name("collect".to_owned())
            .spawn(move || work(&receiver));
        match started {
            Ok(_) => {
                // The channel is new and empty, and its receiver waits.
                let sent = sender.try_send(Arc::clone(pass));
                debug_assert!(sent.is_ok(), "an empty channel takes a pass");
                *worker = Some(sender);
            }
            Err(error) => {
                *worker = None;
                tracing::error!(%error, "cannot start a thread for the collectors");
            }
        }
    }
}

/// Ends a pass when it is dropped.
struct GiveUp<'a>(&'a Pass);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

fn work(passes: &Receiver<Arc<Pass>>) {
    while let Ok(pass) = passes.recv() {
        pass.run();
    }
}

#[cfg(test)]
mod tests;
